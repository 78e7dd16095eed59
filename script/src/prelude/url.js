// URL and URLSearchParams of the URL Standard; parsing is done by Rust.
import { define } from 'webstir:prelude/define';
import { decodeUtf8, encodeUtf8 } from 'webstir:prelude/encoding';
import host from 'webstir:prelude/host';

const PLAIN = /[A-Za-z0-9*\-._]/;

function encode(text) {
  let encoded = '';
  for (const byte of encodeUtf8(text)) {
    const character = String.fromCharCode(byte);
    if (PLAIN.test(character)) encoded += character;
    else encoded += byte === 0x20 ? '+' : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return encoded;
}

function decode(text) {
  const bytes = [];
  const source = encodeUtf8(text.replaceAll('+', ' '));
  for (let index = 0; index < source.length; index += 1) {
    const hex = source[index] === 0x25 ? String.fromCharCode(source[index + 1] ?? 0, source[index + 2] ?? 0) : '';
    if (/^[0-9a-f]{2}$/i.test(hex)) {
      bytes.push(parseInt(hex, 16));
      index += 2;
    } else {
      bytes.push(source[index]);
    }
  }
  return decodeUtf8(Uint8Array.from(bytes));
}

const parsePairs = (text) =>
  text
    .split('&')
    .filter((part) => part !== '')
    .map((part) => {
      const equals = part.indexOf('=');
      return equals === -1 ? [decode(part), ''] : [decode(part.slice(0, equals)), decode(part.slice(equals + 1))];
    });

// Called by a URL to follow its search part.
let attach;
let replace;

export class URLSearchParams {
  #pairs = [];
  #changed = () => {};

  static {
    attach = (params, changed) => {
      params.#changed = () => changed(params.toString());
    };
    replace = (params, text) => {
      params.#pairs = parsePairs(text);
    };
  }

  constructor(init = '') {
    if (typeof init === 'object' && init !== null) {
      const entries = typeof init[Symbol.iterator] === 'function' ? init : Object.entries(init);
      for (const entry of entries) {
        const pair = [...entry];
        if (pair.length !== 2) throw new TypeError('Each query pair must be a name and a value');
        this.#pairs.push(pair.map(String));
      }
    } else {
      this.#pairs = parsePairs(String(init).replace(/^\?/, ''));
    }
  }

  get size() {
    return this.#pairs.length;
  }
  append(name, value) {
    this.#pairs.push([String(name), String(value)]);
    this.#changed();
  }
  delete(name, value) {
    this.#pairs = this.#pairs.filter(
      (pair) => pair[0] !== String(name) || (value !== undefined && pair[1] !== String(value)),
    );
    this.#changed();
  }
  get(name) {
    return this.#pairs.find((pair) => pair[0] === String(name))?.[1] ?? null;
  }
  getAll(name) {
    return this.#pairs.filter((pair) => pair[0] === String(name)).map((pair) => pair[1]);
  }
  has(name, value) {
    return this.#pairs.some((pair) => pair[0] === String(name) && (value === undefined || pair[1] === String(value)));
  }
  set(name, value) {
    const at = this.#pairs.findIndex((pair) => pair[0] === String(name));
    if (at === -1) {
      this.#pairs.push([String(name), String(value)]);
    } else {
      this.#pairs[at][1] = String(value);
      this.#pairs = this.#pairs.filter((pair, index) => index <= at || pair[0] !== String(name));
    }
    this.#changed();
  }
  sort() {
    this.#pairs.sort(([left], [right]) => (left < right ? -1 : left > right ? 1 : 0));
    this.#changed();
  }
  forEach(callback, self) {
    for (const [name, value] of this.#pairs) callback.call(self, value, name, this);
  }
  *entries() {
    for (const [name, value] of this.#pairs) yield [name, value];
  }
  *keys() {
    for (const [name] of this.#pairs) yield name;
  }
  *values() {
    for (const [, value] of this.#pairs) yield value;
  }
  [Symbol.iterator]() {
    return this.entries();
  }
  toString() {
    return this.#pairs.map(([name, value]) => `${encode(name)}=${encode(value)}`).join('&');
  }
}

function parse(address, base) {
  const text = host.parseUrl(String(address).toWellFormed(), base === undefined ? null : String(base).toWellFormed());
  return text === undefined || text === null ? undefined : JSON.parse(text);
}

export class URL {
  #parts;
  #params = new URLSearchParams();

  constructor(address, base) {
    this.#parts = parse(address, base);
    if (this.#parts === undefined) {
      throw Object.assign(new TypeError('Invalid URL'), { code: 'ERR_INVALID_URL', input: String(address) });
    }
    replace(this.#params, this.#parts.search.slice(1));
    attach(this.#params, (text) => this.#set('search', text));
  }

  static canParse(address, base) {
    return parse(address, base) !== undefined;
  }
  static parse(address, base) {
    return URL.canParse(address, base) ? new URL(address, base) : null;
  }

  #set(part, value) {
    const text = host.setUrlPart(this.#parts.href, part, String(value).toWellFormed());
    if (text !== undefined && text !== null) this.#parts = JSON.parse(text);
  }

  get href() {
    return this.#parts.href;
  }
  set href(value) {
    const parts = parse(value);
    if (parts === undefined) throw new TypeError('Invalid URL');
    this.#parts = parts;
    replace(this.#params, parts.search.slice(1));
  }
  get origin() {
    return this.#parts.origin;
  }
  get search() {
    return this.#parts.search;
  }
  set search(value) {
    this.#set('search', value);
    replace(this.#params, this.#parts.search.slice(1));
  }
  get searchParams() {
    return this.#params;
  }
  toString() {
    return this.href;
  }
  toJSON() {
    return this.href;
  }

  static {
    for (const part of ['protocol', 'username', 'password', 'host', 'hostname', 'port', 'pathname', 'hash']) {
      Object.defineProperty(URL.prototype, part, {
        get() {
          return this.#parts[part];
        },
        set(value) {
          this.#set(part, value);
        },
        configurable: true,
        enumerable: true,
      });
    }
  }
}

define(globalThis, { URL, URLSearchParams });
