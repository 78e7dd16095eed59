// Headers, Request and Response.
import { Buffer } from 'webstir:prelude/buffer';
import { define } from 'webstir:prelude/define';
import { decodeUtf8, encodeUtf8, viewBytes } from 'webstir:prelude/encoding';
import { AbortController } from 'webstir:prelude/events';
import { URL, URLSearchParams } from 'webstir:prelude/url';

const NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

function headerName(name) {
  const text = String(name);
  if (!NAME.test(text)) throw new TypeError(`Invalid header name: "${text}"`);
  return text.toLowerCase();
}

function headerValue(value) {
  const text = String(value).replace(/^[\t\n\r ]+|[\t\n\r ]+$/g, '');
  if (/[\0\n\r]/.test(text)) throw new TypeError('A header value holds no line break');
  return text;
}

export class Headers {
  #entries = [];

  constructor(init = []) {
    const entries = typeof init[Symbol.iterator] === 'function' ? init : Object.entries(init);
    for (const [name, value] of entries) this.append(name, value);
  }
  append(name, value) {
    this.#entries.push([headerName(name), headerValue(value)]);
  }
  delete(name) {
    const key = headerName(name);
    this.#entries = this.#entries.filter((entry) => entry[0] !== key);
  }
  get(name) {
    const key = headerName(name);
    const found = this.#entries.filter((entry) => entry[0] === key).map((entry) => entry[1]);
    return found.length === 0 ? null : found.join(', ');
  }
  getSetCookie() {
    return this.#entries.filter((entry) => entry[0] === 'set-cookie').map((entry) => entry[1]);
  }
  has(name) {
    return this.get(name) !== null;
  }
  set(name, value) {
    this.delete(name);
    this.append(name, value);
  }
  forEach(callback, self) {
    for (const [name, value] of this) callback.call(self, value, name, this);
  }
  *entries() {
    for (const name of [...new Set(this.#entries.map((entry) => entry[0]))].sort()) {
      if (name === 'set-cookie') for (const value of this.getSetCookie()) yield [name, value];
      else yield [name, this.get(name)];
    }
  }
  *keys() {
    for (const [name] of this.entries()) yield name;
  }
  *values() {
    for (const [, value] of this.entries()) yield value;
  }
  [Symbol.iterator]() {
    return this.entries();
  }
}

function bodyBytes(body) {
  if (body === undefined || body === null) return undefined;
  if (body instanceof ArrayBuffer || ArrayBuffer.isView(body)) return viewBytes(body).slice();
  return encodeUtf8(String(body));
}

function defaultType(body) {
  if (typeof body === 'string') return 'text/plain;charset=UTF-8';
  return body instanceof URLSearchParams ? 'application/x-www-form-urlencoded;charset=UTF-8' : undefined;
}

class Body {
  #bytes;
  #used = false;

  constructor(body, headers) {
    this.#bytes = bodyBytes(body);
    define(this, { headers });
    const type = defaultType(body);
    if (type !== undefined && !headers.has('content-type')) headers.set('content-type', type);
  }
  get bodyUsed() {
    return this.#used;
  }
  get body() {
    return this.#bytes === undefined ? null : this.#bytes.slice();
  }
  async bytes() {
    if (this.#used) throw new TypeError('The body was already read');
    this.#used = this.#bytes !== undefined;
    return this.#bytes ?? new Uint8Array(0);
  }
  async arrayBuffer() {
    return (await this.bytes()).slice().buffer;
  }
  async text() {
    return decodeUtf8(await this.bytes());
  }
  async json() {
    return JSON.parse(await this.text());
  }
}

const METHODS = ['DELETE', 'GET', 'HEAD', 'OPTIONS', 'POST', 'PUT'];

export class Request extends Body {
  constructor(input, init = {}) {
    const from = input instanceof Request ? input : undefined;
    super(init.body ?? from?.body, new Headers(init.headers ?? from?.headers));
    const method = String(init.method ?? from?.method ?? 'GET');
    define(this, {
      url: from?.url ?? new URL(String(input)).href,
      method: METHODS.includes(method.toUpperCase()) ? method.toUpperCase() : method,
      signal: init.signal ?? from?.signal ?? new AbortController().signal,
      redirect: init.redirect ?? from?.redirect ?? 'follow',
    });
  }
  clone() {
    return new Request(this);
  }
}

export class Response extends Body {
  constructor(body = null, init = {}) {
    const status = init.status ?? 200;
    if (status !== 101 && !(status >= 200 && status <= 599)) throw new RangeError(`Invalid status: ${status}`);
    super(body, new Headers(init.headers));
    define(this, { status, statusText: String(init.statusText ?? ''), ok: status >= 200 && status < 300, type: 'default' });
  }
  static json(value, init = {}) {
    const headers = new Headers(init.headers);
    if (!headers.has('content-type')) headers.set('content-type', 'application/json');
    return new Response(JSON.stringify(value), { ...init, headers });
  }
  static redirect(address, status = 302) {
    if (![301, 302, 303, 307, 308].includes(status)) throw new RangeError(`Invalid redirect status: ${status}`);
    return new Response(null, { status, headers: { location: new URL(address).href } });
  }
  clone() {
    return new Response(this.body, this);
  }
}

define(globalThis, { Headers, Request, Response, Buffer });
