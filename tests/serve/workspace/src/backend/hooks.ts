const trace = (ctx: any, text: string) => (ctx.db.trace ??= []).push(text);

export const hookDefinitions = [
  { id: 'late', phase: 'beforeHandler', order: 20 },
  { id: 'early', phase: 'beforeHandler', order: -5 },
  { id: 'identify', phase: 'beforeAuth', order: 0 },
  { id: 'open-session', phase: 'beforeHandler', order: 0 },
  { id: 'stop', phase: 'beforeHandler', order: 10 },
  { id: 'null', phase: 'beforeHandler', order: 10 },
  { id: 'throw', phase: 'beforeHandler', order: 10 },
  { id: 'after-a', phase: 'afterHandler', order: 1 },
  { id: 'after-b', phase: 'afterHandler', order: 2 },
  { id: 'no-implementation', phase: 'afterHandler', order: 2 },
];

export const hooks = [
  { id: 'late', handler: (ctx: any) => trace(ctx, 'late') && undefined },
  { id: 'early', handler: (ctx: any, input: any) => trace(ctx, `early ${input.phase} ${input.route.path}`) && undefined },
  {
    id: 'identify',
    handler(ctx: any) {
      trace(ctx, `identify ${ctx.auth === undefined}`);
      if (ctx.query.as) ctx.auth = { source: 'hook', userId: ctx.query.as };
    },
  },
  {
    id: 'open-session',
    handler(ctx: any) {
      trace(ctx, 'open-session');
      ctx.session ??= { opened: true };
    },
  },
  { id: 'stop', handler: () => ({ status: 202, body: 'stopped' }) },
  { id: 'null', handler: () => null },
  {
    id: 'throw',
    handler() {
      throw new Error('hook failed');
    },
  },
  { id: 'after-a', handler: (_: any, { result }: any) => ({ ...result, headers: { 'x-hook-after': 'a' } }) },
  {
    id: 'after-b',
    handler: (_: any, { result }: any) => ({ ...result, headers: { 'x-hook-after': `${result.headers['x-hook-after']}b` } }),
  },
  { id: 'no-metadata', handler: () => undefined },
];

const references = (...ids: string[]) => ids.map((id) => ({ id }));

const show = (ctx: any) => ({ body: { trace: ctx.db.trace ?? [], auth: ctx.auth ?? null, session: ctx.session } });

export const hookRoutes = [
  {
    definition: {
      name: 'GET /hooks/all',
      method: 'GET',
      path: '/hooks/all',
      requestHooks: references('after-b', 'late', ' early ', 'identify', 'after-a', 'late'),
    },
    handler: show,
  },
  {
    definition: {
      name: 'GET /hooks/session',
      method: 'GET',
      path: '/hooks/session',
      session: { mode: 'required' },
      requestHooks: references('open-session'),
    },
    handler: show,
  },
  { definition: { name: 'GET /hooks/stop', method: 'GET', path: '/hooks/stop', requestHooks: references('stop', 'late', 'after-a') }, handler: show },
  { definition: { name: 'GET /hooks/null', method: 'GET', path: '/hooks/null', requestHooks: references('null', 'late') }, handler: show },
  { definition: { name: 'GET /hooks/throw', method: 'GET', path: '/hooks/throw', requestHooks: references('throw') }, handler: show },
  {
    definition: { name: 'unknown hooks', method: 'GET', path: '/hooks/unknown', requestHooks: references('no-implementation', 'no-metadata', 'neither') },
    handler: show,
  },
];
