import { stripVTControlCharacters } from 'node:util';
import { Lines } from './lines.ts';

/** One message of the engine while it builds. */
export type BuildMessage = {
  readonly stream?: string;
  readonly status?: string;
  readonly id?: string;
  readonly error?: string;
  readonly errorDetail?: { readonly code?: number; readonly message?: string };
  readonly aux?: { readonly ID?: string };
};

export type BuildError = { readonly message: string; readonly exitCode: number | null };

const tailLines = 12;
const stepPattern = /^Step (\d+)\/(\d+) : ([\s\S]*)$/;
const containerPattern = /^ ---> Running in ([0-9a-f]{12,64})\n$/;
const layerPattern = /^ ---> ([0-9a-f]{12,64})\n$/;
const quietPattern =
  /^(?: ---> (?:Running in )?[0-9a-f]{12,64}|Removing intermediate container [0-9a-f]{12,64})\n$/;

/** Where a build is, read from what the engine says. */
export class BuildProgress {
  /** The instruction that runs, like `RUN npm ci`. */
  step: { readonly number: number; readonly instruction: string } | null = null;
  /** The container of the step that runs, or ran last. */
  containerId: string | null = null;
  imageId: string | null = null;
  /** What the steps made so far; what was there before, as their cache or as their base, is not among it. */
  readonly layers: string[] = [];
  #isCached = false;
  error: BuildError | null = null;
  readonly #tail: string[] = [];
  readonly #lines: Lines;

  constructor(show: (line: string) => void) {
    this.#lines = new Lines((line) => {
      this.#tail.push(line);
      if (this.#tail.length > tailLines) this.#tail.shift();
      show(line);
    });
  }

  /** Takes one message; true when it says that a container was made for the step. */
  take(message: BuildMessage): boolean {
    if (message.aux?.ID) this.imageId = message.aux.ID;
    if (message.error !== undefined) {
      const { code = null, message: text = message.error } = message.errorDetail ?? {};
      this.error = { message: text, exitCode: code };
    }
    // Progress of single layers would be hundreds of lines.
    if (message.status !== undefined && message.id === undefined) this.#lines.add(`${message.status}\n`);
    return message.stream === undefined ? false : this.#takeStream(message.stream);
  }

  /** What the step said last, as plain text. */
  get lastLines(): readonly string[] {
    return this.#tail.map((line) => stripVTControlCharacters(line).trimEnd()).filter((line) => line !== '');
  }

  end(): void {
    this.#lines.flush();
  }

  #takeStream(text: string): boolean {
    const step = stepPattern.exec(text);
    if (step) {
      this.#lines.flush();
      this.#tail.length = 0;
      this.#isCached = /^FROM\b/i.test(step[3] ?? '');
      this.step = { number: Number(step[1]), instruction: step[3] ?? '' };
    }
    if (text === ' ---> Using cache\n') this.#isCached = true;
    const layer = layerPattern.exec(text)?.[1];
    if (layer !== undefined && !this.#isCached) this.layers.push(layer);
    const container = containerPattern.exec(text)?.[1];
    if (container !== undefined) this.containerId = container;
    if (!quietPattern.test(text)) this.#lines.add(step ? `${text}` : text);
    return container !== undefined;
  }
}
