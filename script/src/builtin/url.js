// node:url.
import { URL, URLSearchParams } from 'webstir:prelude/url';
import { resolve as resolvePath } from 'webstir:node/path';

export { URL, URLSearchParams };

export function fileURLToPath(address) {
  const url = typeof address === 'string' ? new URL(address) : address;
  if (url?.protocol !== 'file:') {
    throw Object.assign(new TypeError('The URL must be of scheme file'), { code: 'ERR_INVALID_URL_SCHEME' });
  }
  if (url.hostname !== '') {
    throw Object.assign(new TypeError('File URL host must be "localhost" or empty'), { code: 'ERR_INVALID_FILE_URL_HOST' });
  }
  if (/%2f/i.test(url.pathname)) {
    throw Object.assign(new TypeError('File URL path must not include encoded / characters'), {
      code: 'ERR_INVALID_FILE_URL_PATH',
    });
  }
  return decodeURIComponent(url.pathname);
}

export function pathToFileURL(path) {
  const tail = path.endsWith('/') && path !== '/' ? '/' : '';
  const encoded = (resolvePath(path) + tail).replace(/[%\\\n\r\t?#]/g, encodeURIComponent);
  return new URL(`file://${encoded}`);
}

export function urlToHttpOptions(url) {
  return {
    protocol: url.protocol,
    hostname: url.hostname,
    hash: url.hash,
    search: url.search,
    pathname: url.pathname,
    path: `${url.pathname}${url.search}`,
    href: url.href,
    ...(url.port === '' ? {} : { port: Number(url.port) }),
  };
}

export const format = (url) => String(url);
export const domainToASCII = (domain) => (URL.canParse(`http://${domain}`) ? new URL(`http://${domain}`).hostname : '');

export default { URL, URLSearchParams, fileURLToPath, pathToFileURL, urlToHttpOptions, format, domainToASCII };
