// @webstir-io/webstir-backend/runtime/forms.
import { unavailable } from 'webstir:backend/unavailable';

export const prepareFormState = unavailable('prepareFormState');
export const processFormSubmission = unavailable('processFormSubmission');

export function groupFormIssuesByField(issues) {
  const grouped = { form: [], fields: {} };
  for (const { field, message } of issues ?? []) {
    if (!message) continue;
    if (!field) grouped.form.push(message);
    else if (Object.hasOwn(grouped.fields, field)) grouped.fields[field].push(message);
    else grouped.fields[field] = [message];
  }
  return grouped;
}
