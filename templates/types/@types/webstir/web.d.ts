// The web platform as a backend module sees it. Where a tsconfig also names the `dom` library, its
// declarations win: the types below then add nothing.

export {};

/** `T` without the `dom` library, nothing with it. */
type Own<T> = typeof globalThis extends { onmessage: any } ? {} : T;

type HeadersSource = Headers | Record<string, string> | Iterable<readonly [string, string]>;
type BodySource =
  | string
  | ArrayBuffer
  | ArrayBufferView
  | Blob
  | FormData
  | ReadableStream<Uint8Array>
  | URLSearchParams
  | AsyncIterable<Uint8Array>
  | null;

interface HeadersMembers {
  append(name: string, value: string): void;
  delete(name: string): void;
  /** Repeated headers are joined with `, `. */
  get(name: string): string | null;
  getSetCookie(): string[];
  has(name: string): boolean;
  set(name: string, value: string): void;
  forEach(callback: (value: string, name: string, headers: Headers) => void): void;
  entries(): IterableIterator<[string, string]>;
  keys(): IterableIterator<string>;
  values(): IterableIterator<string>;
  [Symbol.iterator](): IterableIterator<[string, string]>;
}

interface BodyMembers {
  readonly body: ReadableStream<Uint8Array> | null;
  readonly bodyUsed: boolean;
  arrayBuffer(): Promise<ArrayBuffer>;
  blob(): Promise<Blob>;
  bytes(): Promise<Uint8Array>;
  /** URL-encoded forms only. */
  formData(): Promise<FormData>;
  json(): Promise<any>;
  text(): Promise<string>;
}

interface RequestMembers extends BodyMembers {
  readonly headers: Headers;
  readonly method: string;
  readonly redirect: 'error' | 'follow' | 'manual';
  readonly signal: AbortSignal;
  readonly url: string;
  clone(): Request;
}

interface RequestInitMembers {
  body?: BodySource;
  headers?: HeadersSource;
  method?: string;
  redirect?: 'error' | 'follow' | 'manual';
  signal?: AbortSignal | null;
}

interface ResponseMembers extends BodyMembers {
  readonly headers: Headers;
  /** Whether the status is 200 to 299. */
  readonly ok: boolean;
  readonly redirected: boolean;
  readonly status: number;
  readonly statusText: string;
  readonly url: string;
  clone(): Response;
}

interface ResponseInitMembers {
  headers?: HeadersSource;
  status?: number;
  statusText?: string;
}

interface URLMembers {
  hash: string;
  host: string;
  hostname: string;
  href: string;
  readonly origin: string;
  password: string;
  pathname: string;
  port: string;
  protocol: string;
  search: string;
  readonly searchParams: URLSearchParams;
  username: string;
  toJSON(): string;
  toString(): string;
}

interface URLSearchParamsMembers {
  readonly size: number;
  append(name: string, value: string): void;
  delete(name: string): void;
  get(name: string): string | null;
  getAll(name: string): string[];
  has(name: string): boolean;
  set(name: string, value: string): void;
  sort(): void;
  toString(): string;
  forEach(callback: (value: string, name: string, params: URLSearchParams) => void): void;
  entries(): IterableIterator<[string, string]>;
  keys(): IterableIterator<string>;
  values(): IterableIterator<string>;
  [Symbol.iterator](): IterableIterator<[string, string]>;
}

interface AbortSignalMembers {
  readonly aborted: boolean;
  readonly reason: any;
  addEventListener(type: 'abort', listener: () => void): void;
  removeEventListener(type: 'abort', listener: () => void): void;
  throwIfAborted(): void;
}

interface AbortControllerMembers {
  readonly signal: AbortSignal;
  abort(reason?: unknown): void;
}

type BlobSource = string | ArrayBuffer | ArrayBufferView | Blob;

interface BlobMembers {
  readonly size: number;
  /** The media type, in lower case. */
  readonly type: string;
  arrayBuffer(): Promise<ArrayBuffer>;
  bytes(): Promise<Uint8Array>;
  slice(start?: number, end?: number, type?: string): Blob;
  stream(): ReadableStream<Uint8Array>;
  text(): Promise<string>;
}

