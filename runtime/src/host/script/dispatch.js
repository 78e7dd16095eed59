// Calls: one route, one view, or a step in the module's life.

/** Runs one call; gives `[message, body]`. */
export async function call(message, body) {
  // A route has details on a second line; JSON has no line breaks of its own.
  const end = message.indexOf('\n');
  const request = JSON.parse(end < 0 ? message : message.slice(0, end));
  switch (request.op) {
    case 'route':
      return callRoute(request, lazily(() => JSON.parse(message.slice(end + 1))), body);
    case 'view':
      return callView(request);
    case 'init':
    case 'dispose':
      await definition[request.op]?.({ env: environment, logger: createLogger({}), now: () => new Date() });
      return ['{}', null];
    case 'describe':
      return [JSON.stringify(describeTask()), null];
    case 'job':
      await jobOf()();
      return ['{}', null];
    case 'migrate':
      await migrate(request);
      return ['{}', null];
    default:
      throw new Error(`There is no operation ${request.op}`);
  }
}

/** Gives what `read` gives, read once. */
function lazily(read) {
  let value;
  return () => (value ??= read());
}

async function callRoute(message, details, body) {
  const route = routes[message.route];
  const opened = openSession(message.session);
  const context = createContext(message, details, body, opened.session);
  const { definition } = route;
  const phase = (name, result) =>
    executeRequestHookPhase({
      hooks: route.hooks,
      phase: name,
      context,
      route: definition,
      logger: createLogger(details().bindings),
      result,
    });

  if (route.hasHooks('beforeAuth')) {
    const early = await phase('beforeAuth');
    if (early.shortCircuited) return finish(message, opened, context, early.result, 'hook');
    if (context.auth === undefined && message.authPending) {
      const [auth] = await port.operation('auth', JSON.stringify({ call: message.call }));
      context.auth = JSON.parse(auth) ?? undefined;
    }
  }
  if (route.hasHooks('beforeHandler')) {
    const early = await phase('beforeHandler');
    if (early.shortCircuited) return finish(message, opened, context, early.result, 'hook');
  }
  if (message.sessionRequired && !holdsData(context.session)) {
    return finish(message, opened, context, { status: 401 }, 'session_required');
  }
  if (message.validate) {
    const invalid = await validate(route.validators, context);
    if (invalid !== undefined) return finish(message, opened, context, invalid, 'handler');
  }

  const token = message.csrf ? formToken(context.body) : undefined;
  const known = token !== undefined && isObject(context.session) && hasCsrfToken(context.session, token);
  if (message.csrf && !known && message.crossSite) {
    return finish(message, openSession(undefined), { session: null }, { status: 403 }, 'csrf');
  }
  let result = await route.handler(context);
  if (message.csrf && !wasCsrfChecked(context.body, context.session)) {
    if (!known) return finish(message, openSession(undefined), { session: null }, { status: 403 }, 'csrf');
    if (isObject(context.session)) spendCsrfToken(context.session, token);
  }
  if (route.hasHooks('afterHandler')) result = (await phase('afterHandler', result)).result;
  return finish(message, opened, context, result, 'handler');
}

const formToken = (body) => {
  const field = isObject(body) ? body._csrf : undefined;
  return text(Array.isArray(field) ? field[0] : field);
};

async function validate(validators, context) {
  const errors = [];
  for (const part of PARTS) {
    const outcome = await validators[part]?.(context[part]);
    if (outcome === undefined) continue;
    if (outcome.issues === undefined) {
      context[part] = outcome.value;
      continue;
    }
    for (const issue of outcome.issues) {
      // A segment of a path may be an object that holds its key.
      const path = list(issue.path).map((segment) => (isObject(segment) ? segment.key : segment));
      const details = { in: part, path: path.map(String).join('.'), reason: text(issue.code) ?? 'invalid' };
      errors.push({ code: 'validation', message: String(issue.message), details });
    }
  }
  return errors.length > 0 ? { status: 400, errors } : undefined;
}

