const errors = [{ code: 'bad', message: 'Not good', details: { field: 'a' } }];

const RESULTS: Record<string, () => unknown> = {
  redirect: () => ({ redirect: { location: '/elsewhere' } }),
  'redirect-status': () => ({ status: 307, redirect: { location: '/elsewhere' } }),
  'redirect-errors-body': () => ({ redirect: { location: '/elsewhere' }, errors, body: { ignored: true } }),
  errors: () => ({ errors }),
  'errors-status': () => ({ status: 422, errors }),
  'errors-none': () => ({ errors: [] }),
  'errors-text': () => ({ errors, body: '<p>ignored</p>' }),
  nothing: () => ({}),
  null: () => ({ body: null }),
  text: () => ({ body: '<p>text</p>' }),
  'text-type': () => ({ headers: { 'Content-Type': 'text/plain' }, body: 'plain' }),
  created: () => ({ status: 201, body: { created: true } }),
  'no-content': () => ({ status: 204, body: 'dropped' }),
  number: () => ({ body: 42 }),
  boolean: () => ({ body: false }),
  list: () => ({ body: [1, 'two', null] }),
  object: () => ({ body: { nested: { deep: 'ü' } } }),
  date: () => ({ body: { at: new Date(0) } }),
  buffer: () => ({ body: Buffer.from('buffer') }),
  bytes: () => ({ body: new Uint8Array([0, 1, 254, 255]) }),
  'array-buffer': () => ({ body: new Uint8Array([7, 8]).buffer }),
  headers: () => ({ headers: { 'X-One': '1', 'x-request-id': 'mine', 'content-length': '999' }, body: 'h' }),
  cookie: () => ({ headers: { 'set-cookie': 'own=1; Path=/' }, body: 'c' }),
  'bad-header': () => ({ headers: { 'x-bad': 'a\r\nx-injected: b' }, body: 'h' }),
  'bad-status': () => ({ status: 99, body: 'h' }),
  undefined: () => undefined,
  'returns-null': () => null,
  string: () => 'a bare text',
  promise: async () => ({ body: 'later' }),
  response: () => new Response('{"own":true}', { status: 418, headers: { 'content-type': 'application/x-own', 'x-own': 'yes' } }),
  'response-json': () => Response.json({ made: 'here' }, { status: 202 }),
  'response-cookies': () => {
    const headers = new Headers();
    headers.append('set-cookie', 'a=1');
    headers.append('set-cookie', 'b=2');
    return new Response(null, { status: 200, headers });
  },
  'response-redirect': () => new Response(null, { status: 302, headers: { location: '/elsewhere' } }),
  fragment: () => ({ fragment: { target: ' list ', selector: '#list', mode: 'append', body: '<li>new</li>' } }),
  'fragment-plain': () => ({ headers: { 'Cache-Control': 'private' }, fragment: { target: 'list', body: '' } }),
  'fragment-redirect': () => ({ redirect: { location: '/elsewhere' }, fragment: { target: 'list', body: 'x' } }),
  'fragment-errors': () => ({ status: 422, errors, fragment: { target: 'list', body: '<p>x</p>' } }),
  'fragment-no-target': () => ({ fragment: { target: ' ', body: 'x' } }),
  'fragment-bad-mode': () => ({ status: 422, fragment: { target: 'list', mode: 'swap', body: 'x' } }),
  'fragment-bad-selector': () => ({ status: 200, fragment: { target: 'list', selector: '', body: 'x' } }),
  'fragment-no-body': () => ({ fragment: { target: 'list' } }),
};

const answer = (ctx: any) => RESULTS[ctx.params.kind]();

export const resultRoutes = [
  { definition: { name: 'results', method: 'GET', path: '/result/:kind' }, handler: answer },
  { definition: { name: 'POST /result/:kind', method: 'POST', path: '/result/:kind' }, handler: answer },
];
