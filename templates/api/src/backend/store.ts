import type { NewNote, Note } from '../shared/notes.js';

// The notes live in memory and are gone after a restart. Put a database behind these three
// functions to keep them.
const notes = new Map<string, Note>();
let lastId = 0;

/** All notes, newest first. */
export function listNotes(): Note[] {
  return [...notes.values()].reverse();
}

export function findNote(id: string): Note | undefined {
  return notes.get(id);
}

export function addNote(newNote: NewNote, createdAt: Date): Note {
  lastId += 1;
  const note = { id: String(lastId), ...newNote, createdAt: createdAt.toISOString() };
  notes.set(note.id, note);
  return note;
}
