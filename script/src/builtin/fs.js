// node:fs, read only but for directories: every question goes to the engine, which records it. Nothing outside of the workspace is
// there.
import { Buffer } from 'webstir:prelude/buffer';
import host from 'webstir:prelude/host';
import { ROOT } from 'webstir:prelude/process';
import { URL } from 'webstir:prelude/url';
import { resolve } from 'webstir:node/path';
import { fileURLToPath } from 'webstir:node/url';

const MESSAGES = {
  ENOENT: [-2, 'no such file or directory'],
  ENOTDIR: [-20, 'not a directory'],
  EISDIR: [-21, 'illegal operation on a directory'],
  EROFS: [-30, 'read-only file system'],
};

function failure(code, syscall, path) {
  const [errno, text] = MESSAGES[code];
  return Object.assign(new Error(`${code}: ${text}, ${syscall} '${path}'`), { errno, code, syscall, path });
}

function absolute(path) {
  if (path instanceof URL) return fileURLToPath(path);
  if (Buffer.isBuffer(path)) return resolve(path.toString());
  if (typeof path !== 'string') throw new TypeError('The "path" argument must be of type string or an instance of Buffer or URL');
  return resolve(path);
}

// The path as the engine knows it; undefined outside of the workspace.
function inside(path) {
  if (path === ROOT) return '';
  return path.startsWith(`${ROOT}/`) ? path.slice(ROOT.length + 1) : undefined;
}

function kindOf(path) {
  const place = inside(path);
  if (place === undefined) return ROOT.startsWith(path === '/' ? path : `${path}/`) ? 'directory' : 'absent';
  return host.fileKind(place);
}

const encodingOf = (options) => (typeof options === 'string' ? options : options?.encoding) ?? null;

export function readFileSync(path, options) {
  const place = absolute(path);
  const bytes = inside(place) === undefined ? undefined : host.readFile(inside(place));
  if (bytes === undefined || bytes === null) {
    throw failure(kindOf(place) === 'directory' ? 'EISDIR' : 'ENOENT', kindOf(place) === 'directory' ? 'read' : 'open', place);
  }
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const encoding = encodingOf(options);
  return encoding === null || encoding === 'buffer' ? buffer : buffer.toString(encoding);
}

export function existsSync(path) {
  try {
    return kindOf(absolute(path)) !== 'absent';
  } catch (error) {
    if (error instanceof TypeError) return false;
    throw error;
  }
}

// What files and entries of directories answer alike. Links are followed before.
class Kind {
  constructor(kind) {
    Object.defineProperty(this, 'kind', { value: kind });
  }
  isFile() {
    return this.kind === 'file';
  }
  isDirectory() {
    return this.kind === 'directory';
  }
  isSymbolicLink() {
    return false;
  }
}

export class Stats extends Kind {
  constructor(kind, size) {
    super(kind);
    const epoch = new Date(0);
    Object.assign(this, { size, mode: kind === 'directory' ? 0o40755 : 0o100644, mtimeMs: 0, ctimeMs: 0, atimeMs: 0 });
    Object.assign(this, { mtime: epoch, ctime: epoch, atime: epoch, birthtime: epoch, nlink: 1, uid: 0, gid: 0 });
  }
}

export function statSync(path, options) {
  const place = absolute(path);
  const kind = kindOf(place);
  if (kind === 'absent') {
    if (options?.throwIfNoEntry === false) return undefined;
    throw failure('ENOENT', 'stat', place);
  }
  return new Stats(kind, kind === 'file' ? host.readFile(inside(place)).length : 0);
}

export class Dirent extends Kind {
  constructor(name, parentPath, kind) {
    super(kind);
    Object.assign(this, { name, parentPath, path: parentPath });
  }
}

