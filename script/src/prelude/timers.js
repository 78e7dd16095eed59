// Timers: what is to be called. When is the alarm's business, and differs between reading a module and serving it.
import { arm, disarm } from 'webstir:prelude/alarm';
import { define } from 'webstir:prelude/define';

const timers = new Map();
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
    const timer = timers.get(this.id);
    if (timer !== undefined) arm(this.id, timer.delay);
    return this;
  }
  close() {
    cancel(this);
    return this;
  }
  [Symbol.toPrimitive]() {
    return this.id;
  }
}

function schedule(callback, delay, values, repeats) {
  if (typeof callback !== 'function') throw new TypeError('The callback of a timer must be a function');
  last += 1;
  timers.set(last, { callback, values, delay, repeats });
  arm(last, delay);
  return new Timeout(last);
}

function wait(delay) {
  const milliseconds = Number(delay);
  return milliseconds >= 1 && milliseconds <= 0x7fffffff ? Math.trunc(milliseconds) : 1;
}

function cancel(timer) {
  if (timer === undefined || timer === null) return;
  const id = Number(timer);
  if (timers.delete(id)) disarm(id);
}

// Called when the alarm of a timer rings.
export function runTimer(id) {
  const timer = timers.get(id);
  if (timer === undefined) return;
  if (timer.repeats) arm(id, timer.delay);
  else timers.delete(id);
  timer.callback(...timer.values);
}

export const setTimeout = (callback, delay, ...values) => schedule(callback, wait(delay), values, false);
export const setInterval = (callback, delay, ...values) => schedule(callback, wait(delay), values, true);
export const setImmediate = (callback, ...values) => schedule(callback, 0, values, false);
export { cancel as clearTimeout, cancel as clearInterval, cancel as clearImmediate };

define(globalThis, {
  setTimeout,
  setInterval,
  setImmediate,
  clearTimeout: cancel,
  clearInterval: cancel,
  clearImmediate: cancel,
});
