// Loads modules one after another and prints what was said.
import { pathToFileURL } from 'node:url';

globalThis.differential = {};
for (const file of process.argv.slice(2)) {
  try {
    await import(pathToFileURL(file));
  } catch (error) {
    globalThis.differential[`failed: ${file.split('/').at(-2)}`] = [String(error?.stack ?? error)];
  }
}
process.stdout.write(JSON.stringify(globalThis.differential));
