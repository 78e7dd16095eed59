// Installs the globals.
import 'webstir:prelude/random';
import 'webstir:prelude/clock';
import 'webstir:prelude/performance';
import 'webstir:prelude/encoding';
import 'webstir:prelude/console';
import 'webstir:prelude/process';
import 'webstir:prelude/buffer';
import 'webstir:prelude/url';
import 'webstir:prelude/events';
import 'webstir:prelude/streams';
import 'webstir:prelude/blob';
import 'webstir:prelude/headers';
import 'webstir:prelude/fetch';
import 'webstir:prelude/network';
import 'webstir:prelude/clone';
import 'webstir:prelude/intl';
import { define } from 'webstir:prelude/define';
import host from 'webstir:prelude/host';
import { webcrypto } from 'webstir:prelude/random';

define(globalThis, { crypto: webcrypto });

// Found by modules that run in other interpreters too.
Object.defineProperty(globalThis, Symbol.for('webstir.escapeHtml'), {
  value: (text) => host.escapeHtml(text.toWellFormed()),
});
