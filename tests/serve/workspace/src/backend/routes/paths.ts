const says = (text: string) => () => ({ body: text });

const params = (ctx: any) => ({ body: { params: ctx.params } });

export const pathRoutes = [
  { definition: { name: '/', path: '/' }, handler: says('root') },
  { definition: { name: 'named', method: 'GET', path: '/named' }, handler: says('named') },
  { definition: { name: 'get /lower-case', method: 'GET', path: '/lower-case' }, handler: says('lower-case') },
  { definition: { name: 'GET no-slash/', method: 'GET', path: 'no-slash/' }, handler: says('no-slash') },
  { definition: { name: 'GET /p/:name', method: 'GET', path: '/p/:name' }, handler: params },
  { definition: { name: 'GET /pair/:first/:second', method: 'GET', path: '/pair/:first/:second' }, handler: params },
  { definition: { name: 'GET /v:version.json', method: 'GET', path: '/v:version.json' }, handler: params },
  { definition: { name: 'GET /dot.txt', method: 'GET', path: '/dot.txt' }, handler: says('dot') },
  { definition: { name: 'GET /a+b', method: 'GET', path: '/a+b' }, handler: says('plus') },
  { definition: { name: 'GET /star/*', method: 'GET', path: '/star/*' }, handler: says('star') },
  { definition: { name: 'GET /order/:first', method: 'GET', path: '/order/:first' }, handler: says('parameter') },
  { definition: { name: 'GET /order/fixed', method: 'GET', path: '/order/fixed' }, handler: says('fixed') },
  { definition: { name: 'GET /twice', method: 'GET', path: '/twice' }, handler: says('first') },
  { definition: { name: 'GET /twice', method: 'GET', path: '/twice' }, handler: says('second') },
  { definition: { name: 'GET /both', method: 'GET', path: '/both' }, handler: says('got') },
  { definition: { name: 'POST /both', method: 'POST', path: '/both' }, handler: says('posted') },
  { definition: { name: 'OPTIONS /own-options', method: 'OPTIONS', path: '/own-options' }, handler: () => ({ status: 200, body: 'mine' }) },
  { definition: { name: 'HEAD /own-head', method: 'HEAD', path: '/own-head' }, handler: () => ({ headers: { 'x-own': 'head' }, body: 'none' }) },
  { definition: { name: 'GET /healthz', method: 'GET', path: '/healthz' }, handler: says('shadowed') },
  { definition: { name: 'GET /no-handler', method: 'GET', path: '/no-handler' } },
];
