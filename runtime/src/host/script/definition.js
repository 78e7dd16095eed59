// The dispatcher: the half of a request that runs beside the user's code, in every kind of host. This part finds the module's
// definition and prepares its routes, views and hooks.
import { adoptFormState, formStateOf, hasCsrfToken, spendCsrfToken, spentTokens, wasCsrfChecked } from 'webstir:backend/form-state';
import { decode, encode } from 'webstir:backend/values';
import { executeRequestHookPhase, resolveRequestHooks } from '@webstir-io/webstir-backend/runtime/request-hooks';

const DEFINITION_NAMES = ['module', 'moduleDefinition', 'default', 'backendModule'];

const isObject = (value) => typeof value === 'object' && value !== null;
const list = (value) => (Array.isArray(value) ? value : []);
const text = (value) => (typeof value === 'string' ? value : undefined);

let port;
let definition = {};
let routes = [];
let views = [];

/** Takes the module in; gives what the server has to know of it, as JSON. */
export async function load(namespace, hostPort) {
  port = hostPort;
  task = namespace;
  const name = DEFINITION_NAMES.find((name) => isObject(namespace[name]));
  if (name === undefined) return JSON.stringify({ routes: [], views: [], warnings: [] });
  definition = namespace[name];
  const manifest = readManifest(definition.manifest);
  const warnings = [];
  routes = list(definition.routes)
    .filter((route) => typeof route?.handler === 'function')
    .map((route) => prepareRoute(route, manifest, warnings));
  for (const route of routes) route.validators = await prepareValidators(route, warnings);
  const ownViews = list(definition.views);
  views = (ownViews.length > 0 ? ownViews : list(manifest?.views).map((view) => ({ definition: view }))).filter(isObject);
  return JSON.stringify({
    exportName: name,
    manifest,
    routes: routes.map(describeRoute),
    views: views.map(describeView),
    warnings,
    hasInit: typeof definition.init === 'function',
    hasDispose: typeof definition.dispose === 'function',
  });
}

function readManifest(manifest) {
  if (!isObject(manifest)) return undefined;
  const sanitised = {
    ...manifest,
    routes: list(manifest.routes),
    views: list(manifest.views),
    requestHooks: list(manifest.requestHooks),
  };
  if (!Array.isArray(manifest.capabilities)) delete sanitised.capabilities;
  return sanitised;
}

function prepareRoute(route, manifest, warnings) {
  const declared = isObject(route.definition) ? route.definition : {};
  const name = text(declared.name) ?? text(declared.path) ?? '/';
  const resolved = resolveRequestHooks({
    routeName: name,
    routeReferences: list(declared.requestHooks),
    manifestDefinitions: list(manifest?.requestHooks),
    registrations: list(definition.requestHooks),
  });
  warnings.push(...resolved.warnings);
  const phases = new Set(resolved.hooks.map((hook) => hook.phase));
  return {
    handler: route.handler.bind(route),
    definition: declared,
    hooks: resolved.hooks,
    hasHooks: (phase) => phases.has(phase),
    schemas: isObject(route.schemas) ? route.schemas : {},
  };
}

const PARTS = ['params', 'query', 'body'];
const SCHEMA_KEYWORDS =
  ['$schema', '$ref', '$defs', 'type', 'properties', 'required', 'items', 'enum', 'const', 'allOf', 'anyOf', 'oneOf', 'not'];

const isPlain = (value) => [Object.prototype, null].includes(Object.getPrototypeOf(value));

/** A JSON schema is data; every other kind of schema brings its own functions. */
const isJsonSchema = (schema) => isPlain(schema) && SCHEMA_KEYWORDS.some((keyword) => Object.hasOwn(schema, keyword));

/** Functions from a value to `{value}` or `{issues: [{path, code, message}]}`, one for each part that has a schema. */
async function prepareValidators({ schemas, definition }, warnings) {
  const validators = {};
  for (const part of PARTS) {
    const schema = schemas[part];
    if (!isObject(schema) && typeof schema !== 'function') continue;
    const parse = schema.safeParseAsync ?? schema.safeParse;
    const standard = schema['~standard']?.validate;
    if (typeof parse === 'function') {
      validators[part] = async (value) => {
        const outcome = await parse.call(schema, value);
        return outcome.success ? { value: outcome.data } : { issues: list(outcome.error?.issues) };
      };
    } else if (typeof standard === 'function') {
      validators[part] = async (value) => {
        const outcome = await standard.call(schema['~standard'], value);
        return outcome.issues === undefined ? { value: outcome.value } : { issues: list(outcome.issues) };
      };
    } else if (isJsonSchema(schema)) {
      try {
        const [reply] = await port.operation('schema.compile', JSON.stringify({ schema }));
        const compiled = JSON.parse(reply).schema;
        validators[part] = async (value) => {
          const [reply] = await port.operation('schema.check', JSON.stringify({ schema: compiled, value: value ?? null }));
          const { issues } = JSON.parse(reply);
          return issues.length > 0 ? { issues } : { value };
        };
      } catch (error) {
        const route = text(definition.name) ?? text(definition.path) ?? '/';
        warnings.push(`The ${part} schema of route "${route}" is not applied: ${error.message}`);
      }
    }
  }
  return validators;
}

/** Only what the server reads: schemas and application data may not be JSON. */
function describeRoute({ definition, hasHooks, validators }) {
  const { name, method, path, session, flash, form } = definition;
  return {
    name: text(name),
    method: text(method),
    path: text(path),
    session: isObject(session) ? { mode: text(session.mode), write: session.write === true } : undefined,
    flash: describeFlash(flash),
    form: isObject(form)
      ? { csrf: form.csrf === true, session: { mode: text(form.session?.mode) }, flash: describeFlash(form.flash) }
      : undefined,
    hasBeforeAuth: hasHooks('beforeAuth'),
    schemas: PARTS.filter((part) => validators[part] !== undefined),
  };
}

function describeFlash(flash) {
  if (!isObject(flash)) return undefined;
  return {
    consume: list(flash.consume).filter((key) => typeof key === 'string'),
    publish: list(flash.publish)
      .filter((message) => typeof message?.key === 'string')
      .map(({ key, level, when }) => ({ key, level: text(level), when: text(when) })),
  };
}

function describeView({ definition, load }) {
  return { name: text(definition?.name), path: text(definition?.path), hasLoader: typeof load === 'function' };
}
