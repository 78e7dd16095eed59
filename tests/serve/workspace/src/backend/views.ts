let loads = 0;

export const views = [
  {
    definition: { name: 'profile', path: '/profile/:user' },
    load(ctx: any) {
      loads++;
      if (ctx.params.user === 'broken') throw new Error('cannot load');
      return {
        user: ctx.params.user,
        price: '$& $` $1 $$',
        markup: '</script><b>&',
        members: Object.keys(ctx).sort(),
        isUrl: ctx.url instanceof URL,
        path: ctx.url.pathname,
        cookies: ctx.cookies,
        host: ctx.headers.host,
        custom: ctx.headers['x-custom'] ?? null,
        session: ctx.session,
        auth: ctx.auth ?? null,
        requestId: ctx.requestId,
        now: ctx.now() instanceof Date,
      };
    },
  },
  { definition: { name: 'plain', path: '/plain' } },
  { definition: { name: 'no document', path: '/nowhere' }, load: () => ({ loads }) },
  { definition: { name: 'shadowed', path: '/named' }, load: () => ({}) },
  {
    definition: { name: 'counter', path: '/counter' },
    load(ctx: any) {
      if (ctx.session) ctx.session.seen = (ctx.session.seen ?? 0) + 1;
      return { seen: ctx.session?.seen ?? null };
    },
  },
];