interface FileMembers extends BlobMembers {
  readonly lastModified: number;
  readonly name: string;
}

interface FormDataMembers {
  append(name: string, value: string | Blob, fileName?: string): void;
  delete(name: string): void;
  get(name: string): File | string | null;
  getAll(name: string): (File | string)[];
  has(name: string): boolean;
  set(name: string, value: string | Blob, fileName?: string): void;
  forEach(callback: (value: File | string, name: string, form: FormData) => void): void;
  entries(): IterableIterator<[string, File | string]>;
  keys(): IterableIterator<string>;
  values(): IterableIterator<File | string>;
  [Symbol.iterator](): IterableIterator<[string, File | string]>;
}

interface ReadableStreamReader<T> {
  readonly closed: Promise<void>;
  cancel(reason?: unknown): Promise<void>;
  read(): Promise<{ done: false; value: T } | { done: true; value?: undefined }>;
  releaseLock(): void;
}

interface ReadableStreamController<T> {
  /** How many more chunks the queue wants; null after an error. */
  readonly desiredSize: number | null;
  close(): void;
  enqueue(chunk: T): void;
  error(reason?: unknown): void;
}

interface ReadableStreamSource<T> {
  start?(controller: ReadableStreamController<T>): void | Promise<void>;
  /** Called while the queue wants more. */
  pull?(controller: ReadableStreamController<T>): void | Promise<void>;
  cancel?(reason: unknown): void | Promise<void>;
}

interface ReadableStreamMembers<T> {
  readonly locked: boolean;
  cancel(reason?: unknown): Promise<void>;
  getReader(): ReadableStreamReader<T>;
  values(options?: { preventCancel?: boolean }): AsyncIterableIterator<T>;
  [Symbol.asyncIterator](): AsyncIterableIterator<T>;
}

interface TextEncoderMembers {
  encode(text?: string): Uint8Array;
}

interface TextDecoderMembers {
  /** With `stream`, a character that is not complete waits for the next call. */
  decode(bytes?: ArrayBuffer | ArrayBufferView, options?: { stream?: boolean }): string;
}

interface ConsoleMembers {
  assert(condition?: boolean, ...values: unknown[]): void;
  debug(...values: unknown[]): void;
  error(...values: unknown[]): void;
  info(...values: unknown[]): void;
  log(...values: unknown[]): void;
  trace(...values: unknown[]): void;
  warn(...values: unknown[]): void;
}

interface CryptoMembers {
  /** Fills the array, of at most 65536 bytes, with random bytes. */
  getRandomValues<T extends ArrayBufferView>(array: T): T;
  readonly subtle: {
    digest(
      algorithm: 'SHA-1' | 'SHA-256' | 'SHA-384' | 'SHA-512',
      data: ArrayBuffer | ArrayBufferView,
    ): Promise<ArrayBuffer>;
  };
  randomUUID(): `${string}-${string}-${string}-${string}-${string}`;
}

