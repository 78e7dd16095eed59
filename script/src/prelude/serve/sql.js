// Bun.SQL: databases of the host. A query is text with parameters beside it; it runs when somebody waits for it. A scope is what
// the user calls: the database itself, or a transaction in it.
import { define } from 'webstir:prelude/define';
import { operation } from 'webstir:prelude/port';
import { process } from 'webstir:prelude/process';
import { decode, encode } from 'webstir:backend/values';

class SQLError extends Error {
  constructor(message, code) {
    super(message);
    define(this, { name: new.target.name });
    Object.assign(this, { code });
  }
}
class PostgresError extends SQLError {
  constructor(message, code) {
    super(message, code);
    this.errno = code;
  }
}
class SQLiteError extends SQLError {}

const SQLITE = /^(?:file|sqlite):/i;
const POSTGRES = /^postgres(?:ql)?:\/\//i;

function readAddress(address, options) {
  const settings = { ...(typeof address === 'object' && !(address instanceof URL) ? address : options) };
  const given = typeof address === 'string' || address instanceof URL ? String(address) : (settings.url ?? settings.filename);
  const url = String(given ?? process.env.POSTGRES_URL ?? process.env.DATABASE_URL ?? '').trim();
  const isSqlite = settings.adapter === 'sqlite' || url === ':memory:' || SQLITE.test(url);
  if (!isSqlite && !POSTGRES.test(url)) {
    throw new TypeError('`Bun.SQL` takes `:memory:`, `sqlite:<path>`, `file:<path>` or `postgres://<address>`');
  }
  return { url: isSqlite && url !== ':memory:' && !SQLITE.test(url) ? `sqlite:${url}` : url, isSqlite, bigint: settings.bigint === true };
}

function readResult(reply, query, { isSqlite, bigint }) {
  const { columns, rows, count, lastInsertRowid } = JSON.parse(reply);
  const values = rows.map((row) => row.map((value) => decode(value, bigint)));
  const result = query.asValues ? values : values.map((row) => Object.fromEntries(columns.map((name, index) => [name, row[index]])));
  const [command] = /[a-z]+/i.exec(query.text.replace(/^(?:\s+|--[^\n]*(?:\n|$)|\/\*[^]*?\*\/)+/, '')) ?? [''];
  define(result, { count, command: command.toUpperCase() });
  if (isSqlite) define(result, { lastInsertRowid: decode(lastInsertRowid, bigint) });
  return result;
}

class Database {
  #handle;
  #isClosed = false;
  constructor(settings) {
    this.settings = settings;
  }
  async #ask(name, message) {
    try {
      const [reply] = await operation(name, JSON.stringify(message));
      return reply;
    } catch (error) {
      throw new (this.settings.isSqlite ? SQLiteError : PostgresError)(error.message, error.code);
    }
  }
  // Opened by the first question. What failed is tried again by the next.
  async #open() {
    this.#handle ??= this.#ask('db.open', { url: this.settings.url }).then(
      (reply) => JSON.parse(reply).handle,
      (error) => {
        this.#handle = undefined;
        throw error;
      },
    );
    return this.#handle;
  }
  async ask(name, message) {
    if (this.#isClosed) return this.#ask(name, { handle: 0, ...message });
    return this.#ask(name, { handle: await this.#open(), ...message });
  }
  async run(query, transaction) {
    const { text, parameters } = query;
    return readResult(await this.ask('db.query', { transaction, text, parameters }), query, this.settings);
  }
  async connect() {
    await this.#open();
  }
  async close() {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const handle = await this.#handle?.catch(() => undefined);
    if (handle !== undefined) await this.#ask('db.close', { handle });
  }
}

// Identifiers and lists that a template takes in: `sql('name')`, `sql([1, 2])`, `sql({ name: 'Ada' })`.
class Insertion {
  constructor(value, columns) {
    Object.assign(this, { value, columns });
  }
}

const quote = (name) => `"${String(name).replaceAll('"', '""')}"`;

