// The state of forms that a session carries: for each form id its outstanding CSRF tokens, oldest first, and the values and issues
// of a failed submission. It lives on the session object under a symbol and is not enumerable, so it is no data of the application.
import { timingSafeEqual } from 'node:crypto';

const RUNTIME = Symbol.for('webstir.webstir-backend.session-runtime');
// Where old versions kept it: among the data of the application.
const LEGACY_KEY = '__webstir_form_runtime';

const MAX_FORMS = 32;
const MAX_TOKENS = 8;

const known = new WeakSet();
// By session, the tokens that were taken out of it.
const spent = new WeakMap();
const checked = new WeakSet();

export const isObject = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);

const isText = (value) => typeof value === 'string';
const isFormValue = (value) => isText(value) || (Array.isArray(value) && value.every(isText));

// Own entries that pass, on an object without a prototype: form ids and field names come from outside.
export function pick(source, check) {
  const picked = Object.create(null);
  if (!isObject(source)) return picked;
  for (const [name, value] of Object.entries(source)) {
    const kept = check(value);
    if (kept !== undefined) picked[name] = kept;
  }
  return picked;
}

export const formValues = (source) => pick(source, (value) => (isFormValue(value) ? value : undefined));

function cleanTokens(value) {
  const tokens = (Array.isArray(value) ? value : [value]).filter((token) => isText(token) && token !== '');
  return tokens.length === 0 ? undefined : tokens.slice(-MAX_TOKENS);
}

const CODES = ['validation', 'auth', 'csrf'];

function cleanIssue(issue) {
  const { code, field, message } = issue;
  return { ...(CODES.includes(code) ? { code } : {}), ...(isText(field) ? { field } : {}), message };
}

function cleanState(value) {
  if (!isObject(value)) return undefined;
  const issues = Array.isArray(value.issues) ? value.issues : [];
  return {
    values: formValues(value.values),
    issues: issues.filter((issue) => isObject(issue) && isText(issue.message)).map(cleanIssue),
    createdAt: isText(value.createdAt) ? value.createdAt : new Date(0).toISOString(),
  };
}

function dropOldest(record, age) {
  const names = Object.keys(record);
  const excess = names.length - MAX_FORMS;
  if (excess <= 0) return;
  if (age !== undefined) names.sort((left, right) => (age(record[left]) < age(record[right]) ? -1 : 1));
  for (const name of names.slice(0, excess)) delete record[name];
}

function bound(state) {
  dropOldest(state.csrf);
  dropOldest(state.states, (entry) => entry.createdAt);
  return state;
}

const clean = (form) => bound({ csrf: pick(form?.csrf, cleanTokens), states: pick(form?.states, cleanState) });

function attach(session, state) {
  known.add(state);
  const value = { ...session[RUNTIME], form: state };
  if (Object.hasOwn(session, RUNTIME)) session[RUNTIME] = value;
  else Object.defineProperty(session, RUNTIME, { value, writable: true, configurable: true, enumerable: false });
  return state;
}

// A session for a visitor who has none. Nothing else remembers its state, so copies take it along: spreading copies a symbol that
// is enumerable, and JSON and `Object.keys` pass over it all the same.
export const freshSession = () =>
  Object.defineProperty({}, RUNTIME, { value: {}, writable: true, configurable: true, enumerable: true });

// The state to read and change; made when there is none.
function stateFor(session) {
  const current = session[RUNTIME]?.form;
  if (current !== undefined && known.has(current)) return current;
  const legacy = Object.hasOwn(session, LEGACY_KEY) ? session[LEGACY_KEY] : undefined;
  delete session[LEGACY_KEY];
  return attach(session, clean(current ?? legacy));
}

const isEmpty = ({ csrf, states }) => Object.keys(csrf).length === 0 && Object.keys(states).length === 0;

const hasState = (session) => isObject(session) && (Object.hasOwn(session, RUNTIME) || Object.hasOwn(session, LEGACY_KEY));

function detach(session) {
  const { form, ...rest } = session[RUNTIME] ?? {};
  if (Object.keys(rest).length === 0) delete session[RUNTIME];
  else session[RUNTIME] = rest;
}

// `{csrf: {formId: [token]}, states: {formId: {values, issues, createdAt}}}`, plain data; undefined when there is nothing to keep.
export function formStateOf(session) {
  if (!hasState(session)) return undefined;
  const state = stateFor(session);
  if (!isEmpty(state)) return { csrf: state.csrf, states: state.states };
  detach(session);
  return undefined;
}

// Gives a session the state that was stored with it, or that another session object had. Without a state it ends up with none. A
// session that cannot be changed stays as it is.
export function adoptFormState(session, state) {
  if (!isObject(session) || !Object.isExtensible(session)) return;
  const adopted = clean(state);
  if (isEmpty(adopted)) detach(session);
  else attach(session, adopted);
}

export function issueToken(session, formId) {
  const { csrf } = stateFor(session);
  const token = crypto.randomUUID();
  const tokens = [...(csrf[formId] ?? []), token].slice(-MAX_TOKENS);
  // Written last, so that the form is the youngest.
  delete csrf[formId];
  csrf[formId] = tokens;
  dropOldest(csrf);
  return token;
}

const encoder = new TextEncoder();

function isSame(left, right) {
  const [one, other] = [encoder.encode(left), encoder.encode(right)];
  return one.length === other.length && timingSafeEqual(one, other);
}

// Takes the token out when it is one of the form's.
export function spendToken(session, formId, token) {
  const { csrf } = stateFor(session);
  const tokens = csrf[formId] ?? [];
  const left = tokens.filter((outstanding) => !isSame(outstanding, token));
  if (left.length === tokens.length) return false;
  if (left.length === 0) delete csrf[formId];
  else csrf[formId] = left;
  spent.set(session, [...spentTokens(session), token]);
  return true;
}

// What `spendToken` took out of a session while it was this object.
export const spentTokens = (session) => spent.get(session) ?? [];

// Whether a form of this session waits for the token.
export function hasCsrfToken(session, token) {
  if (!hasState(session) || !isText(token)) return false;
  return Object.values(stateFor(session).csrf).some((tokens) => tokens.filter((other) => isSame(other, token)).length > 0);
}

// Takes the token out of whatever form it belongs to.
export function spendCsrfToken(session, token) {
  return Object.keys(stateFor(session).csrf).some((formId) => spendToken(session, formId, token));
}

// A submission looked at the token in this body, or at those of this session; what it found is its own business.
export function noteCsrfCheck(...objects) {
  for (const object of objects) if (isObject(object)) checked.add(object);
}

export const wasCsrfChecked = (...objects) => objects.some((object) => isObject(object) && checked.has(object));

export function takeRetry(session, formId) {
  const { states } = stateFor(session);
  const retry = states[formId];
  delete states[formId];
  return retry;
}

export function keepRetry(session, formId, retry) {
  const { states } = stateFor(session);
  delete states[formId];
  states[formId] = cleanState(retry);
  dropOldest(states, (entry) => entry.createdAt);
}
