// Node's resolution and loading, with the built-in modules first, and the module as the server has it: its files may lie on disk
// as another build placed them. `files` has, by address, the names of a text and its source map in `home`.
import { readFileSync } from 'node:fs';

let builtins = {};
let files = {};
let home = '';

export const initialize = (data) => {
  ({ builtins, files, home } = data);
};

const known = (address) => {
  const plain = address.replace(/[?#].*$/, '');
  return Object.hasOwn(files, plain) ? files[plain] : undefined;
};

const isPath = (specifier) => /^(\.{0,2}\/|file:)/.test(specifier);

export const resolve = (specifier, context, next) => {
  if (Object.hasOwn(builtins, specifier)) return { url: builtins[specifier], shortCircuit: true };
  if (isPath(specifier) && (context.parentURL === undefined || URL.canParse(specifier, context.parentURL))) {
    const { href } = new URL(specifier, context.parentURL);
    if (known(href) !== undefined) return { url: href, format: 'module', shortCircuit: true };
  }
  return next(specifier, context);
};

export const load = (url, context, next) => {
  const file = known(url);
  if (file === undefined) return next(url, context);
  let source = readFileSync(`${home}/${file.code}`, 'utf8');
  if (file.map !== undefined) {
    // The last one counts: that on disk may be another build's.
    const map = readFileSync(`${home}/${file.map}`).toString('base64');
    source += `\n//# sourceMappingURL=data:application/json;base64,${map}\n`;
  }
  return { format: 'module', source, shortCircuit: true };
};
