import type { Entries } from './entry.ts';

/** What a push can be refused for. */
export const pushFailures = {
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
  commit_id_invalid: {
    status: 400,
    fix: 'Give the 40 digits of the commit as git log shows them, or at least the first 7.',
  },
  commit_ambiguous: { status: 400, fix: 'Give more digits of it; git log shows all 40.' },
  commit_not_found: { status: 404, fix: 'Push it first: git push REMOTE BRANCH -o skip brings it alone.' },
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
    fix: 'Use git itself, with the remote that hawser apps:info -a APP shows.',
  },
  git_path_unknown: {
    status: 404,
    fix: 'Use git itself, with the remote that hawser apps:info -a APP shows.',
  },
  git_service_refused: { status: 403, fix: 'Use a git that speaks the smart protocol (1.6.6 or later).' },
  git_method_not_allowed: {
    status: 405,
    fix: 'Use git itself, with the remote that hawser apps:info -a APP shows.',
  },
  git_type_not_supported: {
    status: 415,
    fix: 'Use git itself, with the remote that hawser apps:info -a APP shows.',
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
} as const satisfies Entries;
