// The bodies of requests and responses: bytes, or a stream of them, read once.
import { blobBytes, Blob, concat, encodeFormData, FormData } from 'webstir:prelude/blob';
import { define } from 'webstir:prelude/define';
import { decodeUtf8, encodeUtf8, viewBytes } from 'webstir:prelude/encoding';
import { randomUUID } from 'webstir:prelude/random';
import { ReadableStream } from 'webstir:prelude/streams';
import { URLSearchParams } from 'webstir:prelude/url';

const URLENCODED = 'application/x-www-form-urlencoded';

// `{bytes}` or `{stream}`, and the content type that the kind of body implies; undefined for no body.
function extract(body) {
  if (body === undefined || body === null) return undefined;
  if (typeof body === 'string') return { bytes: encodeUtf8(body), type: 'text/plain;charset=UTF-8' };
  if (body instanceof URLSearchParams) return { bytes: encodeUtf8(body.toString()), type: `${URLENCODED};charset=UTF-8` };
  if (body instanceof Blob) return { bytes: blobBytes(body), type: body.type || undefined };
  if (body instanceof FormData) {
    const boundary = `----webstir-${randomUUID()}`;
    return { bytes: encodeFormData(body, boundary), type: `multipart/form-data; boundary=${boundary}` };
  }
  if (body instanceof ArrayBuffer || ArrayBuffer.isView(body)) return { bytes: viewBytes(body).slice() };
  if (body instanceof ReadableStream) {
    if (body.locked) throw new TypeError('The stream is locked to a reader');
    return { stream: body };
  }
  if (typeof body[Symbol.asyncIterator] === 'function') return { stream: ReadableStream.from(body) };
  return { bytes: encodeUtf8(String(body)), type: 'text/plain;charset=UTF-8' };
}

const chunkBytes = (chunk) => (typeof chunk === 'string' ? encodeUtf8(chunk) : viewBytes(chunk));

// What a clone starts from; the body stays unread.
export let copyBody;
// What another request is made from; the body is read by that one.
export let takeBody;

export class Body {
  #bytes;
  #stream;
  #used = false;

  static {
    const check = (body) => {
      if (body.bodyUsed) throw new TypeError('The body was already read');
    };
    copyBody = (body) => {
      check(body);
      if (body.#stream !== undefined) throw new TypeError('A body that is a stream cannot be cloned');
      return body.#bytes;
    };
    takeBody = (body) => {
      check(body);
      body.#used = body.#bytes !== undefined || body.#stream !== undefined;
      return body.#stream ?? body.#bytes;
    };
  }

  constructor(body, headers) {
    const { bytes, stream, type } = extract(body) ?? {};
    this.#bytes = bytes;
    this.#stream = stream;
    define(this, { headers });
    if (type !== undefined && !headers.has('content-type')) headers.set('content-type', type);
  }
  get bodyUsed() {
    return this.#used || (this.#stream?.locked ?? false);
  }
  get body() {
    if (this.#stream === undefined && this.#bytes !== undefined) {
      const bytes = this.#bytes;
      this.#stream = ReadableStream.from(bytes.length === 0 ? [] : [bytes]);
      this.#bytes = undefined;
    }
    return this.#stream ?? null;
  }
  async bytes() {
    if (this.bodyUsed) throw new TypeError('The body was already read');
    this.#used = this.#bytes !== undefined || this.#stream !== undefined;
    if (this.#stream === undefined) return this.#bytes?.slice() ?? new Uint8Array(0);
    const parts = [];
    for await (const chunk of this.#stream) parts.push(chunkBytes(chunk));
    return concat(parts);
  }
  async arrayBuffer() {
    return (await this.bytes()).buffer;
  }
  async blob() {
    return new Blob([await this.bytes()], { type: this.headers.get('content-type') ?? '' });
  }
  async text() {
    const text = decodeUtf8(await this.bytes());
    return text.startsWith('\ufeff') ? text.slice(1) : text;
  }
  async json() {
    return JSON.parse(await this.text());
  }
  async formData() {
    const type = (this.headers.get('content-type') ?? '').split(';')[0].trim().toLowerCase();
    if (type !== URLENCODED) throw new TypeError(`A body of type "${type}" cannot be read as a form: use \`ctx.body\``);
    const form = new FormData();
    for (const [name, value] of new URLSearchParams(await this.text())) form.append(name, value);
    return form;
  }
}