declare global {
  interface ImportMeta {
    /** The `file:` URL of the built module. */
    url: string;
  }

  interface AbortController extends Own<AbortControllerMembers> {}
  interface AbortSignal extends Own<AbortSignalMembers> {}
  interface Blob extends Own<BlobMembers> {}
  interface Console extends Own<ConsoleMembers> {}
  interface Crypto extends Own<CryptoMembers> {}
  interface File extends Own<FileMembers> {}
  interface FormData extends Own<FormDataMembers> {}
  interface Headers extends Own<HeadersMembers> {}
  interface ReadableStream<R = any> extends Own<ReadableStreamMembers<R>> {}
  interface Request extends Own<RequestMembers> {}
  interface RequestInit extends Own<RequestInitMembers> {}
  interface Response extends Own<ResponseMembers> {}
  interface ResponseInit extends Own<ResponseInitMembers> {}
  interface TextDecoder extends Own<TextDecoderMembers> {}
  interface TextEncoder extends Own<TextEncoderMembers> {}
  interface URL extends Own<URLMembers> {}
  interface URLSearchParams extends Own<URLSearchParamsMembers> {}

  var AbortController: typeof globalThis extends { onmessage: any; AbortController: infer T }
    ? T
    : { prototype: AbortController; new (): AbortController };

  var AbortSignal: typeof globalThis extends { onmessage: any; AbortSignal: infer T }
    ? T
    : {
        prototype: AbortSignal;
        abort(reason?: unknown): AbortSignal;
        /** Aborts as soon as one of the signals does. */
        any(signals: readonly AbortSignal[]): AbortSignal;
        /** Aborts after so many milliseconds. */
        timeout(milliseconds: number): AbortSignal;
      };

  var Blob: typeof globalThis extends { onmessage: any; Blob: infer T }
    ? T
    : { prototype: Blob; new (parts?: readonly BlobSource[], options?: { type?: string }): Blob };

  var File: typeof globalThis extends { onmessage: any; File: infer T }
    ? T
    : {
        prototype: File;
        new (
          parts: readonly BlobSource[],
          name: string,
          options?: { type?: string; lastModified?: number },
        ): File;
      };

  var FormData: typeof globalThis extends { onmessage: any; FormData: infer T }
    ? T
    : { prototype: FormData; new (): FormData };

  var Headers: typeof globalThis extends { onmessage: any; Headers: infer T }
    ? T
    : { prototype: Headers; new (init?: HeadersSource): Headers };

  var ReadableStream: typeof globalThis extends { onmessage: any; ReadableStream: infer T }
    ? T
    : {
        prototype: ReadableStream;
        new <R = any>(
          source?: ReadableStreamSource<R>,
          strategy?: { highWaterMark?: number; size?: (chunk: R) => number },
        ): ReadableStream<R>;
        from<R>(iterable: Iterable<R> | AsyncIterable<R>): ReadableStream<R>;
      };

  var Request: typeof globalThis extends { onmessage: any; Request: infer T }
    ? T
    : { prototype: Request; new (input: Request | URL | string, init?: RequestInit): Request };

  var Response: typeof globalThis extends { onmessage: any; Response: infer T }
    ? T
    : {
        prototype: Response;
        new (body?: BodySource, init?: ResponseInit): Response;
        error(): Response;
        json(data: unknown, init?: ResponseInit): Response;
        redirect(url: URL | string, status?: number): Response;
      };

  var TextDecoder: typeof globalThis extends { onmessage: any; TextDecoder: infer T }
    ? T
    : {
        prototype: TextDecoder;
        /** UTF-8 and UTF-16LE. */
        new (label?: string, options?: { fatal?: boolean; ignoreBOM?: boolean }): TextDecoder;
      };

  var TextEncoder: typeof globalThis extends { onmessage: any; TextEncoder: infer T }
    ? T
    : { prototype: TextEncoder; new (): TextEncoder };

  var URL: typeof globalThis extends { onmessage: any; URL: infer T }
    ? T
    : {
        prototype: URL;
        new (url: URL | string, base?: URL | string): URL;
        canParse(url: URL | string, base?: URL | string): boolean;
      };

  var URLSearchParams: typeof globalThis extends { onmessage: any; URLSearchParams: infer T }
    ? T
    : {
        prototype: URLSearchParams;
        new (
          init?: Iterable<readonly string[]> | Record<string, string> | URLSearchParams | string,
        ): URLSearchParams;
      };

  var console: Console;
  var crypto: Crypto;

  function atob(base64: string): string;
  function btoa(binary: string): string;
  function fetch(input: Request | URL | string, init?: RequestInit): Promise<Response>;
  function queueMicrotask(callback: () => void): void;
  function structuredClone<T>(value: T): T;

  function clearInterval(timer: number | undefined): void;
  function clearTimeout(timer: number | undefined): void;
  function clearImmediate(immediate: number | undefined): void;
  function setImmediate<A extends unknown[]>(callback: (...args: A) => void, ...args: A): number;
  function setInterval<A extends unknown[]>(
    callback: (...args: A) => void,
    milliseconds?: number,
    ...args: A
  ): number;
  function setInterval(callback: (_: void) => void, milliseconds?: number): number;
  function setTimeout<A extends unknown[]>(
    callback: (...args: A) => void,
    milliseconds?: number,
    ...args: A
  ): number;
  function setTimeout(callback: (_: void) => void, milliseconds?: number): number;
}
