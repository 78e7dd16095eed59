const text = new TextEncoder();

let cancelled = 0;

const later = new Map<string, () => void>();

function numbers() {
  let next = 1;
  const body = new ReadableStream({
    async pull(controller) {
      controller.enqueue(text.encode(`${next}\n`));
      if (next++ === 3) controller.close();
    },
  });
  return new Response(body, { headers: { 'content-type': 'text/plain' } });
}

/** The second event waits until the client has asked for it over another connection. */
function events(ctx: any) {
  const body = new ReadableStream({
    async start(controller) {
      controller.enqueue(text.encode('data: first\n\n'));
      await new Promise<void>((resolve) => later.set(ctx.params.key, resolve));
      controller.enqueue(text.encode('data: second\n\n'));
      controller.close();
    },
  });
  return new Response(body, { headers: { 'content-type': 'text/event-stream', 'cache-control': 'no-store' } });
}

function goOn(ctx: any) {
  const resolve = later.get(ctx.params.key);
  resolve?.();
  return { body: resolve !== undefined };
}

function endless() {
  const body = new ReadableStream({
    async pull(controller) {
      controller.enqueue(text.encode('x'.repeat(16384)));
      await new Promise((resolve) => setTimeout(resolve, 1));
    },
    cancel() {
      cancelled++;
    },
  });
  return new Response(body);
}

/** It fails when the client has seen its beginning, and says so over another connection. */
function broken() {
  const body = new ReadableStream({
    async start(controller) {
      controller.enqueue(text.encode('some'));
      await new Promise<void>((resolve) => later.set('broken', resolve));
      throw new Error('no more');
    },
  });
  return new Response(body);
}

export const streamRoutes = [
  { definition: { name: 'GET /stream/numbers', method: 'GET', path: '/stream/numbers' }, handler: numbers },
  { definition: { name: 'GET /stream/events/:key', method: 'GET', path: '/stream/events/:key' }, handler: events },
  { definition: { name: 'POST /stream/events/:key', method: 'POST', path: '/stream/events/:key' }, handler: goOn },
  { definition: { name: 'GET /stream/endless', method: 'GET', path: '/stream/endless' }, handler: endless },
  { definition: { name: 'GET /stream/cancelled', method: 'GET', path: '/stream/cancelled' }, handler: () => ({ body: cancelled }) },
  { definition: { name: 'GET /stream/broken', method: 'GET', path: '/stream/broken' }, handler: broken },
];
