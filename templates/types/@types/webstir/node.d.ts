// `process`, `Buffer` and the `node:` modules that a backend module may import. Files can be read
// inside the workspace and not written.

declare namespace NodeJS {
  interface ProcessEnv {
    [name: string]: string | undefined;
  }

  interface Process {
    /** The environment. `process.env.NODE_ENV` is replaced by its value when the module is built. */
    env: ProcessEnv;
    argv: string[];
    exitCode?: number | string | null | undefined;
    /** The workspace root. */
    cwd(): string;
  }
}

declare var process: NodeJS.Process;

type BufferEncoding =
  'ascii' | 'base64' | 'base64url' | 'binary' | 'hex' | 'latin1' | 'utf-8' | 'utf8';

/** Bytes with conversions from and to text. */
interface Buffer extends Uint8Array {
  equals(other: Uint8Array): boolean;
  subarray(start?: number, end?: number): Buffer;
  toJSON(): { type: 'Buffer'; data: number[] };
  /** Default: `utf8`. */
  toString(encoding?: BufferEncoding, start?: number, end?: number): string;
}

interface BufferConstructor {
  alloc(size: number): Buffer;
  byteLength(text: string, encoding?: BufferEncoding): number;
  concat(list: readonly Uint8Array[], totalLength?: number): Buffer;
  from(text: string, encoding?: BufferEncoding): Buffer;
  from(bytes: ArrayBuffer | ArrayLike<number> | Iterable<number>): Buffer;
  isBuffer(value: unknown): value is Buffer;
}

declare var Buffer: BufferConstructor;

declare module 'node:buffer' {
  const buffer: BufferConstructor;
  export { buffer as Buffer };
}

declare module 'node:crypto' {
  type Algorithm = 'sha1' | 'sha256' | 'sha384' | 'sha512';

  interface Hash {
    update(data: string | Uint8Array, inputEncoding?: BufferEncoding): this;
    digest(): Buffer;
    digest(encoding: 'base64' | 'base64url' | 'hex'): string;
  }

  /** Random bytes fit for keys and tokens. */
  export function randomBytes(size: number): Buffer;
  /** A whole number from `low` (default 0) up to and without `high`. */
  export function randomInt(high: number): number;
  export function randomInt(low: number, high: number): number;
  /** A random UUID, version 4. */
  export function randomUUID(): string;
  export function createHash(algorithm: Algorithm): Hash;
  export function createHmac(algorithm: Algorithm, key: string | Uint8Array): Hash;
  /** Compares in constant time. Throws when the lengths differ. */
  export function timingSafeEqual(left: Uint8Array, right: Uint8Array): boolean;
}

declare module 'node:events' {
  type Listener = (...values: any[]) => void;

  export class EventEmitter {
    static once(emitter: EventEmitter, name: string | symbol): Promise<any[]>;
    addListener(name: string | symbol, listener: Listener): this;
    /** Throws the error of an `error` event that nobody listens to. */
    emit(name: string | symbol, ...values: any[]): boolean;
    eventNames(): (string | symbol)[];
    listenerCount(name: string | symbol): number;
    listeners(name: string | symbol): Listener[];
    off(name: string | symbol, listener: Listener): this;
    on(name: string | symbol, listener: Listener): this;
    once(name: string | symbol, listener: Listener): this;
    prependListener(name: string | symbol, listener: Listener): this;
    removeAllListeners(name?: string | symbol): this;
    removeListener(name: string | symbol, listener: Listener): this;
  }

  /** The values of the next event; rejects with the next `error`. */
  export function once(emitter: EventEmitter, name: string | symbol): Promise<any[]>;
  export default EventEmitter;
}

declare module 'node:fs' {
  interface Stats {
    readonly size: number;
    readonly mtimeMs: number;
    readonly mtime: Date;
    isDirectory(): boolean;
    isFile(): boolean;
  }

  export function existsSync(path: string | URL): boolean;
  export function readFileSync(path: string | URL): Buffer;
  export function readFileSync(
    path: string | URL,
    options: BufferEncoding | { encoding: BufferEncoding },
  ): string;
  /** The names in a directory, sorted. */
  export function readdirSync(path: string | URL): string[];
  export function statSync(path: string | URL): Stats;
}

declare module 'node:fs/promises' {
  import type { Stats } from 'node:fs';

  export function readFile(path: string | URL): Promise<Buffer>;
  export function readFile(
    path: string | URL,
    options: BufferEncoding | { encoding: BufferEncoding },
  ): Promise<string>;
  /** The names in a directory, sorted. */
  export function readdir(path: string | URL): Promise<string[]>;
  export function stat(path: string | URL): Promise<Stats>;
}

declare module 'node:path' {
  interface ParsedPath {
    root: string;
    dir: string;
    base: string;
    ext: string;
    name: string;
  }

  export function basename(path: string, suffix?: string): string;
  export function dirname(path: string): string;
  /** With its dot; empty when there is none. */
  export function extname(path: string): string;
  export function format(path: Partial<ParsedPath>): string;
  export function isAbsolute(path: string): boolean;
  export function join(...paths: string[]): string;
  export function normalize(path: string): string;
  export function parse(path: string): ParsedPath;
  export function relative(from: string, to: string): string;
  /** Goes from right to left until the path is absolute; the last resort is `process.cwd()`. */
  export function resolve(...paths: string[]): string;
  export const delimiter: string;
  export const sep: string;
  export const posix: typeof import('node:path');
}

declare module 'node:url' {
  const url: typeof globalThis.URL;
  const searchParams: typeof globalThis.URLSearchParams;
  export { url as URL, searchParams as URLSearchParams };

  export function fileURLToPath(url: string | URL): string;
  export function pathToFileURL(path: string): globalThis.URL;
}

declare module 'node:timers/promises' {
  interface TimerOptions {
    signal?: AbortSignal;
  }

  export function setTimeout<T = void>(delay?: number, value?: T, options?: TimerOptions): Promise<T>;
  export function setImmediate<T = void>(value?: T, options?: TimerOptions): Promise<T>;
  export function setInterval<T = void>(
    delay?: number,
    value?: T,
    options?: TimerOptions,
  ): AsyncIterable<T>;
}

declare module 'node:util' {
  /** As the console writes it. */
  export function format(...values: unknown[]): string;
  export function inspect(value: unknown): string;
  /** Of a function whose last argument is a callback `(error, value)`. */
  export function promisify(original: (...values: any[]) => void): (...values: any[]) => Promise<any>;
}
