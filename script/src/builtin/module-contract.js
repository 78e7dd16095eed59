// @webstir-io/module-contract.
import host from 'webstir:prelude/host';

export { fromTsRestRoute, fromTsRestRouter } from 'webstir:contract/ts-rest';

export const CONTRACT_VERSION = host.contractVersion;

export const createModule = (definition) => definition;
export const defineRoute = (route) => route;
export const defineView = (view) => view;

class SchemaError extends Error {
  constructor(issues) {
    super(JSON.stringify(issues, null, 2));
    this.name = 'ZodError';
    this.issues = issues;
    this.errors = issues;
  }
}

// The schemas are the contract's own, checked by Rust.
function schema(name) {
  const safeParse = (value) => {
    const { data, issues } = JSON.parse(host.checkContract(name, JSON.stringify(value ?? null).toWellFormed()));
    return issues === undefined ? { success: true, data } : { success: false, error: new SchemaError(issues) };
  };
  return {
    safeParse,
    parse(value) {
      const result = safeParse(value);
      if (!result.success) throw result.error;
      return result.data;
    },
  };
}

export const moduleManifestSchema = schema('manifest');
export const requestHookDefinitionSchema = schema('requestHook');
export const routeDefinitionSchema = schema('route');
export const routeInputSchema = schema('routeInput');
export const routeOutputSchema = schema('routeOutput');
export const viewDefinitionSchema = schema('view');
export const moduleErrorSchema = schema('moduleError');
