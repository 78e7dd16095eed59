// Random bytes of the system. `Math.random` is the engine's own.
import host from 'webstir:prelude/host';

const AT_ONCE = 65536;

export function fill(bytes) {
  for (let start = 0; start < bytes.length; start += AT_ONCE) {
    bytes.set(host.randomBytes(Math.min(AT_ONCE, bytes.length - start)), start);
  }
  return bytes;
}
