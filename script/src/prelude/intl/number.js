// Intl.NumberFormat for en-US: decimal, percent and currency, standard and compact.
import { define } from 'webstir:prelude/define';
import { choose, count, LOCALE, requireLocale, supportedLocalesOf, unsupported } from 'webstir:prelude/intl/locale';

const CURRENCIES = { USD: ['$', 2], EUR: ['€', 2], GBP: ['£', 2], JPY: ['¥', 0] };
const SUFFIXES = { 0: '', 3: 'K', 6: 'M', 9: 'B', 12: 'T' };

// The shortest decimal that is the number: `digits`, with the point after `point` of them.
function decimal(number) {
  if (typeof number === 'bigint') {
    const text = String(number < 0n ? -number : number);
    return { digits: text === '0' ? '' : text, point: text === '0' ? 0 : text.length };
  }
  const [mantissa, exponent] = Math.abs(number).toExponential().split('e');
  const digits = mantissa.replace('.', '').replace(/0+$/, '');
  return { digits, point: digits === '' ? 0 : Number(exponent) + 1 };
}

// Keeps `kept` digits, half away from zero.
function round({ digits, point }, kept) {
  if (kept >= digits.length) return { digits, point };
  if (kept < 0) return { digits: '', point: 0 };
  const up = digits[kept] >= '5';
  let left = digits.slice(0, kept);
  if (up) {
    let at = left.length - 1;
    while (at >= 0 && left[at] === '9') at -= 1;
    if (at < 0) return { digits: '1', point: point + 1 };
    left = left.slice(0, at) + String(Number(left[at]) + 1);
  }
  left = left.replace(/0+$/, '');
  return { digits: left, point: left === '' ? 0 : point };
}

const group = (text) => text.replace(/\B(?=(?:\d{3})+$)/g, ',');

function digitOptions(options, isCompact, currencyDigits, style) {
  if (options.minimumSignificantDigits !== undefined || options.maximumSignificantDigits !== undefined) {
    const least = count(options, 'minimumSignificantDigits', 1, 21, 1);
    return { significant: [least, count(options, 'maximumSignificantDigits', least, 21, 21)] };
  }
  const given = options.minimumFractionDigits !== undefined || options.maximumFractionDigits !== undefined;
  if (isCompact && !given) return { compact: true };
  const standard = style === 'currency' ? [currencyDigits, currencyDigits] : style === 'percent' ? [0, 0] : [0, 3];
  const [lower, upper] = isCompact ? [0, 0] : standard;
  const asked = count(options, 'maximumFractionDigits', 0, 100, undefined);
  const least = count(options, 'minimumFractionDigits', 0, 100, Math.min(lower, asked ?? lower));
  const most = asked ?? Math.max(upper, least);
  if (least > most) throw new RangeError('maximumFractionDigits value is out of range.');
  return { fraction: [least, most] };
}

function roundTo(value, rules) {
  if (rules.significant !== undefined) return round(value, rules.significant[1]);
  if (rules.compact) return round(value, Math.max(value.point, 2));
  return round(value, value.point + rules.fraction[1]);
}

export class NumberFormat {
  #rules;
  #style;
  #currency;
  #notation;
  #integer;
  #grouping;
  #sign;

