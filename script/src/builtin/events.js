// node:events.

const notFunction = (listener) => {
  if (typeof listener !== 'function') throw new TypeError('The "listener" argument must be of type function');
};

export class EventEmitter {
  #listeners = new Map();

  static defaultMaxListeners = 10;
  static EventEmitter = EventEmitter;
  static once = once;

  #add(name, listener, isOnce, isFirst) {
    notFunction(listener);
    this.emit('newListener', name, listener);
    const entries = this.#listeners.get(name) ?? [];
    const entry = { listener, isOnce };
    this.#listeners.set(name, isFirst ? [entry, ...entries] : [...entries, entry]);
    return this;
  }
  on(name, listener) {
    return this.#add(name, listener, false, false);
  }
  addListener(name, listener) {
    return this.on(name, listener);
  }
  once(name, listener) {
    return this.#add(name, listener, true, false);
  }
  prependListener(name, listener) {
    return this.#add(name, listener, false, true);
  }
  prependOnceListener(name, listener) {
    return this.#add(name, listener, true, true);
  }
  off(name, listener) {
    const entries = this.#listeners.get(name) ?? [];
    const at = entries.findLastIndex((entry) => entry.listener === listener);
    if (at === -1) return this;
    const left = entries.toSpliced(at, 1);
    if (left.length === 0) this.#listeners.delete(name);
    else this.#listeners.set(name, left);
    this.emit('removeListener', name, listener);
    return this;
  }
  removeListener(name, listener) {
    return this.off(name, listener);
  }
  removeAllListeners(name) {
    if (name === undefined) this.#listeners.clear();
    else this.#listeners.delete(name);
    return this;
  }
  emit(name, ...values) {
    const entries = this.#listeners.get(name);
    if (entries === undefined) {
      if (name !== 'error') return false;
      throw values[0] instanceof Error ? values[0] : new Error(`Unhandled error. (${String(values[0])})`);
    }
    for (const { listener, isOnce } of entries) {
      if (isOnce) this.off(name, listener);
      listener.apply(this, values);
    }
    return true;
  }
  listeners(name) {
    return (this.#listeners.get(name) ?? []).map((entry) => entry.listener);
  }
  rawListeners(name) {
    return this.listeners(name);
  }
  listenerCount(name) {
    return this.listeners(name).length;
  }
  eventNames() {
    return [...this.#listeners.keys()];
  }
  setMaxListeners() {
    return this;
  }
  getMaxListeners() {
    return EventEmitter.defaultMaxListeners;
  }
}

// The values of the next event; rejects with the next `error`.
export function once(emitter, name) {
  return new Promise((resolve, reject) => {
    const fail = (error) => {
      emitter.off(name, done);
      reject(error);
    };
    const done = (...values) => {
      emitter.off('error', fail);
      resolve(values);
    };
    emitter.once(name, done);
    if (name !== 'error') emitter.once('error', fail);
  });
}

export default EventEmitter;
