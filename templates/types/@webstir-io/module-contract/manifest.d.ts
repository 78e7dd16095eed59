// The manifest of a module: what it says about its routes, views, jobs and request hooks. The build
// validates it, and the server mounts what it names.

/** Names a schema in the manifest. Tools read it; the runtime does not enforce it. */
export interface SchemaReference {
  readonly kind: 'zod' | 'json-schema' | 'ts-rest';
  readonly name: string;
  /** The module that exports it. */
  readonly source?: string;
}

export type ModuleKind = 'frontend' | 'backend';
export type HttpMethod = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'OPTIONS';
export type RouteInteractionKind = 'navigation' | 'mutation';
export type FormEncoding =
  'application/x-www-form-urlencoded' | 'multipart/form-data' | 'text/plain';
export type RequestHookPhase = 'beforeAuth' | 'beforeHandler' | 'afterHandler';
export type FragmentUpdateMode = 'replace' | 'append' | 'prepend';
export type RedirectStatus = 301 | 302 | 303 | 307 | 308;
export type SessionAccessMode = 'optional' | 'required';
export type FlashLevel = 'info' | 'success' | 'warning' | 'error';
export type FlashPublishCondition = 'always' | 'success' | 'error';

/** Names a hook that runs for a route. */
export interface RequestHookReference {
  readonly id: string;
}

/** Declares a hook: when it runs. Its code is registered under the same id. */
export interface RequestHookDefinition {
  readonly id: string;
  readonly phase: RequestHookPhase;
  /** Lower runs first within a phase. */
  readonly order: number;
  readonly summary?: string;
  readonly description?: string;
}

export interface RouteSessionDefinition {
  /** `required` answers 401 when there is no session. Default: `optional`. */
  readonly mode?: SessionAccessMode;
  readonly write?: boolean;
}

export interface RouteFlashMessageDefinition {
  readonly key: string;
  /** Default: `error` for an error outcome, else `info`. */
  readonly level?: FlashLevel;
  /** Default: `always`. */
  readonly when?: FlashPublishCondition;
}

export interface RouteFlashDefinition {
  /** The keys this route shows. */
  readonly consume?: readonly string[];
  /** The messages this route leaves for the next page. */
  readonly publish?: readonly RouteFlashMessageDefinition[];
}

/** What a route that takes a form declares. */
export interface RouteFormDefinition {
  readonly contentType?: FormEncoding;
  /** Turns on the CSRF check in `processFormSubmission`. */
  readonly csrf?: boolean;
  readonly session?: RouteSessionDefinition;
  readonly flash?: RouteFlashDefinition;
}

export interface RouteFragmentDefinition {
  readonly target: string;
  readonly selector?: string;
  readonly mode?: FragmentUpdateMode;
}

export interface RouteRedirectDefinition {
  readonly status?: RedirectStatus;
  readonly location?: string;
}

/** The schemas of what a route reads. */
export interface RouteInputDefinition {
  readonly params?: SchemaReference;
  readonly query?: SchemaReference;
  readonly body?: SchemaReference;
  readonly headers?: SchemaReference;
}

interface RouteOutputBase {
  readonly status?: number;
  readonly headers?: SchemaReference;
}

export interface RouteBodyOutputDefinition extends RouteOutputBase {
  readonly body: SchemaReference;
}

export interface RouteRedirectOutputDefinition extends RouteOutputBase {
  readonly redirect: RouteRedirectDefinition;
}

export interface RouteFragmentOutputDefinition extends RouteOutputBase {
  readonly body: SchemaReference;
  readonly fragment: RouteFragmentDefinition;
}

export type RouteOutputVariantDefinition =
  RouteBodyOutputDefinition | RouteRedirectOutputDefinition | RouteFragmentOutputDefinition;

export interface RouteOutputResponsesDefinition {
  /** At least one. */
  readonly responses: readonly RouteOutputVariantDefinition[];
}

/** The schemas of what a route answers. */
export type RouteOutputDefinition = RouteOutputVariantDefinition | RouteOutputResponsesDefinition;

export type ModuleErrorCode =
  'validation' | 'auth' | 'not_found' | 'domain' | 'conflict' | 'internal';

export interface ModuleError {
  readonly code: ModuleErrorCode;
  readonly message: string;
  readonly details?: unknown;
  readonly cause?: unknown;
  readonly correlationId?: string;
}

/** Where a page is rendered. */
export type RenderMode = 'ssg' | 'ssr' | 'spa';

interface StaticSiteDefinition {
  readonly renderMode?: RenderMode;
  readonly staticPaths?: readonly string[];
  readonly ssg?: { readonly revalidateSeconds?: number };
}

/** A route as the manifest describes it. Method and path must be unique in a module. */
export interface RouteDefinition extends StaticSiteDefinition {
  readonly name: string;
  readonly method: HttpMethod;
  /** `:name` captures one segment or a part of it. */
  readonly path: string;
  readonly summary?: string;
  readonly description?: string;
  readonly tags?: readonly string[];
  readonly interaction?: RouteInteractionKind;
  readonly requestHooks?: readonly RequestHookReference[];
  readonly session?: RouteSessionDefinition;
  readonly flash?: RouteFlashDefinition;
  readonly form?: RouteFormDefinition;
  readonly fragment?: RouteFragmentDefinition;
  readonly input?: RouteInputDefinition;
  readonly output?: RouteOutputDefinition;
  /** The errors the route may answer with. */
  readonly errors?: readonly ModuleError[];
}

/** A view as the manifest describes it. */
export interface ViewDefinition extends StaticSiteDefinition {
  readonly name: string;
  readonly path: string;
  /** The built frontend page to serve for the path. */
  readonly page?: string;
  readonly summary?: string;
  readonly description?: string;
  readonly tags?: readonly string[];
  readonly params?: SchemaReference;
  readonly data?: SchemaReference;
}

/** A job as the manifest describes it: `jobs/<name>/index.ts` exports `run()`. */
export interface JobDefinition {
  readonly name: string;
  /**
   * A cron expression of five fields, a nickname such as `@daily` or `@reboot`, or
   * `rate(5 minutes)`. Without one the job runs on demand.
   */
  readonly schedule?: string;
  readonly description?: string;
  readonly priority?: number | string;
}

export interface EventDefinition {
  readonly name: string;
  readonly payload?: SchemaReference;
  readonly description?: string;
}

export interface ServiceDefinition {
  readonly name: string;
  readonly description?: string;
}

/** What a module says about itself. */
export interface ModuleManifest {
  /** `CONTRACT_VERSION` of the contract it was written for. */
  readonly contractVersion: string;
  readonly name: string;
  readonly version: string;
  readonly kind: ModuleKind;
  readonly capabilities?: readonly string[];
  readonly assets?: readonly string[];
  readonly requestHooks?: readonly RequestHookDefinition[];
  readonly routes?: readonly RouteDefinition[];
  readonly views?: readonly ViewDefinition[];
  readonly jobs?: readonly JobDefinition[];
  readonly events?: readonly EventDefinition[];
  readonly services?: readonly ServiceDefinition[];
  readonly init?: string;
  readonly dispose?: string;
}
