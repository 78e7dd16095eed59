// The prelude of an evaluation: the globals, and the functions that Rust calls.
import 'webstir:prelude/globals';
import { takeNextAlarm } from 'webstir:prelude/alarm';
import { runTimer } from 'webstir:prelude/timers';

export { describeModule, describeThrown } from 'webstir:prelude/describe';
export { noteRejection, takeRejection } from 'webstir:prelude/rejections';

// Runs the next timer; false when there is none.
export function runNextTimer() {
  const id = takeNextAlarm();
  if (id === undefined) return false;
  runTimer(id);
  return true;
}
