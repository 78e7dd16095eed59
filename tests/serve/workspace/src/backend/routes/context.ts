let visits = 0;

const members = (ctx: any) => ({
  body: {
    members: Object.keys(ctx).sort(),
    query: ctx.query,
    flash: ctx.flash,
    session: ctx.session,
    hasAuth: ctx.auth !== undefined,
    db: Object.getPrototypeOf(ctx.db) === null && Object.keys(ctx.db).length === 0,
    requestId: ctx.requestId,
    now: ctx.now() instanceof Date,
    reply: ctx.reply instanceof Response,
  },
});

const request = (ctx: any) => ({
  body: {
    isRequest: ctx.request instanceof Request,
    method: ctx.request.method,
    url: ctx.request.url,
    viaGet: ctx.request.headers.get('X-Custom'),
    asProperty: ctx.request.headers['x-custom'],
    isHeaders: ctx.request.headers instanceof Headers,
  },
});

function environment(ctx: any) {
  let missing = '';
  try {
    ctx.env.require('CONFORMANCE_ABSENT');
  } catch (error) {
    missing = (error as Error).message;
  }
  const entries = ctx.env.entries();
  entries.CONFORMANCE_VALUE = 'changed';
  return {
    body: {
      value: ctx.env.get('CONFORMANCE_VALUE'),
      required: ctx.env.require('CONFORMANCE_VALUE'),
      fromFile: ctx.env.get('CONFORMANCE_FILE'),
      fromProcess: process.env.CONFORMANCE_VALUE,
      absent: ctx.env.get('CONFORMANCE_ABSENT') ?? null,
      missing,
    },
  };
}

function log(ctx: any) {
  ctx.logger.info('message first', { order: 1 });
  ctx.logger.info({ order: 2 }, 'value first');
  ctx.logger.warn('lone text');
  ctx.logger.child({ bound: 'yes' }).error(new TypeError('logged error'), 'with an error');
  console.log('to the console', 42);
  return { status: 204 };
}

export const contextRoutes = [
  { definition: { name: 'GET /context', method: 'GET', path: '/context' }, handler: members },
  { definition: { name: 'GET /context/request', method: 'GET', path: '/context/request' }, handler: request },
  { definition: { name: 'GET /context/environment', method: 'GET', path: '/context/environment' }, handler: environment },
  { definition: { name: 'logging', method: 'GET', path: '/context/log' }, handler: log },
  { definition: { name: 'GET /context/visits', method: 'GET', path: '/context/visits' }, handler: () => ({ body: ++visits }) },
];
