// Headers.
import { define } from 'webstir:prelude/define';

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

define(globalThis, { Headers });