export function readdirSync(path, options) {
  const place = absolute(path);
  const kind = kindOf(place);
  if (kind !== 'directory' || inside(place) === undefined) {
    throw failure(kind === 'file' ? 'ENOTDIR' : 'ENOENT', 'scandir', place);
  }
  const found = [];
  const collect = (directory, prefix) => {
    for (const [name, entryKind] of JSON.parse(host.listDirectory(inside(directory)) ?? '[]')) {
      found.push(options?.withFileTypes ? new Dirent(name, directory, entryKind) : prefix + name);
      if (options?.recursive && entryKind === 'directory') collect(`${directory}/${name}`, `${prefix}${name}/`);
    }
  };
  collect(place, '');
  return found;
}

export function accessSync(path, mode = 0) {
  const place = absolute(path);
  if (kindOf(place) === 'absent') throw failure('ENOENT', 'access', place);
  if (mode & constants.W_OK) throw failure('EROFS', 'access', place);
}

export function realpathSync(path) {
  const place = absolute(path);
  if (kindOf(place) === 'absent') throw failure('ENOENT', 'lstat', place);
  return place;
}

export const lstatSync = statSync;
export const constants = { F_OK: 0, X_OK: 1, W_OK: 2, R_OK: 4 };

const refuse = (syscall) => (path) => {
  throw failure('EROFS', syscall, path instanceof URL ? path.href : String(path));
};

export const writeFileSync = refuse('open');
export const appendFileSync = refuse('open');
export const copyFileSync = refuse('copyfile');
export const cpSync = refuse('cp');

// Only with all that lead to it, and only while a request is served: where a database is to lie.
export function mkdirSync(path, options) {
  const place = absolute(path);
  if (options?.recursive !== true) throw failure('EROFS', 'mkdir', place);
  if (kindOf(place) !== 'directory' && host.makeDirectory?.(place) !== true) throw failure('EROFS', 'mkdir', place);
}

export const mkdtempSync = refuse('mkdtemp');
export const renameSync = refuse('rename');
export const rmSync = refuse('rm');
export const rmdirSync = refuse('rmdir');
export const unlinkSync = refuse('unlink');
export const symlinkSync = refuse('symlink');
export const linkSync = refuse('link');
export const chmodSync = refuse('chmod');
export const utimesSync = refuse('utime');
export const truncateSync = refuse('open');
export const openSync = refuse('open');
export const createReadStream = refuse('open');
export const createWriteStream = refuse('open');
export const watch = refuse('watch');

const later = (call) => async (...values) => call(...values);

export const promises = {
  readFile: later(readFileSync),
  stat: later(statSync),
  lstat: later(lstatSync),
  readdir: later(readdirSync),
  access: later(accessSync),
  realpath: later(realpathSync),
  writeFile: later(writeFileSync),
  appendFile: later(appendFileSync),
  copyFile: later(copyFileSync),
  cp: later(cpSync),
  mkdir: later(mkdirSync),
  mkdtemp: later(mkdtempSync),
  rename: later(renameSync),
  rm: later(rmSync),
  rmdir: later(rmdirSync),
  unlink: later(unlinkSync),
  symlink: later(symlinkSync),
  open: later(openSync),
  constants,
};

const withCallback = (call) => (...values) => {
  const callback = values.pop();
  call(...values).then(
    (value) => callback(null, value),
    (error) => callback(error),
  );
};

export const readFile = withCallback(promises.readFile);
export const writeFile = withCallback(promises.writeFile);
export const stat = withCallback(promises.stat);
export const lstat = stat;
export const readdir = withCallback(promises.readdir);
export const access = withCallback(promises.access);
export const mkdir = withCallback(promises.mkdir);
export const unlink = withCallback(promises.unlink);
export const rm = withCallback(promises.rm);

export default {
  readFileSync,
  existsSync,
  statSync,
  lstatSync,
  readdirSync,
  accessSync,
  realpathSync,
  writeFileSync,
  appendFileSync,
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  rmdirSync,
  unlinkSync,
  symlinkSync,
  linkSync,
  chmodSync,
  utimesSync,
  truncateSync,
  openSync,
  createReadStream,
  createWriteStream,
  watch,
  readFile,
  writeFile,
  stat,
  lstat,
  readdir,
  access,
  mkdir,
  unlink,
  rm,
  promises,
  constants,
  Stats,
  Dirent,
};
