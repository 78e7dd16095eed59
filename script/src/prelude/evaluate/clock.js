// Time stands still at one instant and moves only when the evaluation waits for a timer. The time zone is UTC, whatever the machine says.
import { define } from 'webstir:prelude/define';

export const START = 1704067200000; // 2024-01-01T00:00:00Z
const Native = globalThis.Date;
const { prototype, parse: parseNative, UTC } = Native;
const { construct } = Reflect;
let elapsed = 0;

export const now = () => START + elapsed;
export const sinceStart = () => elapsed;
export function advance(milliseconds) {
  elapsed += milliseconds;
}

const ZONE = /(?:Z|UTC|GMT|[ECMP][SD]T|[+-]\d\d:?\d\d)\s*(?:\(.*\))?$/i;
const DATE_ONLY = /^[+-]?\d{4,6}(?:-\d\d(?:-\d\d)?)?$/;
const ISO = /^[+-]?\d{4,6}-\d\d-\d\dT[\d:.,]+$/;

// A text without a zone means local time, and local time is UTC here.
function parse(value) {
  const text = String(value).trim();
  if (ZONE.test(text) || DATE_ONLY.test(text)) return parseNative(text);
  return parseNative(text + (ISO.test(text) ? 'Z' : ' GMT'));
}

function instant(values) {
  if (values.length === 0) return now();
  if (values.length > 1) return UTC(...values);
  const [value] = values;
  if (value instanceof Date) return prototype.getTime.call(value);
  const primitive = typeof value === 'object' && value !== null ? toPrimitive(value) : value;
  return typeof primitive === 'string' ? parse(primitive) : Number(primitive);
}

function toPrimitive(object) {
  const convert = object[Symbol.toPrimitive];
  if (convert !== undefined && convert !== null) return convert.call(object, 'default');
  const value = object.valueOf();
  return typeof value === 'object' ? String(object) : value;
}

function Date(...values) {
  if (new.target === undefined) return new Date().toString();
  return construct(Native, [instant(values)], new.target);
}
Object.defineProperty(Date, 'length', { value: 7, configurable: true });
Object.defineProperty(Date, 'prototype', { value: prototype, writable: false });
define(Date, { now, parse, UTC });

const parts = ['FullYear', 'Month', 'Date', 'Hours', 'Minutes', 'Seconds', 'Milliseconds'];
for (const part of parts) {
  define(prototype, { [`get${part}`]: prototype[`getUTC${part}`], [`set${part}`]: prototype[`setUTC${part}`] });
}

const days = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const two = (number) => String(number).padStart(2, '0');
const clockText = (date) => [date.getUTCHours(), date.getUTCMinutes(), date.getUTCSeconds()].map(two).join(':');
const isInvalid = (date) => Number.isNaN(prototype.getTime.call(date));

function yearText(date) {
  const year = date.getUTCFullYear();
  return year < 0 ? `-${String(-year).padStart(6, '0')}` : String(year).padStart(4, '0');
}

const orInvalid = (format) =>
  function () {
    return isInvalid(this) ? 'Invalid Date' : format(this);
  };
const dateText = (date) =>
  `${days[date.getUTCDay()]} ${months[date.getUTCMonth()]} ${two(date.getUTCDate())} ${yearText(date)}`;
const timeText = (date) => `${clockText(date)} GMT+0000 (Coordinated Universal Time)`;
const localeDate = (date) => `${date.getUTCMonth() + 1}/${date.getUTCDate()}/${date.getUTCFullYear()}`;
function localeTime(date) {
  const hours = date.getUTCHours();
  return `${hours % 12 || 12}:${two(date.getUTCMinutes())}:${two(date.getUTCSeconds())} ${hours < 12 ? 'AM' : 'PM'}`;
}

define(prototype, {
  constructor: Date,
  getDay: prototype.getUTCDay,
  getYear() {
    return this.getUTCFullYear() - 1900;
  },
  setYear(year) {
    const number = Math.trunc(Number(year));
    return this.setUTCFullYear(number >= 0 && number <= 99 ? number + 1900 : number);
  },
  getTimezoneOffset() {
    return isInvalid(this) ? NaN : 0;
  },
  toString: orInvalid((date) => `${dateText(date)} ${timeText(date)}`),
  toDateString: orInvalid(dateText),
  toTimeString: orInvalid(timeText),
  toLocaleString: orInvalid((date) => `${localeDate(date)}, ${localeTime(date)}`),
  toLocaleDateString: orInvalid(localeDate),
  toLocaleTimeString: orInvalid(localeTime),
});

define(globalThis, { Date });
