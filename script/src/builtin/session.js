// @webstir-io/webstir-backend/runtime/session.
import { unavailable } from 'webstir:backend/unavailable';

export const prepareSessionState = unavailable('prepareSessionState');

export function parseCookieHeader(header) {
  const cookies = {};
  for (const part of (Array.isArray(header) ? header.join(';') : header ?? '').split(';')) {
    const equals = part.indexOf('=');
    const name = part.slice(0, equals).trim();
    if (equals === -1 || name === '') continue;
    const value = part.slice(equals + 1).trim();
    try {
      cookies[name] = decodeURIComponent(value);
    } catch {
      cookies[name] = value;
    }
  }
  return cookies;
}

export function createInMemorySessionStore() {
  const records = new Map();
  return {
    get: (id) => records.get(id),
    set: (record) => void records.set(record.id, record),
    delete: (id) => void records.delete(id),
    clear: () => records.clear(),
  };
}

export function resetInMemorySessionStore(store) {
  store?.clear();
}
