import type { ModuleRoute, RouteDefinition } from '@webstir-io/webstir-backend';
import { prepareFormState, processFormSubmission } from '@webstir-io/webstir-backend/runtime/forms';

import { checkNewNote, readNewNote } from '../../shared/notes.js';
import { addNote, listNotes } from '../store.js';
import { notesPage } from '../views/notes.js';

/** What this application remembers of a visitor. */
type VisitorSession = { author?: string };

const FORM_ID = 'new-note';
const NOTE_ADDED = 'note-added';

const submitDefinition = {
  name: 'submitNote',
  method: 'POST',
  path: '/',
  summary: 'Takes the form, then redirects to the page',
  interaction: 'mutation',
  form: {
    contentType: 'application/x-www-form-urlencoded',
    csrf: true,
    session: { write: true },
    flash: { publish: [{ key: NOTE_ADDED, level: 'success', when: 'success' }] },
  },
} satisfies RouteDefinition;

const show = {
  definition: {
    name: 'showNotes',
    method: 'GET',
    path: '/',
    summary: 'The notes and the form to add one',
    interaction: 'navigation',
    flash: { consume: [NOTE_ADDED] },
  },
  handler(ctx) {
    const form = prepareFormState({
      session: ctx.session,
      formId: FORM_ID,
      route: submitDefinition,
      now: ctx.now,
    });
    ctx.session = form.session;

    const page = notesPage({
      appName: ctx.env.get('APP_NAME') ?? 'Notes',
      notes: listNotes(),
      added: ctx.flash.some((message) => message.key === NOTE_ADDED),
      // A failed submission comes back with what the visitor wrote; a fresh form has their name.
      values: { author: form.session.author, ...form.values },
      issues: form.issues,
      csrfToken: form.csrfToken ?? '',
    });
    return { body: String(page) };
  },
} satisfies ModuleRoute<VisitorSession>;

const submit = {
  definition: submitDefinition,
  handler(ctx) {
    const submission = processFormSubmission({
      session: ctx.session,
      body: ctx.body,
      formId: FORM_ID,
      route: submitDefinition,
      redirectTo: '/',
      validate: (values) => checkNewNote(readNewNote(values)),
      now: ctx.now,
    });
    ctx.session = submission.session;
    if (!submission.ok) {
      return submission.result;
    }
    const { author } = addNote(readNewNote(submission.values), ctx.now());
    submission.session.author = author;
    return { redirect: { location: '/' } };
  },
} satisfies ModuleRoute<VisitorSession>;

export const pageRoutes = [show, submit];
