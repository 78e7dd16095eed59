// Sessions and flash messages: the record a store keeps, the store itself, and what a route declares
// about both. The server loads and stores the session of a request; a module uses `ctx.session`.

export type FlashLevel = 'info' | 'success' | 'warning' | 'error';

/** When a flash message is published: a result with errors or a status from 400 on is an error. */
export type FlashPublishCondition = 'always' | 'success' | 'error';

/** A flash message, delivered once. It has no text: the page that shows it chooses the words. */
export interface SessionFlashMessage {
  key: string;
  level: FlashLevel;
  /** ISO 8601. */
  createdAt: string;
}

/** The session cookie: `<id>.<signature>`, HttpOnly. */
export interface SessionCookieConfig {
  /** The key of the signature. */
  secret: string;
  cookieName: string;
  secure: boolean;
  /** The lifetime of a session, counted from its start. */
  maxAgeSeconds: number;
  /** Default: `/`. */
  path?: string;
  /** Default: `Lax`. */
  sameSite?: 'Lax' | 'Strict' | 'None';
}

/** `required` answers 401 when there is no session. */
export interface RouteSessionDefinitionLike {
  mode?: 'optional' | 'required';
  write?: boolean;
}

/** A flash message a route publishes. */
export interface RouteFlashMessageDefinitionLike {
  key?: string;
  /** Default: `error` for an error outcome, else `info`. */
  level?: FlashLevel;
  /** Default: `always`. */
  when?: FlashPublishCondition;
}

/** The keys a route shows, and the messages it leaves for the next page. */
export interface RouteFlashDefinitionLike {
  consume?: readonly string[];
  publish?: readonly RouteFlashMessageDefinitionLike[];
}

export interface RouteFormDefinitionLike {
  session?: RouteSessionDefinitionLike;
  flash?: RouteFlashDefinitionLike;
}

/** The part of a route definition that sessions depend on. */
export interface SessionAwareRouteDefinitionLike {
  session?: RouteSessionDefinitionLike;
  flash?: RouteFlashDefinitionLike;
  form?: RouteFormDefinitionLike;
}

/** The session of one request, between loading and storing. */
export interface PreparedSessionState<TSession, TResult> {
  session: TSession | null;
  /** The messages delivered to this request. */
  flash: SessionFlashMessage[];
  commit(options: {
    session: TSession | null;
    route?: SessionAwareRouteDefinitionLike;
    result?: TResult;
    /** Default: true. */
    publishFlash?: boolean;
  }): SessionCommitResult<TSession>;
}

export interface SessionCommitResult<TSession> {
  session: TSession | null;
  /** The `Set-Cookie` header, when the cookie changes. */
  setCookie?: string;
}

/** The form state and the undelivered flash messages of a session. */
export interface SessionStoreRuntimeState {
  form?: {
    /** The outstanding tokens of each form, oldest first. Older versions kept one. */
    csrf: Record<string, string | string[]>;
    states: Record<
      string,
      {
        values: Record<string, string | string[]>;
        issues: { code?: 'validation' | 'auth' | 'csrf'; field?: string; message: string }[];
        createdAt: string;
      }
    >;
  };
  flash?: SessionFlashMessage[];
}

/** A stored session. Dates are ISO 8601. */
export interface SessionStoreRecord<
  TSession extends Record<string, unknown> = Record<string, unknown>,
> {
  id: string;
  value: TSession;
  /** Read for records of older versions; new ones keep it in `runtime`. */
  flash?: SessionFlashMessage[];
  runtime?: SessionStoreRuntimeState;
  createdAt: string;
  expiresAt: string;
}

/** Where sessions are kept. */
export interface SessionStore<TSession extends Record<string, unknown> = Record<string, unknown>> {
  get(sessionId: string): SessionStoreRecord<TSession> | undefined;
  set(record: SessionStoreRecord<TSession>): void;
  delete(sessionId: string): void;
}

/** A store that forgets when the process ends. */
export interface InMemorySessionStore<
  TSession extends Record<string, unknown> = Record<string, unknown>,
> extends SessionStore<TSession> {
  clear(): void;
}

/** Loads the session a cookie names. */
export declare function prepareSessionState<
  TSession extends Record<string, unknown>,
  TResult extends { status?: number; errors?: unknown; fragment?: unknown },
>(options: {
  /** A `Cookie` header, or the cookies parsed from it. */
  cookies?: Record<string, string> | string | string[];
  route?: SessionAwareRouteDefinitionLike;
  config: SessionCookieConfig;
  /** Default: one store for the process. */
  store?: SessionStore<TSession>;
  now?: () => Date;
}): PreparedSessionState<TSession, TResult>;

/** Parses a `Cookie` header. Of a repeated name the last value is kept. */
export declare function parseCookieHeader(
  header: string | string[] | undefined,
): Record<string, string>;

export declare function createInMemorySessionStore<
  TSession extends Record<string, unknown> = Record<string, unknown>,
>(): InMemorySessionStore<TSession>;

/** Empties a store; without an argument, the one of the process. */
export declare function resetInMemorySessionStore(
  store?: InMemorySessionStore<Record<string, unknown>>,
): void;
