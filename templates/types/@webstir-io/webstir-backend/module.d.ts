// What a backend module exports: a manifest, routes, views and request hooks, and the context
// their functions receive. Handlers are declared as methods, so that a handler may name only the
// context members it uses.

import type {
  EnvAccessor,
  Logger,
  ModuleLifecycleHook,
  ModuleManifest,
  RequestHookPhase,
  RouteDefinition,
  SSRContext,
  ViewDefinition,
} from '@webstir-io/module-contract';
import type { RouteHandlerResult } from './runtime/bun.js';
import type { SessionFlashMessage } from './runtime/session.js';

export type {
  EnvAccessor,
  JobDefinition,
  Logger,
  ModuleManifest,
  RequestHookDefinition,
  RequestHookPhase,
  RouteDefinition,
  ViewDefinition,
} from '@webstir-io/module-contract';
export type { RouteError, RouteFragment, RouteHandlerResult } from './runtime/bun.js';
export type { FlashLevel, SessionFlashMessage } from './runtime/session.js';

/** The values a session may hold. A store keeps them as JSON. */
export type SessionData = Record<string, unknown>;

/**
 * The reserved fields of a session object. They are readable but not enumerable, so they appear
 * neither in `Object.keys` nor in JSON; dates are ISO 8601 strings. A new object has none of them
 * until it is committed.
 */
export type SessionFields = {
  id?: string;
  createdAt?: string;
  expiresAt?: string;
};

/** The caller's identity, as established by a bearer token or a service token. */
export interface AuthContext {
  readonly source: 'jwt' | 'service-token';
  /** The raw credential. */
  readonly token: string;
  /** The `sub` claim. */
  readonly userId?: string;
  readonly email?: string;
  readonly name?: string;
  readonly scopes: readonly string[];
  readonly roles: readonly string[];
  /** The verified claims; empty for a service token. */
  readonly claims: Readonly<Record<string, unknown>>;
}

/**
 * What a route handler and a request hook receive. All hooks and the handler of one request share
 * one context object.
 */
export interface RouteContext<TSession extends object = SessionData, TAuth = AuthContext> {
  /** The request. Its body is already read for every method but GET and HEAD; see `body`. */
  readonly request: Request;
  /** An empty response. It is ignored: a handler answers with the result it returns. */
  readonly reply: Response;
  /** The segments captured by `:name` in the route's path. */
  readonly params: Record<string, string>;
  /** The query string, decoded. Of a repeated key the last value is kept. */
  readonly query: Record<string, string>;
  /**
   * The parsed JSON of `application/json` and `+json`; an object of strings, with lists where a
   * field is repeated, for `application/x-www-form-urlencoded`; the same with `File` objects for
   * `multipart/form-data`; bytes for types that are known to be binary; else the text. `undefined`
   * for an empty body, and for GET and HEAD.
   */
  readonly body: unknown;
  /** The caller's identity. A `beforeAuth` hook that sets it replaces the built-in verification. */
  auth: TAuth | undefined;
  /**
   * The visitor's session. The object left here when the handler returns is stored, as JSON: assign
   * a new object to start a session, `null` to end it.
   */
  session: (TSession & SessionFields) | null;
  /** The flash messages this route consumes. */
  readonly flash: readonly SessionFlashMessage[];
  /** Scratch space of this request, empty at first. */
  readonly db: Record<string, unknown>;
  readonly env: EnvAccessor;
  readonly logger: Logger;
  /** The `x-request-id` of the request, else a new UUID. It is sent back in the response. */
  readonly requestId: string;
  /** The current time. */
  readonly now: () => Date;
}

/** A request handler and the definition that mounts it. */
export interface ModuleRoute<TSession extends object = SessionData, TAuth = AuthContext> {
  readonly definition: RouteDefinition;
  /**
   * Schemas of `params`, `query` and `body`: zod, any standard schema, or JSON schema. They are
   * applied before the handler with `validate #true` in `webstir.kdl`; a request that does not
   * match is answered with 400.
   */
  readonly schemas?: unknown;
  /** Answers the request. An exception becomes a 500, and the session is not stored. */
  handler(ctx: RouteContext<TSession, TAuth>): Promise<RouteHandlerResult> | RouteHandlerResult;
}

/** What a request hook learns about where it runs. */
export interface RequestHookInput {
  readonly phase: RequestHookPhase;
  /** The definition of the matched route. */
  readonly route: RouteDefinition;
  /** The result so far. Set in the `afterHandler` phase only. */
  readonly result?: RouteHandlerResult;
}

/**
 * The implementation of a hook that `manifest.requestHooks` declares with its phase and order. It
 * runs for the routes whose `requestHooks` name its id.
 */
export interface ModuleRequestHook<TSession extends object = SessionData, TAuth = AuthContext> {
  readonly id: string;
  /**
   * Before the handler, a returned result ends the request with that result; after it, a returned
   * result replaces the handler's. Return nothing to change nothing.
   */
  handler(
    ctx: RouteContext<TSession, TAuth>,
    input: RequestHookInput,
  ): Promise<RouteHandlerResult | void> | RouteHandlerResult | void;
}

/** What the loader of a request-time view receives. */
export type ViewContext<TSession extends object = SessionData, TAuth = AuthContext> = SSRContext<
  Record<string, string>,
  TAuth | undefined,
  TSession & SessionFields
>;

/** A request-time view: data loaded for a built frontend page. Served for GET and HEAD. */
export interface ModuleView<TSession extends object = SessionData, TAuth = AuthContext> {
  readonly definition: ViewDefinition;
  /** Returns the page's data, which must be serialisable as JSON. */
  load?(context: ViewContext<TSession, TAuth>): unknown;
}

/**
 * What `src/backend/module.ts` exports as `module`.
 *
 * @example
 * export const module = { manifest, routes } satisfies ModuleDefinition;
 */
export interface ModuleDefinition {
  readonly manifest: ModuleManifest;
  /** Matched in this order: the first route that fits wins. */
  readonly routes?: readonly ModuleRoute<any, any>[];
  /** Matched after all routes, in this order. */
  readonly views?: readonly ModuleView<any, any>[];
  readonly requestHooks?: readonly ModuleRequestHook<any, any>[];
  readonly init?: ModuleLifecycleHook;
  readonly dispose?: ModuleLifecycleHook;
}
