// @webstir-io/webstir-backend/runtime/request-hooks.
import { unavailable } from 'webstir:backend/unavailable';

export const resolveRequestHooks = unavailable('resolveRequestHooks');
export const executeRequestHookPhase = unavailable('executeRequestHookPhase');
