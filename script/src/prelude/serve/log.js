// Lines go to the log of the server, as records.
import host from 'webstir:prelude/host';

const { stringify } = JSON;

export const write = (level, message) => host.log(level, stringify({ message }));
