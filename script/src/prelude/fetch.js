// Request and Response.
import { Body, copyBody, takeBody } from 'webstir:prelude/body';
import { define } from 'webstir:prelude/define';
import { AbortController } from 'webstir:prelude/events';
import { Headers } from 'webstir:prelude/headers';
import { URL } from 'webstir:prelude/url';

const METHODS = ['DELETE', 'GET', 'HEAD', 'OPTIONS', 'POST', 'PUT'];

export class Request extends Body {
  constructor(input, init = {}) {
    const from = input instanceof Request ? input : undefined;
    const method = String(init.method ?? from?.method ?? 'GET');
    const body = init.body ?? (from === undefined ? undefined : takeBody(from));
    if (body !== undefined && /^(?:get|head)$/i.test(method)) throw new TypeError(`A ${method.toUpperCase()} request has no body`);
    super(body, new Headers(init.headers ?? from?.headers));
    define(this, {
      url: from?.url ?? new URL(String(input)).href,
      method: METHODS.includes(method.toUpperCase()) ? method.toUpperCase() : method,
      signal: init.signal ?? from?.signal ?? new AbortController().signal,
      redirect: init.redirect ?? from?.redirect ?? 'follow',
    });
  }
  clone() {
    const { url, method, headers, signal, redirect } = this;
    return new Request(url, { method, headers, signal, redirect, body: copyBody(this) });
  }
}

export class Response extends Body {
  constructor(body = null, init = {}) {
    const status = init.status ?? 200;
    if (status !== 101 && !(status >= 200 && status <= 599)) throw new RangeError(`Invalid status: ${status}`);
    if (body !== null && [101, 204, 205, 304].includes(status)) throw new TypeError(`A response with status ${status} has no body`);
    super(body, new Headers(init.headers));
    define(this, {
      status,
      statusText: String(init.statusText ?? ''),
      ok: status >= 200 && status < 300,
      type: 'default',
      url: '',
      redirected: false,
    });
  }
  static json(value, init = {}) {
    const headers = new Headers(init.headers);
    if (!headers.has('content-type')) headers.set('content-type', 'application/json');
    return new Response(JSON.stringify(value), { ...init, headers });
  }
  static redirect(address, status = 302) {
    if (![301, 302, 303, 307, 308].includes(status)) throw new RangeError(`Invalid redirect status: ${status}`);
    // A path is kept: on a server there is no page that it could be relative to.
    const location = URL.canParse(address) ? new URL(address).href : String(address);
    return new Response(null, { status, headers: { location } });
  }
  static error() {
    const response = new Response(null);
    define(response, { status: 0, ok: false, type: 'error' });
    return response;
  }
  clone() {
    const { status, statusText, headers } = this;
    return new Response(copyBody(this), { status, statusText, headers });
  }
}

define(globalThis, { Request, Response });
