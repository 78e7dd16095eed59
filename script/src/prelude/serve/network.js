// There is no network yet.
import { define } from 'webstir:prelude/define';

async function fetch() {
  throw new TypeError('`fetch` is only available while a request is served');
}

define(globalThis, { fetch });
