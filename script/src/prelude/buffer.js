// Node's Buffer: the part that modules use when they load.
import { define } from 'webstir:prelude/define';
import {
  decodeBase64,
  decodeHex,
  decodeUtf16,
  decodeUtf8,
  encodeBase64,
  encodeBase64Url,
  encodeHex,
  encodeUtf16,
  encodeUtf8,
  fromByteString,
  toByteString,
  utf8Length,
} from 'webstir:prelude/encoding';

const toAscii = (bytes) => toByteString(bytes.map((byte) => byte & 0x7f));
const utf8 = { encode: encodeUtf8, decode: decodeUtf8 };
const utf16 = { encode: encodeUtf16, decode: decodeUtf16 };
const latin1 = { encode: fromByteString, decode: toByteString };
const codecs = {
  __proto__: null,
  utf8,
  'utf-8': utf8,
  hex: { encode: decodeHex, decode: encodeHex },
  base64: { encode: decodeBase64, decode: encodeBase64 },
  base64url: { encode: decodeBase64, decode: encodeBase64Url },
  latin1,
  binary: latin1,
  ascii: { encode: fromByteString, decode: toAscii },
  ucs2: utf16,
  'ucs-2': utf16,
  utf16le: utf16,
  'utf-16le': utf16,
};

function codec(encoding = 'utf8') {
  const found = codecs[String(encoding).toLowerCase()];
  if (found === undefined) throw new TypeError(`Unknown encoding: ${encoding}`);
  return found;
}

export class Buffer extends Uint8Array {
  static get [Symbol.species]() {
    return Buffer;
  }

  static from(value, encodingOrOffset, length) {
    if (typeof value === 'string') return Buffer.#adopt(codec(encodingOrOffset).encode(value));
    if (value instanceof ArrayBuffer || (typeof SharedArrayBuffer === 'function' && value instanceof SharedArrayBuffer)) {
      return new Buffer(value, encodingOrOffset, length);
    }
    if (value?.type === 'Buffer' && Array.isArray(value.data)) return Buffer.#adopt(Uint8Array.from(value.data));
    if (ArrayBuffer.isView(value) || Array.isArray(value) || typeof value?.length === 'number') {
      return Buffer.#adopt(Uint8Array.from(value));
    }
    const primitive = value?.valueOf?.();
    if (primitive !== value && primitive !== undefined && primitive !== null) {
      return Buffer.from(primitive, encodingOrOffset, length);
    }
    throw new TypeError('The first argument must be a string, a Buffer, an ArrayBuffer, an Array or an array-like object');
  }

  static #adopt(bytes) {
    return new Buffer(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  static of(...bytes) {
    return Buffer.from(bytes);
  }

  static alloc(size, fill, encoding) {
    const buffer = new Buffer(size);
    return fill === undefined ? buffer : buffer.fill(fill, 0, size, encoding);
  }

  static allocUnsafe(size) {
    return new Buffer(size);
  }

  static allocUnsafeSlow(size) {
    return new Buffer(size);
  }

  static concat(list, total = list.reduce((sum, part) => sum + part.length, 0)) {
    const buffer = new Buffer(total);
    let at = 0;
    for (const part of list) {
      if (at >= total) break;
      buffer.set(part.subarray(0, total - at), at);
      at += part.length;
    }
    return buffer;
  }

  static byteLength(value, encoding = 'utf8') {
    if (typeof value !== 'string') return value.byteLength;
    return codec(encoding) === utf8 ? utf8Length(value) : codec(encoding).encode(value).length;
  }

  static compare(left, right) {
    const length = Math.min(left.length, right.length);
    for (let index = 0; index < length; index += 1) {
      if (left[index] !== right[index]) return left[index] < right[index] ? -1 : 1;
    }
    return Math.sign(left.length - right.length);
  }

  static isBuffer(value) {
    return value instanceof Buffer;
  }

  static isEncoding(encoding) {
    return typeof encoding === 'string' && encoding.toLowerCase() in codecs;
  }

  toString(encoding = 'utf8', start = 0, end = this.length) {
    return codec(encoding).decode(new Uint8Array(this.buffer, this.byteOffset, this.byteLength).subarray(start, end));
  }

  toLocaleString(encoding, start, end) {
    return this.toString(encoding, start, end);
  }

  toJSON() {
    return { type: 'Buffer', data: Array.from(this) };
  }

  equals(other) {
    return Buffer.compare(this, other) === 0;
  }

  compare(other) {
    return Buffer.compare(this, other);
  }

  slice(start, end) {
    return this.subarray(start, end);
  }

  write(text, offset = 0, length = this.length - offset, encoding = 'utf8') {
    if (typeof offset === 'string') return this.write(text, 0, this.length, offset);
    if (typeof length === 'string') return this.write(text, offset, this.length - offset, length);
    const bytes = codec(encoding).encode(text).subarray(0, Math.min(length, this.length - offset));
    this.set(bytes, offset);
    return bytes.length;
  }

  fill(value, start = 0, end = this.length, encoding = 'utf8') {
    if (typeof start === 'string') return this.fill(value, 0, this.length, start);
    if (typeof value !== 'string' && !ArrayBuffer.isView(value)) return super.fill(value, start, end);
    const pattern = typeof value === 'string' ? codec(encoding).encode(value) : value;
    if (pattern.length === 0) return super.fill(0, start, end);
    for (let index = start; index < end; index += 1) this[index] = pattern[(index - start) % pattern.length];
    return this;
  }

  copy(target, targetStart = 0, start = 0, end = this.length) {
    const part = this.subarray(start, Math.min(end, start + target.length - targetStart));
    target.set(part, targetStart);
    return part.length;
  }

  indexOf(value, offset = 0, encoding = 'utf8') {
    if (typeof value === 'number') return super.indexOf(value & 0xff, offset);
    const wanted = typeof value === 'string' ? codec(encoding).encode(value) : value;
    for (let at = offset; at + wanted.length <= this.length; at += 1) {
      if (wanted.every((byte, index) => this[at + index] === byte)) return at;
    }
    return -1;
  }

  includes(value, offset, encoding) {
    return this.indexOf(value, offset, encoding) !== -1;
  }
}

// readUInt32BE and its relatives, over a DataView.
const numbers = { UInt8: 1, Int8: 1, UInt16: 2, Int16: 2, UInt32: 4, Int32: 4, BigUInt64: 8, BigInt64: 8, Float: 4, Double: 8 };
for (const [name, size] of Object.entries(numbers)) {
  const member = { Float: 'Float32', Double: 'Float64' }[name] ?? name.replace('UInt', 'Uint');
  for (const order of size === 1 ? [''] : ['LE', 'BE']) {
    const view = (buffer) => new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength);
    define(Buffer.prototype, {
      [`read${name}${order}`](offset = 0) {
        return view(this)[`get${member}`](offset, order === 'LE');
      },
      [`write${name}${order}`](value, offset = 0) {
        view(this)[`set${member}`](offset, value, order === 'LE');
        return offset + size;
      },
    });
  }
}

define(globalThis, { Buffer });
