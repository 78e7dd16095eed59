// Text as bytes: UTF-8, UTF-16, Latin-1, hexadecimal and Base64.
import { define } from 'webstir:prelude/define';

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

export function encodeUtf8(text) {
  const bytes = new Uint8Array(utf8Length(text));
  let at = 0;
  for (const character of text) {
    let code = character.codePointAt(0);
    if (code >= 0xd800 && code <= 0xdfff) code = 0xfffd;
    if (code < 0x80) {
      bytes[at++] = code;
      continue;
    }
    const trailing = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    bytes[at++] = ((0xff00 >> (trailing + 1)) & 0xff) | (code >> (6 * trailing));
    for (let left = trailing - 1; left >= 0; left -= 1) bytes[at++] = 0x80 | ((code >> (6 * left)) & 0x3f);
  }
  return bytes;
}

export function utf8Length(text) {
  let length = 0;
  for (const character of text) {
    const code = character.codePointAt(0);
    length += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  }
  return length;
}

// The decoder of the Encoding Standard: each maximal wrong part becomes one U+FFFD.
export function decodeUtf8(bytes, fatal = false) {
  const parts = [];
  let units = [];
  const push = (code) => {
    if (code >= 0x10000) {
      units.push(0xd800 + ((code - 0x10000) >> 10), 0xdc00 + ((code - 0x10000) & 0x3ff));
    } else {
      units.push(code);
    }
    if (units.length >= CHUNK) {
      parts.push(fromCharCode.apply(null, units));
      units = [];
    }
  };
  const wrong = () => {
    if (fatal) throw new TypeError('The encoded data was not valid UTF-8');
    push(0xfffd);
  };
  let code = 0;
  let needed = 0;
  let lower = 0x80;
  let upper = 0xbf;
  for (let index = 0; index < bytes.length; index += 1) {
    const byte = bytes[index];
    if (needed > 0) {
      if (byte >= lower && byte <= upper) {
        lower = 0x80;
        upper = 0xbf;
        code = (code << 6) | (byte & 0x3f);
        needed -= 1;
        if (needed === 0) push(code);
        continue;
      }
      needed = 0;
      lower = 0x80;
      upper = 0xbf;
      wrong();
    }
    if (byte < 0x80) {
      push(byte);
    } else if (byte >= 0xc2 && byte <= 0xdf) {
      needed = 1;
      code = byte & 0x1f;
    } else if (byte >= 0xe0 && byte <= 0xef) {
      if (byte === 0xe0) lower = 0xa0;
      if (byte === 0xed) upper = 0x9f;
      needed = 2;
      code = byte & 0x0f;
    } else if (byte >= 0xf0 && byte <= 0xf4) {
      if (byte === 0xf0) lower = 0x90;
      if (byte === 0xf4) upper = 0x8f;
      needed = 3;
      code = byte & 0x07;
    } else {
      wrong();
    }
  }
  if (needed > 0) wrong();
  parts.push(fromCharCode.apply(null, units));
  return parts.join('');
}

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
    // A stream is decoded as a whole once it ends: what it gives is the same, only later.
    this.#pending = stream ? bytes : new Uint8Array(0);
    if (stream) return '';
    const text = this.#decode(bytes, this.fatal);
    return !this.ignoreBOM && text.startsWith('\ufeff') ? text.slice(1) : text;
  }
}

define(globalThis, { TextEncoder, TextDecoder, atob, btoa });
