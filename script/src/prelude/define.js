// Globals are defined as a browser or Node defines them: writable, configurable, not enumerable.
export function define(target, members) {
  for (const [name, value] of Object.entries(members)) {
    Object.defineProperty(target, name, { value, writable: true, configurable: true, enumerable: false });
  }
}
