// node:crypto: digests are real, random values come from the generator of the mode.
import { Buffer } from 'webstir:prelude/buffer';
import { fromByteString, toByteString } from 'webstir:prelude/encoding';
import host from 'webstir:prelude/host';
import { fill, getRandomValues, randomUUID, webcrypto } from 'webstir:prelude/random';

export { getRandomValues, randomUUID, webcrypto };

const HASHES = ['md5', 'sha1', 'sha256', 'sha384', 'sha512'];

function algorithmName(name) {
  const known = String(name).toLowerCase().replace('-', '');
  if (!HASHES.includes(known)) throw new Error('Digest method not supported');
  return known;
}

function bytesOf(data, encoding) {
  if (typeof data === 'string') return Buffer.from(data, encoding);
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  if (data instanceof ArrayBuffer) return new Uint8Array(data);
  throw new TypeError('The "data" argument must be of type string or an instance of Buffer, TypedArray, or DataView');
}

class Digest {
  #finish;
  #parts = [];
  constructor(finish) {
    this.#finish = finish;
  }
  update(data, encoding) {
    if (this.#parts === undefined) throw new Error('Digest already called');
    this.#parts.push(toByteString(bytesOf(data, encoding)));
    return this;
  }
  digest(encoding) {
    if (this.#parts === undefined) throw new Error('Digest already called');
    const result = Buffer.from(fromByteString(this.#finish(this.#parts.join(''))));
    this.#parts = undefined;
    return encoding === undefined || encoding === 'buffer' ? result : result.toString(encoding);
  }
}

export class Hash extends Digest {}
export class Hmac extends Digest {}

export function createHash(algorithm) {
  const name = algorithmName(algorithm);
  return new Hash((data) => host.hash(name, data));
}

export function createHmac(algorithm, key) {
  const name = algorithmName(algorithm);
  const secret = toByteString(bytesOf(key));
  return new Hmac((data) => host.hmac(name, secret, data));
}

export const hash = (algorithm, data, encoding = 'hex') => createHash(algorithm).update(data).digest(encoding);
export const getHashes = () => [...HASHES];

export function randomBytes(size, callback) {
  const bytes = fill(Buffer.alloc(size));
  if (typeof callback !== 'function') return bytes;
  queueMicrotask(() => callback(null, bytes));
  return undefined;
}

export const randomFillSync = (target) => {
  fill(bytesOf(target));
  return target;
};

export function randomInt(low, high, callback) {
  if (typeof high === 'function') return randomInt(0, low, high);
  if (high === undefined) return randomInt(0, low);
  const range = high - low;
  if (!Number.isSafeInteger(low) || !Number.isSafeInteger(high) || range <= 0 || range > 2 ** 48) {
    throw new RangeError('The range of randomInt must be whole numbers less than 2^48 apart');
  }
  // Numbers above the last multiple of the range would make some results likelier than others.
  const limit = 2 ** 48 - (2 ** 48 % range);
  let number;
  do {
    number = fill(new Uint8Array(6)).reduce((sum, byte) => sum * 256 + byte, 0);
  } while (number >= limit);
  const result = low + (number % range);
  if (callback === undefined) return result;
  queueMicrotask(() => callback(null, result));
  return undefined;
}

export function timingSafeEqual(left, right) {
  const [one, other] = [bytesOf(left), bytesOf(right)];
  if (one.length !== other.length) throw new RangeError('Input buffers must have the same byte length');
  let difference = 0;
  for (let index = 0; index < one.length; index += 1) difference |= one[index] ^ other[index];
  return difference === 0;
}

const missing = (name) => () => {
  throw new Error(`crypto.${name}() is only available while a request is served`);
};

export const createPublicKey = missing('createPublicKey');
export const createPrivateKey = missing('createPrivateKey');
export const createSecretKey = missing('createSecretKey');
export const createSign = missing('createSign');
export const createVerify = missing('createVerify');
export const sign = missing('sign');
export const verify = missing('verify');
export const pbkdf2Sync = missing('pbkdf2Sync');
export const scryptSync = missing('scryptSync');
export const scrypt = missing('scrypt');
export const createCipheriv = missing('createCipheriv');
export const createDecipheriv = missing('createDecipheriv');

export default {
  getRandomValues,
  randomUUID,
  webcrypto,
  Hash,
  Hmac,
  createHash,
  createHmac,
  hash,
  getHashes,
  randomBytes,
  randomFillSync,
  randomInt,
  timingSafeEqual,
  createPublicKey,
  createPrivateKey,
  createSecretKey,
  createSign,
  createVerify,
  sign,
  verify,
  pbkdf2Sync,
  scryptSync,
  scrypt,
  createCipheriv,
  createDecipheriv,
};
