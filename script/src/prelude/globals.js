// Installs the globals.
import 'webstir:prelude/host';
import 'webstir:prelude/random';
import 'webstir:prelude/clock';
import 'webstir:prelude/performance';
import 'webstir:prelude/encoding';
import 'webstir:prelude/console';
import 'webstir:prelude/process';
import 'webstir:prelude/buffer';
import 'webstir:prelude/url';
import 'webstir:prelude/events';
import 'webstir:prelude/fetch';
import 'webstir:prelude/network';
import 'webstir:prelude/clone';
import { define } from 'webstir:prelude/define';
import { webcrypto } from 'webstir:prelude/random';

define(globalThis, { crypto: webcrypto });
