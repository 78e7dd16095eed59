// The contract of a module: the manifest, the context of its functions, and functions that give a
// definition its types. At run time the module exports `CONTRACT_VERSION`, `createModule`,
// `defineRoute` and `defineView`. Schemas are described by their shape, so that those of zod fit
// without being named here.

import type {
  FragmentUpdateMode,
  ModuleError,
  ModuleManifest,
  RedirectStatus,
  RouteDefinition,
  ViewDefinition,
} from './manifest.js';

export type * from './manifest.js';

export declare const CONTRACT_VERSION: '1.0.0';

// Schemas

/** A schema object, for instance of zod: its output type and a function that validates. */
export interface Schema<TOutput = unknown> {
  readonly _output: TOutput;
  parse(data: unknown): TOutput;
}

/** Any schema. */
export type AnySchema = Schema<any>;

/** The output type of a schema; an object without keys when there is no schema. */
export type InferOrNever<TSchema extends AnySchema | undefined> = TSchema extends AnySchema
  ? TSchema['_output']
  : Record<string, never>;

// The context

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal';

/** A structured log: the message, and values to go with it. */
export interface Logger {
  readonly level: LogLevel;
  log(level: LogLevel, message: string, metadata?: Record<string, unknown>): void;
  debug(message: string, metadata?: Record<string, unknown>): void;
  info(message: string, metadata?: Record<string, unknown>): void;
  warn(message: string, metadata?: Record<string, unknown>): void;
  error(message: string, metadata?: Record<string, unknown>): void;
  /** A logger that adds the bindings to every record. */
  with(bindings: Record<string, unknown>): Logger;
}

/** Reads environment variables. */
export interface EnvAccessor {
  get(name: string): string | undefined;
  /** Throws when the variable is not set. */
  require(name: string): string;
  entries(): Record<string, string | undefined>;
}

/** What every handler receives. `RouteContext` of the backend package has all of its members. */
export interface RequestContext<
  TRequest = unknown,
  TReply = unknown,
  TAuth = unknown,
  TSession = unknown,
  TDatabase = unknown,
  TEnv extends EnvAccessor = EnvAccessor,
  TLogger extends Logger = Logger,
> {
  readonly request: TRequest;
  readonly reply: TReply;
  readonly auth: TAuth;
  readonly session: TSession | null;
  readonly db: TDatabase;
  readonly env: TEnv;
  readonly logger: TLogger;
  readonly requestId: string;
  readonly now: () => Date;
}

/** What the loader of a request-time view receives. */
export interface SSRContext<
  TParams = Record<string, string>,
  TAuth = unknown,
  TSession = unknown,
  TEnv extends EnvAccessor = EnvAccessor,
  TLogger extends Logger = Logger,
> {
  readonly url: URL;
  readonly params: TParams;
  readonly cookies: Record<string, string>;
  /** Names in lower case; repeated headers are joined with `, `. */
  readonly headers: Record<string, string>;
  readonly auth: TAuth;
  readonly session: TSession | null;
  readonly env: TEnv;
  readonly logger: TLogger;
  readonly requestId?: string;
  readonly now: () => Date;
}

export interface ModuleLifecycleContext {
  readonly env: EnvAccessor;
  readonly logger: Logger;
}

/** Runs once, before the first request (`init`) or after the last (`dispose`). */
export type ModuleLifecycleHook = (context: ModuleLifecycleContext) => Promise<void> | void;

// Routes and views with their code

/** Schemas for the types of a handler. The runtime does not enforce them. */
export interface RouteSchemas<
  TParams extends AnySchema | undefined,
  TQuery extends AnySchema | undefined,
  TBody extends AnySchema | undefined,
  TResponse extends AnySchema,
> {
  readonly params?: TParams;
  readonly query?: TQuery;
  readonly body?: TBody;
  readonly headers?: AnySchema;
  readonly response: TResponse;
  readonly errors?: readonly AnySchema[];
}

export type RouteHandlerContext<
  TContext extends RequestContext,
  TParams extends AnySchema | undefined,
  TQuery extends AnySchema | undefined,
  TBody extends AnySchema | undefined,
> = TContext & {
  readonly params: InferOrNever<TParams>;
  readonly query: InferOrNever<TQuery>;
  readonly body: InferOrNever<TBody>;
};

export interface RouteBodyResponse<TResponse extends AnySchema> {
  readonly status?: number;
  readonly body: TResponse['_output'];
  readonly headers?: Record<string, string>;
}

export type RouteSuccessResponse<TResponse extends AnySchema> = RouteBodyResponse<TResponse>;

export interface RouteFragmentResponse<TResponse extends AnySchema> {
  readonly status?: number;
  readonly fragment: {
    readonly target: string;
    readonly selector?: string;
    readonly mode?: FragmentUpdateMode;
    readonly body: TResponse['_output'];
  };
  readonly headers?: Record<string, string>;
}

export interface RouteRedirectResponse {
  /** Default: 303. */
  readonly status?: RedirectStatus;
  readonly redirect: { readonly location: string };
  readonly headers?: Record<string, string>;
}

