// The prelude of a serving isolate: the globals, and the functions that Rust calls.
import 'webstir:prelude/globals';
import { describeThrown } from 'webstir:prelude/describe';

export { describeThrown };
export { port, settleOperation } from 'webstir:prelude/port';
export { noteRejection, takeRejection } from 'webstir:prelude/rejections';
export { runTimer } from 'webstir:prelude/timers';

// A null tells that there was no room left to describe the error.
function describe(error) {
  try {
    return describeThrown(error);
  } catch {
    return null;
  }
}

// Calls `callee` and tells how it ended: `fulfil` takes its value, `reject` the description of what it threw. Both functions are
// held by the promise alone, so that they go when it can no longer settle.
export function start(callee, values, fulfil, reject) {
  (async () => callee(...values))().then(fulfil, (error) => reject(describe(error)));
}
