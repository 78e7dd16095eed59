// Text as bytes: UTF-8, UTF-16, Latin-1, hexadecimal and Base64.
import { define } from 'webstir:prelude/define';
import host from 'webstir:prelude/host';

const CHUNK = 8192;
const { fromCharCode } = String;

// A string with one character a byte: the form in which bytes cross to Rust.
export function toByteString(bytes) {
  const parts = [];
  for (let start = 0; start < bytes.length; start += CHUNK) {
    parts.push(fromCharCode.apply(null, bytes.subarray(start, start + CHUNK)));
  }
  return parts.join('');
}

export function fromByteString(text) {
  const bytes = new Uint8Array(text.length);
  for (let index = 0; index < text.length; index += 1) bytes[index] = text.charCodeAt(index);
  return bytes;
}

export const encodeUtf8 = (text) => host.encodeUtf8(text.toWellFormed());

export const utf8Length = (text) => encodeUtf8(text).length;

// The decoder of the Encoding Standard: each maximal wrong part becomes one U+FFFD.
export function decodeUtf8(bytes, fatal = false) {
  const text = toByteString(bytes);
  if (/^[\0-\x7f]*$/.test(text)) return text;
  const decoded = host.decodeUtf8(text, fatal);
  if (decoded === undefined || decoded === null) throw new TypeError('The encoded data was not valid UTF-8');
  return decoded;
}

// Where the last character begins that more bytes may complete.
function wholeUtf8(bytes) {
  for (let back = 1; back <= 3 && back <= bytes.length; back += 1) {
    const byte = bytes[bytes.length - back];
    if (byte < 0x80) break;
    if (byte < 0xc0) continue;
    const needed = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
    return needed > back ? bytes.length - back : bytes.length;
  }
  return bytes.length;
}

const wholeUtf16 = (bytes) => bytes.length - (bytes.length % 2);

export function encodeUtf16(text) {
  const bytes = new Uint8Array(text.length * 2);
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index);
    bytes[2 * index] = unit & 0xff;
    bytes[2 * index + 1] = unit >> 8;
  }
  return bytes;
}

export function decodeUtf16(bytes) {
  const parts = [];
  for (let index = 0; index + 1 < bytes.length; index += 2) parts.push(fromCharCode(bytes[index] | (bytes[index + 1] << 8)));
  return parts.join('');
}

export const encodeHex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');

// As Node does: reading stops at the first character that is no digit.
export function decodeHex(text) {
  const digits = /^(?:[0-9a-f]{2})*/i.exec(text)[0];
  const bytes = new Uint8Array(digits.length / 2);
  for (let index = 0; index < bytes.length; index += 1) bytes[index] = parseInt(digits.slice(2 * index, 2 * index + 2), 16);
  return bytes;
}

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const values = new Map(Array.from(ALPHABET, (character, value) => [character, value]));
values.set('-', 62);
values.set('_', 63);

export function encodeBase64(bytes) {
  const parts = [];
  for (let index = 0; index < bytes.length; index += 3) {
    const left = bytes.length - index;
    const bits = (bytes[index] << 16) | ((bytes[index + 1] ?? 0) << 8) | (bytes[index + 2] ?? 0);
    parts.push(
      ALPHABET[bits >> 18] +
        ALPHABET[(bits >> 12) & 63] +
        (left > 1 ? ALPHABET[(bits >> 6) & 63] : '=') +
        (left > 2 ? ALPHABET[bits & 63] : '='),
    );
  }
  return parts.join('');
}

export const encodeBase64Url = (bytes) =>
  encodeBase64(bytes).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');

// As Node does: both alphabets, foreign characters skipped, reading stops at the padding.
export function decodeBase64(text) {
  const bytes = [];
  let bits = 0;
  let count = 0;
  for (const character of text) {
    if (character === '=') break;
    const value = values.get(character);
    if (value === undefined) continue;
    bits = ((bits << 6) | value) & 0xffffff;
    count += 6;
    if (count >= 8) {
      count -= 8;
      bytes.push((bits >> count) & 0xff);
    }
  }
  return Uint8Array.from(bytes);
}

function btoa(value) {
  const text = String(value);
  for (let index = 0; index < text.length; index += 1) {
    if (text.charCodeAt(index) > 0xff) {
      throw new DOMException('The string holds a character outside of Latin-1', 'InvalidCharacterError');
    }
  }
  return encodeBase64(fromByteString(text));
}

function atob(value) {
  const text = String(value).replace(/[\t\n\f\r ]/g, '');
  const body = text.length % 4 === 0 ? text.replace(/={1,2}$/, '') : text;
  if (body.length % 4 === 1 || /[^A-Za-z0-9+/]/.test(body)) {
    throw new DOMException('The string is not Base64', 'InvalidCharacterError');
  }
  return toByteString(decodeBase64(body));
}

export function viewBytes(source) {
  if (source === undefined) return new Uint8Array(0);
  if (source instanceof ArrayBuffer) return new Uint8Array(source);
  if (ArrayBuffer.isView(source)) return new Uint8Array(source.buffer, source.byteOffset, source.byteLength);
  throw new TypeError('Expected an ArrayBuffer or a view of one');
}

export class TextEncoder {
  get encoding() {
    return 'utf-8';
  }
  encode(text = '') {
    return encodeUtf8(String(text));
  }
  encodeInto(text, target) {
    let read = 0;
    let written = 0;
    for (const character of String(text)) {
      const bytes = encodeUtf8(character);
      if (written + bytes.length > target.length) break;
      target.set(bytes, written);
      read += character.length;
      written += bytes.length;
    }
    return { read, written };
  }
}

const decoders = new Map([
  ['utf-8', decodeUtf8],
  ['utf8', decodeUtf8],
  ['unicode-1-1-utf-8', decodeUtf8],
  ['utf-16le', decodeUtf16],
  ['utf-16', decodeUtf16],
]);

export class TextDecoder {
  #decode;
  #pending = new Uint8Array(0);
  #started = false;
  constructor(label = 'utf-8', { fatal = false, ignoreBOM = false } = {}) {
    const name = String(label).trim().toLowerCase();
    this.#decode = decoders.get(name);
    if (this.#decode === undefined) throw new RangeError(`The encoding "${label}" is not supported`);
    const encoding = this.#decode === decodeUtf8 ? 'utf-8' : 'utf-16le';
    define(this, { encoding, fatal: Boolean(fatal), ignoreBOM: Boolean(ignoreBOM) });
  }
  decode(source, { stream = false } = {}) {
    const added = viewBytes(source);
    const bytes = new Uint8Array(this.#pending.length + added.length);
    bytes.set(this.#pending);
    bytes.set(added, this.#pending.length);
    const whole = !stream ? bytes.length : this.encoding === 'utf-8' ? wholeUtf8(bytes) : wholeUtf16(bytes);
    this.#pending = bytes.subarray(whole);
    const text = this.#decode(bytes.subarray(0, whole), this.fatal);
    const isStart = !this.#started;
    this.#started = stream && (this.#started || whole > 0);
    return isStart && !this.ignoreBOM && text.startsWith('\ufeff') ? text.slice(1) : text;
  }
}

define(globalThis, { TextEncoder, TextDecoder, atob, btoa });
