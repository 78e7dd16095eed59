// @webstir-io/webstir-backend/runtime/views.

// The server renders views itself: it holds the documents.
export function renderRequestTimeView() {
  throw new Error('`renderRequestTimeView` is only available while a request is served');
}

const normalized = (path) => `/${(path ?? '').replace(/^\//, '').replace(/\/$/, '')}`;

// `:name` takes one or more characters other than a slash; everything else is literal.
function matcher(pattern) {
  const names = [];
  const source = pattern
    .split(/(:[A-Za-z0-9_]+)/)
    .map((part, index) => {
      if (index % 2 === 0) return part.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
      names.push(part.slice(1));
      return '([^/]+)';
    })
    .join('');
  const expression = new RegExp(`^${source}$`);
  return (pathname) => {
    const found = expression.exec(normalized(pathname));
    const params = {};
    if (found !== null) names.forEach((name, index) => (params[name] = decoded(found[index + 1])));
    return { matched: found !== null, params };
  };
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

export function compileViews(views) {
  return views.map(({ definition, load }) => {
    const pathPattern = normalized(definition?.path);
    return { name: definition?.name ?? pathPattern, pathPattern, definition, load, match: matcher(pathPattern) };
  });
}

export function matchView(views, pathname) {
  for (const view of views) {
    const { matched, params } = view.match(pathname);
    if (matched) return { view, params };
  }
  return undefined;
}

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

function escapeHere(text) {
  return /[&<>"']/.test(text) ? text.replace(/[&<>"']/g, (character) => ESCAPES[character]) : text;
}

// The embedded engine escapes in Rust.
const escapeText = globalThis[Symbol.for('webstir.escapeHtml')] ?? escapeHere;

export const escapeHtml = (value) => escapeText(String(value));
export const raw = (text) => new Html(String(text));

function markup(value) {
  if (typeof value === 'string') return escapeText(value);
  if (value === null || value === undefined || value === false) return '';
  if (typeof value === 'number') return `${value}`;
  if (value instanceof Html) return value.toString();
  if (Array.isArray(value)) return value.map(markup).join('');
  return escapeText(String(value));
}

export function html(strings, ...values) {
  const parts = [strings[0]];
  for (let index = 0; index < values.length; index += 1) parts.push(markup(values[index]), strings[index + 1]);
  return new Html(parts.join(''));
}
