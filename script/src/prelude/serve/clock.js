// The machine's clock. `Date` is the engine's own.
import host from 'webstir:prelude/host';

export const { now } = Date;
export const START = now();
// Milliseconds since the isolate started, from a clock that is never set back.
export const sinceStart = () => host.elapsed();
