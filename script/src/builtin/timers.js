// node:timers.
import * as promises from 'webstir:node/timers-promises';
import { clearImmediate, clearInterval, clearTimeout, setImmediate, setInterval, setTimeout } from 'webstir:prelude/timers';

export { clearImmediate, clearInterval, clearTimeout, promises, setImmediate, setInterval, setTimeout };
export default { clearImmediate, clearInterval, clearTimeout, promises, setImmediate, setInterval, setTimeout };
