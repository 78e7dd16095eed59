// What handlers, hooks and view loaders receive.

const environment = {
  get: (name) => process.env[name],
  require(name) {
    const value = process.env[name];
    if (value === undefined || value === '') throw new Error(`Missing required env var ${name}`);
    return value;
  },
  entries: () => ({ ...process.env }),
};

const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'];

/** Not every engine starts a stack with the error itself. */
function plainError(error) {
  const stack = String(error.stack ?? '');
  return {
    type: error.name,
    message: error.message,
    stack: stack.startsWith(String(error)) ? stack : `${error}\n${stack}`.trimEnd(),
  };
}

/** Takes `(message, metadata)` and `(metadata, message)`. An error says itself where nothing else is said. */
function logRecord(first, second) {
  const texts = [];
  const fields = {};
  for (const part of [first, second]) {
    if (part instanceof Error) {
      fields.err = part;
    } else if (isObject(part)) {
      Object.assign(fields, part);
    } else if (part !== undefined) {
      texts.push(String(part));
    }
  }
  const message = texts.length > 0 ? texts.join(' ') : fields.err instanceof Error ? fields.err.message : '';
  for (const [name, value] of Object.entries(fields)) {
    if (value instanceof Error) fields[name] = plainError(value);
  }
  return { message, fields };
}

function createLogger(bindings) {
  const log = (level, first, second) => {
    const { message, fields } = logRecord(first, second);
    let record;
    try {
      record = JSON.stringify({ message, fields: { ...bindings, ...fields } });
    } catch (error) {
      record = JSON.stringify({ message, fields: { ...bindings, unserialisable: String(error) } });
    }
    port.log(level, record);
  };
  const logger = {
    log: (level, first, second) => log(LEVELS.includes(level) ? level : 'info', first, second),
    child: (more) => createLogger({ ...bindings, ...more }),
    with: (more) => createLogger({ ...bindings, ...more }),
  };
  for (const level of LEVELS) logger[level] = (first, second) => log(level, first, second);
  return logger;
}

/** The headers also answer as plain properties, as those of a Node request do. */
function createRequest({ url, method, headers }) {
  const request = new Request(url, { method, headers });
  for (const [name, value] of request.headers) {
    if (!(name in request.headers)) Object.defineProperty(request.headers, name, { value, configurable: true });
  }
  return request;
}

const define = (object, name, value) =>
  Object.defineProperty(object, name, { value, writable: true, enumerable: true, configurable: true })[name];

/** What few handlers ask for is made when it is first read. */
const createContext = (message, details, body, session) => ({
  get request() {
    return define(this, 'request', createRequest(details().request));
  },
  set request(request) {
    define(this, 'request', request);
  },
  get reply() {
    return define(this, 'reply', new Response());
  },
  set reply(reply) {
    define(this, 'reply', reply);
  },
  params: message.params,
  query: message.query,
  body: readBody(message.body, body),
  auth: message.auth,
  session,
  flash: message.flash,
  db: Object.create(null),
  env: environment,
  get logger() {
    return define(this, 'logger', createLogger(details().bindings));
  },
  set logger(logger) {
    define(this, 'logger', logger);
  },
  requestId: message.requestId,
  now: () => new Date(),
});

function readBody(body, bytes) {
  if (body === undefined) return undefined;
  if (body.bytes) return bytes;
  if (body.files === undefined) return body.value;
  const fields = body.value;
  for (const { name, filename, type, start, end } of body.files) {
    const file = new File([bytes.subarray(start, end)], filename, { type });
    const value = Object.hasOwn(fields, name) ? [fields[name], file].flat() : file;
    Object.defineProperty(fields, name, { value, writable: true, enumerable: true, configurable: true });
  }
  return fields;
}

// Sessions. What is stored is JSON; its identity and lifetime are readable, but not part of it.

function openSession(stored) {
  if (stored === undefined) return { session: null };
  const session = stored.value;
  const before = JSON.stringify(session);
  for (const name of ['id', 'createdAt', 'expiresAt']) {
    if (Object.hasOwn(session, name)) continue;
    Object.defineProperty(session, name, { value: stored[name], writable: true, configurable: true });
  }
  if (stored.form !== undefined) adoptFormState(session, stored.form);
  return { session, before, form: JSON.stringify(formStateOf(session)) };
}

const storable = (name, value) => {
  if (typeof value !== 'function' && typeof value !== 'symbol') return value;
  throw new TypeError(`\`ctx.session\` holds a ${typeof value} at "${name}"; a session is stored as JSON`);
};

/** JSON: `"unchanged"`, null for an ended session, else what to store. */
function sessionChange(opened, current) {
  if (current === null) return opened.session === null ? '"unchanged"' : 'null';
  if (!isObject(current)) throw new TypeError('`ctx.session` must be an object or null');
  // A session that was replaced by a copy keeps its forms.
  const state = formStateOf(current) ?? (opened.session === null ? undefined : formStateOf(opened.session));
  const form = JSON.stringify(state);
  const value = JSON.stringify(Array.isArray(current) ? { ...current } : current, storable);
  if (opened.session !== null && value === opened.before && form === opened.form) return '"unchanged"';
  return `{"value":${value},"form":${form ?? 'null'}}`;
}

/** The tokens that were taken out of the session that was opened, or of the one that stands in its place. */
const spentIn = (...sessions) => [...new Set(sessions)].filter(isObject).flatMap(spentTokens);

/** A session that only carries a form's token says nothing about its visitor. */
const holdsData = (session) => isObject(session) && Object.keys(session).length > 0;
