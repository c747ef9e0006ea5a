const lineLimit = 16 * 1024;

/** Collects text that comes in pieces into whole lines; of a long line 16 KiB are kept and the rest is counted. */
export class Lines {
  readonly #show: (line: string) => void;
  #line = '';
  #cut = 0;

  constructor(show: (line: string) => void) {
    this.#show = show;
  }

  add(text: string): void {
    const pieces = text.split('\n');
    for (const [index, piece] of pieces.entries()) {
      this.#grow(piece);
      if (index < pieces.length - 1) this.#end();
    }
  }

  /** Shows what is left of a line without its end. */
  flush(): void {
    if (this.#line !== '' || this.#cut > 0) this.#end();
  }

  #grow(piece: string): void {
    const room = lineLimit - this.#line.length;
    this.#line += piece.slice(0, room);
    this.#cut += Math.max(0, piece.length - room);
  }

  #end(): void {
    this.#show(this.#cut > 0 ? `${this.#line}… ${this.#cut} more` : this.#line);
    this.#line = '';
    this.#cut = 0;
  }
}
