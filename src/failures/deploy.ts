import type { Entries } from './entry.ts';

/** What can stop a deploy on its way. */
export const deployFailures = {
  // the deploy
  deploy_not_found: { status: 404, fix: 'hawser deploys -a APP lists the deploys.' },
  release_not_found: { status: 404, fix: 'hawser releases -a APP -e ENV lists the releases.' },
  release_never_live: { status: 409, fix: 'hawser releases -a APP -e ENV shows which releases were live.' },
  already_live: { status: 409, fix: 'Nothing to do.' },
  already_finished: { status: 409, fix: 'Nothing to do; hawser deploys:info ID shows how it ended.' },
  deploy_under_way: { status: 409, fix: 'Wait for it, or hawser deploys:cancel ID, then do it again.' },
  app_has_previews: { status: 409, fix: 'Delete the branches of its previews, then do it again.' },
  app_renamed: {
    status: 404,
    fix: 'Use the new name: hawser apps:info -a NAME shows the remote, git remote set-url takes it.',
  },
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
    fix: 'See what it did, then hawser deploys:retry ID --repeat-release-command, which runs it again.',
  },
  release_command_timeout: {
    status: 504,
    fix: 'Make the release command faster, or raise "rollout.releaseTimeout" in deploy.config.json.',
  },
  release_judged_bad: {
    status: 502,
    fix: 'hawser deploys:output ID has the figures; mend the app and push again.',
  },
  smoke_failed: { status: 502, fix: 'hawser logs shows what the app says; mend it and push again.' },
  not_waiting: {
    status: 409,
    fix: 'hawser deploys:info ID shows where it is; hawser deploys:cancel ID stops it.',
  },
  load_balancer_failed: { status: 502, fix: 'hawser doctor shows the state of the load balancer.' },
  domain_silent: {
    status: 502,
    fix: 'hawser logs shows what the app says, hawser doctor how the load balancer is.',
  },
  non_fast_forward: { status: 409, fix: 'git pull, then push again.' },
  cancelled: { status: 409, fix: 'hawser deploys:retry ID runs it again.' },
  superseded: { status: 409, fix: 'Nothing to do: a newer deploy takes its place.' },
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
  build_disk_exceeded: {
    status: 507,
    fix: 'Make the build write less, or make room on the disk of the builder, and push again.',
  },
  build_network_off: {
    status: 400,
    fix: 'Commit what ADD would fetch, or have the operator set builders.network to "engine".',
  },
  image_runs_as_root: {
    status: 400,
    fix: 'Name another user in the Dockerfile, like USER 1000 as its last line but CMD, and push again.',
  },
  builder_lost: { status: 502, fix: 'Start Docker on the builder, then hawser deploys:retry ID.' },
  check_failed: { status: 400, fix: 'Mend what the tests say above and push again.' },
  check_out_of_memory: { status: 400, fix: 'Make the tests use less memory, or raise builders.memory.' },
  check_timeout: {
    status: 400,
    fix: 'Make the tests faster, or raise environments.test.timeout in app.json.',
  },
  service_image_missing: {
    status: 400,
    fix: 'Correct the image in hawser.services of app.json, or make it available to the engine.',
  },
  service_not_ready: {
    status: 400,
    fix: 'Correct the service in hawser.services of app.json: what it said last is above.',
  },
  // the registry
  registry_unreachable: { status: 502, fix: 'Start the registry, then hawser deploys:retry ID.' },
  registry_denied: {
    status: 502,
    fix: 'Correct registry.username and registry.password in deploy.config.json.',
  },
  registry_full: { status: 507, fix: "Make room on the registry's disk, then hawser deploys:retry ID." },
  registry_failed: { status: 502, fix: 'hawser doctor shows the state of the registry.' },
  image_name_invalid: {
    status: 400,
    fix: 'Name it like nginx:1.27 or registry.example.com/team/app@sha256:….',
  },
  image_not_found: { status: 404, fix: 'Correct its name, tag or digest.' },
  image_not_yours: {
    status: 403,
    fix: 'Push the source to this app, or name an image that was published elsewhere.',
  },
  image_wrong_platform: { status: 409, fix: 'Build the image for the platform of the servers.' },
  image_not_in_registry: { status: 409, fix: 'Push the commit again: its image is not kept any more.' },
} as const satisfies Entries;
