// @webstir-io/webstir-backend/runtime/request-hooks.

const PHASES = ['beforeAuth', 'beforeHandler', 'afterHandler'];

const idOf = (entry) => (typeof entry?.id === 'string' ? entry.id.trim() : '');

// Of entries with the same id the last one counts.
const byId = (entries) => new Map((entries ?? []).filter((entry) => idOf(entry) !== '').map((entry) => [idOf(entry), entry]));

export function resolveRequestHooks({ routeName, routeReferences, manifestDefinitions, registrations }) {
  const [definitions, implementations] = [byId(manifestDefinitions), byId(registrations)];
  const hooks = [];
  const warnings = [];
  for (const id of new Set((routeReferences ?? []).map(idOf).filter((id) => id !== ''))) {
    const { phase, order } = definitions.get(id) ?? {};
    const handler = implementations.get(id)?.handler;
    const missing = (what) => warnings.push(`Route "${routeName}" references request hook "${id}" without ${what}.`);
    if (!PHASES.includes(phase)) missing('manifest metadata');
    else if (typeof handler !== 'function') missing('an implementation');
    else hooks.push({ id, phase, order: Number.isInteger(order) ? order : 0, handler });
  }
  hooks.sort(
    (left, right) =>
      PHASES.indexOf(left.phase) - PHASES.indexOf(right.phase) || left.order - right.order || left.id.localeCompare(right.id),
  );
  return { hooks, warnings };
}

export async function executeRequestHookPhase({ hooks, phase, context, route, logger, result }) {
  let current = result;
  for (const hook of hooks) {
    if (hook.phase !== phase) continue;
    const about = { hookId: hook.id, phase };
    let returned;
    try {
      const input = phase === 'afterHandler' ? { phase, route, result: current } : { phase, route };
      returned = await hook.handler(context, input);
    } catch (error) {
      logger?.error?.('request hook failed', { ...about, err: error });
      throw error;
    }
    // Null says as little as undefined: the next hook runs.
    if (returned === undefined || returned === null) continue;
    current = returned;
    if (phase === 'afterHandler') continue;
    logger?.info?.('request hook produced early response', about);
    return { result: current, shortCircuited: true };
  }
  return current === undefined ? { shortCircuited: false } : { result: current, shortCircuited: false };
}
