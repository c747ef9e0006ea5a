/** TCP ports of an image's `ExposedPorts` (`3000/tcp`); udp and sctp are nothing that a web process answers on. */
export function listExposedPorts(exposed: Readonly<Record<string, unknown>> | null | undefined): number[] {
  return Object.keys(exposed ?? {})
    .flatMap((key) => {
      const found = /^(\d{1,5})(?:\/tcp)?$/.exec(key);
      return found ? [Number(found[1])] : [];
    })
    .filter((port) => port >= 1 && port <= 65_535)
    .toSorted((a, b) => a - b);
}