  constructor(locales, options = {}) {
    requireLocale(locales);
    this.#style = choose(options, 'style', ['decimal', 'percent', 'currency'], 'decimal');
    this.#notation = choose(options, 'notation', ['standard', 'compact'], 'standard');
    choose(options, 'compactDisplay', ['short'], 'short');
    choose(options, 'currencyDisplay', ['symbol', 'narrowSymbol'], 'symbol');
    choose(options, 'currencySign', ['standard'], 'standard');
    choose(options, 'roundingMode', ['halfExpand'], 'halfExpand');
    if (this.#style === 'currency') {
      if (options.currency === undefined) throw new TypeError('Currency code is required with currency style.');
      const code = String(options.currency).toUpperCase();
      if (!Object.hasOwn(CURRENCIES, code)) throw unsupported(`\`currency: ${code}\``);
      this.#currency = code;
    }
    this.#integer = count(options, 'minimumIntegerDigits', 1, 21, 1);
    this.#sign = choose(options, 'signDisplay', ['auto', 'always', 'exceptZero', 'never'], 'auto');
    const isCompact = this.#notation === 'compact';
    this.#grouping = choose(options, 'useGrouping', ['true', 'false', 'auto', 'always', 'min2'], isCompact ? 'min2' : 'auto');
    this.#rules = digitOptions(options, isCompact, CURRENCIES[this.#currency]?.[1], this.#style);
    define(this, { format: (value) => this.#format(typeof value === 'bigint' ? value : Number(value)) });
  }

  static supportedLocalesOf(locales) {
    return supportedLocalesOf(locales);
  }

  resolvedOptions() {
    return {
      locale: LOCALE,
      numberingSystem: 'latn',
      style: this.#style,
      ...(this.#currency === undefined ? {} : { currency: this.#currency }),
      minimumIntegerDigits: this.#integer,
      ...(this.#rules.fraction && { minimumFractionDigits: this.#rules.fraction[0], maximumFractionDigits: this.#rules.fraction[1] }),
      notation: this.#notation,
      signDisplay: this.#sign,
    };
  }

  #format(value) {
    const isNegative = typeof value === 'bigint' ? value < 0n : value < 0 || Object.is(value, -0);
    const { text, isZero } = this.#magnitude(value);
    const symbol = this.#currency === undefined ? '' : CURRENCIES[this.#currency][0];
    return this.#signFor(isNegative, isZero || Number.isNaN(value)) + symbol + text + (this.#style === 'percent' ? '%' : '');
  }

  #signFor(isNegative, isZero) {
    if (this.#sign === 'never' || (this.#sign === 'exceptZero' && isZero)) return '';
    if (isNegative) return '-';
    return this.#sign === 'auto' ? '' : '+';
  }

  #magnitude(value) {
    if (Number.isNaN(value)) return { text: 'NaN', isZero: false };
    if (value === Infinity || value === -Infinity) return { text: '∞', isZero: false };
    const exact = decimal(value);
    if (this.#style === 'percent' && exact.digits !== '') exact.point += 2;
    let power = this.#notation === 'compact' ? powerOf(exact) : 0;
    let rounded = roundTo({ ...exact, point: exact.point - power }, this.#rules);
    if (this.#notation === 'compact' && rounded.point === 4 && power < 12) {
      power += 3;
      rounded = roundTo({ ...exact, point: exact.point - power }, this.#rules);
    }
    return { text: this.#digits(rounded) + SUFFIXES[power], isZero: rounded.digits === '' };
  }

  #digits({ digits, point }) {
    const whole = point > 0 ? digits.slice(0, point).padEnd(point, '0') : '0';
    const fraction = point > 0 ? digits.slice(point) : digits === '' ? '' : '0'.repeat(-point) + digits;
    const { significant, fraction: limits } = this.#rules;
    const shown = Math.max(0, (significant?.[0] ?? 0) - Math.max(point, digits === '' ? 1 : point));
    const padded = fraction.padEnd(limits?.[0] ?? shown, '0');
    const integer = whole.padStart(this.#integer, '0');
    const isGrouped = this.#grouping !== 'false' && !(this.#grouping === 'min2' && integer.length < 5);
    return (isGrouped ? group(integer) : integer) + (padded === '' ? '' : `.${padded}`);
  }
}

const powerOf = ({ point }) => Math.max(0, Math.min(12, 3 * Math.floor((point - 1) / 3)));

const toLocaleString = (type) => ({
  toLocaleString(locales, options) {
    return new NumberFormat(locales, options).format(type.valueOf.call(this));
  },
});
define(Number.prototype, toLocaleString(Number.prototype));
define(BigInt.prototype, toLocaleString(BigInt.prototype));