export interface RouteErrorResponse {
  /** Default: 400. */
  readonly status?: number;
  readonly errors: readonly ModuleError[];
  readonly headers?: Record<string, string>;
}

export type RouteNavigationResult<TResponse extends AnySchema> =
  RouteBodyResponse<TResponse> | RouteRedirectResponse | RouteErrorResponse;

export type RouteMutationResult<TResponse extends AnySchema> =
  RouteNavigationResult<TResponse> | RouteFragmentResponse<TResponse>;

export type RouteHandlerResult<TResponse extends AnySchema> = RouteMutationResult<TResponse>;

export type RouteHandler<
  TContext extends RequestContext,
  TParams extends AnySchema | undefined,
  TQuery extends AnySchema | undefined,
  TBody extends AnySchema | undefined,
  TResponse extends AnySchema,
> = (
  context: RouteHandlerContext<TContext, TParams, TQuery, TBody>,
) => Promise<RouteHandlerResult<TResponse>> | RouteHandlerResult<TResponse>;

/** A route whose handler is typed by schemas. */
export interface RouteSpec<
  TContext extends RequestContext = RequestContext,
  TParams extends AnySchema | undefined = undefined,
  TQuery extends AnySchema | undefined = undefined,
  TBody extends AnySchema | undefined = undefined,
  TResponse extends AnySchema = AnySchema,
> {
  readonly definition: RouteDefinition;
  readonly schemas: RouteSchemas<TParams, TQuery, TBody, TResponse>;
  readonly handler: RouteHandler<TContext, TParams, TQuery, TBody, TResponse>;
}

export type LooseRouteSpec<TContext extends RequestContext = RequestContext> = RouteSpec<
  TContext,
  AnySchema | undefined,
  AnySchema | undefined,
  AnySchema | undefined,
  AnySchema
>;

export type ViewLoaderContext<
  TContext extends SSRContext,
  TParams extends AnySchema | undefined,
> = TContext & {
  readonly params: InferOrNever<TParams>;
};

export type ViewLoader<
  TContext extends SSRContext,
  TParams extends AnySchema | undefined,
  TData extends AnySchema,
> = (context: ViewLoaderContext<TContext, TParams>) => Promise<TData['_output']> | TData['_output'];

/** A view whose loader is typed by schemas. */
export interface ViewSpec<
  TContext extends SSRContext = SSRContext,
  TParams extends AnySchema | undefined = undefined,
  TData extends AnySchema = AnySchema,
> {
  readonly definition: ViewDefinition;
  readonly params?: TParams;
  readonly data: TData;
  readonly load: ViewLoader<TContext, TParams, TData>;
}

export type LooseViewSpec<TContext extends SSRContext = SSRContext> = ViewSpec<
  TContext,
  AnySchema | undefined,
  AnySchema
>;

/** A module whose routes and views are typed by schemas. */
export interface ModuleDefinition<
  TRequestContext extends RequestContext = RequestContext,
  TSSRContext extends SSRContext = SSRContext,
  TRoutes extends readonly LooseRouteSpec<TRequestContext>[] =
    readonly LooseRouteSpec<TRequestContext>[],
  TViews extends readonly LooseViewSpec<TSSRContext>[] = readonly LooseViewSpec<TSSRContext>[],
> {
  readonly manifest: ModuleManifest;
  readonly routes?: TRoutes;
  readonly views?: TViews;
  /** The code of the hooks that `manifest.requestHooks` declares. */
  readonly requestHooks?: readonly {
    readonly id: string;
    readonly handler: (context: any, input: any) => unknown;
  }[];
  readonly init?: ModuleLifecycleHook;
  readonly dispose?: ModuleLifecycleHook;
}

/** Returns the route; gives its handler the types of the schemas. */
export declare function defineRoute<
  TContext extends RequestContext,
  TParams extends AnySchema | undefined = undefined,
  TQuery extends AnySchema | undefined = undefined,
  TBody extends AnySchema | undefined = undefined,
  TResponse extends AnySchema = AnySchema,
>(
  spec: RouteSpec<TContext, TParams, TQuery, TBody, TResponse>,
): RouteSpec<TContext, TParams, TQuery, TBody, TResponse>;

/** Returns the view; gives its loader the types of the schemas. */
export declare function defineView<
  TContext extends SSRContext,
  TParams extends AnySchema | undefined = undefined,
  TData extends AnySchema = AnySchema,
>(spec: ViewSpec<TContext, TParams, TData>): ViewSpec<TContext, TParams, TData>;

/** Returns the definition, checked against the contract. */
export declare function createModule<
  TRequestContext extends RequestContext,
  TSSRContext extends SSRContext,
  TRoutes extends readonly LooseRouteSpec<TRequestContext>[] =
    readonly LooseRouteSpec<TRequestContext>[],
  TViews extends readonly LooseViewSpec<TSSRContext>[] = readonly LooseViewSpec<TSSRContext>[],
>(
  definition: ModuleDefinition<TRequestContext, TSSRContext, TRoutes, TViews>,
): ModuleDefinition<TRequestContext, TSSRContext, TRoutes, TViews>;
