// What the web's `crypto` and `node:crypto` draw from the generator of the mode.
import { define } from 'webstir:prelude/define';
import { fromByteString, toByteString, viewBytes } from 'webstir:prelude/encoding';
import { fill } from 'webstir:prelude/entropy';
import host from 'webstir:prelude/host';

export { fill };

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

export function randomUUID() {
  const bytes = fill(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  let text = '';
  for (let at = 0; at < 16; at += 1) {
    if (at === 4 || at === 6 || at === 8 || at === 10) text += '-';
    text += HEX[bytes[at]];
  }
  return text;
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
