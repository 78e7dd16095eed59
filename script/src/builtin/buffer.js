// node:buffer.
import { Buffer } from 'webstir:prelude/buffer';

export { Buffer };
export const { atob, btoa } = globalThis;
export default { Buffer, atob, btoa };
