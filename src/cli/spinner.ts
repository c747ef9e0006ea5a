import type { Writable } from 'node:stream';

const frames = [...'⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏'];
const frameMs = 100;
const eraseLine = '\r\x1b[K';

export type Spinner = {
  /** Shows what `read` says, and that it goes on, until it is disposed; one at a time. */
  show(read: () => string): Disposable;
  /** Takes the line away, so that something else can be written; the next frame shows it again. */
  hide(): void;
};

/** A line at the end of a terminal that moves while something is waited for. */
export function openSpinner(sink: Writable & { readonly columns?: number }): Spinner {
  let isShown = false;
  const hide = () => {
    if (isShown) sink.write(eraseLine);
    isShown = false;
  };
  return {
    hide,
    show(read) {
      let at = 0;
      const draw = () => {
        // A line that wraps could not be erased; a terminal that does not know its width says 0.
        const line = `${frames[at++ % frames.length]} ${read()}`.slice(0, (sink.columns || 80) - 1);
        sink.write(eraseLine + line);
        isShown = true;
      };
      draw();
      const timer = setInterval(draw, frameMs);
      return {
        [Symbol.dispose]() {
          clearInterval(timer);
          hide();
        },
      };
    },
  };
}
