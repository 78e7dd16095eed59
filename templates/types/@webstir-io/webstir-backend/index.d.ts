// The package root: the types a module definition is written with, and the entry points of the
// packaged server. The types live in `./module.js`; at run time the root exports only the two
// functions of `./runtime/bun.js`.

export * from './module.js';
export { createDefaultBunBackendBootstrap, startBunBackend } from './runtime/bun.js';
export type {
  BunRuntimeEnvLike,
  DefaultBunBackendBootstrapOptions,
  MetricsTracker,
  RuntimeLogger,
} from './runtime/bun.js';
