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

define(Math, { random: () => (next() >>> 5) / 0x8000000 });
