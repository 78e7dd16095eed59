// The port: what a script may ask of its host. Each operation is a promise that the host settles.
import { toByteString, viewBytes } from 'webstir:prelude/encoding';
import host from 'webstir:prelude/host';

const pending = new Map();
let last = 0;

const named = { Error, TypeError, RangeError, SyntaxError };

function failure({ name, message, code }) {
  const kind = Object.hasOwn(named, name) ? named[name] : undefined;
  const error = kind === undefined ? new DOMException(message, name) : new kind(message);
  return code === null ? error : Object.defineProperty(error, 'code', { value: code, configurable: true, enumerable: true });
}

// A body crosses to Rust as text, or as a string with one character a byte.
function start(id, name, message, body) {
  if (body === undefined || body === null) host.startOperation(id, name, message, null, false);
  else if (typeof body === 'string') host.startOperation(id, name, message, body.toWellFormed(), false);
  else host.startOperation(id, name, message, toByteString(viewBytes(body)), true);
}

// `signal` is an AbortSignal: the operation is given up when it fires.
export function operation(name, message, body, signal) {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason);
      return;
    }
    last += 1;
    const id = last;
    const abort = () => {
      if (!pending.delete(id)) return;
      host.stopOperation(id);
      reject(signal.reason);
    };
    const stop = () => signal?.removeEventListener('abort', abort);
    pending.set(id, { resolve, reject, stop });
    signal?.addEventListener('abort', abort);
    start(id, String(name), String(message).toWellFormed(), body);
  });
}

export function settleOperation(id, error, message, body) {
  const waiting = pending.get(id);
  if (waiting === undefined) return;
  pending.delete(id);
  waiting.stop();
  if (error === undefined) waiting.resolve([message, body ?? null]);
  else waiting.reject(failure(JSON.parse(error)));
}

// `record` is JSON.
export const log = (level, record) => host.log(String(level), String(record).toWellFormed());

export const port = Object.freeze({ operation, log });
