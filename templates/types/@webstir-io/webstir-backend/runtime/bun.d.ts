// The packaged server: what an entry file passes to start it, and the result a handler returns.
// `webstir serve` has its own server and never calls these functions; they serve an entry file that
// is run directly with the npm package installed.

import type { SessionCookieConfig, SessionStore } from './session.js';

/** One error of a failed request. */
export interface RouteError {
  code: string;
  message: string;
  details?: unknown;
}

/** A piece of HTML for one element of the page that sent the request. */
export interface RouteFragment {
  /** The name of the region to update; not blank. */
  target: string;
  /** A CSS selector for the element, when the target's name is not enough. */
  selector?: string;
  /** How the body is placed. The client replaces when it is missing. */
  mode?: 'replace' | 'append' | 'prepend';
  body: unknown;
}

/**
 * What a handler returns. At most one of `redirect`, `errors` and a payload is sent, in this order
 * of precedence; the payload is `fragment.body`, else `body`.
 */
export interface RouteHandlerResult {
  /** Default: 303 with `redirect`, 400 with `errors`, else 200. */
  status?: number;
  headers?: Record<string, string>;
  /**
   * A string or an `Html` is sent as `text/html`, a `Buffer` as bytes, anything else as JSON,
   * unless `headers` names another content type.
   */
  body?: unknown;
  redirect?: { location: string };
  fragment?: RouteFragment;
  errors?: RouteError[];
}

/** The log of the packaged server: the value first, the message after it. */
export interface RuntimeLogger {
  child(bindings: Record<string, unknown>): RuntimeLogger;
  info(value: unknown, message?: string): void;
  warn(value: unknown, message?: string): void;
  error(value: unknown, message?: string): void;
}

/** Receives one record a request, and answers `GET /metrics` with its snapshot. */
export interface MetricsTracker {
  record(metric: { method: string; route: string; status: number; durationMs: number }): void;
  snapshot(): unknown;
}

/** The settings the packaged server reads once, at its start. */
export interface BunRuntimeEnvLike<TAuthConfig = unknown, TMetricsConfig = unknown> {
  NODE_ENV: string;
  PORT: number;
  auth: TAuthConfig;
  metrics: TMetricsConfig;
  /** Larger request bodies are answered with 413. */
  http: { bodyLimitBytes: number };
  sessions: SessionCookieConfig;
}

/** Everything the packaged server needs. */
export interface BunRuntimeBootstrapOptions<
  TEnv extends BunRuntimeEnvLike = BunRuntimeEnvLike,
  TLogger extends RuntimeLogger = RuntimeLogger,
  TSession extends Record<string, unknown> = Record<string, unknown>,
  TAuth = unknown,
  TMetricsTracker extends MetricsTracker = MetricsTracker,
> {
  /** `import.meta.url` of the entry file; `module.js` is looked for beside it. */
  importMetaUrl: string;
  /** Names of the module file to try, in this order. */
  moduleCandidates?: readonly string[];
  loadEnv(): TEnv;
  resolveWorkspaceRoot(): string;
  resolveRequestAuth(
    request: Request,
    auth: TEnv['auth'],
    logger?: { warn?(message: string, metadata?: Record<string, unknown>): void },
  ): Promise<TAuth | undefined>;
  createBaseLogger(env: TEnv): TLogger;
  createMetricsTracker(config: TEnv['metrics']): TMetricsTracker;
  sessionStore: SessionStore<TSession>;
}

/** The same, where everything but `importMetaUrl` and `loadEnv` has a default. */
export interface DefaultBunBackendBootstrapOptions<
  TEnv extends BunRuntimeEnvLike = BunRuntimeEnvLike,
  TLogger extends RuntimeLogger = RuntimeLogger,
  TSession extends Record<string, unknown> = Record<string, unknown>,
  TAuth = unknown,
  TMetricsTracker extends MetricsTracker = MetricsTracker,
> extends Partial<BunRuntimeBootstrapOptions<TEnv, TLogger, TSession, TAuth, TMetricsTracker>> {
  importMetaUrl: string;
  loadEnv(): TEnv;
}

/** Starts the packaged server. Resolves when it listens. */
export declare function startBunBackend<
  TEnv extends BunRuntimeEnvLike,
  TLogger extends RuntimeLogger,
  TSession extends Record<string, unknown>,
  TAuth,
  TMetricsTracker extends MetricsTracker,
>(
  options: BunRuntimeBootstrapOptions<TEnv, TLogger, TSession, TAuth, TMetricsTracker>,
): Promise<void>;

/** Fills the defaults: plain-text log, sessions in memory, no authentication, no metrics. */
export declare function createDefaultBunBackendBootstrap<
  TEnv extends BunRuntimeEnvLike,
  TLogger extends RuntimeLogger = RuntimeLogger,
  TSession extends Record<string, unknown> = Record<string, unknown>,
  TAuth = unknown,
  TMetricsTracker extends MetricsTracker = MetricsTracker,
>(
  options: DefaultBunBackendBootstrapOptions<TEnv, TLogger, TSession, TAuth, TMetricsTracker>,
): BunRuntimeBootstrapOptions<TEnv, TLogger, TSession, TAuth, TMetricsTracker>;
