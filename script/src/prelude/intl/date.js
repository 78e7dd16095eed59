// Intl.DateTimeFormat for en-US, in UTC or the time zone of the machine.
import { define } from 'webstir:prelude/define';
import { choose, count, LOCALE, requireLocale, supportedLocalesOf, unsupported } from 'webstir:prelude/intl/locale';

const MONTHS = ['January', 'February', 'March', 'April', 'May', 'June', 'July', 'August', 'September', 'October', 'November', 'December'];
const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
const TEXT = ['long', 'short', 'narrow'];
const NUMBER = ['numeric', '2-digit'];
const DATE_PARTS = { weekday: TEXT, year: NUMBER, month: [...NUMBER, ...TEXT], day: NUMBER };
const TIME_PARTS = { hour: NUMBER, minute: NUMBER, second: NUMBER };
const DATE_STYLES = {
  full: { weekday: 'long', year: 'numeric', month: 'long', day: 'numeric' },
  long: { year: 'numeric', month: 'long', day: 'numeric' },
  medium: { year: 'numeric', month: 'short', day: 'numeric' },
  short: { year: '2-digit', month: 'numeric', day: 'numeric' },
};
const CLOCK = { hour: 'numeric', minute: '2-digit' };
const TIME_STYLES = {
  full: { ...CLOCK, second: '2-digit', timeZoneName: 'long' },
  long: { ...CLOCK, second: '2-digit', timeZoneName: 'short' },
  medium: { ...CLOCK, second: '2-digit' },
  short: CLOCK,
};
const ALL_DATE = { year: 'numeric', month: 'numeric', day: 'numeric' };
const ALL_TIME = { hour: 'numeric', minute: '2-digit', second: '2-digit' };

const two = (number) => String(number).padStart(2, '0');
const number = (value, form) => (form === '2-digit' ? two(value % 100) : String(value));
const name = (names, index, form) => (form === 'long' ? names[index] : names[index].slice(0, form === 'short' ? 3 : 1));

function partsOf(options, needed, defaults) {
  const style = ['dateStyle', 'timeStyle'].filter((key) => options[key] !== undefined);
  const given = {};
  for (const [key, allowed] of Object.entries({ ...DATE_PARTS, ...TIME_PARTS })) {
    const value = choose(options, key, allowed, undefined);
    if (value !== undefined) given[key] = value;
  }
  const isGiven = (parts) => Object.keys(parts).some((key) => key in given);
  const fractionalSecondDigits = count(options, 'fractionalSecondDigits', 1, 3, undefined);
  const timeZoneName = choose(options, 'timeZoneName', ['short', 'long'], undefined);
  for (const key of ['era', 'dayPeriod']) choose(options, key, [], undefined);
  const precise = { ...(fractionalSecondDigits && { fractionalSecondDigits }), ...(timeZoneName && { timeZoneName }) };
  if (style.length > 0) {
    const other = needed === 'date' ? 'timeStyle' : 'dateStyle';
    if (isGiven({ ...DATE_PARTS, ...TIME_PARTS }) || (needed !== 'any' && style.includes(other))) {
      throw new TypeError(`Can't set option ${Object.keys(given)[0] ?? other} when ${style[0]} is used`);
    }
    const date = choose(options, 'dateStyle', Object.keys(DATE_STYLES), undefined);
    const time = choose(options, 'timeStyle', Object.keys(TIME_STYLES), undefined);
    return { ...DATE_STYLES[date], ...TIME_STYLES[time] };
  }
  const wanted = { date: DATE_PARTS, time: TIME_PARTS, any: { ...DATE_PARTS, ...TIME_PARTS } }[needed];
  return isGiven(wanted) ? { ...given, ...precise } : { ...given, ...defaults, ...precise };
}

function formatDate({ weekday, year, month, day }, at) {
  const dayName = weekday === undefined ? undefined : name(DAYS, at.weekday, weekday);
  const [years, days] = [year && number(at.year, year), day && number(at.day, day)];
  if (month === undefined) {
    if (year !== undefined && day !== undefined) throw unsupported('date with a year and a day but no month');
    return [years, days, dayName].filter((part) => part !== undefined).join(' ');
  }
  const isText = TEXT.includes(month);
  if (dayName !== undefined && day === undefined) throw unsupported('date with a weekday and a month but no day');
  const shown = isText ? name(MONTHS, at.month, month) : number(at.month + 1, month);
  let date;
  if (!isText) date = [shown, days, years].filter((part) => part !== undefined).join('/');
  else if (days === undefined) date = [shown, years].filter((part) => part !== undefined).join(' ');
  else date = `${shown} ${days}${years === undefined ? '' : `, ${years}`}`;
  return dayName === undefined ? date : `${dayName}, ${date}`;
}

