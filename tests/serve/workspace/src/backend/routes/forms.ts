import {
  groupFormIssuesByField,
  prepareFormState,
  processFormSubmission,
} from '@webstir-io/webstir-backend/runtime/forms';

import { released } from './sessions.js';

const FLASH = { publish: [{ key: 'form.saved', level: 'success', when: 'success' }, { key: 'form.failed', when: 'error' }] };

const save = {
  name: 'save',
  method: 'POST',
  path: '/form',
  form: { contentType: 'application/x-www-form-urlencoded', csrf: true, session: { mode: 'optional' }, flash: FLASH },
};

function page(ctx: any) {
  const prepared = prepareFormState({ session: ctx.session, formId: 'save', route: save as any });
  ctx.session = prepared.session;
  return {
    body: {
      token: prepared.csrfToken,
      values: prepared.values,
      issues: prepared.issues,
      grouped: groupFormIssuesByField(prepared.issues),
      flash: ctx.flash,
    },
  };
}

const validate = (values: any) =>
  values.title?.length >= 3 ? [] : [{ field: 'title', message: 'Title is too short' }];

async function submit(ctx: any) {
  const outcome = processFormSubmission({
    session: ctx.session,
    body: ctx.body,
    auth: ctx.auth,
    formId: 'save',
    route: save as any,
    redirectTo: ctx.query.inline === undefined ? '/form' : undefined,
    requireAuth: ctx.query.auth === undefined ? false : { message: 'Sign in first' },
    validate,
  });
  ctx.session = outcome.session;
  if (!outcome.ok) return outcome.result;
  // As long as the other submission needs.
  if (ctx.query.slow !== undefined) await released(ctx.query.slow);
  if (ctx.query.fragment !== undefined) return { fragment: { target: 'saved', body: outcome.values } };
  ctx.session.title = outcome.values.title;
  return { redirect: { location: '/form' } };
}

/** The session is replaced by a copy of what the form made. */
function copied(ctx: any) {
  const prepared = prepareFormState({ session: ctx.session, formId: 'save', route: save as any });
  ctx.session = { ...prepared.session, seen: true };
  return { body: { token: prepared.csrfToken, names: Object.keys(ctx.session) } };
}

export const formRoutes = [
  { definition: { name: 'GET /form/copied', method: 'GET', path: '/form/copied' }, handler: copied },
  {
    definition: { name: 'GET /form', method: 'GET', path: '/form', flash: { consume: ['form.saved', 'form.failed'] } },
    handler: page,
  },
  { definition: save, handler: submit },
  {
    definition: { name: 'POST /form/unchecked', method: 'POST', path: '/form/unchecked', form: { csrf: true } },
    handler: () => ({ body: 'done' }),
  },
  {
    definition: { name: 'POST /form/null-auth', method: 'POST', path: '/form/null-auth' },
    handler(ctx: any) {
      const outcome = processFormSubmission({
        session: ctx.session,
        body: ctx.body,
        auth: null as any,
        formId: 'null-auth',
        requireAuth: true,
      });
      return outcome.ok ? { body: 'signed in' } : outcome.result;
    },
  },
];
