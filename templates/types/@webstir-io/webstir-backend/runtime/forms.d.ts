// Server-rendered forms: a GET handler prepares the form's state, a POST handler processes the
// submission. The state (CSRF token, and the values and issues of a failed submission) is kept in
// the session under the form's id.

import type { RouteHandlerResult } from './bun.js';

export type FormIssueCode = 'validation' | 'auth' | 'csrf';
export type FormValue = string | string[];
export type FormValues = Record<string, FormValue>;

/** Something wrong with a submission. Without `field` it concerns the whole form. */
export interface FormIssue {
  /** Default: `validation`. */
  code?: FormIssueCode;
  field?: string;
  message: string;
}

/** The part of a route definition the form functions read. */
export interface FormRouteDefinitionLike {
  path?: string;
  form?: { csrf?: boolean };
}

/** What is needed to render a form. */
export interface PreparedFormState<TSession extends Record<string, unknown>> {
  /** Assign it to `ctx.session`, or the token is not stored. */
  session: TSession;
  /** The value of the hidden `_csrf` field. Set when CSRF protection is on. */
  csrfToken?: string;
  /** What the visitor sent in the last failed submission. */
  values: FormValues;
  /** What was wrong with it. Reported once. */
  issues: FormIssue[];
}

/** Reads the state of a form, and takes the values and issues of a failed submission out of it. */
export declare function prepareFormState<TSession extends Record<string, unknown>>(options: {
  /** A new session is started when it is null. */
  session: TSession | null;
  formId: string;
  /** The definition of the route that takes the submission. */
  route?: FormRouteDefinitionLike;
  /** Overrides `route.form.csrf`. Default: off. */
  csrf?: boolean;
  now?: () => Date;
}): PreparedFormState<TSession>;

/** The outcome of a submission. Assign `session` to `ctx.session` in both cases. */
export type FormSubmissionResult<TSession extends Record<string, unknown>, TAuth> =
  | {
      ok: true;
      session: TSession;
      values: FormValues;
      auth: TAuth | undefined;
    }
  | {
      ok: false;
      session: TSession;
      values: FormValues;
      issues: FormIssue[];
      /** Return it from the handler. */
      result: Pick<RouteHandlerResult, 'status' | 'headers' | 'body' | 'redirect' | 'errors'>;
    };

/**
 * Checks a submission: CSRF token, then authentication, then `validate`. A failure keeps values and
 * issues for the next `prepareFormState`. Its result redirects (303) when there is a target, else
 * carries the errors with status 401, 403 or 422. A CSRF token is spent by its first use.
 */
export declare function processFormSubmission<
  TSession extends Record<string, unknown>,
  TAuth,
>(options: {
  session: TSession | null;
  /** `ctx.body`. Only strings and arrays of strings in it are taken as values. */
  body: unknown;
  auth?: TAuth;
  formId: string;
  route?: FormRouteDefinitionLike;
  /** Overrides `route.form.csrf`. Default: off. */
  csrf?: boolean;
  /** Default: `_csrf`. */
  csrfFieldName?: string;
  /** Where a failed submission goes: the page that shows the form. */
  redirectTo?: string;
  /** Fails the submission when `auth` is undefined or null. */
  requireAuth?: boolean | { redirectTo?: string; message?: string };
  validate?: (values: FormValues) => readonly FormIssue[] | FormIssue[] | undefined;
  now?: () => Date;
}): FormSubmissionResult<TSession, TAuth>;

/** Sorts the messages of issues by field. `form` holds those that name no field. */
export declare function groupFormIssuesByField(issues: readonly FormIssue[] | undefined): {
  form: string[];
  fields: Record<string, string[]>;
};
