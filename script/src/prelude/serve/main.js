// The prelude of a serving isolate: the globals, and the functions that Rust calls.
import 'webstir:prelude/globals';
import 'webstir:prelude/bun';
import { describeThrown } from 'webstir:prelude/describe';
import { toByteString, viewBytes } from 'webstir:prelude/encoding';

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

// Calls the dispatcher and tells how it ended: `fulfil` takes message, body and whether the body is a byte string, `reject` the
// description of what was thrown. Both functions are held by the promise alone, so that they go when it can no longer settle.
export function start(dispatch, message, body, fulfil, reject) {
  (async () => dispatch(message, body ?? null))()
    .then(([text, reply]) => {
      const answer = String(text).toWellFormed();
      if (reply === null || reply === undefined) fulfil(answer, null, false);
      else if (typeof reply === 'string') fulfil(answer, reply.toWellFormed(), false);
      else fulfil(answer, toByteString(viewBytes(reply)), true);
    })
    .then(undefined, (error) => reject(describe(error)));
}
