// Alarms without waiting: they ring, earliest first, only while the module itself still waits for something, and move the clock.
import { advance, now } from 'webstir:prelude/clock';

const alarms = new Map();

export function arm(id, milliseconds) {
  alarms.set(id, now() + milliseconds);
}

export const disarm = (id) => alarms.delete(id);

// The id of the next alarm; undefined when there is none.
export function takeNextAlarm() {
  let next;
  for (const [id, due] of alarms) {
    if (next === undefined || due < next.due) next = { id, due };
  }
  if (next === undefined) return undefined;
  alarms.delete(next.id);
  if (next.due > now()) advance(next.due - now());
  return next.id;
}
