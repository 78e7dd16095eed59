// Keeps what snippets say, as texts in which every difference of two values shows.
const scope = globalThis as any;
const said: Record<string, string[]> = (scope.differential ??= {});

function show(value: any, depth = 0): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'number') return Object.is(value, -0) ? '-0' : String(value);
  if (typeof value === 'function') return 'function';
  if (typeof value !== 'object' || value === null) return String(value);
  if (depth > 5) return '..';
  const each = (values: Iterable<unknown>) => Array.from(values, item => show(item, depth + 1)).join(', ');
  if (Array.isArray(value)) {
    const holes = Array.from(value, (_, index) => (index in value ? show(value[index], depth + 1) : 'hole'));
    const named = Object.keys(value).filter(key => !/^\d+$/.test(key)).map(key => `${key}: ${show((value as any)[key], depth + 1)}`);
    return `[${[...holes, ...named].join(', ')}]`;
  }
  if (value instanceof Date) return `Date ${value.getTime()}`;
  if (value instanceof RegExp) return `${value} at ${value.lastIndex}`;
  if (value instanceof Error) return `${value.name}: ${value.message}`;
  if (value instanceof Map || value instanceof Set) return `${value instanceof Map ? 'Map' : 'Set'} {${each(value as Iterable<unknown>)}}`;
  return `{${Object.keys(value).map(key => `${JSON.stringify(key)}: ${show(value[key], depth + 1)}`).join(', ')}}`;
}

export const recorder = (name: string) => (...values: unknown[]) => {
  (said[name] ??= []).push(values.map(value => show(value)).join(' | '));
};

const metadata = new WeakMap<object, Map<string, unknown>>();
scope.Reflect.metadata ??= (key: string, value: unknown) => (target: object, property?: PropertyKey) => {
  const kept = metadata.get(target) ?? new Map<string, unknown>();
  metadata.set(target, kept.set(`${key} ${String(property)}`, value));
};
export const meta = (key: string, target: object, property?: PropertyKey): any =>
  metadata.get(target)?.get(`${key} ${String(property)}`);
