import type { Entries } from './entry.ts';

/** What servers and routes can be wrong with. */
export const fleetFailures = {
  // the fleet
  server_unknown: { status: 404, fix: 'hawser servers lists the servers that there are.' },
  server_exists: { status: 409, fix: 'Choose another name, or hawser servers:remove the one that is there.' },
  server_not_fit: {
    status: 409,
    fix: 'Mend what is named above, then try again; hawser servers:add --bootstrap installs what is missing.',
  },
  server_is_last: {
    status: 409,
    fix: 'Add another server first (hawser servers:add), or destroy the environment.',
  },
  server_in_use: {
    status: 409,
    fix: 'hawser servers:drain NAME empties it first; --force forgets a dead one.',
  },
  bootstrap_failed: {
    status: 502,
    fix: 'Run that command on the server by hand, then hawser servers:add again.',
  },
  invitation_invalid: { status: 403, fix: 'hawser servers:invite makes a new one.' },
  ssh_unreachable: { status: 502, fix: 'hawser servers:doctor NAME shows which step fails.' },
  ssh_auth_failed: {
    status: 502,
    fix: "Add the server's identity.pub to authorized_keys of that user there.",
  },
  public_key_missing: { status: 409, fix: 'Make it again from the private key: ssh-keygen -y -f KEY.' },
  host_key_unknown: { status: 409, fix: 'hawser servers:trust NAME shows the key and pins it.' },
  host_key_changed: {
    status: 409,
    fix: 'If the server was rebuilt, hawser servers:trust NAME pins the new key; otherwise somebody is in between.',
  },
  ssh_forwarding_refused: {
    status: 502,
    fix: "Set AllowTcpForwarding yes and AllowStreamLocalForwarding yes in the server's sshd_config.",
  },
  channel_refused: { status: 502, fix: 'hawser servers:doctor NAME shows which step fails.' },
  server_no_docker: {
    status: 502,
    fix: 'Install Docker there, start it, and add the SSH user to the group docker.',
  },
  docker_lost: {
    status: 502,
    fix: 'Nothing to do: it is looked up and tried again when the engine answers.',
  },
  docker_failed: { status: 502, fix: 'hawser servers:doctor NAME shows what the engine says.' },
  container_not_started: {
    status: 409,
    fix: 'Correct what the engine says above in the Dockerfile or the Procfile.',
  },
  container_gone: {
    status: 409,
    fix: 'hawser ps shows what runs; the next deploy puts back what is missing.',
  },
  name_taken: { status: 409, fix: 'Rename or remove that container on the server; it is not ours to touch.' },
  run_timed_out: { status: 409, fix: 'Make the command faster, or give it more time.' },
  run_not_found: { status: 404, fix: 'hawser runs -a APP -e ENV lists the commands.' },
  run_limit: {
    status: 409,
    fix: 'Wait until one of them ends, or stop one: hawser runs:cancel ID -a APP -e ENV.',
  },
  run_not_attached: { status: 409, fix: 'It has ended, or somebody else is at it; start another one.' },
  run_ended_early: {
    status: 409,
    fix: 'hawser runs -a APP -e ENV shows how it ended; run it again.',
  },
  image_missing: { status: 409, fix: 'hawser deploys:retry ID pulls the image again.' },
  port_taken: { status: 409, fix: 'Nothing to do: another port is chosen at the next try.' },
  // the routes
  domain_invalid: { status: 400, fix: 'Correct the domain; hawser domains -a APP lists those that are.' },
  table_invalid: { status: 500, fix: 'Correct the domain or the health path that is named above.' },
  backend_not_up: {
    status: 502,
    fix: 'See that this machine reaches that address; hawser deploys:retry ID tries again.',
  },
  backend_still_routed: { status: 409, fix: 'Nothing to do: it is in use again.' },
  load_balancer_lost: {
    status: 502,
    fix: 'Nothing to do: it is started again; hawser doctor shows its state.',
  },
  load_balancer_refused: { status: 502, fix: 'hawser doctor shows the state of the load balancer.' },
  load_balancer_config: { status: 500, fix: 'Correct loadBalancer in deploy.config.json.' },
  load_balancer_folder: {
    status: 400,
    fix: 'Choose a shorter, plain path for "data" in deploy.config.json.',
  },
  load_balancer_missing: { status: 500, fix: 'Install HAProxy 2.6 or newer: apt-get install haproxy.' },
} as const satisfies Entries;
