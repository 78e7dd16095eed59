// Blob, File and FormData.
import { define } from 'webstir:prelude/define';
import { decodeUtf8, encodeUtf8, viewBytes } from 'webstir:prelude/encoding';
import { now } from 'webstir:prelude/clock';
import { ReadableStream } from 'webstir:prelude/streams';

export function concat(parts) {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

let bytesOf;

function partBytes(part) {
  if (part instanceof Blob) return bytesOf(part);
  if (part instanceof ArrayBuffer || ArrayBuffer.isView(part)) return viewBytes(part);
  return encodeUtf8(String(part));
}

export class Blob {
  #bytes;
  #type;

  static {
    bytesOf = (blob) => blob.#bytes;
  }

  constructor(parts = [], { type = '' } = {}) {
    this.#bytes = concat(Array.from(parts, partBytes));
    this.#type = /^[\x20-\x7e]*$/.test(type) ? String(type).toLowerCase() : '';
  }
  get size() {
    return this.#bytes.length;
  }
  get type() {
    return this.#type;
  }
  async bytes() {
    return this.#bytes.slice();
  }
  async arrayBuffer() {
    return this.#bytes.slice().buffer;
  }
  async text() {
    return decodeUtf8(this.#bytes);
  }
  stream() {
    return ReadableStream.from(this.size === 0 ? [] : [this.#bytes.slice()]);
  }
  slice(start = 0, end = this.size, type = '') {
    const at = (index) => (index < 0 ? Math.max(0, this.size + index) : index);
    return new Blob([this.#bytes.subarray(at(start), at(end))], { type });
  }
  get [Symbol.toStringTag]() {
    return 'Blob';
  }
}

export class File extends Blob {
  #name;
  #lastModified;
  constructor(parts, name, { lastModified = now(), ...options } = {}) {
    super(parts, options);
    this.#name = String(name);
    this.#lastModified = Number(lastModified);
  }
  get name() {
    return this.#name;
  }
  get lastModified() {
    return this.#lastModified;
  }
  get [Symbol.toStringTag]() {
    return 'File';
  }
}

function entryValue(value, name) {
  if (!(value instanceof Blob)) return String(value);
  if (value instanceof File && name === undefined) return value;
  return new File([value], name ?? 'blob', { type: value.type });
}

export class FormData {
  #entries = [];

  append(name, value, fileName) {
    this.#entries.push([String(name), entryValue(value, fileName)]);
  }
  set(name, value, fileName) {
    const at = this.#entries.findIndex((entry) => entry[0] === String(name));
    if (at === -1) {
      this.append(name, value, fileName);
      return;
    }
    this.#entries[at][1] = entryValue(value, fileName);
    this.#entries = this.#entries.filter((entry, index) => index <= at || entry[0] !== String(name));
  }
  delete(name) {
    this.#entries = this.#entries.filter((entry) => entry[0] !== String(name));
  }
  get(name) {
    return this.#entries.find((entry) => entry[0] === String(name))?.[1] ?? null;
  }
  getAll(name) {
    return this.#entries.filter((entry) => entry[0] === String(name)).map((entry) => entry[1]);
  }
  has(name) {
    return this.#entries.some((entry) => entry[0] === String(name));
  }
  forEach(callback, self) {
    for (const [name, value] of this.#entries) callback.call(self, value, name, this);
  }
  *entries() {
    for (const [name, value] of this.#entries) yield [name, value];
  }
  *keys() {
    for (const [name] of this.#entries) yield name;
  }
  *values() {
    for (const [, value] of this.#entries) yield value;
  }
  [Symbol.iterator]() {
    return this.entries();
  }
}

const quoted = (name) => name.replaceAll('\n', '%0A').replaceAll('\r', '%0D').replaceAll('"', '%22');

// `multipart/form-data` as the HTML Standard writes it.
export function encodeFormData(form, boundary) {
  const parts = [];
  for (const [name, value] of form) {
    const isFile = value instanceof Blob;
    const file = isFile ? `; filename="${quoted(value.name)}"\r\nContent-Type: ${value.type || 'application/octet-stream'}` : '';
    parts.push(encodeUtf8(`--${boundary}\r\nContent-Disposition: form-data; name="${quoted(name)}"${file}\r\n\r\n`));
    parts.push(isFile ? bytesOf(value) : encodeUtf8(value.replace(/\r?\n|\r/g, '\r\n')), encodeUtf8('\r\n'));
  }
  return concat([...parts, encodeUtf8(`--${boundary}--\r\n`)]);
}

export const blobBytes = (blob) => bytesOf(blob);

define(globalThis, { Blob, File, FormData });
