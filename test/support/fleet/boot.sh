#!/bin/sh
# The first process of a test server, in namespaces of its own: makes folders of its own, says so, then only reaps.
set -eu
name=$1
folder=$2
echo "$name" >/proc/sys/kernel/hostname

# Copies of the machine's container mounts would keep them busy after their containers are gone.
while read -r _ _ _ _ target _; do
  case $target in
    /run/docker/* | /var/lib/docker/*) umount -l "$target" || : ;;
  esac
done </proc/self/mountinfo

# As after a reboot: no socket, no pid file; /var/run/docker.sock is this server's engine.
mount -t tmpfs -o mode=755 tmpfs /run
mkdir /run/sshd
# The engine's identity, and a root account that is not locked.
mount --bind "$folder/etc-docker" /etc/docker
mount --bind "$folder/shadow" /etc/shadow

echo up
exec docker-init -- sleep infinity
