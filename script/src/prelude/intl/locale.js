// The one locale of the embedded engine. Whatever needs another is told where it can be had.
import { log } from 'webstir:prelude/console';

export const LOCALE = 'en-US';
const ADVICE = 'set `engine "worker"` in webstir.kdl for the full Intl';
let warned = false;

export function requireLocale(locales) {
  const [wanted] = locales === undefined ? [LOCALE] : [locales].flat();
  if (wanted === undefined || /^en(?:-US)?$/i.test(String(wanted)) || warned) return;
  warned = true;
  log('warn', [`The embedded engine formats for "${LOCALE}" only, not for "${wanted}": ${ADVICE}`]);
}

export function unsupported(what) {
  return new RangeError(`The embedded engine has no ${what}: ${ADVICE}`);
}

// The value of an option, which must be one of `allowed`.
export function choose(options, name, allowed, fallback) {
  const value = options[name];
  if (value === undefined) return fallback;
  if (!allowed.includes(String(value))) throw unsupported(`\`${name}: ${String(value)}\``);
  return String(value);
}

export function count(options, name, least, most, fallback) {
  const value = options[name];
  if (value === undefined) return fallback;
  const number = Math.floor(Number(value));
  if (!(number >= least && number <= most)) throw new RangeError(`${name} value is out of range.`);
  return number;
}

export const supportedLocalesOf = (locales) => [locales ?? []].flat().filter((locale) => /^en(?:-US)?$/i.test(String(locale)));
