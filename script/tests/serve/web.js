// The web platform, checked by itself: run by the embedded engine and by Node, which must agree with it.
import { Buffer } from 'node:buffer';
import { EventEmitter, once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { format, promisify, types } from 'node:util';
import { createHash, createHmac, randomBytes, randomInt, timingSafeEqual, webcrypto } from 'node:crypto';

const read = async (stream) => {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return chunks;
};
const caught = async (work) => {
  try {
    return await work();
  } catch (error) {
    return error?.name ?? String(error);
  }
};

const cases = {
  async 'bodies are read in every form'() {
    const forms = ['text', new TextEncoder().encode('bytes'), new TextEncoder().encode('buffer').buffer, new URLSearchParams({ a: 'b c' }), new Blob(['blob'], { type: 'x/y' }), null];
    const texts = [];
    for (const body of forms) {
      const response = new Response(body);
      texts.push([await response.text(), response.headers.get('content-type'), response.bodyUsed]);
    }
    return [
      texts,
      [
        ['text', 'text/plain;charset=UTF-8', true],
        ['bytes', null, true],
        ['buffer', null, true],
        ['a=b+c', 'application/x-www-form-urlencoded;charset=UTF-8', true],
        ['blob', 'x/y', true],
        ['', null, false],
      ],
    ];
  },
  async 'a body is read once'() {
    const response = new Response('{"a":1}');
    return [[await response.json(), await caught(() => response.text()), new Response('x').bodyUsed], [{ a: 1 }, 'TypeError', false]];
  },
  async 'streams and async iterables are bodies'() {
    const encoder = new TextEncoder();
    const stream = new ReadableStream({
      start(controller) {
        controller.enqueue(encoder.encode('a'));
        controller.enqueue(encoder.encode('b'));
        controller.close();
      },
    });
    async function* parts() {
      yield encoder.encode('c');
      yield encoder.encode('d');
    }
    return [[await new Response(stream).text(), await new Response(parts()).text()], ['ab', 'cd']];
  },
  async 'the body of a response is a stream'() {
    const chunks = await read(new Response('hi').body);
    return [[chunks.length, new TextDecoder().decode(chunks[0]), new Response(null).body], [1, 'hi', null]];
  },
  async 'forms are read'() {
    const form = await new Request('http://x/', { method: 'POST', body: new URLSearchParams([['a', '1'], ['a', '2']]) }).formData();
    return [[form.getAll('a'), form.get('b'), [...form]], [['1', '2'], null, [['a', '1'], ['a', '2']]]];
  },
  async 'a form with files is written'() {
    const form = new FormData();
    form.append('a"', 'x\ny');
    form.append('f', new File(['data'], 'f.txt', { type: 'text/plain' }));
    const request = new Request('http://x/', { method: 'POST', body: form });
    const type = request.headers.get('content-type');
    const boundary = type.split('boundary=')[1];
    const text = (await request.text()).replaceAll(boundary, 'B').trimEnd();
    return [
      [type.startsWith('multipart/form-data; boundary='), text],
      [true, '--B\r\nContent-Disposition: form-data; name="a%22"\r\n\r\nx\r\ny\r\n--B\r\nContent-Disposition: form-data; name="f"; filename="f.txt"\r\nContent-Type: text/plain\r\n\r\ndata\r\n--B--'],
    ];
  },
  async 'files are what was put in'() {
    const file = new File(['ab', new Uint8Array([99])], 'n.txt', { type: 'Text/Plain', lastModified: 5 });
    const part = file.slice(1, -1);
    return [
      [file.name, file.type, file.size, file.lastModified, await file.text(), await part.text(), (await file.arrayBuffer()).byteLength, file instanceof Blob, (await read(file.stream())).reduce((sum, chunk) => sum + chunk.length, 0)],
      ['n.txt', 'text/plain', 3, 5, 'abc', 'b', 3, true, 3],
    ];
  },
  async 'responses are made'() {
    const json = Response.json({ a: 1 }, { status: 201 });
    const redirect = Response.redirect('http://x/y', 303);
    return [
      [json.status, json.headers.get('content-type'), await json.text(), redirect.status, redirect.headers.get('location'), Response.error().status, Response.error().type],
      [201, 'application/json', '{"a":1}', 303, 'http://x/y', 0, 'error'],
    ];
  },
  async 'what is wrong is refused'() {
    return [
      [
        await caught(() => new Response('x', { status: 204 })),
        await caught(() => new Response('x', { status: 99 })),
        await caught(() => new Request('http://x/', { body: 'x' })),
        await caught(() => new Request('nowhere')),
        await caught(() => new Headers({ 'a b': 'c' })),
        await caught(() => new Headers({ a: 'b\nc' })),
        await caught(() => new Response('x').formData()),
      ],
      ['TypeError', 'RangeError', 'TypeError', 'TypeError', 'TypeError', 'TypeError', 'TypeError'],
    ];
  },
  async 'requests and responses are cloned'() {
    const request = new Request('http://x/a', { method: 'POST', headers: { a: 'b' }, body: 'body' });
    const copy = request.clone();
    const again = new Request(request, { headers: { c: 'd' } });
    const response = new Response('r', { status: 202 });
    const other = response.clone();
    return [
      [await copy.text(), copy.headers.get('a'), await again.text(), again.method, again.headers.get('a'), request.bodyUsed, await other.text(), other.status, await response.text()],
      ['body', 'b', 'body', 'POST', null, true, 'r', 202, 'r'],
    ];
  },
  'headers join and keep cookies apart'() {
    const headers = new Headers([['b', '1'], ['a', ' x '], ['B', '2'], ['set-cookie', 'p'], ['set-cookie', 'q']]);
    return [[[...headers], headers.getSetCookie(), headers.has('A')], [[['a', 'x'], ['b', '1, 2'], ['set-cookie', 'p'], ['set-cookie', 'q']], ['p', 'q'], true]];
  },
  async 'a stream pulls as much as is wanted'() {
    let pulled = 0;
    const stream = new ReadableStream({ pull(controller) { pulled += 1; controller.enqueue(pulled); if (pulled === 5) controller.close(); } }, { highWaterMark: 2 });
    await new Promise((resolve) => setTimeout(resolve, 5));
    const before = pulled;
    return [[before, await read(stream)], [2, [1, 2, 3, 4, 5]]];
  },
  async 'a stream tells of its queue, its lock and its end'() {
    let controller;
    const cancelled = [];
    const stream = new ReadableStream({ start(given) { controller = given; }, cancel(reason) { cancelled.push(reason); } }, { highWaterMark: 3 });
    controller.enqueue('a');
    const sizes = [controller.desiredSize];
    const reader = stream.getReader();
    const lock = [stream.locked, await caught(() => stream.getReader())];
    const first = await reader.read();
    const waiting = reader.read();
    controller.enqueue('b');
    const second = await waiting;
    await reader.cancel('enough');
    const last = await reader.read();
    reader.releaseLock();
    sizes.push(controller.desiredSize);
    return [
      [sizes, lock, first, second, last, cancelled, stream.locked],
      [[2, 0], [true, 'TypeError'], { value: 'a', done: false }, { value: 'b', done: false }, { value: undefined, done: true }, ['enough'], false],
    ];
  },
  async 'a stream fails with the reason of its source'() {
    const failing = (source) => caught(() => read(new ReadableStream(source)));
    return [
      [await failing({ start() { throw new RangeError('a'); } }), await failing({ async pull() { throw new SyntaxError('b'); } }), await failing({ start: (c) => c.error(new EvalError('c')) })],
      ['RangeError', 'SyntaxError', 'EvalError'],
    ];
  },
  async 'leaving a loop cancels the stream'() {
    let cancelled = false;
    const stream = new ReadableStream({ pull(c) { c.enqueue(1); }, cancel() { cancelled = true; } });
    for await (const chunk of stream) if (chunk === 1) break;
    return [[cancelled, stream.locked], [true, false]];
  },
  async 'signals fire'() {
    const controller = new AbortController();
    const seen = [];
    controller.signal.addEventListener('abort', (event) => seen.push(event.type));
    const any = AbortSignal.any([controller.signal, AbortSignal.timeout(10000)]);
    controller.abort(new Error('why'));
    controller.abort(new Error('again'));
    const timeout = AbortSignal.timeout(1);
    const expired = new Promise((resolve) => timeout.addEventListener('abort', resolve, { once: true }));
    await Promise.all([expired, new Promise((resolve) => setTimeout(resolve, 10))]);
    return [
      [seen, any.aborted, any.reason.message, timeout.reason.name, AbortSignal.abort().reason.name, await caught(() => any.throwIfAborted())],
      [['abort'], true, 'why', 'TimeoutError', 'AbortError', 'Error'],
    ];
  },
  async 'values are cloned'() {
    const cyclic = { date: new Date(5), map: new Map([[{ k: 1 }, new Set([1])]]), pattern: /a/gi, bytes: new Uint8Array([1, 2]), error: new TypeError('m', { cause: 1 }) };
    cyclic.self = cyclic;
    const clone = structuredClone(cyclic);
    return [
      [clone !== cyclic, clone.self === clone, clone.date.getTime(), [...clone.map][0][0], String(clone.pattern), clone.bytes, clone.error instanceof TypeError, clone.error.cause, await caught(() => structuredClone(() => {})), await caught(() => structuredClone({ a: Symbol('x') }))],
      [true, true, 5, { k: 1 }, '/a/gi', { 0: 1, 1: 2 }, true, 1, 'DataCloneError', 'DataCloneError'],
    ];
  },
  'text is decoded in parts'() {
    const decoder = new TextDecoder();
    const bytes = new TextEncoder().encode('aü€😀');
    const parts = [];
    for (const byte of bytes) parts.push(decoder.decode(new Uint8Array([byte]), { stream: true }));
    parts.push(decoder.decode());
    const wrong = new TextDecoder().decode(new Uint8Array([0x61, 0xff, 0xe2, 0x82]));
    return [[parts.join(''), parts.length, wrong, new TextDecoder().decode(new Uint8Array([0xef, 0xbb, 0xbf, 0x61]))], ['aü€😀', 11, 'a\ufffd\ufffd', 'a']];
  },
  async 'timers run in time'() {
    const order = [];
    setTimeout(() => order.push('later'), 15);
    setTimeout((value) => order.push(value), 1, 'soon');
    setImmediate(() => order.push('immediate'));
    queueMicrotask(() => order.push('micro'));
    clearTimeout(setTimeout(() => order.push('never'), 2));
    const before = [Date.now(), performance.now()];
    await new Promise((resolve) => setTimeout(resolve, 30));
    const passed = [Date.now() - before[0] >= 25, performance.now() - before[1] >= 25];
    const ticks = [];
    await new Promise((resolve) => {
      const interval = setInterval(() => { ticks.push(1); if (ticks.length === 3) { clearInterval(interval); resolve(); } }, 1);
    });
    return [[order.filter((name) => name !== 'immediate'), order.includes('immediate'), passed, ticks.length], [['micro', 'soon', 'later'], true, [true, true], 3]];
  },
  async 'digests are made'() {
    const hash = (name) => createHash(name).update('a').update('b').digest('hex');
    const subtle = Buffer.from(await crypto.subtle.digest('SHA-256', new TextEncoder().encode('ab'))).toString('hex');
    return [
      [hash('md5'), hash('sha1'), hash('sha384').slice(0, 16), createHmac('sha256', 'k').update('d').digest('base64url'), subtle === hash('sha256'), timingSafeEqual(Buffer.from('a'), Buffer.from('a')), webcrypto === crypto || typeof webcrypto.subtle.digest],
      ['187ef4436122d1cc2f40dc2b92f0eba0', 'da23614e02469a0d7c7bd1bdab5c9c474b1904dc', 'c7be03ba5bcaa384', '5-ohw7y2Ok2jrXhQMWjTa9ygvmIjgupgoQj61OSWZnk', true, true, true],
    ];
  },
  'random values differ'() {
    const ids = new Set(Array.from({ length: 100 }, () => crypto.randomUUID()));
    const numbers = Array.from({ length: 200 }, () => randomInt(3, 6));
    return [
      [ids.size, [...ids].every((id) => /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(id)), randomBytes(70000).length, randomBytes(32).equals(randomBytes(32)), [...new Set(numbers)].sort(), Math.random() === Math.random()],
      [100, true, 70000, false, [3, 4, 5], false],
    ];
  },
  async 'events are emitted'() {
    const emitter = new EventEmitter();
    const seen = [];
    emitter.on('a', (value) => seen.push(['on', value]));
    emitter.once('a', (value) => seen.push(['once', value]));
    emitter.prependListener('a', () => seen.push('first'));
    const next = once(emitter, 'a');
    const emitted = [emitter.emit('a', 1), emitter.emit('a', 2), emitter.emit('b'), emitter.listenerCount('a')];
    return [
      [seen, emitted, await next, await caught(() => emitter.emit('error', new RangeError('x')))],
      [['first', ['on', 1], ['once', 1], 'first', ['on', 2]], [true, true, false, 2], [1], 'RangeError'],
    ];
  },
  async 'callbacks become promises'() {
    const work = promisify((value, done) => (value > 0 ? done(null, value) : done(new RangeError('no'))));
    const controller = new AbortController();
    const stopped = caught(() => sleep(10000, 'x', { signal: controller.signal }));
    controller.abort();
    return [
      [await work(1), await caught(() => work(0)), await sleep(1, 'slept'), await stopped, format('%s-%d', 'a', 2, 'b'), types.isDate(new Date())],
      [1, 'RangeError', 'slept', 'AbortError', 'a-2 b', true],
    ];
  },
};
