// @webstir-io/webstir-backend/runtime/forms.
import {
  formStateOf,
  freshSession,
  formValues,
  isObject,
  issueToken,
  keepRetry,
  noteCsrfCheck,
  spendToken,
  takeRetry,
} from 'webstir:backend/form-state';

const EXPIRED = 'Form session expired. Reload the page and try again.';
const SIGN_IN = 'Sign-in required to submit this form.';

const needsToken = (csrf, route) => csrf ?? route?.form?.csrf ?? false;

export function prepareFormState({ session: given, formId, route, csrf }) {
  const session = isObject(given) ? given : freshSession();
  const retry = takeRetry(session, formId);
  const csrfToken = needsToken(csrf, route) ? issueToken(session, formId) : undefined;
  // Drops what is empty.
  formStateOf(session);
  return {
    session,
    ...(csrfToken === undefined ? {} : { csrfToken }),
    values: { ...retry?.values },
    issues: retry?.issues ?? [],
  };
}

function submittedToken(body, name) {
  const value = isObject(body) && Object.hasOwn(body, name) ? body[name] : undefined;
  const token = Array.isArray(value) ? value[0] : value;
  return typeof token === 'string' ? token : '';
}

function failure(issues, target) {
  const errors = issues.map(({ code, field, message }) => ({
    code: code === 'auth' ? 'auth' : 'validation',
    message,
    details: { ...(field === undefined ? {} : { field }), reason: code ?? 'validation' },
  }));
  if (target !== undefined) return { status: 303, redirect: { location: target }, errors };
  const has = (code) => issues.some((issue) => issue.code === code);
  return { status: has('auth') ? 401 : has('csrf') ? 403 : 422, errors };
}

export function processFormSubmission({
  session: given,
  body,
  auth,
  formId,
  route,
  csrf,
  csrfFieldName = '_csrf',
  redirectTo,
  requireAuth,
  validate,
  now = () => new Date(),
}) {
  const session = isObject(given) ? given : freshSession();
  const { [csrfFieldName]: _, ...values } = formValues(body);
  const fail = (issues, target = redirectTo) => {
    keepRetry(session, formId, { values, issues, createdAt: now().toISOString() });
    return { ok: false, session, values, issues, result: failure(issues, target) };
  };
  if (needsToken(csrf, route)) noteCsrfCheck(session, body);
  if (needsToken(csrf, route) && !spendToken(session, formId, submittedToken(body, csrfFieldName))) {
    return fail([{ code: 'csrf', message: EXPIRED }]);
  }
  // A null `auth` is nobody, as an undefined one.
  if (requireAuth && (auth === undefined || auth === null)) {
    const { redirectTo: target, message = SIGN_IN } = isObject(requireAuth) ? requireAuth : {};
    return fail([{ code: 'auth', message }], target ?? redirectTo);
  }
  const found = validate?.(values);
  if (Array.isArray(found) && found.length > 0) {
    return fail(found.map((issue) => ({ ...issue, code: issue.code ?? 'validation' })));
  }
  takeRetry(session, formId);
  formStateOf(session);
  return { ok: true, session, values, auth };
}

export function groupFormIssuesByField(issues) {
  const grouped = { form: [], fields: {} };
  for (const { field, message } of issues ?? []) {
    if (!message) continue;
    if (!field) grouped.form.push(message);
    else if (Object.hasOwn(grouped.fields, field)) grouped.fields[field].push(message);
    else Object.defineProperty(grouped.fields, field, { value: [message], writable: true, configurable: true, enumerable: true });
  }
  return grouped;
}
