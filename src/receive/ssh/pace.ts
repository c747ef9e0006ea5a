/** How an upload goes on, judged window by window. */
export type Pace = {
  /** Counts the bytes that came since the last time; false when the client has to be cut. */
  judge(bytes: number): boolean;
};

export type PaceLimits = {
  readonly windowMs: number;
  /** Bytes of a window; less, but not nothing, is a trickle. */
  readonly bytes: number;
  /** So many windows of trickle in a row, or of silence: a client may compute, and git may check, for a while. */
  readonly trickles: number;
  readonly silences: number;
};

export const paceLimits: PaceLimits = { windowMs: 30_000, bytes: 30 * 1024, trickles: 4, silences: 20 };

export function openPace({ bytes: enough, ...limits }: PaceLimits): Pace {
  let trickles = 0;
  let silences = 0;
  return {
    judge(bytes) {
      trickles = bytes === 0 ? trickles : bytes < enough ? trickles + 1 : 0;
      silences = bytes === 0 ? silences + 1 : 0;
      return trickles < limits.trickles && silences < limits.silences;
    },
  };
}
