// console: lines go to the log of the mode.
import { define } from 'webstir:prelude/define';
import { format } from 'webstir:prelude/inspect';
import { write } from 'webstir:prelude/log';

export function log(level, values) {
  write(level, format(values).toWellFormed());
}

const counts = new Map();
const at = (level) => (...values) => log(level, values);
const nothing = () => {};

export const console = {
  log: at('info'),
  info: at('info'),
  debug: at('debug'),
  trace: at('debug'),
  warn: at('warn'),
  error: at('error'),
  dir: (value) => log('info', [value]),
  dirxml: at('info'),
  table: (value) => log('info', [value]),
  assert(condition, ...values) {
    if (!condition) log('error', ['Assertion failed', ...values]);
  },
  count(label = 'default') {
    counts.set(label, (counts.get(label) ?? 0) + 1);
    log('info', [`${label}: ${counts.get(label)}`]);
  },
  countReset: (label = 'default') => void counts.delete(label),
  group: at('info'),
  groupCollapsed: at('info'),
  groupEnd: nothing,
  time: nothing,
  timeEnd: nothing,
  timeLog: nothing,
  clear: nothing,
};

define(globalThis, { console });
