// The parts of `Bun` that a backend module may use.

declare namespace Bun {
  /** How a cookie is sent. */
  interface CookieInit {
    name: string;
    value: string;
    /** Default: `/`. */
    path?: string;
    domain?: string;
    expires?: Date | number | string;
    /** In seconds. */
    maxAge?: number;
    httpOnly?: boolean;
    secure?: boolean;
    /** Default: `lax`. */
    sameSite?: 'strict' | 'lax' | 'none';
    partitioned?: boolean;
  }

  /** The cookies of a request, and the changes to send back. */
  class CookieMap implements Iterable<[string, string]> {
    /** Takes the `Cookie` header of a request, or pairs. */
    constructor(init?: string[][] | Record<string, string> | string);
    get(name: string): string | null;
    has(name: string): boolean;
    set(name: string, value: string, options?: Omit<CookieInit, 'name' | 'value'>): void;
    set(options: CookieInit): void;
    delete(name: string): void;
    delete(options: { name: string; domain?: string; path?: string }): void;
    /** One `Set-Cookie` value for each changed cookie. */
    toSetCookieHeaders(): string[];
    toJSON(): Record<string, string>;
    readonly size: number;
    entries(): IterableIterator<[string, string]>;
    keys(): IterableIterator<string>;
    values(): IterableIterator<string>;
    forEach(callback: (value: string, key: string, map: CookieMap) => void): void;
    [Symbol.iterator](): IterableIterator<[string, string]>;
  }

  /** Signed CSRF tokens, independent of sessions. A token is opaque. */
  namespace CSRF {
    /** `expiresIn` is in milliseconds. */
    function generate(secret?: string, options?: { expiresIn?: number }): string;
    /** Throws for an empty token. `maxAge` is in milliseconds. */
    function verify(token: string, options?: { secret?: string; maxAge?: number }): boolean;
  }

  namespace SQL {
    /** A row by column names. */
    type Row = Record<string, unknown>;

    /** Rows, with what the statement did. */
    type Result<T = Row> = T[] & {
      /** Rows that were selected or changed. */
      readonly count: number;
      /** `SELECT`, `INSERT`, .. */
      readonly command: string;
      /** SQLite only. */
      readonly lastInsertRowid?: number | string | bigint;
    };

    /** Runs when it is awaited. Within another query it is a part of its text. */
    interface Query<T> extends PromiseLike<T> {
      catch<R = never>(rejected?: ((reason: unknown) => R | PromiseLike<R>) | null): Promise<T | R>;
      finally(settled?: (() => void) | null): Promise<T>;
      /** Rows as arrays. */
      values(): Query<Result<unknown[]>>;
      /** Runs it at once. */
      execute(): Query<T>;
    }

    /** An identifier, a list or the fields of an object, within a query. */
    interface Insertion {
      readonly value: unknown;
    }

    interface Scope {
      /** Values become parameters, never text. */
      <T = Row>(strings: TemplateStringsArray, ...values: unknown[]): Query<Result<T>>;
      (value: string | readonly unknown[] | object, ...columns: string[]): Insertion;
      /** `text` as it is, with the placeholders of the database: `?` in SQLite, `$1` in PostgreSQL. */
      unsafe<T = Row>(text: string, parameters?: readonly unknown[]): Query<Result<T>>;
    }

    interface Transaction extends Scope {
      savepoint<T>(callback: (sql: Transaction) => T | Promise<T>): Promise<T>;
      savepoint<T>(name: string, callback: (sql: Transaction) => T | Promise<T>): Promise<T>;
    }

    interface Options {
      url?: string | URL;
      adapter?: 'sqlite' | 'postgres';
      filename?: string;
      /** Integers that a number cannot hold are `bigint` instead of text. */
      bigint?: boolean;
    }

    class SQLError extends Error {
      /** The SQLSTATE of PostgreSQL, or the result code of SQLite, for example `SQLITE_CONSTRAINT_UNIQUE`. */
      readonly code: string | undefined;
    }
    class PostgresError extends SQLError {
      /** The SQLSTATE. */
      readonly errno: string | undefined;
    }
    class SQLiteError extends SQLError {}
  }

  /** A database: `:memory:`, `sqlite:<path>`, `file:<path>` or `postgres://<address>`. It connects when it is first used. */
  interface SQL extends SQL.Scope {}
  class SQL {
    /** Default address: `POSTGRES_URL`, else `DATABASE_URL`. */
    constructor(address?: string | URL | SQL.Options, options?: SQL.Options);
    connect(): Promise<SQL>;
    /** Commits what `callback` did, or takes it back when it throws. */
    begin<T>(callback: (sql: SQL.Transaction) => T | Promise<T>): Promise<T>;
    transaction<T>(callback: (sql: SQL.Transaction) => T | Promise<T>): Promise<T>;
    close(options?: { timeout?: number }): Promise<void>;
    end(options?: { timeout?: number }): Promise<void>;
    readonly options: { readonly adapter: 'sqlite' | 'postgres' };
  }

  /** The environment, as `process.env`. */
  const env: Record<string, string | undefined>;

  /** A UUID that sorts by the time it was made (version 7). */
  function randomUUIDv7(): string;
}
