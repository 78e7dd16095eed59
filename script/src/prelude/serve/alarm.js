// Alarms of the host: it calls `runTimer` when one rings.
import host from 'webstir:prelude/host';

export const arm = (id, milliseconds) => host.startTimer(id, milliseconds);
export const disarm = (id) => host.stopTimer(id);
