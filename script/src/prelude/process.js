// process: the same on every machine, with the environment values that were given and no others.
import { sinceStart } from 'webstir:prelude/clock';
import { log } from 'webstir:prelude/console';
import { define } from 'webstir:prelude/define';
import host from 'webstir:prelude/host';

export const ROOT = host.root;

export const queueMicrotask = (callback) => {
  if (typeof callback !== 'function') throw new TypeError('queueMicrotask takes a function');
  Promise.resolve().then(() => callback());
};

const stream = (level) => ({
  isTTY: false,
  columns: 80,
  write(text) {
    log(level, [String(text).replace(/\n$/, '')]);
    return true;
  },
});

function hrtime(since) {
  const total = sinceStart() - (since === undefined ? 0 : since[0] * 1e3 + since[1] / 1e6);
  return [Math.floor(total / 1e3), (total % 1e3) * 1e6];
}
hrtime.bigint = () => BigInt(sinceStart()) * 1000000n;

function exit(code) {
  throw new Error(`process.exit(${code ?? ''}) is not available ${host.occasion}`);
}

const same = () => process;

export const process = {
  title: 'webstir',
  version: 'v20.18.1',
  versions: { node: '20.18.1' },
  release: { name: 'node' },
  platform: 'linux',
  arch: 'x64',
  pid: 1,
  ppid: 0,
  argv: ['webstir', `${ROOT}/.webstir/module`],
  argv0: 'webstir',
  execPath: 'webstir',
  execArgv: [],
  exitCode: undefined,
  env: Object.assign(Object.create(null), JSON.parse(host.environment)),
  stdin: { isTTY: false, on: same, once: same, resume: same, pause: same },
  stdout: stream('info'),
  stderr: stream('error'),
  cwd: () => ROOT,
  chdir() {
    throw new Error(`process.chdir() is not available ${host.occasion}`);
  },
  exit,
  abort: exit,
  uptime: () => sinceStart() / 1e3,
  hrtime,
  memoryUsage: () => ({ rss: 0, heapTotal: 0, heapUsed: 0, external: 0, arrayBuffers: 0 }),
  nextTick: (callback, ...values) => queueMicrotask(() => callback(...values)),
  emitWarning: (warning) => log('warn', [warning?.message ?? warning]),
  on: same,
  once: same,
  off: same,
  addListener: same,
  removeListener: same,
  removeAllListeners: same,
  emit: () => false,
  listeners: () => [],
  listenerCount: () => 0,
};

define(globalThis, { process, queueMicrotask, global: globalThis });
