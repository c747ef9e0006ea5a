export type Announcement = {
  /** Where Hawser's API is. */
  readonly url: string;
  readonly token: string;
  /** One line of `id_ed25519.pub`. */
  readonly publicKey: string;
};

/** The user that Hawser enters as. */
export const joinUser = 'hawser';

/**
 * What cloud-init makes of a fresh Debian or Ubuntu machine: Docker, a user that our key enters, and a program that
 * announces the machine until it was taken. Pure.
 */
export function formatUserData({ url, token, publicKey }: Announcement): string {
  return `#cloud-config
package_update: true
packages: [docker.io, openssh-server, curl, iproute2]
users:
  - default
  - name: ${joinUser}
    shell: /bin/sh
    lock_passwd: true
    ssh_authorized_keys:
      - restrict,port-forwarding ${publicKey}
write_files:
  - path: /etc/docker/daemon.json
    content: '{ "live-restore": true }'
  - path: /usr/local/sbin/hawser-join
    permissions: "0700"
    content: |
      #!/bin/sh
      # Announces this machine again and again until it is a server; the answer says what is missing.
      set -eu
      name=$(hostname -s | tr 'A-Z_.' 'a-z--')
      address=$(ip -4 route get 192.0.2.1 | sed -n 's/.* src \\([0-9.]*\\).*/\\1/p')
      key=$(ssh-keygen -l -f /etc/ssh/ssh_host_ed25519_key.pub | cut -d ' ' -f 2)
      body="{\\"token\\":\\"${token}\\",\\"name\\":\\"$name\\",\\"address\\":\\"$address\\",\\"user\\":\\"${joinUser}\\",\\"hostKey\\":\\"$key\\"}"
      for try in $(seq 60); do
        code=$(curl -sS -o /run/hawser-join.json -w '%{http_code}' -H 'content-type: application/json' \\
          --data "$body" ${url}/api/v1/servers/join) || code=0
        if [ "$code" = 201 ]; then exit 0; fi
        cat /run/hawser-join.json || :
        sleep 10
      done
      exit 1
runcmd:
  - [usermod, -aG, docker, ${joinUser}]
  - [systemctl, enable, --now, docker]
  - [/usr/local/sbin/hawser-join]
`;
}
