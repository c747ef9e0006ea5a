import { type Automaton, buildAutomaton } from './automaton.ts';
import { listForms } from './forms.ts';
import { hideShapes } from './shapes.ts';

export const mark = '[redacted]';

/** Takes known values, and what has the shape of a password, out of texts. */
export type Redactor = {
  /** A text that is whole, like a line. */
  text(text: string): string;
  /** Text that comes in pieces, for the known values. It holds back no more than the longest form of a value. */
  stream(): RedactingStream;
};

export type RedactingStream = {
  /** What is sure to be no part of a value by now. */
  push(piece: string): string;
  end(): string;
};

/** Every form of the values is replaced by `[redacted]`; all else stays as it is, byte for byte. Pure. */
export function makeRedactor(values: readonly string[]): Redactor {
  const forms = [...new Set(values.flatMap(listForms))].filter((form) => !mark.includes(form));
  if (forms.length === 0)
    return { text: hideShapes, stream: () => ({ push: (piece) => piece, end: () => '' }) };
  const automaton = buildAutomaton(forms);
  const stream = () => openStream(automaton);
  return {
    stream,
    text(text) {
      const open = stream();
      return hideShapes(open.push(text) + open.end());
    },
  };
}

type Span = { readonly from: number; readonly to: number };

function openStream(automaton: Automaton): RedactingStream {
  let state = 0;
  /** What is not given out yet, and what of it is hidden. */
  let held = '';
  let hidden: readonly Span[] = [];
  const give = (end: number): string => {
    let out = '';
    let at = 0;
    for (const { from, to } of hidden) {
      if (to >= end) break;
      out += held.slice(at, from) + mark;
      at = to;
    }
    hidden = hidden.filter(({ to }) => to >= end);
    const until = Math.max(at, Math.min(end, hidden[0]?.from ?? end));
    out += held.slice(at, until);
    held = held.slice(until);
    hidden = hidden.map(({ from, to }) => ({ from: from - until, to: to - until }));
    return out;
  };
  return {
    push(piece) {
      const base = held.length;
      const spans = [...hidden];
      held += piece;
      for (let at = 0; at < piece.length; at += 1) {
        state = automaton.step(state, piece.charCodeAt(at));
        const length = automaton.match(state);
        if (length > 0) addSpan(spans, { from: base + at + 1 - length, to: base + at + 1 });
      }
      hidden = spans;
      return give(held.length - automaton.depth(state));
    },
    end() {
      state = 0;
      return give(held.length + 1);
    },
  };
}

/** Joins it with those that it touches: they come in the order of their ends. */
function addSpan(spans: Span[], added: Span): void {
  let from = added.from;
  let last = spans.at(-1);
  while (last !== undefined && last.to >= from) {
    from = Math.min(from, last.from);
    spans.pop();
    last = spans.at(-1);
  }
  spans.push({ from, to: added.to });
}
