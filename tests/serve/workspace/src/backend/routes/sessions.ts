const saved = [{ key: 'saved', level: 'success', when: 'success' }, { key: 'failed', when: 'error' }, { key: 'always' }];

const show = (ctx: any) => ({ body: { session: ctx.session, flash: ctx.flash, id: ctx.session?.id ?? null } });

function signIn(ctx: any) {
  ctx.session = { ...ctx.session, userId: ctx.body?.user ?? 'ada', cart: ctx.session?.cart };
  return { redirect: { location: '/session' } };
}

function signOut(ctx: any) {
  ctx.session = null;
  return { redirect: { location: '/session' } };
}

function put(ctx: any) {
  ctx.session ??= {};
  ctx.session[ctx.params.key] = ctx.body;
  return { status: 204 };
}

async function putSlowly(ctx: any) {
  ctx.session ??= {};
  ctx.session[ctx.params.key] = ctx.body;
  // As long as the other requests need.
  await released(ctx.params.key);
  return { status: 204 };
}

const waiting = new Map<string, () => void>();

export const released = (key: string) => new Promise<void>((resolve) => waiting.set(key, resolve));

function release(ctx: any) {
  const resolve = waiting.get(ctx.params.key);
  waiting.delete(ctx.params.key);
  resolve?.();
  return { body: resolve !== undefined };
}

function assign(ctx: any) {
  ctx.session = ctx.body;
  return { status: 204 };
}

function meta(ctx: any) {
  const names = ['id', 'createdAt', 'expiresAt'];
  return {
    body: {
      readable: names.map((name) => typeof ctx.session[name]),
      enumerable: Object.keys(ctx.session),
      json: JSON.stringify(ctx.session),
      own: names.every((name) => Object.hasOwn(ctx.session, name)),
    },
  };
}

function unstorable(ctx: any) {
  ctx.session = { call: () => 1 };
  return { body: 'never' };
}

export const sessionRoutes = [
  { definition: { name: 'GET /session', method: 'GET', path: '/session', flash: { consume: ['saved', 'failed'] } }, handler: show },
  { definition: { name: 'GET /session/look', method: 'GET', path: '/session/look' }, handler: show },
  { definition: { name: 'GET /session/always', method: 'GET', path: '/session/always', flash: { consume: ['always'] } }, handler: show },
  { definition: { name: 'POST /session/sign-in', method: 'POST', path: '/session/sign-in', flash: { publish: saved } }, handler: signIn },
  { definition: { name: 'POST /session/sign-out', method: 'POST', path: '/session/sign-out' }, handler: signOut },
  { definition: { name: 'POST /session/sign-out-flash', method: 'POST', path: '/session/sign-out-flash', flash: { publish: saved } }, handler: signOut },
  { definition: { name: 'POST /session/put/:key', method: 'POST', path: '/session/put/:key' }, handler: put },
  { definition: { name: 'POST /session/put-slowly/:key', method: 'POST', path: '/session/put-slowly/:key' }, handler: putSlowly },
  {
    definition: { name: 'GET /session/waiting/:key', method: 'GET', path: '/session/waiting/:key' },
    handler: (ctx: any) => ({ body: waiting.has(ctx.params.key) }),
  },
  { definition: { name: 'POST /session/release/:key', method: 'POST', path: '/session/release/:key' }, handler: release },
  { definition: { name: 'POST /session/assign', method: 'POST', path: '/session/assign' }, handler: assign },
  { definition: { name: 'GET /session/meta', method: 'GET', path: '/session/meta' }, handler: meta },
  { definition: { name: 'POST /session/unstorable', method: 'POST', path: '/session/unstorable' }, handler: unstorable },
  {
    definition: { name: 'POST /session/fails', method: 'POST', path: '/session/fails', flash: { publish: saved } },
    handler: () => ({ status: 303, redirect: { location: '/session' }, errors: [{ code: 'validation', message: 'no' }] }),
  },
  {
    definition: { name: 'POST /session/fragment', method: 'POST', path: '/session/fragment', flash: { publish: saved } },
    handler: () => ({ fragment: { target: 'list', body: 'x' } }),
  },
  { definition: { name: 'POST /session/throws', method: 'POST', path: '/session/throws', flash: { consume: ['saved'] } }, handler: () => { throw new Error('after reading'); } },
  { definition: { name: 'GET /session/required', method: 'GET', path: '/session/required', session: { mode: 'required' }, flash: { publish: saved } }, handler: show },
  { definition: { name: 'POST /session/form-required', method: 'POST', path: '/session/form-required', form: { session: { mode: 'required' } } }, handler: show },
  { definition: { name: 'GET /session/declared', method: 'GET', path: '/session/declared' }, handler: show },
  { definition: { name: 'GET /session/declared-without-method', method: 'GET', path: '/session/declared-without-method' }, handler: show },
  { definition: { name: 'POST /session/conflict', method: 'POST', path: '/session/conflict', form: { session: { mode: 'required' } } }, handler: show },
];
