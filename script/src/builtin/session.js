// @webstir-io/webstir-backend/runtime/session: the session of one request over a store, for modules that test their own handlers.
// The server keeps sessions itself.
import { createHmac, randomUUID, timingSafeEqual } from 'node:crypto';

import { cookiePairs } from 'webstir:backend/cookies';
import { adoptFormState, formStateOf, isObject } from 'webstir:backend/form-state';

const STORE = Symbol.for('webstir.webstir-backend.session-store');
const LEVELS = ['info', 'success', 'warning', 'error'];

// Of a repeated cookie the last counts.
export function parseCookieHeader(header) {
  const cookies = {};
  for (const [name, value] of cookiePairs(Array.isArray(header) ? header.join(';') : (header ?? ''))) {
    Object.defineProperty(cookies, name, { value, writable: true, configurable: true, enumerable: true });
  }
  return cookies;
}

export function createInMemorySessionStore() {
  const records = new Map();
  return {
    get: (id) => (records.has(id) ? structuredClone(records.get(id)) : undefined),
    set: (record) => void records.set(record.id, structuredClone(record)),
    delete: (id) => void records.delete(id),
    clear: () => records.clear(),
  };
}

function processStore() {
  if (globalThis[STORE] === undefined) {
    Object.defineProperty(globalThis, STORE, { value: createInMemorySessionStore(), configurable: true });
  }
  return globalThis[STORE];
}

export function resetInMemorySessionStore(store = processStore()) {
  store.clear();
}

const sign = (id, secret) => createHmac('sha256', secret).update(id).digest('base64url');

function isSigned(id, signature, secret) {
  const encoder = new TextEncoder();
  const [expected, given] = [encoder.encode(sign(id, secret)), encoder.encode(signature)];
  return expected.length === given.length && timingSafeEqual(expected, given);
}

// The id that a cookie names; undefined when its signature is another's.
function verifiedId(cookie, secret) {
  const dot = cookie.lastIndexOf('.');
  if (dot <= 0) return undefined;
  let id = cookie.slice(0, dot);
  try {
    id = decodeURIComponent(id);
  } catch {
    return undefined;
  }
  return isSigned(id, cookie.slice(dot + 1), secret) ? id : undefined;
}

function setCookie(config, value, maxAge) {
  const attributes = [
    `${config.cookieName}=${value}`,
    `Path=${config.path ?? '/'}`,
    `Max-Age=${Math.floor(maxAge)}`,
    `SameSite=${config.sameSite ?? 'Lax'}`,
    'HttpOnly',
  ];
  return [...attributes, ...(config.secure ? ['Secure'] : [])].join('; ');
}

const keysToConsume = (route) => new Set([...(route?.flash?.consume ?? []), ...(route?.form?.flash?.consume ?? [])]);

function cleanFlash(messages) {
  if (!Array.isArray(messages)) return [];
  const sound = (message) => isObject(message) && typeof message.key === 'string' && LEVELS.includes(message.level);
  return messages.filter(sound).map(({ key, level, createdAt }) => ({ key, level, createdAt }));
}

function publishedFlash(route, result, createdAt) {
  if (result?.fragment !== undefined) return [];
  const outcome = result?.errors || result?.status >= 400 ? 'error' : 'success';
  return [...(route?.flash?.publish ?? []), ...(route?.form?.flash?.publish ?? [])]
    .filter(({ key, when = 'always' }) => key && (when === 'always' || when === outcome))
    .map(({ key, level = outcome === 'error' ? 'error' : 'info' }) => ({ key, level, createdAt }));
}

// Readable on the session, no part of its data; a field of the application with the same name is left alone.
function addMetadata(session, { id, createdAt, expiresAt }) {
  for (const [name, value] of Object.entries({ id, createdAt, expiresAt })) {
    if (Object.hasOwn(session, name)) continue;
    Object.defineProperty(session, name, { value, writable: true, configurable: true, enumerable: false });
  }
}

function restore(record) {
  const session = { ...record.value };
  addMetadata(session, record);
  if (record.runtime?.form !== undefined) adoptFormState(session, record.runtime.form);
  formStateOf(session);
  return session;
}

export function prepareSessionState({ cookies, route, config, store = processStore(), now = () => new Date() }) {
  const jar = isObject(cookies) ? cookies : parseCookieHeader(cookies);
  const cookie = jar[config.cookieName] ?? '';
  const id = cookie === '' ? undefined : verifiedId(cookie, config.secret);
  let record = id === undefined ? undefined : store.get(id);
  if (record !== undefined && Date.parse(record.expiresAt) <= now().getTime()) {
    store.delete(record.id);
    record = undefined;
  }
  const isStale = cookie !== '' && record === undefined;
  const stored = cleanFlash(record?.runtime?.flash ?? record?.flash);
  const wanted = keysToConsume(route);
  const flash = stored.filter(({ key }) => wanted.has(key));
  const kept = stored.filter(({ key }) => !wanted.has(key));
  // A record that holds nothing but flash is nobody's session.
  const session = record === undefined ? null : restore(record);

  function commit({ session: final, route: finalRoute = route, result, publishFlash = true }) {
    const at = now().toISOString();
    const published = publishFlash ? publishedFlash(finalRoute, result, at) : [];
    const form = formStateOf(final) ?? (isObject(final) && final !== session ? formStateOf(session) : undefined);
    const messages = [...kept, ...published];
    if (final !== null && !isObject(final)) throw new TypeError('A session is an object or null');
    if (final === null && messages.length === 0) {
      if (record !== undefined) store.delete(record.id);
      return record !== undefined || isStale ? { session: null, setCookie: setCookie(config, '', 0) } : { session: null };
    }
    const next = {
      id: record?.id ?? randomUUID(),
      value: structuredClone({ ...final }),
      runtime: { ...(form === undefined ? {} : { form: structuredClone(form) }), ...(messages.length === 0 ? {} : { flash: messages }) },
      createdAt: record?.createdAt ?? at,
      expiresAt: record?.expiresAt ?? new Date(now().getTime() + config.maxAgeSeconds * 1000).toISOString(),
    };
    store.set(next);
    const committed = final === null ? null : restore(next);
    if (next.id === record?.id) return { session: committed };
    const value = `${encodeURIComponent(next.id)}.${sign(next.id, config.secret)}`;
    return { session: committed, setCookie: setCookie(config, value, config.maxAgeSeconds) };
  }

  return { session, flash, commit };
}