function finish(message, opened, context, result, source) {
  const change = sessionChange(opened, context.session);
  const [described, body] = result instanceof Response ? describeResponse(message, result) : describeResult(result);
  const spent = JSON.stringify(spentIn(opened.session, context.session));
  return [`{"source":"${source}","result":${JSON.stringify(described)},"session":${change},"spent":${spent}}`, body];
}

const HTML = Symbol.for('webstir.html');

/** Gives what kind of payload it is, and the payload. */
function describePayload(payload) {
  if (payload === undefined || payload === null) return ['none', null];
  if (typeof payload === 'string') return ['text', payload];
  if (payload[HTML] === true) return ['text', String(payload)];
  if (globalThis.Buffer?.isBuffer(payload)) return ['bytes', payload];
  if (payload instanceof ArrayBuffer) return ['bytes', new Uint8Array(payload)];
  if (ArrayBuffer.isView(payload)) {
    return ['bytes', new Uint8Array(payload.buffer, payload.byteOffset, payload.byteLength)];
  }
  const json = JSON.stringify(payload);
  return json === undefined ? ['none', null] : ['json', json];
}

function describeResult(result) {
  if (typeof result === 'string' || result?.[HTML] === true) result = { body: result };
  if (!isObject(result)) {
    throw new TypeError(`The handler returned ${result === null ? 'null' : typeof result} instead of a result`);
  }
  const { status, headers, redirect, fragment, errors } = result;
  const hasFragment = isObject(fragment);
  const [payload, body] = describePayload(hasFragment ? fragment.body : result.body);
  const described = { status, headers: headerList(headers), payload };
  if (redirect) described.location = String(redirect.location);
  if (errors) described.errors = errors;
  if (hasFragment) {
    described.fragment = { target: fragment.target, selector: fragment.selector, mode: fragment.mode };
  }
  return [described, redirect || errors ? null : body];
}

function headerList(headers) {
  if (!isObject(headers)) return [];
  const entries = typeof headers.entries === 'function' ? [...headers.entries()] : Object.entries(headers);
  return entries.flatMap(([name, value]) =>
    value === undefined || value === null ? [] : [value].flat().map((item) => [name, String(item)]),
  );
}

/** A real `Response`: its body follows the reply, chunk by chunk, as fast as the client takes it. */
function describeResponse(message, response) {
  const headers = [...response.headers].filter(([name]) => name !== 'set-cookie');
  for (const cookie of response.headers.getSetCookie()) headers.push(['set-cookie', cookie]);
  const described = { status: response.status, headers, response: true };
  if (response.body === null) return [{ ...described, payload: 'none' }, null];
  sendStream(message.call, response.body);
  return [{ ...described, payload: 'stream' }, null];
}

async function sendStream(stream, body) {
  const reader = body.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      const chunk = typeof value === 'string' ? new TextEncoder().encode(value) : value;
      await port.operation('stream.chunk', JSON.stringify({ stream }), chunk);
    }
    await port.operation('stream.end', JSON.stringify({ stream }));
  } catch (error) {
    // The client went away, or the stream failed: both sides must hear of it.
    await reader.cancel(error).catch(() => {});
    await port.operation('stream.fail', JSON.stringify({ stream, message: String(error) })).catch(() => {});
  }
}

async function callView(message) {
  const opened = openSession(message.session);
  const logger = createLogger(message.bindings);
  const data = await views[message.view].load?.({
    url: new URL(message.request.url),
    params: message.params,
    cookies: message.cookies,
    headers: message.headers,
    auth: message.auth,
    session: opened.session,
    env: environment,
    logger,
    requestId: message.requestId,
    now: () => new Date(),
  });
  const json = JSON.stringify(data === undefined ? null : data);
  if (json === undefined) throw new TypeError('The view returned a value that is not JSON');
  return [`{"source":"handler","session":${sessionChange(opened, opened.session)}}`, json];
}
