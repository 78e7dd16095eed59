const kind = (value: unknown) =>
  value === undefined ? 'undefined' : value instanceof Uint8Array ? 'bytes' : Array.isArray(value) ? 'list' : typeof value;

async function upload(ctx: any) {
  const file = ctx.body.picture;
  return {
    body: {
      title: ctx.body.title,
      tags: ctx.body.tags,
      isFile: file instanceof File,
      name: file.name,
      type: file.type,
      size: file.size,
      text: await file.text(),
    },
  };
}

export const bodyRoutes = [
  {
    definition: { name: 'POST /echo', method: 'POST', path: '/echo' },
    handler: (ctx: any) => ({ body: { kind: kind(ctx.body), body: kind(ctx.body) === 'bytes' ? [...ctx.body] : ctx.body } }),
  },
  { definition: { name: 'DELETE /echo', method: 'DELETE', path: '/echo' }, handler: (ctx: any) => ({ body: { kind: kind(ctx.body) } }) },
  { definition: { name: 'GET /echo', method: 'GET', path: '/echo' }, handler: (ctx: any) => ({ body: { kind: kind(ctx.body) } }) },
  { definition: { name: 'POST /upload', method: 'POST', path: '/upload' }, handler: upload },
];
