import {
  groupFormIssuesByField,
  type FormIssue,
  type FormValue,
} from '@webstir-io/webstir-backend/runtime/forms';
import { html, type Html } from '@webstir-io/webstir-backend/runtime/views';

import { AUTHOR_LENGTH, TEXT_LENGTH, type Note } from '../../shared/notes.js';
import { layout } from './layout.js';

export interface NotesPage {
  readonly appName: string;
  readonly notes: readonly Note[];
  /** Whether the visitor has just added a note. */
  readonly added: boolean;
  readonly values: Readonly<Record<string, FormValue | undefined>>;
  readonly issues: readonly FormIssue[];
  readonly csrfToken: string;
}

export function notesPage(page: NotesPage): Html {
  return layout(
    page.appName,
    html`
      ${page.added && html`<p class="success" role="status">Your note was added.</p>`}
      ${noteForm(page)}
      ${page.notes.length === 0 ? html`<p>There are no notes yet.</p>` : page.notes.map(noteItem)}
    `,
  );
}

function noteForm({ values, issues, csrfToken }: NotesPage): Html {
  const { form, fields } = groupFormIssuesByField(issues);
  return html`
    <form method="post" action="/">
      <input type="hidden" name="_csrf" value="${csrfToken}">
      ${form.map(errorLine)}
      <label>
        Your name
        <input name="author" maxlength="${AUTHOR_LENGTH}" value="${first(values.author)}">
        ${fields.author?.map(errorLine)}
      </label>
      <label>
        Note
        <textarea name="text" rows="4" maxlength="${TEXT_LENGTH}">${first(values.text)}</textarea>
        ${fields.text?.map(errorLine)}
      </label>
      <button>Add note</button>
    </form>
  `;
}

function noteItem(note: Note): Html {
  return html`
    <article>
      <p>${note.text}</p>
      <p><small>${note.author}, <time datetime="${note.createdAt}">${note.createdAt}</time></small></p>
    </article>
  `;
}

function errorLine(message: string): Html {
  return html`<span class="error" role="alert">${message}</span>`;
}

/** The value of a field that is sent once. */
function first(value: FormValue | undefined): string {
  return (Array.isArray(value) ? value[0] : value) ?? '';
}
