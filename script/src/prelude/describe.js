// What a module exports, and what a thrown value says, as JSON for Rust. Functions, schemas and cycles never leave the engine.

const { stringify } = JSON;
const { assign, create, defineProperty } = Object;
const { from } = Array;
const NAMES = ['module', 'moduleDefinition', 'default', 'backendModule'];
const MAX_DEPTH = 64;
const MAX_CAUSES = 8;
const MAX_TEXT = 65536;
const DROPPED = Symbol('dropped');

// What leaves the engine is written by JSON.stringify: a `toJSON` that a module put on a prototype must not be seen there.
const record = (members) => assign(create(null), members);
const list = (items, each) => defineProperty(from(items, each), 'toJSON', { value: undefined });

// The oldest Node.js that has what this file and the dispatcher use. Bun and the embedded engine have it.
const OLDEST_NODE = 20;

// Why modules cannot be run here, if so.
export function unsupported() {
  if (globalThis.Bun !== undefined || globalThis.process?.versions?.node === undefined) return undefined;
  const { node } = process.versions;
  if (Number.parseInt(node, 10) >= OLDEST_NODE) return undefined;
  return `Node.js ${node} (${process.execPath}) is too old: modules are run by Node.js ${OLDEST_NODE} or later, or by Bun`;
}

const isObject = (value) => typeof value === 'object' && value !== null;
const isPresent = (value) => value !== null && value !== undefined;
const wellFormed = (text) => String(text).toWellFormed();

function describeSpecial(value) {
  if ('~standard' in value || '_zod' in value || ('_def' in value && typeof value.parse === 'function')) return 'a schema';
  if (value instanceof Map) return 'a Map';
  if (value instanceof Set) return 'a Set';
  if (value instanceof Promise) return 'a Promise';
  if (value instanceof RegExp) return 'a RegExp';
  return undefined;
}

// The data in `value`; what is not data is left out and noted.
function plain(value, path, above, dropped) {
  const drop = (what) => {
    if (dropped.length < 100) dropped.push(record({ path, what }));
    return DROPPED;
  };
  switch (typeof value) {
    case 'string':
      return value.toWellFormed();
    case 'boolean':
      return value;
    case 'number':
      return Number.isFinite(value) ? value : drop('not a finite number');
    case 'undefined':
      return DROPPED;
    case 'function':
      return drop('a function');
    case 'symbol':
      return drop('a symbol');
    case 'bigint':
      return drop('a bigint');
  }
  if (value === null) return null;
  if (above.includes(value)) return drop('a cycle');
  if (above.length >= MAX_DEPTH) return drop('nested too deeply');
  const special = describeSpecial(value);
  if (special !== undefined) return drop(special);
  const inside = [...above, value];
  if (typeof value.toJSON === 'function') return plain(value.toJSON(), path, inside, dropped);
  if (Array.isArray(value)) {
    return list(value, (item, index) => {
      const kept = plain(item, `${path}[${index}]`, inside, dropped);
      return kept === DROPPED ? null : kept;
    });
  }
  const result = create(null);
  for (const key of Object.keys(value)) {
    const name = key.toWellFormed();
    const kept = plain(value[key], path === '' ? name : `${path}.${name}`, inside, dropped);
    if (kept !== DROPPED) result[name] = kept;
  }
  return result;
}

function data(value, path, dropped) {
  const kept = plain(value, path, [], dropped);
  return kept === DROPPED ? null : kept;
}

function entries(values, what, call, dropped) {
  if (!Array.isArray(values)) return null;
  return list(values, (entry, index) =>
    record({
      definition: isObject(entry) ? data(entry.definition, `${what}[${index}].definition`, dropped) : null,
      callable: isObject(entry) && typeof entry[call] === 'function',
    }),
  );
}

const functionName = (value, fallback) => (typeof value === 'function' ? wellFormed(value.name || fallback) : null);

function describeDefinition(value, dropped) {
  const { requestHooks } = value;
  return record({
    manifest: data(value.manifest, 'manifest', dropped),
    routes: entries(value.routes, 'routes', 'handler', dropped),
    views: entries(value.views, 'views', 'load', dropped),
    requestHooks: Array.isArray(requestHooks)
      ? list(requestHooks, (hook) =>
          record({
            id: isObject(hook) && typeof hook.id === 'string' ? hook.id.toWellFormed() : null,
            callable: isObject(hook) && typeof hook.handler === 'function',
          }),
        )
      : null,
    init: functionName(value.init, 'init'),
    dispose: functionName(value.dispose, 'dispose'),
  });
}

export function describeModule(namespace) {
  const dropped = [];
  const picked = NAMES.find((name) => name in namespace && isPresent(namespace[name])) ?? null;
  const value = picked === null ? undefined : namespace[picked];
  const definition = isObject(value) && 'manifest' in value ? describeDefinition(value, dropped) : null;
  const exports = list(Object.keys(namespace), wellFormed);
  return stringify(record({ exports, picked, definition, dropped: list(dropped) }));
}

function attempt(read, fallback) {
  try {
    const value = read();
    return value === undefined ? fallback : value;
  } catch {
    return fallback;
  }
}

function thrown(value, depth) {
  if (!isObject(value) || typeof value.message !== 'string') {
    const message = attempt(() => wellFormed(value), 'a value that cannot be shown').slice(0, MAX_TEXT);
    return record({ name: null, message, stack: '' });
  }
  const cause = attempt(() => value.cause, undefined);
  return record({
    name: attempt(() => wellFormed(value.name), 'Error').slice(0, MAX_TEXT),
    message: attempt(() => wellFormed(value.message), '').slice(0, MAX_TEXT),
    stack: attempt(() => (typeof value.stack === 'string' ? wellFormed(value.stack) : ''), '').slice(0, MAX_TEXT),
    cause: isPresent(cause) && depth < MAX_CAUSES ? thrown(cause, depth + 1) : undefined,
  });
}

export function describeThrown(value) {
  return stringify(
    attempt(() => thrown(value, 0), record({ name: null, message: 'a value that cannot be shown', stack: '' })),
  );
}
