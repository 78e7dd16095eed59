// One seeded generator (xoshiro128**, Blackman and Vigna) behind Math.random, crypto and randomBytes: two evaluations of the same
// module draw the same numbers. Nothing drawn here is secret.
import { define } from 'webstir:prelude/define';

const state = new Uint32Array([0x77656273, 0x74697221, 0x9e3779b9, 0x243f6a88]);
const { imul } = Math;

const rotate = (value, bits) => (value << bits) | (value >>> (32 - bits));

function next() {
  const result = imul(rotate(imul(state[1], 5), 7), 9) >>> 0;
  const shifted = state[1] << 9;
  state[2] ^= state[0];
  state[3] ^= state[1];
  state[1] ^= state[2];
  state[0] ^= state[3];
  state[2] ^= shifted;
  state[3] = rotate(state[3], 11);
  return result;
}

export function fill(bytes) {
  for (let index = 0; index < bytes.length; index += 1) bytes[index] = next() >>> 24;
  return bytes;
}

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
define(webcrypto, { randomUUID, getRandomValues });

define(Math, { random: () => (next() >>> 5) / 0x8000000 });
