// structuredClone.
import { define } from 'webstir:prelude/define';

const errors = { Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError };

function copy(value, seen) {
  if (typeof value === 'function' || typeof value === 'symbol') {
    throw new DOMException(`${String(value)} could not be cloned`, 'DataCloneError');
  }
  if (typeof value !== 'object' || value === null) return value;
  if (seen.has(value)) return seen.get(value);
  const keep = (clone) => {
    seen.set(value, clone);
    return clone;
  };
  const kind = Object.prototype.toString.call(value).slice(8, -1);
  if (value instanceof Date) return keep(new Date(value.getTime()));
  if (value instanceof RegExp) return keep(new RegExp(value.source, value.flags));
  if (value instanceof ArrayBuffer) return keep(value.slice(0));
  if (value instanceof DataView) return keep(new DataView(copy(value.buffer, seen), value.byteOffset, value.byteLength));
  if (ArrayBuffer.isView(value)) {
    return keep(new value.constructor(copy(value.buffer, seen), value.byteOffset, value.length));
  }
  if (['Boolean', 'Number', 'String', 'BigInt'].includes(kind) && value.constructor?.name === kind) {
    return keep(Object(value.valueOf()));
  }
  if (value instanceof Map) {
    const clone = keep(new Map());
    for (const [key, item] of [...value]) clone.set(copy(key, seen), copy(item, seen));
    return clone;
  }
  if (value instanceof Set) {
    const clone = keep(new Set());
    for (const item of [...value]) clone.add(copy(item, seen));
    return clone;
  }
  if (value instanceof Error) {
    const clone = keep(new (errors[value.name] ?? Error)(value.message));
    define(clone, { stack: value.stack });
    if ('cause' in value) define(clone, { cause: copy(value.cause, seen) });
    return clone;
  }
  if (['Promise', 'WeakMap', 'WeakSet', 'WeakRef'].includes(kind)) {
    throw new DOMException(`${kind} could not be cloned`, 'DataCloneError');
  }
  const clone = keep(Array.isArray(value) ? new Array(value.length) : {});
  for (const key of Object.keys(value)) clone[key] = copy(value[key], seen);
  return clone;
}

export function structuredClone(value) {
  if (arguments.length === 0) throw new TypeError('structuredClone takes a value');
  return copy(value, new Map());
}

define(globalThis, { structuredClone });
