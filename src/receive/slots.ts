import { Failure } from '../failure.ts';

/** A number of places; who finds none waits in line. */
export type Slots = {
  /** Gives the place back when called; the second call does nothing. Failure server_busy after `waitMs`. */
  take(signal: AbortSignal): Promise<() => void>;
};

export function openSlots(count: number, waitMs: number, what: string): Slots {
  let free = count;
  const waiting: (() => void)[] = [];
  const giveBack = () => {
    let given = false;
    return () => {
      if (given) return;
      given = true;
      const next = waiting.shift();
      if (next === undefined) free += 1;
      else next();
    };
  };
  return {
    take(signal) {
      if (free > 0) {
        free -= 1;
        return Promise.resolve(giveBack());
      }
      return new Promise((resolve, reject) => {
        const stop = (error: unknown) => {
          const place = waiting.indexOf(enter);
          if (place >= 0) waiting.splice(place, 1);
          leave();
          reject(error);
        };
        const timer = setTimeout(
          () => stop(new Failure('server_busy', `${count} ${what} are under way`)),
          waitMs,
        );
        const abort = () => stop(signal.reason);
        const leave = () => {
          clearTimeout(timer);
          signal.removeEventListener('abort', abort);
        };
        const enter = () => {
          leave();
          resolve(giveBack());
        };
        signal.addEventListener('abort', abort, { once: true });
        waiting.push(enter);
      });
    },
  };
}
