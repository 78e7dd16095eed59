// The functions that Rust lends to the prelude. The global is gone before any module of the user runs.
const host = globalThis.__webstirHost;
delete globalThis.__webstirHost;

export default host;
