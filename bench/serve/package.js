// The package's runtime, without a log of requests.
import { createDefaultBunBackendBootstrap, startBunBackend } from '@webstir-io/webstir-backend/runtime/bun';

const quiet = { info() {}, warn() {}, error() {}, debug() {}, child: () => quiet, with: () => quiet };

const loadEnv = () => ({
  NODE_ENV: 'development',
  PORT: Number(process.env.PORT),
  auth: undefined,
  metrics: undefined,
  http: { bodyLimitBytes: 1 << 20 },
  sessions: { secret: 'a secret of the benchmark', cookieName: 'webstir_session', secure: false, maxAgeSeconds: 86400 },
});

await startBunBackend({
  ...createDefaultBunBackendBootstrap({ importMetaUrl: import.meta.url, loadEnv }),
  createBaseLogger: () => quiet,
});
