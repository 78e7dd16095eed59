// @webstir-io/webstir-backend/runtime/views.
import { unavailable } from 'webstir:backend/unavailable';

export const compileViews = unavailable('compileViews');
export const matchView = unavailable('matchView');
export const renderRequestTimeView = unavailable('renderRequestTimeView');

export function toHeaderRecord(headers) {
  const record = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) record[name.toLowerCase()] = Array.isArray(value) ? value.join(', ') : value;
  }
  return record;
}
