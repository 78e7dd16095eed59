// The parts of `Bun` that handlers use: cookies, signed CSRF tokens, databases, the environment.
import { cookiePairs } from 'webstir:backend/cookies';
import { Buffer } from 'webstir:prelude/buffer';
import { now } from 'webstir:prelude/clock';
import { define } from 'webstir:prelude/define';
import { process } from 'webstir:prelude/process';
import { fill } from 'webstir:prelude/random';
import { SQL } from 'webstir:prelude/sql';
import { createHmac, timingSafeEqual } from 'webstir:node/crypto';

function parsePairs(init) {
  if (typeof init === 'string') return cookiePairs(init);
  return (typeof init[Symbol.iterator] === 'function' ? [...init] : Object.entries(init)).map(([name, value]) => [
    String(name),
    String(value),
  ]);
}

const SAME_SITE = { strict: 'Strict', lax: 'Lax', none: 'None' };
const NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const ATTRIBUTE = /^[\x20-\x3a\x3c-\x7e]*$/;

function attribute(name, value) {
  if (!ATTRIBUTE.test(value)) throw new TypeError(`Invalid cookie ${name}: ${JSON.stringify(value)}`);
  return `${name}=${value}`;
}

function serialize({ name, value, domain, path = '/', expires, maxAge, secure, httpOnly, partitioned, sameSite = 'lax' }) {
  const parts = [`${name}=${encodeURIComponent(value)}`];
  if (domain) parts.push(attribute('Domain', String(domain)));
  if (path) parts.push(attribute('Path', String(path)));
  if (expires !== undefined) {
    // A number is in seconds, as in the constructor of a cookie.
    const date = typeof expires === 'number' ? new Date(expires * 1e3) : new Date(expires);
    if (Number.isNaN(date.getTime())) throw new TypeError('Invalid cookie expiration date');
    parts.push(`Expires=${date.toUTCString()}`);
  }
  if (maxAge !== undefined) parts.push(`Max-Age=${Number(maxAge)}`);
  if (secure) parts.push('Secure');
  if (httpOnly) parts.push('HttpOnly');
  if (partitioned) parts.push('Partitioned');
  const site = SAME_SITE[String(sameSite).toLowerCase()];
  if (site === undefined) throw new TypeError(`Invalid sameSite: ${sameSite}`);
  return [...parts, `SameSite=${site}`].join('; ');
}

export class CookieMap {
  #pairs;
  #changed = new Map();

  constructor(init = '') {
    this.#pairs = parsePairs(init);
  }
  get size() {
    return this.#pairs.length;
  }
  get(name) {
    return this.#pairs.find((pair) => pair[0] === String(name))?.[1] ?? null;
  }
  has(name) {
    return this.get(name) !== null;
  }
  set(nameOrCookie, value, options) {
    const cookie = typeof nameOrCookie === 'object' ? { ...nameOrCookie } : { ...options, name: nameOrCookie, value };
    const name = String(cookie.name);
    if (!NAME.test(name)) throw new TypeError(`Invalid cookie name: ${JSON.stringify(name)}`);
    const text = String(cookie.value).toWellFormed();
    const header = serialize({ ...cookie, name, value: text });
    this.#pairs = [...this.#pairs.filter((pair) => pair[0] !== name), [name, text]];
    this.#changed.delete(name);
    this.#changed.set(name, header);
  }
  delete(nameOrCookie) {
    const { name, domain, path } = typeof nameOrCookie === 'object' ? nameOrCookie : { name: nameOrCookie };
    this.#pairs = this.#pairs.filter((pair) => pair[0] !== String(name));
    this.#changed.delete(String(name));
    this.#changed.set(String(name), serialize({ name: String(name), value: '', domain, path, expires: 0 }));
  }
  toSetCookieHeaders() {
    return [...this.#changed.values()];
  }
  toJSON() {
    return Object.fromEntries(this.#pairs.toReversed());
  }
  forEach(callback, self) {
    for (const [name, value] of this) callback.call(self, value, name, this);
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
}

const DAY = 864e5;
// timestamp (8), nonce (16), lifetime (8), HMAC-SHA256 of the former (32).
const SIGNED = 32;
let ownSecret;

// Without a secret, tokens hold as long as the isolate.
function secretOf(secret) {
  if (secret === '') throw new TypeError('The secret must not be empty');
  ownSecret ??= fill(new Uint8Array(32));
  return secret ?? ownSecret;
}

const signature = (bytes, secret) => createHmac('sha256', secretOf(secret)).update(bytes).digest();

export const CSRF = {
  generate(secret, { expiresIn = DAY } = {}) {
    const bytes = Buffer.alloc(SIGNED);
    bytes.writeBigUInt64BE(BigInt(Math.trunc(now())), 0);
    bytes.set(fill(new Uint8Array(16)), 8);
    bytes.writeBigUInt64BE(BigInt(Math.trunc(expiresIn)), 24);
    return Buffer.concat([bytes, signature(bytes, secret)]).toString('base64url');
  },
  verify(token, { secret, maxAge = DAY } = {}) {
    if (typeof token !== 'string' || token === '') throw new TypeError('The token must be a string and not empty');
    const bytes = Buffer.from(token, 'base64url');
    if (bytes.length !== 2 * SIGNED || bytes.toString('base64url') !== token) return false;
    const signed = bytes.subarray(0, SIGNED);
    if (!timingSafeEqual(signature(signed, secret), bytes.subarray(SIGNED))) return false;
    const age = now() - Number(bytes.readBigUInt64BE(0));
    const lifetime = Number(bytes.readBigUInt64BE(24));
    return age >= 0 && (lifetime === 0 || age <= lifetime) && (maxAge === 0 || age <= maxAge);
  },
};

// RFC 9562, section 5.7.
function randomUUIDv7() {
  const bytes = Buffer.from(fill(new Uint8Array(16)));
  const time = BigInt(Math.trunc(now()));
  for (let index = 0; index < 6; index += 1) bytes[index] = Number((time >> BigInt(40 - 8 * index)) & 255n);
  bytes[6] = (bytes[6] & 0x0f) | 0x70;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = bytes.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

const Bun = {};
define(Bun, { CookieMap, CSRF, SQL, env: process.env, randomUUIDv7 });
define(globalThis, { Bun });
