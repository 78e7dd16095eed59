// The entry of the packaged npm server: `bun build/backend/index.js`, with
// `@webstir-io/webstir-backend` installed. `webstir serve` has its own server; it loads `module.js`
// and the settings of `.env`, and never runs this file.

import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';

import {
  createDefaultBunBackendBootstrap,
  startBunBackend,
  type BunRuntimeEnvLike,
} from '@webstir-io/webstir-backend';

export async function start(): Promise<void> {
  await startBunBackend(
    createDefaultBunBackendBootstrap({ importMetaUrl: import.meta.url, loadEnv }),
  );
}

function loadEnv(): BunRuntimeEnvLike {
  const production = process.env.NODE_ENV === 'production';
  const secret = process.env.SESSION_SECRET?.trim();
  if (production && !secret) {
    throw new Error('SESSION_SECRET is required when NODE_ENV=production.');
  }
  return {
    NODE_ENV: process.env.NODE_ENV ?? 'development',
    PORT: Number(process.env.PORT) || 4000,
    auth: undefined,
    metrics: undefined,
    http: { bodyLimitBytes: 1024 * 1024 },
    sessions: {
      secret: secret || randomBytes(32).toString('hex'),
      cookieName: 'webstir_session',
      secure: production,
      maxAgeSeconds: 24 * 60 * 60,
    },
  };
}

// Importing the file, as a test does, starts nothing.
if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await start();
}
