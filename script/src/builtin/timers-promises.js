// node:timers/promises.
import * as timers from 'webstir:prelude/timers';

function wait(start, cancel, value, signal) {
  return new Promise((resolve, reject) => {
    const abort = () => {
      cancel(timer);
      reject(Object.assign(new DOMException('The operation was aborted', 'AbortError'), { cause: signal.reason }));
    };
    const timer = start(() => {
      signal?.removeEventListener('abort', abort);
      resolve(value);
    });
    if (signal?.aborted) abort();
    else signal?.addEventListener('abort', abort, { once: true });
  });
}

export const setTimeout = (delay, value, { signal } = {}) =>
  wait((done) => timers.setTimeout(done, delay), timers.clearTimeout, value, signal);

export const setImmediate = (value, { signal } = {}) => wait(timers.setImmediate, timers.clearImmediate, value, signal);

export async function* setInterval(delay, value, options) {
  for (;;) yield await setTimeout(delay, value, options);
}

export const scheduler = { wait: (delay, options) => setTimeout(delay, undefined, options), yield: () => setImmediate() };

export default { setTimeout, setImmediate, setInterval, scheduler };
