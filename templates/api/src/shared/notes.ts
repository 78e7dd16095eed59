export interface Note {
  readonly id: string;
  readonly author: string;
  readonly text: string;
  /** ISO 8601. */
  readonly createdAt: string;
}

/** What a client sends to create a note. */
export type NewNote = Pick<Note, 'author' | 'text'>;

export interface NoteIssue {
  readonly field: keyof NewNote;
  readonly message: string;
}

export const AUTHOR_LENGTH = 40;
export const TEXT_LENGTH = 500;

/** Reads a new note from a JSON body or from form values. */
export function readNewNote(input: unknown): NewNote {
  const fields: Record<string, unknown> =
    typeof input === 'object' && input !== null ? { ...input } : {};
  return { author: readText(fields.author), text: readText(fields.text) };
}

/** The reasons why a note cannot be created; empty when it can. */
export function checkNewNote({ author, text }: NewNote): NoteIssue[] {
  const issues: NoteIssue[] = [];
  if (author === '') {
    issues.push({ field: 'author', message: 'Enter your name.' });
  } else if (author.length > AUTHOR_LENGTH) {
    issues.push({ field: 'author', message: `Use at most ${AUTHOR_LENGTH} characters.` });
  }
  if (text === '') {
    issues.push({ field: 'text', message: 'Write something.' });
  } else if (text.length > TEXT_LENGTH) {
    issues.push({ field: 'text', message: `Use at most ${TEXT_LENGTH} characters.` });
  }
  return issues;
}

function readText(value: unknown): string {
  return typeof value === 'string' ? value.trim() : '';
}
