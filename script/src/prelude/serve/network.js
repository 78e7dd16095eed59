// fetch: an operation of the host. The answer's body arrives as a whole; the host bounds it.
import { define } from 'webstir:prelude/define';
import { Request, Response } from 'webstir:prelude/fetch';
import { operation } from 'webstir:prelude/port';

const NO_BODY = [101, 204, 205, 304];

async function fetch(input, init) {
  const request = new Request(input, init);
  const { url, method, redirect, signal } = request;
  if (signal.aborted) throw signal.reason;
  const sent = request.body === null ? null : await request.bytes();
  const message = JSON.stringify({ url, method, headers: [...request.headers], redirect });
  const [reply, body] = await operation('fetch', message, sent, signal);
  const answer = JSON.parse(reply);
  const { status, statusText, headers } = answer;
  const response = new Response(NO_BODY.includes(status) ? null : (body ?? new Uint8Array(0)), { status, statusText, headers });
  define(response, { url: answer.url, redirected: Boolean(answer.redirected), type: 'basic' });
  return response;
}

define(globalThis, { fetch });
