// performance: the monotonic clock; marks are not kept.
import { START, sinceStart } from 'webstir:prelude/clock';
import { define } from 'webstir:prelude/define';

export const performance = {};
define(performance, {
  timeOrigin: START,
  now: sinceStart,
  mark: (name) => ({ name, entryType: 'mark', startTime: sinceStart(), duration: 0 }),
  measure: (name) => ({ name, entryType: 'measure', startTime: sinceStart(), duration: 0 }),
  clearMarks() {},
  clearMeasures() {},
  getEntries: () => [],
  getEntriesByName: () => [],
  getEntriesByType: () => [],
  toJSON: () => ({ timeOrigin: START }),
});

define(globalThis, { performance });
