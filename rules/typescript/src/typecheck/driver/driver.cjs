// Drives a compiler that is written in JavaScript: `driver.cjs <directory of typescript.js> <workspace> [<its compiled code>]`.
//
// Speaks the methods of TypeScript 7.0's API that a check needs, framed as there, over the standard input and output. Everything outside
// of the compiler's own directory is asked of who started it, while a question is being answered: the compiler's host is synchronous, and
// so is everything here. The stages of a check are the caller's matter; each answer is what the compiler's command line has of that stage.

'use strict';

const fs = require('node:fs');
const { createRequire, Module } = require('node:module');
const vm = require('node:vm');

const [, , LIBRARY, ROOT, COMPILED] = process.argv;
const INPUT = 0;
const OUTPUT = 1;
const ERRORS = 2;

// The output is for messages alone.
for (const name of ['log', 'info', 'debug', 'trace', 'dir', 'table', 'warn', 'error']) {
  console[name] = (...texts) => write(ERRORS, Buffer.from(`${texts.join(' ')}\n`));
}
process.stdout.write = (text) => {
  write(ERRORS, Buffer.from(text));
  return true;
};

// ---- Messages

const chunk = Buffer.allocUnsafe(1 << 16);
let held = Buffer.alloc(0);
let asked = 0;
/** Questions that came while an answer was awaited. */
const waiting = [];

/** Gives the processor away while a pipe that does not block is full or empty. */
function pause() {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
}

/** Reads some bytes. Nobody is left to answer when there are no more. */
function read(buffer, offset, length) {
  for (;;) {
    try {
      const count = fs.readSync(INPUT, buffer, offset, length, null);
      if (count > 0) return count;
      process.exit(0);
    } catch (error) {
      if (error.code === 'EAGAIN') pause();
      else if (error.code === 'EOF') process.exit(0);
      else if (error.code !== 'EINTR') throw error;
    }
  }
}

function write(descriptor, bytes) {
  for (let at = 0; at < bytes.length; ) {
    try {
      at += fs.writeSync(descriptor, bytes, at, bytes.length - at);
    } catch (error) {
      if (error.code === 'EAGAIN') pause();
      else if (error.code === 'EPIPE') process.exit(0);
      else if (error.code !== 'EINTR') throw error;
    }
  }
}

function receive() {
  let end;
  while ((end = held.indexOf('\r\n\r\n')) < 0) {
    const count = read(chunk, 0, chunk.length);
    held = Buffer.concat([held, chunk.subarray(0, count)]);
  }
  const length = Number(/^content-length: *(\d+)/im.exec(held.toString('latin1', 0, end))[1]);
  const body = Buffer.allocUnsafe(length);
  let filled = held.copy(body, 0, end + 4, end + 4 + length);
  held = held.subarray(end + 4 + filled);
  while (filled < length) filled += read(body, filled, length - filled);
  return JSON.parse(body.toString('utf8'));
}

/** A half of a surrogate pair is no text that others read; the compiler's command line does not write it either. */
const whole = (_, value) => (typeof value === 'string' ? value.replace(/\p{Surrogate}/gu, '\ufffd') : value);

function send(message) {
  const body = Buffer.from(JSON.stringify({ jsonrpc: '2.0', ...message }, whole));
  write(OUTPUT, Buffer.concat([Buffer.from(`Content-Length: ${body.length}\r\n\r\n`), body]));
}

/** Asks about a path of the workspace. */
function ask(method, params) {
  asked += 1;
  const id = `d${asked}`;
  send({ id, method, params });
  for (;;) {
    const message = receive();
    if (message.id === id && message.method === undefined) return message.result;
    waiting.push(message);
  }
}

// ---- The compiler and what it sees

const NAME = `${LIBRARY}/typescript.js`;
let script;

/** Loads the compiler as `require` does, with code that an earlier process compiled where that fits. */
function load() {
  // Bun keeps what it compiled to itself.
  if (process.versions.bun !== undefined) return require(NAME);
  const cachedData = COMPILED === undefined ? undefined : fs.readFileSync(COMPILED);
  script = new vm.Script(Module.wrap(fs.readFileSync(NAME, 'utf8')), { filename: NAME, cachedData });
  const module = { exports: {} };
  script.runInThisContext().call(module.exports, module.exports, createRequire(NAME), module, NAME, LIBRARY);
  return module.exports;
}

const ts = load();

/** Answers about the workspace. They hold until a file is said to have changed. */
const answers = new Map();

function once(method, path) {
  const key = `${method} ${path}`;
  let answer = answers.get(key);
  if (answer === undefined) {
    answer = ask(method, path);
    answers.set(key, answer);
  }
  return answer;
}

const isBelow = (path, directory) => path === directory || path.startsWith(`${directory}/`);

/** A question that webstir answers of the workspace, the system of the compiler's own files, and `nothing` of anything else. */
const query = (method, own, nothing) => (path) => {
  if (isBelow(path, ROOT)) return once(method, path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path);
  return isBelow(path, LIBRARY) ? own(path) : nothing;
};

const content = query('readFile', (path) => ({ content: ts.sys.readFile(path) }), {});
const entries = query('getAccessibleEntries', () => ({ files: [], directories: [] }), { files: [], directories: [] });
const realpath = (path) => (isBelow(path, ROOT) ? once('realpath', path) : path);

