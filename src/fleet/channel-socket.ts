import { Duplex } from 'node:stream';

/**
 * An SSH channel with the manners of a socket, so that HTTP agents and pipes can have it: destroy() takes an
 * error and is seen at once, a close in mid-answer is ECONNRESET, and the timers of net.Socket are no-ops.
 */
export class ChannelSocket extends Duplex {
  readonly #channel: Duplex;
  #ended = false;

  constructor(channel: Duplex) {
    super({ allowHalfOpen: false });
    this.#channel = channel;
    channel.on('data', (chunk: Buffer) => {
      if (!this.push(chunk)) channel.pause();
    });
    channel.on('end', () => {
      this.#ended = true;
      this.push(null);
    });
    channel.on('error', (error) => this.destroy(error));
    channel.on('close', () => {
      // Whoever reads still gets what came before the end.
      const isDue = this.#ended && this.#isRead() && !this.readableEnded;
      if (isDue) this.once('end', () => this.destroy());
      else this.destroy(this.#ended ? undefined : connectionReset());
    });
  }

  #isRead(): boolean {
    return this.listenerCount('data') + this.listenerCount('readable') > 0;
  }

  override _read(): void {
    this.#channel.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#channel.write(chunk, done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#channel.end();
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#channel.destroy();
    // Nobody reads it any more, and an unread channel would never report its close.
    this.#channel.resume();
    done(error);
  }

  setKeepAlive(): this {
    return this;
  }

  setNoDelay(): this {
    return this;
  }

  setTimeout(): this {
    return this;
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }

  destroySoon(): void {
    this.end(() => this.destroy());
  }
}

function connectionReset(): Error {
  return Object.assign(new Error('the channel was closed'), { code: 'ECONNRESET' });
}
