// Views that a frontend page serves: which patterns are sound, in which order they are tried, what they match.
const STATIC = /^[A-Za-z0-9._~-]+$/;
const PARAM = /^:[A-Za-z0-9_]+$/;
const FILE_NAME = /\.[A-Za-z0-9]+$/;

const segmentsOf = (path) => path.split('/').filter((segment) => segment !== '');
const isParam = (segment) => segment.startsWith(':');

function wrong(pattern, reason) {
  return new Error(`[webstir] Page view path "${pattern}" ${reason}`);
}

export function normalizePagePattern(pattern) {
  if (typeof pattern !== 'string' || !pattern.startsWith('/')) throw wrong(pattern, 'must start with "/"');
  const segments = segmentsOf(pattern);
  if (segments.length === 0) throw wrong(pattern, 'must name at least one segment');
  const params = new Set();
  for (const segment of segments) {
    if (isParam(segment) ? !PARAM.test(segment) : !STATIC.test(segment) || segment === '.' || segment === '..') {
      throw wrong(pattern, `has the invalid segment "${segment}"`);
    }
    if (isParam(segment) && params.has(segment)) throw wrong(pattern, `repeats "${segment}"`);
    if (isParam(segment)) params.add(segment);
  }
  const last = segments.at(-1);
  if (!isParam(last) && FILE_NAME.test(last)) throw wrong(pattern, 'must not end in a file name');
  return `/${segments.join('/')}`;
}

export function compareSpecificity(left, right) {
  const [one, other] = [segmentsOf(left), segmentsOf(right)];
  if (one.length !== other.length) return one.length - other.length;
  for (let index = 0; index < one.length; index += 1) {
    if (isParam(one[index]) !== isParam(other[index])) return isParam(one[index]) ? 1 : -1;
  }
  return 0;
}

export function normalizePageRoutes(views) {
  const routes = [];
  const shapes = new Map();
  for (const view of views) {
    if (typeof view !== 'object' || view === null || view.page === undefined) continue;
    if (view.renderMode !== undefined && view.renderMode !== 'spa') continue;
    if (typeof view.page !== 'string' || view.page.trim() === '') throw wrong(view.path, 'must name its page');
    const page = view.page.trim();
    const pattern = normalizePagePattern(view.path);
    const shape = segmentsOf(pattern).map((segment) => (isParam(segment) ? ':' : segment)).join('/');
    const claimed = shapes.get(shape);
    if (claimed !== undefined && claimed !== page) throw wrong(pattern, `is claimed by the pages "${claimed}" and "${page}"`);
    shapes.set(shape, page);
    routes.push({ page, pattern, ...(typeof view.name === 'string' ? { name: view.name } : {}) });
  }
  return routes.sort((left, right) => compareSpecificity(left.pattern, right.pattern));
}

function decodeSegments(pathname) {
  try {
    const segments = segmentsOf(pathname).map(decodeURIComponent);
    return segments.some((segment) => segment === '.' || segment === '..' || segment.includes('/')) ? undefined : segments;
  } catch {
    return undefined;
  }
}

export function matchPageRoute(routes, pathname) {
  const segments = decodeSegments(pathname);
  if (segments === undefined) return undefined;
  for (const route of routes) {
    const pattern = segmentsOf(route.pattern);
    if (pattern.length !== segments.length) continue;
    if (!pattern.every((segment, index) => isParam(segment) || segment === segments[index])) continue;
    const params = {};
    pattern.forEach((segment, index) => {
      if (isParam(segment)) params[segment.slice(1)] = segments[index];
    });
    return { route, params };
  }
  return undefined;
}
