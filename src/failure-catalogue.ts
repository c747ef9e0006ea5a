/** Every code that a user may meet: its HTTP status and the next step. Codes are stable for ever. */
export const failureCatalogue = {
  // config
  config_invalid: { status: 400, fix: 'Correct the lines named above in deploy.config.json.' },
  config_not_found: { status: 400, fix: 'Create the file, or name another one with --config FILE.' },
  config_too_large: {
    status: 400,
    fix: 'Keep the file under 64 KB; put long values into files of their own.',
  },
  config_parse_error: {
    status: 400,
    fix: 'Correct the JSON at that place: no comments, no trailing commas.',
  },
  config_not_object: { status: 400, fix: 'Begin with { and end with }; docs/configuration.md has examples.' },
  // names and access
  invalid_app_name: {
    status: 400,
    fix: 'Use 1 to 40 lower-case letters, digits and dashes, beginning with a letter.',
  },
  app_not_found: { status: 404, fix: 'hawser apps lists the apps; hawser apps:create NAME makes one.' },
  app_exists: { status: 409, fix: 'Choose another name, or push to the app that exists.' },
  token_missing: { status: 401, fix: 'Use a token as the password: hawser tokens:create --app APP.' },
  token_malformed: { status: 401, fix: 'Copy the whole token again; it was shown once when it was made.' },
  token_unknown: { status: 401, fix: 'Make a new token: hawser tokens:create --app APP.' },
  token_expired: { status: 401, fix: 'Make a new token: hawser tokens:create --app APP.' },
  token_revoked: { status: 401, fix: 'Make a new token: hawser tokens:create --app APP.' },
  not_allowed: { status: 403, fix: 'Ask for a token with that right: hawser tokens:create --can RIGHT.' },
  // the ledger
  ledger_broken: { status: 500, fix: 'Stop Hawser and bring the data folder back from a backup.' },
  ledger_newer: {
    status: 500,
    fix: 'Run the newer version of Hawser, or bring back the backup from before the upgrade.',
  },
  lease_lost: { status: 409, fix: 'Nothing to do: a newer worker goes on with it.' },
  redis_unreachable: { status: 502, fix: 'Start Redis, or correct "redis" in deploy.config.json.' },
  redis_policy: { status: 409, fix: 'redis-cli CONFIG SET maxmemory-policy noeviction' },
  internal: {
    status: 500,
    fix: 'hawser deploys:retry ID; if it stays, report it with the id and the server log.',
  },
  not_finished: {
    status: 409,
    fix: 'hawser deploys:attach ID follows it, hawser deploys:cancel ID stops it.',
  },
  shutting_down: { status: 503, fix: 'Nothing to do: it goes on when Hawser is up again.' },
  already_running: {
    status: 409,
    fix: 'Stop the one that runs, or choose another "data" folder in deploy.config.json.',
  },
  data_path_too_long: { status: 400, fix: 'Choose a "data" folder whose path has 80 characters at most.' },
  port_in_use: { status: 409, fix: 'Stop what listens there, or change "listen" in deploy.config.json.' },
  server_disk_low: {
    status: 507,
    fix: 'Free disk on the server, or lower "limits.diskFloor" in deploy.config.json.',
  },
  not_a_file: { status: 400, fix: 'Replace it by a plain file and commit again.' },
  not_supervised: { status: 409, fix: 'Restart the services of hawser server and hawser worker by hand.' },
  // the deploy
  deploy_not_found: { status: 404, fix: 'hawser deploys -a APP lists the deploys.' },
  release_not_found: { status: 404, fix: 'hawser releases -a APP -e ENV lists the releases.' },
  release_never_live: { status: 409, fix: 'hawser releases -a APP -e ENV shows which releases were live.' },
  already_live: { status: 409, fix: 'Nothing to do.' },
  already_finished: { status: 409, fix: 'Nothing to do; hawser deploys:info ID shows how it ended.' },
  environment_unknown: { status: 404, fix: 'hawser apps:info -a APP lists its environments.' },
  token_not_found: { status: 404, fix: 'hawser tokens lists the tokens.' },
  server_unreachable: { status: 502, fix: 'hawser servers shows why; then hawser deploys:retry ID.' },
  not_healthy: {
    status: 502,
    fix: 'Mend the app and push again; hawser deploys:output ID has its last lines.',
  },
  release_command_failed: { status: 502, fix: 'Mend the release command of the Procfile and push again.' },
  release_command_unknown: {
    status: 409,
    fix: 'See on the server whether it ran, then hawser deploys:retry ID, which runs it again.',
  },
  load_balancer_failed: { status: 502, fix: 'hawser doctor shows the state of the load balancer.' },
  domain_silent: {
    status: 502,
    fix: 'hawser logs shows what the app says, hawser doctor how the load balancer is.',
  },
  non_fast_forward: { status: 409, fix: 'git pull, then push again.' },
  cancelled: { status: 409, fix: 'hawser deploys:retry ID runs it again.' },
  superseded: { status: 409, fix: 'Nothing to do: a newer deploy takes its place.' },
  // the fleet
  server_unknown: { status: 404, fix: 'hawser servers lists the servers of deploy.config.json.' },
  ssh_unreachable: { status: 502, fix: 'hawser servers:doctor NAME shows which step fails.' },
  ssh_auth_failed: {
    status: 502,
    fix: "Add the server's identity.pub to authorized_keys of that user there.",
  },
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
  image_missing: { status: 409, fix: 'hawser deploys:retry ID pulls the image again.' },
  port_taken: { status: 409, fix: 'Nothing to do: another port is chosen at the next try.' },
  // the push
  ref_not_allowed: { status: 400, fix: 'Push a branch or a tag: git push REMOTE main.' },
  branch_not_deployed: {
    status: 400,
    fix: 'Push to a branch that an environment of deploy.config.json follows.',
  },
  tag_not_deployed: { status: 400, fix: 'Push a tag that an environment of deploy.config.json follows.' },
  environment_not_found: {
    status: 404,
    fix: 'Name an environment of deploy.config.json: git push -o env=NAME.',
  },
  unknown_push_option: { status: 400, fix: 'Leave the option out, or use one of those named above.' },
  branch_in_use: {
    status: 409,
    fix: "Take it out of the environment's branches in deploy.config.json first.",
  },
  force_not_allowed: { status: 409, fix: 'git pull --rebase, then push again.' },
  too_many_previews: {
    status: 409,
    fix: 'Delete a preview with its branch: git push REMOTE --delete preview/NAME; or raise previews.limit.',
  },
  too_many_refs: { status: 400, fix: 'Push fewer refs at a time: git push REMOTE main.' },
  not_a_commit: { status: 400, fix: 'Push a branch, or a tag that points to a commit.' },
  atomic_refused: { status: 409, fix: 'Correct the ref that was refused, or push without --atomic.' },
  atomic_deploys: { status: 400, fix: 'Push the branches that deploy one after another.' },
  ref_changed: { status: 409, fix: 'git fetch, then push again.' },
  push_too_large: {
    status: 413,
    fix: 'Keep large files out of git: fetch them in the build or put them into a volume.',
  },
  tree_too_large: {
    status: 413,
    fix: 'Commit what the build needs, not what it makes; limits are in deploy.config.json.',
  },
  file_too_large: {
    status: 413,
    fix: 'Keep large files out of git: fetch them in the build or put them into a volume.',
  },
  path_too_deep: { status: 400, fix: 'Flatten the folders that are named above.' },
  path_not_allowed: { status: 400, fix: 'git mv the file to a plain name and commit again.' },
  submodules_not_supported: {
    status: 400,
    fix: 'Take the submodule in with git subtree, or fetch it in the build, and remove .gitmodules.',
  },
  dockerfile_is_symlink: { status: 400, fix: 'Replace the link by the file itself and commit again.' },
  dockerfile_is_submodule: { status: 400, fix: 'Commit a Dockerfile that is a file.' },
  dockerfile_is_directory: { status: 400, fix: 'Rename the folder, and commit a Dockerfile that is a file.' },
  dockerfile_empty: { status: 400, fix: 'Write the Dockerfile, or remove it to have the app detected.' },
  dockerfile_too_large: { status: 400, fix: 'Move what the Dockerfile carries into files of their own.' },
  dockerfile_not_text: { status: 400, fix: 'Save the Dockerfile as UTF-8 text.' },
  manifest_is_symlink: { status: 400, fix: 'Replace the link by the file itself and commit again.' },
  manifest_is_submodule: { status: 400, fix: 'Commit a plain file under that name.' },
  manifest_is_directory: { status: 400, fix: 'Rename the folder, and commit a plain file under that name.' },
  manifest_empty: { status: 400, fix: 'Write the file, or remove it.' },
  manifest_too_large: { status: 400, fix: 'Make the file smaller than 1 MiB.' },
  manifest_not_text: { status: 400, fix: 'Save the file as UTF-8 text.' },
  // the git server
  git_request_invalid: {
    status: 400,
    fix: 'Use git itself: git push http://deploy:TOKEN@HOST/APP.git main.',
  },
  git_path_unknown: { status: 404, fix: 'Use git itself: git push http://deploy:TOKEN@HOST/APP.git main.' },
  git_service_refused: { status: 403, fix: 'Use a git that speaks the smart protocol (1.6.6 or later).' },
  git_method_not_allowed: {
    status: 405,
    fix: 'Use git itself: git push http://deploy:TOKEN@HOST/APP.git main.',
  },
  git_type_not_supported: {
    status: 415,
    fix: 'Use git itself: git push http://deploy:TOKEN@HOST/APP.git main.',
  },
  git_request_too_large: { status: 413, fix: 'Fetch or push less at a time.' },
  git_failed: {
    status: 500,
    fix: "The server's log has what git said; hawser doctor checks the repositories.",
  },
  object_not_found: { status: 404, fix: 'Push the commit again.' },
  server_busy: { status: 503, fix: 'Push again in a minute.' },
  server_stopping: { status: 503, fix: 'Push again when the server is back.' },
  hook_refused: { status: 403, fix: 'Push over HTTP or SSH; hooks answer to nobody else.' },
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
  // the build
  procfile_invalid: { status: 400, fix: 'Write one process a line, like "web: npm start".' },
  manifest_invalid: { status: 400, fix: 'Correct the keys named above in app.json and push again.' },
  not_allowed_in_manifest: {
    status: 403,
    fix: 'Take the key out of app.json; what a container may do is the same for all apps.',
  },
  no_dockerfile: { status: 400, fix: 'Add a Dockerfile, or one of the files named above, and push again.' },
  dockerfile_missing: {
    status: 400,
    fix: 'Commit the Dockerfile, or correct hawser.build.dockerfile in app.json.',
  },
  dockerfile_invalid: { status: 400, fix: 'Correct that line of the Dockerfile and push again.' },
  dockerignore_invalid: { status: 400, fix: 'Correct that line of .dockerignore and push again.' },
  build_context_missing: {
    status: 400,
    fix: 'Correct hawser.build.context in app.json: it names a folder of the repository.',
  },
  base_image_not_found: {
    status: 400,
    fix: 'Correct the name after FROM, or make the image available to the builder.',
  },
  build_failed: { status: 400, fix: 'Correct what the step says above and push again.' },
  build_oom: { status: 400, fix: 'Make the build use less memory, or raise builders.memory.' },
  build_timeout: { status: 400, fix: 'Make the build faster, or raise builders.timeout.' },
  build_disk_full: {
    status: 507,
    fix: 'Make room on the disk of the builder, then hawser deploys:retry ID.',
  },
  builder_lost: { status: 502, fix: 'Start Docker on the builder, then hawser deploys:retry ID.' },
  // the registry
  registry_unreachable: { status: 502, fix: 'Start the registry, then hawser deploys:retry ID.' },
  registry_denied: {
    status: 502,
    fix: 'Correct registry.username and registry.password in deploy.config.json.',
  },
  registry_full: { status: 507, fix: "Make room on the registry's disk, then hawser deploys:retry ID." },
  registry_failed: { status: 502, fix: 'hawser doctor shows the state of the registry.' },
  image_not_in_registry: { status: 409, fix: 'Push the commit again: its image is not kept any more.' },
  // the API and the command line
  invalid_json: { status: 400, fix: 'Send one whole JSON object with Content-Type: application/json.' },
  invalid_input: { status: 400, fix: 'Correct the field that is named above.' },
  unknown_field: {
    status: 400,
    fix: 'Leave the field out; /api/v1/openapi.json names those that are known.',
  },
  body_too_large: { status: 413, fix: 'Send less than 1 MB.' },
  media_type_not_supported: { status: 415, fix: 'Send JSON with Content-Type: application/json.' },
  route_not_found: { status: 404, fix: '/api/v1/openapi.json names every address of the API.' },
  method_not_allowed: { status: 405, fix: 'Use the method that the Allow header names.' },
  token_in_url: {
    status: 400,
    fix: 'Revoke it (hawser tokens:revoke) and send a new one as "Authorization: Bearer TOKEN".',
  },
  managed_by_file: { status: 409, fix: 'Change it in deploy.config.json, then hawser apply.' },
  hawser_unreachable: {
    status: 502,
    fix: 'Start it with hawser up, or say which one: --config FILE, or HAWSER_URL and HAWSER_TOKEN.',
  },
  wrong_usage: { status: 400, fix: 'hawser help COMMAND shows what it takes.' },
  app_not_named: { status: 400, fix: 'Name it with --app NAME, or go to a folder with its git remote.' },
  not_confirmed: {
    status: 400,
    fix: 'Answer the question on a terminal, or say it with the option named above.',
  },
  answer_not_understood: { status: 502, fix: 'Check that HAWSER_URL is the address of a Hawser server.' },
  // setting up a machine
  setup_failed: {
    status: 500,
    fix: 'Correct what is said above, see that docker info and apt-get update succeed, and try again.',
  },
} as const satisfies Record<string, { status: number; fix: string }>;

export type FailureCode = keyof typeof failureCatalogue;
