// The same handlers without a framework.
import { list, page } from './src/backend/module.ts';

Bun.serve({
  port: Number(process.env.PORT),
  fetch(request) {
    const { pathname } = new URL(request.url);
    if (pathname === '/page') return new Response(page(), { headers: { 'content-type': 'text/html; charset=utf-8' } });
    return Response.json(list());
  },
});
