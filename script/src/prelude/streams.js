// ReadableStream with the default controller (Streams Standard, sections 4.2 and 4.5).
import { define } from 'webstir:prelude/define';

const settle = () => {};

// Reads a stream from inside of the prelude.
let acquire;

export class ReadableStreamDefaultController {
  #stream;
  constructor(stream) {
    this.#stream = stream;
  }
  get desiredSize() {
    return this.#stream.desiredSize();
  }
  enqueue(chunk) {
    this.#stream.enqueue(chunk);
  }
  close() {
    this.#stream.close();
  }
  error(reason) {
    this.#stream.fail(reason);
  }
}

// The queue between a source and its reader.
class Channel {
  queue = [];
  queued = 0;
  waiting = [];
  state = 'readable';
  reason = undefined;
  closing = false;
  #pulling = false;
  #again = false;
  #started = false;

  constructor(source, { highWaterMark = 1, size = () => 1 }) {
    this.source = source;
    this.highWaterMark = Number(highWaterMark);
    this.size = size;
    this.closed = Promise.withResolvers();
    this.closed.promise.catch(settle);
    this.controller = new ReadableStreamDefaultController(this);
    const started = source.start?.(this.controller);
    Promise.resolve(started).then(
      () => {
        this.#started = true;
        this.pull();
      },
      (reason) => this.fail(reason),
    );
  }

  desiredSize() {
    if (this.state === 'errored') return null;
    return this.state === 'closed' ? 0 : this.highWaterMark - this.queued;
  }

  enqueue(chunk) {
    if (this.state !== 'readable' || this.closing) throw new TypeError('The stream takes no more chunks');
    if (this.waiting.length > 0) {
      this.waiting.shift().resolve({ value: chunk, done: false });
    } else {
      const size = Number(this.size(chunk));
      this.queue.push({ chunk, size });
      this.queued += size;
    }
    this.pull();
  }

  close() {
    if (this.state !== 'readable' || this.closing) throw new TypeError('The stream is closed already');
    this.closing = true;
    if (this.queue.length === 0) this.finish();
  }

  finish() {
    this.state = 'closed';
    for (const { resolve } of this.waiting.splice(0)) resolve({ value: undefined, done: true });
    this.closed.resolve();
  }

  fail(reason) {
    if (this.state !== 'readable') return;
    this.state = 'errored';
    this.reason = reason;
    this.queue = [];
    for (const { reject } of this.waiting.splice(0)) reject(reason);
    this.closed.reject(reason);
  }

  pull() {
    const wanted = this.waiting.length > 0 || this.desiredSize() > 0;
    if (!this.#started || this.state !== 'readable' || this.closing || !wanted) return;
    if (this.#pulling) {
      this.#again = true;
      return;
    }
    if (this.source.pull === undefined) return;
    this.#pulling = true;
    (async () => this.source.pull(this.controller))().then(
      () => {
        this.#pulling = false;
        if (!this.#again) return;
        this.#again = false;
        this.pull();
      },
      (reason) => this.fail(reason),
    );
  }

  read() {
    if (this.queue.length > 0) {
      const { chunk, size } = this.queue.shift();
      this.queued -= size;
      if (this.closing && this.queue.length === 0) this.finish();
      else this.pull();
      return Promise.resolve({ value: chunk, done: false });
    }
    if (this.state === 'closed') return Promise.resolve({ value: undefined, done: true });
    if (this.state === 'errored') return Promise.reject(this.reason);
    const waiting = Promise.withResolvers();
    this.waiting.push(waiting);
    this.pull();
    return waiting.promise;
  }

  async cancel(reason) {
    if (this.state === 'errored') throw this.reason;
    if (this.state === 'closed') return;
    this.queue = [];
    this.finish();
    await this.source.cancel?.(reason);
  }
}

export class ReadableStreamDefaultReader {
  #channel;
  #release;
  constructor(stream) {
    const { channel, release } = acquire(stream);
    this.#channel = channel;
    this.#release = release;
  }
  #open() {
    if (this.#channel === undefined) throw new TypeError('The reader was released');
    return this.#channel;
  }
  get closed() {
    return this.#open().closed.promise;
  }
  async read() {
    return this.#open().read();
  }
  async cancel(reason) {
    return this.#open().cancel(reason);
  }
  releaseLock() {
    if (this.#channel === undefined) return;
    for (const { reject } of this.#channel.waiting.splice(0)) reject(new TypeError('The reader was released'));
    this.#channel = undefined;
    this.#release();
  }
}

export class ReadableStream {
  #channel;
  #locked = false;

  static {
    acquire = (stream) => {
      if (stream.#locked) throw new TypeError('The stream is locked to a reader');
      stream.#locked = true;
      return {
        channel: stream.#channel,
        release: () => {
          stream.#locked = false;
        },
      };
    };
  }

  constructor(source = {}, strategy = {}) {
    if (source.type !== undefined && source.type !== 'bytes') throw new TypeError(`Unknown stream type: ${source.type}`);
    this.#channel = new Channel(source, strategy);
  }

  static from(iterable) {
    const iterator = iterable[Symbol.asyncIterator]?.() ?? iterable[Symbol.iterator]();
    return new ReadableStream(
      {
        async pull(controller) {
          const { value, done } = await iterator.next();
          if (done) controller.close();
          else controller.enqueue(await value);
        },
        async cancel(reason) {
          await iterator.return?.(reason);
        },
      },
      { highWaterMark: 0 },
    );
  }

  get locked() {
    return this.#locked;
  }
  getReader() {
    return new ReadableStreamDefaultReader(this);
  }
  async cancel(reason) {
    if (this.#locked) throw new TypeError('The stream is locked to a reader');
    return this.#channel.cancel(reason);
  }
  async *values({ preventCancel = false } = {}) {
    const reader = this.getReader();
    let ended = false;
    try {
      for (;;) {
        const { value, done } = await reader.read();
        ended = done;
        if (done) return;
        yield value;
      }
    } catch (error) {
      ended = true;
      throw error;
    } finally {
      if (!ended && !preventCancel) await reader.cancel();
      reader.releaseLock();
    }
  }
  [Symbol.asyncIterator](options) {
    return this.values(options);
  }
}

define(globalThis, { ReadableStream, ReadableStreamDefaultReader, ReadableStreamDefaultController });