class Statement {
  text = '';
  parameters = [];
  constructor(isSqlite) {
    this.isSqlite = isSqlite;
  }
  template(strings, values) {
    strings.forEach((string, index) => {
      this.text += string;
      if (index < values.length) this.insert(values[index]);
    });
    return this;
  }
  insert(value) {
    if (value instanceof Query) value.appendTo(this);
    else if (value instanceof Insertion) this.expand(value);
    else {
      this.parameters.push(encode(value));
      this.text += this.isSqlite ? '?' : `$${this.parameters.length}`;
    }
  }
  list(values) {
    this.text += '(';
    values.forEach((value, index) => {
      if (index > 0) this.text += ', ';
      this.insert(value);
    });
    this.text += ')';
  }
  expand({ value, columns }) {
    if (typeof value === 'string') {
      this.text += value.split('.').map(quote).join('.');
      return;
    }
    const rows = Array.isArray(value) ? value : [value];
    if (rows.length === 0) throw new TypeError('A list in a query must not be empty');
    if (typeof rows[0] !== 'object' || rows[0] === null) {
      this.list(rows);
      return;
    }
    const names = columns.length > 0 ? columns : Object.keys(rows[0]);
    if (names.length === 0) throw new TypeError('An object in a query must have fields');
    if (/\bset\s*$/i.test(this.text)) {
      names.forEach((name, index) => {
        this.text += `${index > 0 ? ', ' : ''}${quote(name)} = `;
        this.insert(rows[0][name]);
      });
      return;
    }
    this.text += `(${names.map(quote).join(', ')}) VALUES `;
    rows.forEach((row, index) => {
      if (index > 0) this.text += ', ';
      this.list(names.map((name) => row[name]));
    });
  }
}

class Query {
  #write;
  #run;
  #result;
  #asValues = false;
  constructor(write, run) {
    this.#write = write;
    this.#run = run;
  }
  appendTo(statement) {
    this.#write(statement);
  }
  #start() {
    this.#result ??= (async () => {
      const statement = this.#run.statement();
      this.#write(statement);
      statement.asValues = this.#asValues;
      return this.#run.run(statement);
    })();
    return this.#result;
  }
  values() {
    this.#asValues = true;
    return this;
  }
  simple() {
    return this;
  }
  execute() {
    this.#start().catch(() => {});
    return this;
  }
  then(fulfilled, rejected) {
    return this.#start().then(fulfilled, rejected);
  }
  catch(rejected) {
    return this.#start().catch(rejected);
  }
  finally(settled) {
    return this.#start().finally(settled);
  }
}

function makeScope(database, transaction) {
  const { isSqlite } = database.settings;
  const run = {
    statement: () => new Statement(isSqlite),
    run: (statement) => database.run(statement, transaction),
  };
  const sql = (strings, ...values) =>
    Array.isArray(strings?.raw)
      ? new Query((statement) => statement.template(strings, values), run)
      : new Insertion(strings, values);
  define(sql, {
    unsafe(text, parameters = []) {
      const encoded = Array.from(parameters, encode);
      return new Query((statement) => {
        statement.text += String(text).toWellFormed();
        statement.parameters.push(...encoded);
      }, run);
    },
  });
  return sql;
}

const settle = async (result) => (Array.isArray(result) ? Promise.all(result) : result);

async function begin(database, callback) {
  if (typeof callback !== 'function') throw new TypeError('`begin` takes a function');
  const { transaction } = JSON.parse(await database.ask('db.begin', {}));
  let result;
  try {
    result = await settle(await callback(makeTransaction(database, transaction)));
  } catch (error) {
    // The error of the callback is the one to tell.
    await database.ask('db.rollback', { transaction }).catch(() => {});
    throw error;
  }
  await database.ask('db.commit', { transaction });
  return result;
}

function makeTransaction(database, transaction) {
  const sql = makeScope(database, transaction);
  let savepoints = 0;
  define(sql, {
    async savepoint(nameOrCallback, callbackOrNothing) {
      const callback = callbackOrNothing ?? nameOrCallback;
      if (typeof callback !== 'function') throw new TypeError('`savepoint` takes a function');
      savepoints += 1;
      const name = quote(`savepoint ${savepoints}`);
      await sql.unsafe(`SAVEPOINT ${name}`);
      try {
        const result = await settle(await callback(sql));
        await sql.unsafe(`RELEASE SAVEPOINT ${name}`);
        return result;
      } catch (error) {
        await sql.unsafe(`ROLLBACK TO SAVEPOINT ${name}`);
        throw error;
      }
    },
  });
  return sql;
}

export function SQL(address, options) {
  const settings = readAddress(address, options);
  const database = new Database(settings);
  const sql = makeScope(database);
  const transact = (callback) => begin(database, callback);
  const close = () => database.close();
  define(sql, { begin: transact, transaction: transact, close, end: close });
  define(sql, {
    async connect() {
      await database.connect();
      return sql;
    },
    options: Object.freeze({ adapter: settings.isSqlite ? 'sqlite' : 'postgres' }),
  });
  return Object.setPrototypeOf(sql, SQL.prototype);
}
Object.setPrototypeOf(SQL.prototype, Function.prototype);
define(SQL, { SQLError, PostgresError, SQLiteError });
