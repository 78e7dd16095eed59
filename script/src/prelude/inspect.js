// Values as text: the format of the console, and of `inspect`.

const MAX_DEPTH = 4;
const MAX_ENTRIES = 100;

export function inspect(value, depth = 0, above = []) {
  switch (typeof value) {
    case 'string':
      return depth === 0 ? value : `'${value}'`;
    case 'bigint':
      return `${value}n`;
    case 'symbol':
      return value.toString();
    case 'function':
      return `[Function: ${value.name || '(anonymous)'}]`;
    case 'object':
      return value === null ? 'null' : inspectObject(value, depth, above);
    default:
      return String(value);
  }
}

function inspectObject(value, depth, above) {
  if (value instanceof Error) return `${value.name}: ${value.message}\n${value.stack ?? ''}`.trimEnd();
  if (value instanceof Date || value instanceof RegExp) return String(value);
  if (above.includes(value)) return '[Circular]';
  const list = Array.isArray(value);
  if (depth >= MAX_DEPTH) return list ? '[Array]' : '[Object]';
  const inner = (item) => inspect(item, depth + 1, [...above, value]);
  if (list) return `[ ${limited(value, inner)} ]`;
  if (value instanceof Map) {
    return `Map(${value.size}) { ${limited([...value], ([key, item]) => `${inner(key)} => ${inner(item)}`)} }`;
  }
  if (value instanceof Set) return `Set(${value.size}) { ${limited([...value], inner)} }`;
  const keys = Object.keys(value);
  return keys.length === 0 ? '{}' : `{ ${limited(keys, (key) => `${key}: ${inner(value[key])}`)} }`;
}

function limited(items, show) {
  const shown = items.slice(0, MAX_ENTRIES).map(show);
  if (items.length > MAX_ENTRIES) shown.push(`… ${items.length - MAX_ENTRIES} more`);
  return shown.join(', ');
}

// The directives of the console standard.
export function format(values) {
  const rest = [...values];
  const parts = [];
  if (typeof rest[0] === 'string') {
    const template = rest.shift();
    parts.push(
      template.replace(/%[sdifjoOc%]/g, (directive) => {
        if (directive === '%%') return '%';
        if (rest.length === 0) return directive;
        const value = rest.shift();
        if (directive === '%c') return '';
        if (directive === '%d' || directive === '%f') return String(Number(value));
        if (directive === '%i') return String(parseInt(value, 10));
        if (directive === '%j') return JSON.stringify(value);
        return inspect(value, directive === '%s' ? 0 : 1);
      }),
    );
  }
  for (const value of rest) parts.push(inspect(value, typeof value === 'string' ? 0 : 1));
  return parts.join(' ');
}
