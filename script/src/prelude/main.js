// The prelude: installs the globals and gives Rust the functions that it calls.
import 'webstir:prelude/host';
import 'webstir:prelude/random';
import 'webstir:prelude/clock';
import 'webstir:prelude/encoding';
import 'webstir:prelude/console';
import 'webstir:prelude/process';
import 'webstir:prelude/buffer';
import 'webstir:prelude/url';
import 'webstir:prelude/events';
import 'webstir:prelude/fetch';
import 'webstir:prelude/clone';
import { define } from 'webstir:prelude/define';
import { webcrypto } from 'webstir:prelude/random';

export { describeModule, describeThrown } from 'webstir:prelude/describe';
export { runNextTimer } from 'webstir:prelude/timers';

define(globalThis, { crypto: webcrypto });

// Rejected promises that nobody handles, oldest first.
const rejections = new Map();

export function noteRejection(promise, reason, handled) {
  if (handled) rejections.delete(promise);
  else rejections.set(promise, reason);
}

export function takeRejection() {
  for (const [promise, reason] of rejections) {
    rejections.delete(promise);
    return { reason };
  }
  return undefined;
}
