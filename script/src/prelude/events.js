// EventTarget, AbortController and AbortSignal.
import { define } from 'webstir:prelude/define';
import { setTimeout } from 'webstir:prelude/timers';

export class Event {
  #stopped = false;
  constructor(type, { bubbles = false, cancelable = false } = {}) {
    define(this, { type: String(type), bubbles, cancelable, defaultPrevented: false, target: null });
  }
  get stopped() {
    return this.#stopped;
  }
  preventDefault() {
    if (this.cancelable) define(this, { defaultPrevented: true });
  }
  stopPropagation() {}
  stopImmediatePropagation() {
    this.#stopped = true;
  }
}

export class EventTarget {
  #listeners = new Map();

  addEventListener(type, listener, options) {
    if (listener === null || listener === undefined) return;
    const list = this.#listeners.get(String(type)) ?? [];
    if (!list.some((entry) => entry.listener === listener)) {
      list.push({ listener, once: typeof options === 'object' && Boolean(options?.once) });
    }
    this.#listeners.set(String(type), list);
  }
  removeEventListener(type, listener) {
    const list = this.#listeners.get(String(type)) ?? [];
    this.#listeners.set(
      String(type),
      list.filter((entry) => entry.listener !== listener),
    );
  }
  dispatchEvent(event) {
    define(event, { target: this });
    const handler = this[`on${event.type}`];
    if (typeof handler === 'function') handler.call(this, event);
    for (const { listener, once } of [...(this.#listeners.get(event.type) ?? [])]) {
      if (event.stopped) break;
      if (once) this.removeEventListener(event.type, listener);
      if (typeof listener === 'function') listener.call(this, event);
      else listener.handleEvent(event);
    }
    return !event.defaultPrevented;
  }
}

let abort;

export class AbortSignal extends EventTarget {
  #reason;
  #aborted = false;
  onabort = null;

  static {
    abort = (signal, reason = new DOMException('This operation was aborted', 'AbortError')) => {
      if (signal.#aborted) return;
      signal.#aborted = true;
      signal.#reason = reason;
      signal.dispatchEvent(new Event('abort'));
    };
  }

  static abort(reason) {
    const signal = new AbortSignal();
    abort(signal, reason);
    return signal;
  }
  static timeout(milliseconds) {
    const signal = new AbortSignal();
    setTimeout(() => abort(signal, new DOMException('The operation timed out', 'TimeoutError')), milliseconds);
    return signal;
  }
  static any(signals) {
    const result = new AbortSignal();
    for (const signal of signals) {
      if (signal.aborted) abort(result, signal.reason);
      else signal.addEventListener('abort', () => abort(result, signal.reason));
    }
    return result;
  }
  get aborted() {
    return this.#aborted;
  }
  get reason() {
    return this.#reason;
  }
  throwIfAborted() {
    if (this.#aborted) throw this.#reason;
  }
}

export class AbortController {
  #signal = new AbortSignal();
  get signal() {
    return this.#signal;
  }
  abort(reason) {
    abort(this.#signal, reason);
  }
}

define(globalThis, { Event, EventTarget, AbortSignal, AbortController });
