// Tasks: modules that run by themselves, as a job or as a migration.

let task = {};

/** Migrations may export their parts by name or as one object. */
const partOf = (name) => task[name] ?? task.default?.[name];

const jobOf = () => [task.run, task.default].find((job) => typeof job === 'function');

const describeTask = () => ({
  isJob: jobOf() !== undefined,
  id: text(partOf('id')),
  hasUp: typeof partOf('up') === 'function',
  hasDown: typeof partOf('down') === 'function',
});

/** `up` or `down`, in the transaction that the call holds. */
async function migrate({ call, direction }) {
  const ask = async (statement, parameters = []) => {
    // Made here, where the stack still leads to who asks.
    const failure = new Error();
    const values = Array.from(parameters, encode);
    try {
      const [reply] = await port.operation('migration.query', JSON.stringify({ call, text: String(statement), parameters: values }));
      return JSON.parse(reply);
    } catch ({ message, code }) {
      throw Object.assign(failure, { message, code });
    }
  };
  await partOf(direction)({
    async sql(statement, parameters) {
      await ask(statement, parameters);
    },
    async query(statement, parameters) {
      const { columns, rows } = await ask(statement, parameters);
      return rows.map((row) => Object.fromEntries(columns.map((name, index) => [name, decode(row[index], false)])));
    },
  });
}
