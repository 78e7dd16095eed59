// Views, in both senses: HTML written in a handler (`html`, `raw`, `escapeHtml`), and request-time
// views, which load data for a built frontend page. The three HTML functions exist only in the
// module built into `webstir`; the npm package of this name lacks them.

declare const markup: unique symbol;

/** Markup made by `html` or `raw`. `String(value)` gives its text. */
export interface Html {
  readonly [markup]: true;
  toString(): string;
}

/**
 * What may stand in an `html` template. Text and numbers are escaped, `Html` is not, arrays are
 * joined, and `null`, `undefined` and `false` leave nothing.
 */
export type HtmlValue =
  string | number | bigint | false | null | undefined | Html | readonly HtmlValue[];

/**
 * A template literal that escapes its values. Write quotes around attribute values.
 *
 * @example
 * html`<ul>${names.map((name) => html`<li>${name}</li>`)}</ul>`
 */
export declare function html(strings: TemplateStringsArray, ...values: readonly HtmlValue[]): Html;

/** Marks text as markup. It is not escaped, so it must not hold anything a visitor wrote. */
export declare function raw(text: string): Html;

/** Escapes `&`, `<`, `>`, `"` and `'` for element content and quoted attribute values. */
export declare function escapeHtml(value: string): string;

/** Reads environment variables. */
export interface EnvAccessorLike {
  get(name: string): string | undefined;
  /** Throws when the variable is not set. */
  require(name: string): string;
  entries(): Record<string, string | undefined>;
}

export interface LoggerLike {
  readonly level?: string;
  log?(level: string, message: string, metadata?: Record<string, unknown>): void;
  debug?(message: string, metadata?: Record<string, unknown>): void;
  info?(message: string, metadata?: Record<string, unknown>): void;
  warn?(message: string, metadata?: Record<string, unknown>): void;
  error?(message: string, metadata?: Record<string, unknown>): void;
  with?(bindings: Record<string, unknown>): LoggerLike;
}

export interface ViewDefinitionLike {
  name?: string;
  path?: string;
  renderMode?: 'ssg' | 'ssr' | 'spa';
}

/** What a view's loader receives. */
export interface SSRContextLike {
  readonly url: URL;
  readonly params: Record<string, string>;
  readonly cookies: Record<string, string>;
  /** Names in lower case. */
  readonly headers: Record<string, string>;
  readonly auth: unknown;
  readonly session: Record<string, unknown> | null;
  readonly env: EnvAccessorLike;
  readonly logger: LoggerLike;
  readonly requestId?: string;
  readonly now: () => Date;
}

export interface ModuleViewLike {
  readonly definition?: ViewDefinitionLike;
  readonly load?: (context: SSRContextLike) => Promise<unknown> | unknown;
}

/** A view with its path turned into a matcher. */
export interface CompiledView {
  readonly name: string;
  readonly pathPattern: string;
  readonly definition?: ViewDefinitionLike;
  readonly load?: ModuleViewLike['load'];
  readonly match: (pathname: string) => { matched: boolean; params: Record<string, string> };
}

/** `stale`: the document changed since it was read, and was read again. */
export type RequestTimeDocumentCacheStatus = 'miss' | 'hit' | 'stale';

export interface RequestTimeDocumentCacheMetadata {
  readonly status: RequestTimeDocumentCacheStatus;
  readonly documentPath: string;
}

export interface RenderedRequestTimeView {
  readonly html: string;
  readonly documentCache: RequestTimeDocumentCacheMetadata;
}

export declare function compileViews(views: readonly ModuleViewLike[]): CompiledView[];

/** The first view whose path fits. */
export declare function matchView(
  views: readonly CompiledView[],
  pathname: string,
): { view: CompiledView; params: Record<string, string> } | undefined;

/** Calls the loader and writes its data into the page's document. */
export declare function renderRequestTimeView(options: {
  workspaceRoot?: string;
  url: URL;
  view: CompiledView;
  params: Record<string, string>;
  cookies: Record<string, string>;
  headers: Record<string, string>;
  auth: unknown;
  session: Record<string, unknown> | null;
  env: EnvAccessorLike;
  logger: LoggerLike;
  requestId?: string;
  now?: () => Date;
}): Promise<RenderedRequestTimeView>;

/** Joins repeated headers with `, ` and lowers their names. */
export declare function toHeaderRecord(
  headers: Record<string, string | string[] | undefined>,
): Record<string, string>;
