// Request hooks: their order, and how one phase of them runs. The server calls these functions; a
// module needs them only to test its own hooks.

export type RequestHookPhase = 'beforeAuth' | 'beforeHandler' | 'afterHandler';

/** A hook as the manifest declares it. */
export interface RequestHookDefinitionLike {
  id?: string;
  phase?: RequestHookPhase;
  /** Lower runs first within a phase. Default: 0. */
  order?: number;
}

/** A hook as a route names it. */
export interface RequestHookReferenceLike {
  id?: string;
}

/** See `ModuleRequestHook` for what the returned value does. */
export type RequestHookHandler<TContext, TResult, TRoute> = (
  context: TContext,
  input: { phase: RequestHookPhase; route: TRoute; result?: TResult },
) => Promise<TResult | undefined> | TResult | undefined;

/** A hook as the module definition implements it. */
export interface RegisteredRequestHook<TContext, TResult, TRoute> {
  id?: string;
  handler?: RequestHookHandler<TContext, TResult, TRoute>;
}

/** A hook with its declaration and its implementation. */
export interface CompiledRequestHook<TContext, TResult, TRoute> {
  id: string;
  phase: RequestHookPhase;
  order: number;
  handler: RequestHookHandler<TContext, TResult, TRoute>;
}

/**
 * The hooks of one route, in the order they run: by phase, then `order`, then id. A hook that is
 * not declared or not implemented is left out, with a warning.
 */
export declare function resolveRequestHooks<TContext, TResult, TRoute>(options: {
  routeName: string;
  routeReferences?: readonly RequestHookReferenceLike[];
  manifestDefinitions?: readonly RequestHookDefinitionLike[];
  registrations?: readonly RegisteredRequestHook<TContext, TResult, TRoute>[];
}): {
  hooks: CompiledRequestHook<TContext, TResult, TRoute>[];
  warnings: string[];
};

/** Runs the hooks of one phase. `shortCircuited` says that the handler must not run. */
export declare function executeRequestHookPhase<TContext, TResult, TRoute>(options: {
  hooks: readonly CompiledRequestHook<TContext, TResult, TRoute>[];
  phase: RequestHookPhase;
  context: TContext;
  route: TRoute;
  logger?: {
    info?(message: string, metadata?: Record<string, unknown>): void;
    error?(message: string, metadata?: Record<string, unknown>): void;
  };
  result?: TResult;
}): Promise<{ result?: TResult; shortCircuited: boolean }>;
