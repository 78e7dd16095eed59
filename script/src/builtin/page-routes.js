// Views that a frontend page serves. Which patterns are sound, in which order they are tried and what they match is said in Rust,
// where the server asks too.
import host from 'webstir:prelude/host';

const text = (value) => (typeof value === 'string' ? value.toWellFormed() : value);

// A part that is no plain text is left to the check.
function declaration(view) {
  if (typeof view !== 'object' || view === null) return null;
  const { page, path, name, renderMode } = view;
  return { page: text(page), path: text(path), name: text(name), renderMode: text(renderMode) };
}

function answer(reply) {
  const { fault, value } = JSON.parse(reply);
  if (fault !== undefined) throw new Error(`[webstir] ${fault}`);
  return value;
}

export const normalizePagePattern = (pattern) =>
  answer(host.normalizePagePattern(typeof pattern === 'string' ? pattern.toWellFormed() : ''));

export const compareSpecificity = (left, right) =>
  host.comparePagePatterns(String(left).toWellFormed(), String(right).toWellFormed());

export const normalizePageRoutes = (views) => answer(host.normalizePageRoutes(JSON.stringify([...views].map(declaration))));

export function matchPageRoute(routes, pathname) {
  let segments;
  try {
    segments = pathname.toWellFormed().split('/').map(decodeURIComponent);
  } catch {
    return undefined;
  }
  const patterns = [...routes].map(({ pattern }) => pattern.toWellFormed());
  const found = answer(host.matchPagePatterns(JSON.stringify(patterns), JSON.stringify(segments)));
  return found === null ? undefined : { route: routes[found.index], params: found.params };
}
