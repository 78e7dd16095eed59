// @webstir-io/module-contract/ts-rest: ts-rest routes as route specifications.
const PREFERRED = [200, 201, 202, 204];

const capitalise = (text) => text.charAt(0).toUpperCase() + text.slice(1);

// `accounts`, `list` → `AccountsList`: a name that can be an identifier.
const schemaName = (...parts) =>
  parts
    .flatMap((part) => String(part).split(/[^A-Za-z0-9]+/))
    .filter((part) => part !== '')
    .map(capitalise)
    .join('');

function successStatus(responses, preferred) {
  const statuses = Object.keys(responses ?? {})
    .map(Number)
    .filter(Number.isInteger)
    .sort((left, right) => left - right);
  return [preferred, ...PREFERRED].find((status) => statuses.includes(status)) ?? preferred ?? statuses[0];
}

export function fromTsRestRoute({ appRoute, name, baseName = name, schemaSource, source = schemaSource, definition, ...rest }) {
  const base = baseName ?? `${appRoute.method} ${appRoute.path}`;
  const reference = (part) => ({
    kind: 'ts-rest',
    name: schemaName(base, part),
    ...(source === undefined ? {} : { source }),
  });
  const schemas = { params: appRoute.pathParams, query: appRoute.query, body: appRoute.body, headers: appRoute.headers };
  const present = Object.entries(schemas).filter(([, schema]) => schema !== undefined && schema !== null);
  const status = successStatus(appRoute.responses, rest.successStatus);
  const response = appRoute.responses?.[status];
  return {
    definition: {
      name: name ?? base,
      method: appRoute.method,
      path: appRoute.path,
      ...(appRoute.summary === undefined ? {} : { summary: appRoute.summary }),
      ...(appRoute.description === undefined ? {} : { description: appRoute.description }),
      ...(present.length === 0 ? {} : { input: Object.fromEntries(present.map(([part]) => [part, reference(part)])) }),
      ...(response === undefined ? {} : { output: { body: reference('response'), status } }),
      ...definition,
    },
    schemas: { ...Object.fromEntries(present), ...(response === undefined ? {} : { response }) },
    handler: rest.handler,
  };
}

const isRoute = (node) => typeof node?.method === 'string' && typeof node?.path === 'string';

export function fromTsRestRouter({ router, baseName = '', createRoute, ...shared }) {
  const specifications = [];
  const walk = (node, keyPath) => {
    for (const [key, child] of Object.entries(node)) {
      const path = [...keyPath, key];
      if (isRoute(child)) {
        const name = [baseName, ...path].filter((part) => part !== '').map((part, index) => (index === 0 ? part : capitalise(part))).join('');
        specifications.push(fromTsRestRoute({ ...shared, name, appRoute: child, ...createRoute({ keyPath: path, appRoute: child }) }));
      } else if (typeof child === 'object' && child !== null) {
        walk(child, path);
      }
    }
  };
  walk(router, []);
  return specifications;
}
