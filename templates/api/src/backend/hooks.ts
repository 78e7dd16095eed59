import type { ModuleRequestHook } from '@webstir-io/webstir-backend';

/** Keeps API answers out of caches. Routes opt in by naming the id in `requestHooks`. */
export const noStore = {
  id: 'no-store',
  handler(_ctx, { result }) {
    return { ...result, headers: { 'cache-control': 'no-store', ...result?.headers } };
  },
} satisfies ModuleRequestHook;
