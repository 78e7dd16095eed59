// What this workspace serves. The build reads the manifest from `module`, and `webstir serve` mounts
// its routes.

import type { ModuleDefinition } from '@webstir-io/webstir-backend';

import { noStore } from './hooks.js';
import { apiRoutes } from './routes/api.js';
import { pageRoutes } from './routes/page.js';

export const module = {
  manifest: {
    contractVersion: '1.0.0',
    name: 'starter-api',
    version: '0.1.0',
    kind: 'backend',
    capabilities: ['http'],
    requestHooks: [{ id: noStore.id, phase: 'afterHandler', order: 10 }],
    jobs: [
      {
        name: 'nightly',
        schedule: '0 3 * * *',
        description: 'Runs src/backend/jobs/nightly every night at three.',
      },
    ],
  },
  routes: [...pageRoutes, ...apiRoutes],
  requestHooks: [noStore],
} satisfies ModuleDefinition;
