// The globals and the `node:` modules that `webstir serve` offers to a backend module. A tsconfig
// opts in with `"types": ["webstir"]`; a workspace that installs `@types/node` or `@types/bun` and
// names those in `types` never loads these files.

/// <reference path="./web.d.ts" />
/// <reference path="./node.d.ts" />
/// <reference path="./bun.d.ts" />