function formatTime({ hour, minute, second, fractionalSecondDigits }, at, is24) {
  const parts = [];
  if (hour !== undefined) parts.push(is24 ? two(at.hour) : number(at.hour % 12 || 12, hour));
  if (minute !== undefined) parts.push(hour === undefined && second === undefined ? String(at.minute) : two(at.minute));
  if (second !== undefined) {
    const seconds = parts.length === 0 ? String(at.second) : two(at.second);
    const fraction = fractionalSecondDigits === undefined ? '' : String(at.millisecond).padStart(3, '0').slice(0, fractionalSecondDigits);
    parts.push(fraction === '' ? seconds : `${seconds}.${fraction}`);
  }
  const half = hour === undefined || is24 ? '' : at.hour < 12 ? ' AM' : ' PM';
  return parts.join(':') + half;
}

function fields(date, isUtc) {
  const get = (part) => date[`get${isUtc ? 'UTC' : ''}${part}`]();
  return {
    year: get('FullYear'),
    month: get('Month'),
    day: get('Date'),
    weekday: get('Day'),
    hour: get('Hours'),
    minute: get('Minutes'),
    second: get('Seconds'),
    millisecond: get('Milliseconds'),
    zone: isUtc ? 0 : date.getTimezoneOffset(),
  };
}

function zoneText(form, zone) {
  if (zone !== 0) throw unsupported('names of time zones other than UTC');
  return form === 'long' ? 'Coordinated Universal Time' : 'UTC';
}

class Formatter {
  constructor(locales, options, needed, defaults) {
    requireLocale(locales);
    const zone = options.timeZone === undefined ? undefined : String(options.timeZone).toUpperCase();
    if (zone !== undefined && !['UTC', 'ETC/UTC', 'GMT', 'ETC/GMT'].includes(zone)) {
      throw unsupported(`time zone "${options.timeZone}", only UTC and that of the machine`);
    }
    this.isUtc = zone !== undefined;
    const cycle = choose(options, 'hourCycle', ['h12', 'h23'], 'h12');
    // Without `hour12` the day starts at 00:00, never at 24:00 (ECMA-402 since 2023).
    this.is24 = options.hour12 === undefined ? cycle === 'h23' : !options.hour12;
    this.parts = partsOf(options, needed, defaults);
  }
  format(date) {
    const at = fields(date, this.isUtc);
    const { parts } = this;
    const [day, time] = [formatDate(parts, at), formatTime(parts, at, this.is24)];
    const zone = parts.timeZoneName === undefined ? '' : zoneText(parts.timeZoneName, at.zone);
    const clock = [time, zone].filter((text) => text !== '').join(' ');
    const between = parts.month === 'long' ? ' at ' : parts.month ?? parts.year ?? parts.day ? ', ' : ' ';
    return [day, clock].filter((text) => text !== '').join(between);
  }
}

function instant(value) {
  const date = value === undefined ? new Date() : new Date(value);
  if (Number.isNaN(date.getTime())) throw new RangeError('Invalid time value');
  return date;
}

export class DateTimeFormat {
  #formatter;
  constructor(locales, options = {}) {
    this.#formatter = new Formatter(locales, options, 'any', ALL_DATE);
    define(this, { format: (value) => this.#formatter.format(instant(value)) });
  }
  static supportedLocalesOf(locales) {
    return supportedLocalesOf(locales);
  }
  resolvedOptions() {
    const { parts, isUtc, is24 } = this.#formatter;
    const zone = isUtc || new Date().getTimezoneOffset() === 0 ? 'UTC' : (globalThis.process.env.TZ ?? 'UTC');
    const cycle = parts.hour === undefined ? {} : { hourCycle: is24 ? 'h23' : 'h12', hour12: !is24 };
    return { locale: LOCALE, calendar: 'gregory', numberingSystem: 'latn', timeZone: zone, ...cycle, ...parts };
  }
}

const toText = (needed, defaults) =>
  function (locales, options = {}) {
    const formatter = new Formatter(locales, options, needed, defaults);
    return Number.isNaN(this.getTime()) ? 'Invalid Date' : formatter.format(this);
  };
define(Date.prototype, {
  toLocaleString: toText('any', { ...ALL_DATE, ...ALL_TIME }),
  toLocaleDateString: toText('date', ALL_DATE),
  toLocaleTimeString: toText('time', ALL_TIME),
});
