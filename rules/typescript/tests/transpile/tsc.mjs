// Transpiles with TypeScript: {file: {text, options}} on standard input, {file: code} on standard output.
import { createRequire } from "node:module";
const ts = createRequire(process.argv[2])("typescript");
let input = "";
for await (const chunk of process.stdin) input += chunk;
const results = {};
for (const [fileName, { text, options }] of Object.entries(JSON.parse(input))) {
  const compilerOptions = ts.convertCompilerOptionsFromJson(options, "/").options;
  results[fileName] = ts.transpileModule(text, { fileName, compilerOptions }).outputText;
}
process.stdout.write(JSON.stringify(results));
