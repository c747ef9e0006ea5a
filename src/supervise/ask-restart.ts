/** Asks the supervisor to end a part and start it again; false when this process has no supervisor. */
export function askRestart(part: string): boolean {
  if (process.send === undefined || !process.connected) return false;
  process.send({ restart: part });
  return true;
}

/** The part that a message of a child is about; null means all of our own processes. */
export function partToRestart(message: unknown): string | null {
  const part =
    typeof message === 'object' && message !== null && 'restart' in message ? message.restart : null;
  return typeof part === 'string' ? part : null;
}
