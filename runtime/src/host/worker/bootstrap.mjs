// The worker's side of the socket, in Bun and in Node. Its arguments are the paths of the socket, of the directory with the
// built-in modules and of the user's module.
import { readFileSync } from 'node:fs';
import net from 'node:net';
import { pathToFileURL } from 'node:url';

const [, , socketPath, home, modulePath] = process.argv;
const [HELLO, LOAD, CALL, REPLY, THROWN, OPERATION, DONE, REFUSED, LOG, PING, PONG] = Array(11).keys();
const HEAD = 14;

const { describeThrown, unsupported } = await import(`${home}/describe.mjs`);
const why = unsupported();
if (why !== undefined) {
  console.error(why);
  process.exit(1);
}

const builtins = JSON.parse(readFileSync(`${home}/builtins.json`, 'utf8'));
const fileOf = (specifier) => pathToFileURL(`${home}/${builtins[specifier]}`).href;
// What the server has of the module, by path: it is loaded from there and not from where it lies.
const files = JSON.parse(readFileSync(`${home}/files.json`, 'utf8'));

if (globalThis.Bun === undefined) {
  const { register } = await import('node:module');
  const data = {
    builtins: Object.fromEntries(Object.keys(builtins).map((name) => [name, fileOf(name)])),
    files: Object.fromEntries(Object.entries(files).map(([path, file]) => [pathToFileURL(path).href, file])),
    home,
  };
  register(pathToFileURL(`${home}/resolve.mjs`).href, { data });
} else {
  Bun.plugin({
    name: 'webstir',
    setup(build) {
      for (const specifier of Object.keys(builtins)) {
        build.module(specifier, async () => ({ exports: await import(fileOf(specifier)), loader: 'object' }));
      }
      const escape = (path) => path.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
      build.onLoad({ filter: new RegExp(`^(?:${Object.keys(files).map(escape).join('|')})$`) }, ({ path }) => ({
        contents: readFileSync(`${home}/${files[path].code}`, 'utf8'),
        loader: 'js',
      }));
    },
  });
}

const dispatcher = await import(`${home}/dispatch.mjs`);

const socket = net.connect(socketPath);
// Without the server there is nothing to do, and nobody to end this process.
socket.on('close', () => process.exit(0));
socket.on('error', () => process.exit(1));

function send(kind, id, message, body) {
  const bytes = body === undefined || body === null ? undefined : typeof body === 'string' ? Buffer.from(body) : body;
  const length = Buffer.byteLength(message);
  const frame = Buffer.allocUnsafe(HEAD + length + (bytes?.length ?? 0));
  frame.writeUInt32LE(frame.length - 4, 0);
  frame.writeUInt8(kind, 4);
  frame.writeUInt32LE(id, 5);
  frame.writeUInt8(bytes === undefined ? 0 : 1, 9);
  frame.writeUInt32LE(length, 10);
  frame.write(message, HEAD);
  if (bytes !== undefined) frame.set(bytes, HEAD + length);
  post(frame);
}

// Frames that are sent in one turn go out in one write.
let outgoing = [];

function post(frame) {
  outgoing.push(frame);
  if (outgoing.length > 1) return;
  queueMicrotask(() => {
    const frames = outgoing;
    outgoing = [];
    socket.write(frames.length === 1 ? frames[0] : Buffer.concat(frames));
  });
}

const operations = new Map();
let lastOperation = 0;

const port = {
  operation(name, message, body) {
    lastOperation = (lastOperation + 1) >>> 0;
    const id = lastOperation;
    return new Promise((resolve, reject) => {
      operations.set(id, { resolve, reject });
      send(OPERATION, id, `${name}\n${message}`, body);
    });
  },
  log: (level, record) => send(LOG, 0, `${level}\n${record}`),
};

async function answer(id, work) {
  try {
    const [message, body] = await work();
    send(REPLY, id, message, body);
  } catch (error) {
    send(THROWN, id, describeThrown(error));
  }
}

function receive(kind, id, message, body) {
  switch (kind) {
    case LOAD:
      return void answer(id, async () => [await dispatcher.load(await import(pathToFileURL(modulePath).href), port)]);
    case CALL:
      return void answer(id, () => dispatcher.call(message, body));
    case DONE:
    case REFUSED: {
      const operation = operations.get(id);
      operations.delete(id);
      if (kind === DONE) return operation?.resolve([message, body ?? null]);
      const refused = JSON.parse(message);
      return operation?.reject(Object.assign(new Error(refused.message), { name: refused.name, code: refused.code }));
    }
    case PING:
      return send(PONG, id, '');
  }
}

// Frames arrive in pieces.
let pieces = [];
let buffered = 0;
socket.on('data', (piece) => {
  pieces.push(piece);
  buffered += piece.length;
  while (buffered >= 4) {
    if (pieces[0].length < 4) pieces = [Buffer.concat(pieces)];
    const total = 4 + pieces[0].readUInt32LE(0);
    if (buffered < total) return;
    const bytes = pieces.length === 1 ? pieces[0] : Buffer.concat(pieces);
    const rest = bytes.subarray(total);
    pieces = rest.length > 0 ? [rest] : [];
    buffered = rest.length;
    const frame = bytes.subarray(4, total);
    const end = 10 + frame.readUInt32LE(6);
    const body = frame.readUInt8(5) === 1 ? new Uint8Array(frame.subarray(end)) : null;
    receive(frame.readUInt8(0), frame.readUInt32LE(1), frame.toString('utf8', 10, end), body);
  }
});

// What is thrown when no call waits for it harms no other call.
function report(message, error) {
  const err = { type: error?.name, message: String(error?.message ?? error), stack: error?.stack };
  port.log('error', JSON.stringify({ message, fields: { err } }));
}
process.on('unhandledRejection', (error) => report('Unhandled rejection', error));
process.on('uncaughtException', (error) => report('Uncaught exception', error));

// An interrupt is for the server, which ends its workers itself.
process.on('SIGINT', () => {});
send(HELLO, 0, process.env.WEBSTIR_WORKER_TOKEN ?? '');
delete process.env.WEBSTIR_WORKER_TOKEN;
