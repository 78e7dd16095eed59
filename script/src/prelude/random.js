// What the web's `crypto` and `node:crypto` draw from the generator of the mode.
import { define } from 'webstir:prelude/define';
import { fromByteString, toByteString, viewBytes } from 'webstir:prelude/encoding';
import { fill } from 'webstir:prelude/entropy';
import host from 'webstir:prelude/host';

export { fill };

export function randomUUID() {
  const bytes = fill(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

export function getRandomValues(array) {
  if (!ArrayBuffer.isView(array) || array instanceof DataView) {
    throw new TypeError('getRandomValues takes an integer typed array');
  }
  if (array.byteLength > 65536) {
    throw new DOMException('getRandomValues fills at most 65536 bytes', 'QuotaExceededError');
  }
  fill(new Uint8Array(array.buffer, array.byteOffset, array.byteLength));
  return array;
}

export const webcrypto = {};
const subtle = {};
define(subtle, {
  async digest(algorithm, data) {
    const name = String(algorithm?.name ?? algorithm).toLowerCase();
    if (!['sha-1', 'sha-256', 'sha-384', 'sha-512'].includes(name)) {
      throw new DOMException(`Unrecognized algorithm name: ${name}`, 'NotSupportedError');
    }
    return fromByteString(host.hash(name.replace('-', ''), toByteString(viewBytes(data)))).buffer;
  },
});
define(webcrypto, { randomUUID, getRandomValues, subtle });
