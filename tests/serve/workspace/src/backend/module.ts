import { hookDefinitions, hookRoutes, hooks } from './hooks.js';
import { bodyRoutes } from './routes/bodies.js';
import { contextRoutes } from './routes/context.js';
import { faultRoutes } from './routes/faults.js';
import { formRoutes } from './routes/forms.js';
import { pathRoutes } from './routes/paths.js';
import { platformRoutes } from './routes/platform.js';
import { resultRoutes } from './routes/results.js';
import { sessionRoutes } from './routes/sessions.js';
import { streamRoutes } from './routes/streams.js';
import { views } from './views.js';

export const module = {
  manifest: {
    contractVersion: '1.0.0',
    name: 'conformance',
    version: '1.2.3',
    kind: 'backend',
    capabilities: ['http', 'auth'],
    requestHooks: hookDefinitions,
    routes: [{ name: 'listed only', method: 'GET', path: '/listed/only' }],
  },
  routes: [
    ...pathRoutes,
    ...bodyRoutes,
    ...contextRoutes,
    ...resultRoutes,
    ...sessionRoutes,
    ...formRoutes,
    ...hookRoutes,
    ...streamRoutes,
    ...platformRoutes,
    ...faultRoutes,
  ],
  views,
  requestHooks: hooks,
};
