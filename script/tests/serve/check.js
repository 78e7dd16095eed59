// The cases that do not hold.
export async function run() {
  const wrong = [];
  const text = (value) => JSON.stringify(value, (key, item) => (item === undefined ? '(undefined)' : item));
  for (const [name, check] of Object.entries(cases)) {
    try {
      const [actual, expected] = await check();
      if (text(actual) !== text(expected)) wrong.push(`${name}\n  is      ${text(actual)}\n  but not ${text(expected)}`);
    } catch (error) {
      wrong.push(`${name}\n  ${error?.stack ?? error}`);
    }
  }
  return wrong;
}
