// @webstir-io/webstir-backend/runtime/views.
import { unavailable } from 'webstir:backend/unavailable';

export const compileViews = unavailable('compileViews');
export const matchView = unavailable('matchView');
export const renderRequestTimeView = unavailable('renderRequestTimeView');

export function toHeaderRecord(headers) {
  const record = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) record[name.toLowerCase()] = Array.isArray(value) ? value.join(', ') : value;
  }
  return record;
}

// Markup that is not escaped again.
class Html {
  #text;
  constructor(text) {
    this.#text = text;
  }
  toString() {
    return this.#text;
  }
}

const ESCAPES = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

export const escapeHtml = (value) => String(value).replace(/[&<>"']/g, (character) => ESCAPES[character]);
export const raw = (text) => new Html(String(text));

function markup(value) {
  if (value === null || value === undefined || value === false) return '';
  if (value instanceof Html) return value.toString();
  if (Array.isArray(value)) return value.map(markup).join('');
  return escapeHtml(value);
}

export function html(strings, ...values) {
  let text = strings[0];
  values.forEach((value, index) => {
    text += markup(value) + strings[index + 1];
  });
  return new Html(text);
}
