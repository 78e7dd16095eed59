// @webstir-io/webstir-backend.
import { unavailable } from 'webstir:backend/unavailable';

export {
  compareSpecificity,
  matchPageRoute,
  normalizePagePattern,
  normalizePageRoutes,
} from 'webstir:backend/page-routes';

export const startBunBackend = unavailable('startBunBackend');
export const createDefaultBunBackendBootstrap = unavailable('createDefaultBunBackendBootstrap');
export const startPublishedWorkspaceServer = unavailable('startPublishedWorkspaceServer');
export const readWorkspacePageRoutes = unavailable('readWorkspacePageRoutes');
export const readClientErrorReport = unavailable('readClientErrorReport');
export const formatClientErrorReport = unavailable('formatClientErrorReport');

const notHere = (name) => () => {
  throw new Error(`\`${name}\` belongs to the build and is not available inside of a module`);
};

export const runAddJob = notHere('runAddJob');
export const runAddRoute = notHere('runAddRoute');
export const runUpdateRouteContract = notHere('runUpdateRouteContract');
export const startBackendWatch = notHere('startBackendWatch');
export const getBackendScaffoldAssets = notHere('getBackendScaffoldAssets');
export const backendProvider = {
  resolveWorkspace: notHere('backendProvider.resolveWorkspace'),
  build: notHere('backendProvider.build'),
  getScaffoldAssets: notHere('backendProvider.getScaffoldAssets'),
};

export const CLIENT_ERRORS_PATH = '/client-errors';
export const CLIENT_ERROR_MAX_BYTES = 32768;
export const isClientErrorsPath = (pathname) => pathname === CLIENT_ERRORS_PATH;
