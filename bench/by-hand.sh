#!/bin/bash
# The deploy that people write by hand: build, push, and on all servers at once pull, run and poll until the new
# version answers. The servers reach the registry of this machine by the same SSH connection (-R), so that their
# engines need no setting for it.
#
# usage: by-hand.sh FOLDER VERSION PORT REGISTRY_PORT SSH_CONFIG ADDRESS...
set -euo pipefail
folder=$1 version=$2 port=$3 registry=$4 config=$5
shift 5
image=127.0.0.1:$registry/by-hand:$version

mark() { echo "mark $EPOCHREALTIME $*"; }

deploy() {
  local address=$1
  ssh -F "$config" -R "127.0.0.1:$registry:127.0.0.1:$registry" "root@$address" \
    "docker pull --quiet $image && echo mark \$(date +%s.%6N) pulled $address &&
     docker run --detach --restart always --name by-hand-$version --publish $port:8080 $image"
  mark started "$address"
  until curl --silent --max-time 1 "http://$address:$port/facts.json" | grep --quiet "\"$version\""; do
    sleep 0.02
  done
  mark answered "$address"
}

mark begin
docker build --quiet --tag "$image" "$folder"
mark built
docker push --quiet "$image"
mark pushed
jobs=()
for address; do
  deploy "$address" &
  jobs+=($!)
done
for job in "${jobs[@]}"; do wait "$job"; done
