// node:util.
import { TextDecoder, TextEncoder } from 'webstir:prelude/encoding';
import { format as formatValues, inspect as inspectValue } from 'webstir:prelude/inspect';

export { TextDecoder, TextEncoder };

export const inspect = (value) => inspectValue(value, 1);
inspect.custom = Symbol.for('nodejs.util.inspect.custom');

export const format = (...values) => formatValues(values);

const custom = Symbol.for('nodejs.util.promisify.custom');

export function promisify(original) {
  if (typeof original !== 'function') throw new TypeError('The "original" argument must be of type function');
  if (original[custom] !== undefined) return original[custom];
  return function (...values) {
    return new Promise((resolve, reject) => {
      original.call(this, ...values, (error, value) => (error ? reject(error) : resolve(value)));
    });
  };
}
promisify.custom = custom;

export function callbackify(original) {
  return function (...values) {
    const callback = values.pop();
    original.apply(this, values).then(
      (value) => queueMicrotask(() => callback(null, value)),
      (error) => queueMicrotask(() => callback(error)),
    );
  };
}

export function inherits(constructor, parent) {
  Object.setPrototypeOf(constructor.prototype, parent.prototype);
}

export const deprecate = (callback) => callback;
export const debuglog = () => Object.assign(() => {}, { enabled: false });

const kind = (value) => Object.prototype.toString.call(value).slice(8, -1);
const isKind = (name) => (value) => kind(value) === name;

export const types = {
  isArrayBuffer: isKind('ArrayBuffer'),
  isAsyncFunction: isKind('AsyncFunction'),
  isDate: (value) => value instanceof Date,
  isGeneratorFunction: isKind('GeneratorFunction'),
  isMap: (value) => value instanceof Map,
  isNativeError: (value) => value instanceof Error,
  isPromise: (value) => value instanceof Promise,
  isRegExp: (value) => value instanceof RegExp,
  isSet: (value) => value instanceof Set,
  isTypedArray: (value) => ArrayBuffer.isView(value) && !(value instanceof DataView),
  isUint8Array: (value) => value instanceof Uint8Array,
  isWeakMap: (value) => value instanceof WeakMap,
  isWeakSet: (value) => value instanceof WeakSet,
};

export default { TextDecoder, TextEncoder, inspect, format, promisify, callbackify, inherits, deprecate, debuglog, types };
