// Timers without waiting: the engine runs them, earliest first, only while the module itself still waits for something, and moves the clock.
import { advance, now } from 'webstir:prelude/clock';
import { define } from 'webstir:prelude/define';

const queue = new Map();
let last = 0;

class Timeout {
  constructor(id) {
    define(this, { id });
  }
  ref() {
    return this;
  }
  unref() {
    return this;
  }
  hasRef() {
    return false;
  }
  refresh() {
    const timer = queue.get(this.id);
    if (timer !== undefined) timer.due = now() + timer.delay;
    return this;
  }
  close() {
    queue.delete(this.id);
    return this;
  }
  [Symbol.toPrimitive]() {
    return this.id;
  }
}

function schedule(callback, delay, values, repeats) {
  if (typeof callback !== 'function') throw new TypeError('The callback of a timer must be a function');
  const milliseconds = Number(delay);
  const wait = milliseconds >= 1 && milliseconds <= 0x7fffffff ? Math.trunc(milliseconds) : 1;
  last += 1;
  queue.set(last, { callback, values, delay: wait, due: now() + wait, repeats });
  return new Timeout(last);
}

function cancel(timer) {
  if (timer !== undefined && timer !== null) queue.delete(Number(timer));
}

// Runs the next timer; false when there is none.
export function runNextTimer() {
  let next;
  for (const [id, timer] of queue) {
    if (next === undefined || timer.due < next.timer.due) next = { id, timer };
  }
  if (next === undefined) return false;
  const { id, timer } = next;
  if (timer.due > now()) advance(timer.due - now());
  if (timer.repeats) timer.due = now() + timer.delay;
  else queue.delete(id);
  timer.callback(...timer.values);
  return true;
}

export const setTimeout = (callback, delay, ...values) => schedule(callback, delay, values, false);
export const setInterval = (callback, delay, ...values) => schedule(callback, delay, values, true);
export const setImmediate = (callback, ...values) => schedule(callback, 0, values, false);

define(globalThis, {
  setTimeout,
  setInterval,
  setImmediate,
  clearTimeout: cancel,
  clearInterval: cancel,
  clearImmediate: cancel,
});
