import { createHash, createHmac, randomBytes, randomUUID, timingSafeEqual } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

function cookies(ctx: any) {
  const map = new Bun.CookieMap(ctx.request.headers.get('cookie') ?? '');
  const before = map.get('name');
  map.set({ name: 'name', value: 'Casey Proxy', path: '/', httpOnly: true, sameSite: 'lax' });
  return { headers: { 'set-cookie': map.toSetCookieHeaders()[0] ?? '' }, body: { before } };
}

function tokens() {
  const token = Bun.CSRF.generate('secret', { expiresIn: 60_000 });
  let empty = 'accepted';
  try {
    Bun.CSRF.verify('', { secret: 'secret' });
  } catch {
    empty = 'refused';
  }
  return {
    body: {
      own: Bun.CSRF.verify(token, { secret: 'secret', maxAge: 60_000 }),
      other: Bun.CSRF.verify(token, { secret: 'other' }),
      garbage: Bun.CSRF.verify('garbage', { secret: 'secret' }),
      empty,
    },
  };
}

function formats() {
  const at = new Date(2026, 2, 5, 7, 9);
  return {
    body: {
      date: at.toLocaleString('en-US', { month: 'short', day: 'numeric', hour: 'numeric', minute: '2-digit' }),
      compact: new Intl.NumberFormat('en-US', { notation: 'compact', maximumFractionDigits: 1 }).format(8765),
    },
  };
}

function digests() {
  return {
    body: {
      sha256: createHash('sha256').update('abc').digest('hex'),
      hmac: createHmac('sha256', 'key').update('abc').digest('base64url'),
      bytes: randomBytes(32).toString('base64url').length,
      uuid: /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(randomUUID()),
      equal: timingSafeEqual(Buffer.from('a'), Buffer.from('a')),
      web: typeof crypto.randomUUID(),
    },
  };
}

function files() {
  const here = path.dirname(fileURLToPath(import.meta.url));
  const root = process.cwd();
  return {
    body: {
      text: readFileSync(path.join(root, 'data', 'note.txt'), 'utf8').trim(),
      exists: existsSync(path.join(root, 'data/none.txt')),
      here: path.relative(root, here),
    },
  };
}

async function web(ctx: any) {
  const timed = await new Promise((resolve) => setTimeout(resolve, 1, 'timed'));
  const url = new URL('/a?b=1#c', ctx.request.url);
  return {
    body: {
      timed,
      url: [url.pathname, url.searchParams.get('b'), url.hash],
      clone: structuredClone({ at: new Date(0), set: [...new Set([1, 2])] }),
      encoded: [...new TextEncoder().encode('ü')],
      base64: btoa('hello'),
      aborted: AbortSignal.abort().aborted,
    },
  };
}

async function fetches(ctx: any) {
  const response = await fetch(ctx.query.url, { method: 'POST', headers: { 'x-from': 'handler' }, body: 'sent' });
  return { status: response.status, body: { text: await response.text(), type: response.headers.get('content-type') } };
}

export const platformRoutes = [
  { definition: { name: 'GET /platform/cookies', method: 'GET', path: '/platform/cookies' }, handler: cookies },
  { definition: { name: 'GET /platform/tokens', method: 'GET', path: '/platform/tokens' }, handler: tokens },
  { definition: { name: 'GET /platform/formats', method: 'GET', path: '/platform/formats' }, handler: formats },
  { definition: { name: 'GET /platform/digests', method: 'GET', path: '/platform/digests' }, handler: digests },
  { definition: { name: 'GET /platform/files', method: 'GET', path: '/platform/files' }, handler: files },
  { definition: { name: 'GET /platform/web', method: 'GET', path: '/platform/web' }, handler: web },
  { definition: { name: 'GET /platform/fetch', method: 'GET', path: '/platform/fetch' }, handler: fetches },
];
