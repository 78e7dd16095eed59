// node:path, POSIX rules on every machine.
const SEPARATOR = '/';

function text(value, name) {
  if (typeof value !== 'string') throw new TypeError(`The "${name}" argument must be of type string`);
  return value;
}

// Drops `.` and resolves `..`; above a relative start `..` is kept.
function reduce(path, absolute) {
  const parts = [];
  for (const part of path.split(SEPARATOR)) {
    if (part === '' || part === '.') continue;
    if (part !== '..') parts.push(part);
    else if (parts.length > 0 && parts.at(-1) !== '..') parts.pop();
    else if (!absolute) parts.push('..');
  }
  return parts.join(SEPARATOR);
}

export const sep = SEPARATOR;
export const delimiter = ':';
export const isAbsolute = (path) => text(path, 'path').startsWith(SEPARATOR);
export const toNamespacedPath = (path) => path;

export function normalize(path) {
  if (text(path, 'path') === '') return '.';
  const absolute = isAbsolute(path);
  const reduced = reduce(path, absolute);
  const tail = reduced !== '' && path.endsWith(SEPARATOR) ? SEPARATOR : '';
  if (absolute) return SEPARATOR + reduced + tail;
  return reduced === '' ? (path.endsWith(SEPARATOR) ? './' : '.') : reduced + tail;
}

export function join(...paths) {
  const joined = paths.filter((path) => text(path, 'path') !== '').join(SEPARATOR);
  return joined === '' ? '.' : normalize(joined);
}

export function resolve(...paths) {
  let resolved = '';
  for (const path of [process.cwd(), ...paths]) {
    if (text(path, 'path') === '') continue;
    resolved = isAbsolute(path) ? path : `${resolved}${SEPARATOR}${path}`;
  }
  return SEPARATOR + reduce(resolved, true);
}

export function relative(from, to) {
  const start = resolve(text(from, 'from')).split(SEPARATOR).filter(Boolean);
  const end = resolve(text(to, 'to')).split(SEPARATOR).filter(Boolean);
  let common = 0;
  while (common < start.length && common < end.length && start[common] === end[common]) common += 1;
  return [...start.slice(common).map(() => '..'), ...end.slice(common)].join(SEPARATOR);
}

const withoutTail = (path) => path.replace(/\/+$/, '');

export function dirname(path) {
  if (text(path, 'path') === '') return '.';
  const trimmed = withoutTail(path);
  const at = trimmed.lastIndexOf(SEPARATOR);
  if (at === -1) return trimmed === '' ? SEPARATOR : '.';
  return trimmed.slice(0, at) || SEPARATOR;
}

export function basename(path, suffix) {
  if (text(path, 'path') === suffix) return '';
  const base = withoutTail(path).split(SEPARATOR).at(-1);
  if (suffix === undefined || base === suffix || !base.endsWith(text(suffix, 'suffix'))) return base;
  return base.slice(0, base.length - suffix.length);
}

export function extname(path) {
  const base = basename(path);
  const at = base.lastIndexOf('.');
  return at <= 0 || base === '..' ? '' : base.slice(at);
}

export function parse(path) {
  const base = basename(path);
  const ext = extname(path);
  const root = isAbsolute(path) ? SEPARATOR : '';
  const dir = base === '' || !withoutTail(path).includes(SEPARATOR) ? root : dirname(path);
  return { root, dir, base, ext, name: ext === '' ? base : base.slice(0, -ext.length) };
}

export function format({ root = '', dir, base, name = '', ext = '' }) {
  const extension = ext === '' || ext.startsWith('.') ? ext : `.${ext}`;
  const file = base || name + extension;
  if (!dir) return root + file;
  return dir === root ? dir + file : dir + SEPARATOR + file;
}

const path = {
  sep,
  delimiter,
  isAbsolute,
  toNamespacedPath,
  normalize,
  join,
  resolve,
  relative,
  dirname,
  basename,
  extname,
  parse,
  format,
};
path.posix = path;

export const posix = path;
export default path;