const system = {
  args: [],
  newLine: '\n',
  useCaseSensitiveFileNames: ts.sys.useCaseSensitiveFileNames,
  readFile: (path) => content(path).content ?? undefined,
  fileExists: query('fileExists', (path) => ts.sys.fileExists(path), false),
  directoryExists: query('directoryExists', (path) => ts.sys.directoryExists(path), false),
  getDirectories: (path) => entries(path).directories.slice(),
  readDirectory: (path, extensions, excludes, includes, depth) =>
    ts.matchFiles(path, extensions, excludes, includes, system.useCaseSensitiveFileNames, ROOT, depth, entries, realpath),
  realpath,
  getCurrentDirectory: () => ROOT,
  getEnvironmentVariable: () => '',
  trace: () => {},
};

/** Parsed files, with the way in which they were parsed. */
const sources = new Map();

function getSourceFile(name, options) {
  const { languageVersion, impliedNodeFormat, jsDocParsingMode } =
    typeof options === 'object' ? options : { languageVersion: options };
  const way = `${languageVersion} ${impliedNodeFormat} ${jsDocParsingMode}`;
  const known = sources.get(name);
  if (known?.way === way) return known.file;
  const text = system.readFile(name);
  if (text === undefined) return undefined;
  const file = ts.createSourceFile(name, text, options);
  sources.set(name, { way, file });
  return file;
}

const host = {
  ...system,
  getSourceFile,
  getDefaultLibLocation: () => LIBRARY,
  getDefaultLibFileName: (options) => `${LIBRARY}/${ts.getDefaultLibFileName(options)}`,
  getCanonicalFileName: (name) => (system.useCaseSensitiveFileNames ? name : ts.toFileNameLowerCase(name)),
  useCaseSensitiveFileNames: () => system.useCaseSensitiveFileNames,
  getNewLine: () => '\n',
  writeFile: (name) => {
    throw new Error(`Nothing is written, not ${name}`);
  },
  // As the command line has it, where there is such a thing (since 5.3).
  jsDocParsingMode: ts.JSDocParsingMode?.ParseForTypeErrors,
};

// ---- The open project

const [major, minor] = ts.versionMajorMinor.split('.').map(Number);
/** Since 5.6 the command line asks for what only writing declarations would find. */
const tellsDeclarations = major > 5 || (major === 5 && minor >= 6);
let project;
let program;
let snapshot = 0;

function open(name) {
  const onUnRecoverableConfigFileDiagnostic = (found) => {
    throw new Error(ts.flattenDiagnosticMessageText(found.messageText, '\n'));
  };
  const parsing = { ...system, onUnRecoverableConfigFileDiagnostic };
  const parsed = ts.getParsedCommandLineOfConfigFile(name, { noEmit: true }, parsing, new Map());
  project = { name, parsed };
}

/** A program of what is there now, in which every file is still to be checked. */
function takeSnapshot() {
  const { fileNames, options, projectReferences } = project.parsed;
  const configFileParsingDiagnostics = ts.getConfigFileParsingDiagnostics(project.parsed);
  const oldProgram = program;
  program = ts.createProgram({ rootNames: fileNames, options, projectReferences, host, oldProgram, configFileParsingDiagnostics });
  snapshot += 1;
  const { jsxImportSource, rootDirs, moduleSuffixes } = options;
  const compilerOptions = {
    declaration: tellsDeclarations && (options.declaration === true || options.composite === true),
    composite: options.composite,
    isClassic: ts.getEmitModuleResolutionKind(options) === ts.ModuleResolutionKind.Classic,
    jsxImportSource,
    rootDirs,
    moduleSuffixes,
  };
  return { snapshot, projects: [{ id: project.name, configFileName: project.name, compilerOptions }] };
}

// ---- Findings

function message(text) {
  if (typeof text === 'string') return { text };
  const chain = (text.next ?? []).map((next) => ({ pos: -1, end: -1, code: next.code, category: next.category, ...message(next) }));
  return { text: text.messageText, messageChain: chain };
}

function finding(found) {
  const { file, start = -1, length = 0, code, category, relatedInformation } = found;
  const related = relatedInformation?.map(finding);
  return { fileName: file?.fileName, pos: start, end: start + length, code, category, ...message(found.messageText), relatedInformation: related };
}

const findings = (found) => ts.sortAndDeduplicateDiagnostics(found).map(finding);

/** What is asked of one file of the program. */
const ofFile = (question) => ({ file }) => {
  const source = program.getSourceFile(file);
  return source === undefined ? [] : findings(question(source));
};

const methods = {
  initialize: () => ({}),
  updateSnapshot: ({ openProjects, fileChanges }) => {
    for (const name of fileChanges?.changed ?? []) {
      answers.delete(`readFile ${name}`);
      sources.delete(name);
    }
    if (openProjects !== undefined) open(openProjects[0]);
    return takeSnapshot();
  },
  // The program before is not kept.
  release: () => null,
  getSourceFileNames: () => program.getSourceFiles().map((file) => file.fileName),
  getConfigFileParsingDiagnostics: () => findings(program.getConfigFileParsingDiagnostics()),
  getSyntacticDiagnostics: () => findings(program.getSyntacticDiagnostics()),
  getProgramDiagnostics: () => findings([...program.getOptionsDiagnostics(), ...program.getGlobalDiagnostics()]),
  getSemanticDiagnostics: ofFile((source) => program.getSemanticDiagnostics(source)),
  getDeclarationDiagnostics: ofFile((source) => program.getDeclarationDiagnostics(source)),
  // With all that was compiled since.
  getCompiledCode: () => script?.createCachedData().toString('base64') ?? null,
};

for (;;) {
  const { id, method, params } = waiting.shift() ?? receive();
  let answer;
  try {
    answer = { id, result: methods[method](params) };
  } catch (error) {
    answer = { id, error: { code: 1, message: String(error?.message ?? error).split('\n')[0] } };
  }
  send(answer);
}
