// Node's resolution, with the built-in modules first.
let builtins = {};

export const initialize = (data) => {
  builtins = data;
};

export const resolve = (specifier, context, next) =>
  Object.hasOwn(builtins, specifier) ? { url: builtins[specifier], shortCircuit: true } : next(specifier, context);
