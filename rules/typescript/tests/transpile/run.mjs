// Imports each module named on the command line in turn and prints, as JSON, what it wrote to the console.
import { pathToFileURL } from "node:url";
import { format } from "node:util";
const results = {};
for (const file of process.argv.slice(2)) {
  const lines = [];
  console.log = (...values) => lines.push(format(...values));
  try { await import(pathToFileURL(file)); } catch (error) { lines.push(`threw ${error?.stack ?? error}`); }
  results[file] = lines.join("\n");
}
process.stdout.write(JSON.stringify(results));
