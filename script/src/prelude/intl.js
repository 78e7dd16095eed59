// Intl: numbers and dates for en-US.
import { define } from 'webstir:prelude/define';
import { DateTimeFormat } from 'webstir:prelude/intl/date';
import { NumberFormat } from 'webstir:prelude/intl/number';

// Callable without `new`, as these two are.
const callable = (constructor) =>
  new Proxy(constructor, { apply: (target, self, values) => Reflect.construct(target, values) });

const Intl = {};
define(Intl, { DateTimeFormat: callable(DateTimeFormat), NumberFormat: callable(NumberFormat) });
define(globalThis, { Intl });
