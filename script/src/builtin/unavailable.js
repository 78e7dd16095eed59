// What needs a running server exists under its name and says so when it is called.
export const unavailable = (name) => () => {
  throw new Error(`\`${name}\` is only available while a request is served`);
};
