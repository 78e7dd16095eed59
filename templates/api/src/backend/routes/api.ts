import type { ModuleRoute } from '@webstir-io/webstir-backend';

import { checkNewNote, readNewNote } from '../../shared/notes.js';
import { noStore } from '../hooks.js';
import { addNote, findNote, listNotes } from '../store.js';

const requestHooks = [{ id: noStore.id }];

const list = {
  definition: {
    name: 'listNotes',
    method: 'GET',
    path: '/api/notes',
    summary: 'All notes, newest first',
    requestHooks,
  },
  handler() {
    return { body: { notes: listNotes() } };
  },
} satisfies ModuleRoute;

const create = {
  definition: {
    name: 'createNote',
    method: 'POST',
    path: '/api/notes',
    summary: 'Creates a note',
    requestHooks,
  },
  handler(ctx) {
    const newNote = readNewNote(ctx.body);
    const issues = checkNewNote(newNote);
    if (issues.length > 0) {
      return {
        status: 422,
        errors: issues.map(({ field, message }) => ({
          code: 'validation',
          message,
          details: { field },
        })),
      };
    }
    const note = addNote(newNote, ctx.now());
    ctx.logger.info('note created', { id: note.id });
    return { status: 201, headers: { location: `/api/notes/${note.id}` }, body: note };
  },
} satisfies ModuleRoute;

const read = {
  definition: {
    name: 'readNote',
    method: 'GET',
    path: '/api/notes/:id',
    summary: 'One note',
    requestHooks,
  },
  handler(ctx) {
    const note = findNote(ctx.params.id ?? '');
    if (note === undefined) {
      return { status: 404, errors: [{ code: 'not_found', message: 'There is no such note.' }] };
    }
    return { body: note };
  },
} satisfies ModuleRoute;

export const apiRoutes = [list, create, read];
