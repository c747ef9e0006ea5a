/** Something is missing that a person has to bring: the message says what and how. */
export class SetupError extends Error {}

/** A line about the set-up, kept apart from what the command prints. */
export function say(line) {
  process.stderr.write(`-----> ${line}\n`);
}
