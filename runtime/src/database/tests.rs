//! Databases behind handles, and behind `Bun.SQL` in isolates.

use std::path::Path;

use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use super::Databases;
use crate::cluster::Cluster;
use crate::host::tests::{Served, serve_one};

struct Client {
    databases: Databases,
    handle: u64,
}

impl Client {
    async fn open(root: &Path, url: &str) -> Self {
        let mut client = Self { databases: Databases::new(root.to_owned()), handle: 0 };
        client.handle = client.ask("open", json!({ "url": url })).await.unwrap()["handle"].as_u64().unwrap();
        client
    }

    async fn ask(&self, name: &str, mut message: Value) -> Result<Value, (Option<String>, String)> {
        message["handle"] = self.handle.into();
        let reply = self.databases.run(name, &message.to_string()).await;
        let reply = reply.map_err(|error| (error.code, error.message))?;
        Ok(serde_json::from_str(&reply.message).unwrap_or(Value::Null))
    }

    async fn query(&self, text: &str, parameters: Value) -> Result<Value, (Option<String>, String)> {
        self.ask("query", json!({ "text": text, "parameters": parameters })).await
    }

    async fn code(&self, text: &str) -> String {
        self.query(text, json!([])).await.unwrap_err().0.unwrap()
    }
}

#[tokio::test]
async fn values_cross_to_sqlite_and_back() {
    let root = tempfile::tempdir().unwrap();
    let client = Client::open(root.path(), "file:./data/dev.sqlite").await;
    client.query("CREATE TABLE a (v); CREATE TABLE b (u UNIQUE)", json!([])).await.unwrap();
    let written = json!([null, true, 7, 1.5, "x'; --", {"bytes": "AP8="}, {"integer": "9007199254740993"}]);
    for value in written.as_array().unwrap() {
        client.query("INSERT INTO a VALUES (?)", json!([value])).await.unwrap();
    }
    let read = client.query("SELECT v FROM a ORDER BY rowid", json!([])).await.unwrap();
    let rows = json!([[null], [1], [7], [1.5], ["x'; --"], [{"bytes": "AP8="}], [{"integer": "9007199254740993"}]]);
    assert_eq!(read, json!({"columns": ["v"], "rows": rows, "count": 7, "lastInsertRowid": 7}));
    let changed = client.query("UPDATE a SET v = 1 WHERE v = 1", json!([])).await.unwrap();
    assert_eq!(changed["count"], 1);
    assert!(root.path().join("data/dev.sqlite").is_file());
}

#[tokio::test]
async fn errors_have_codes_and_never_the_statement() {
    let root = tempfile::tempdir().unwrap();
    let client = Client::open(root.path(), ":memory:").await;
    client.query("CREATE TABLE b (u UNIQUE)", json!([])).await.unwrap();
    client.query("INSERT INTO b VALUES (1)", json!([])).await.unwrap();
    assert_eq!(client.code("INSERT INTO b VALUES (1)").await, "SQLITE_CONSTRAINT_UNIQUE");
    let (_, message) = client.query("SELECT 'hidden' FROM missing", json!([])).await.unwrap_err();
    assert!(message.contains("missing") && !message.contains("hidden"), "{message}");
    let (_, message) = client.query("SELECT ?", json!([])).await.unwrap_err();
    assert_eq!(message, "The statement has 1 placeholders, and 0 parameters were given");
}

#[tokio::test]
async fn relative_paths_stay_below_the_workspace() {
    let root = tempfile::tempdir().unwrap();
    let databases = Databases::new(root.path().to_owned());
    for url in ["file:../outside.sqlite", "sqlite:a/../../b.db", "file:", "file:/"] {
        let refused = databases.run("open", &json!({ "url": url }).to_string()).await;
        assert!(refused.unwrap_err().message.starts_with("The database address cannot be used"), "{url}");
    }
}

#[tokio::test]
async fn results_are_bounded() {
    let root = tempfile::tempdir().unwrap();
    let client = Client::open(root.path(), ":memory:").await;
    let rows = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n";
    let (_, message) = client.query(rows, json!([])).await.unwrap_err();
    assert_eq!(message, "The result is too large; select fewer rows or columns");
    let (_, message) = client.query("SELECT hex(zeroblob(40000000))", json!([])).await.unwrap_err();
    assert_eq!(message, "The result is too large; select fewer rows or columns");
}

async fn transactions_are_whole(client: &Client, insert: &str) {
    let begin = async || client.ask("begin", json!({})).await.unwrap()["transaction"].clone();
    let insert = async |transaction: &Value| {
        let message = json!({ "transaction": transaction, "text": insert, "parameters": [1] });
        client.ask("query", message).await
    };
    let count = async || client.query("SELECT count(*) FROM counted", json!([])).await.unwrap()["rows"][0][0].clone();
    let transaction = begin().await;
    insert(&transaction).await.unwrap();
    client.ask("rollback", json!({ "transaction": transaction })).await.unwrap();
    assert_eq!(count().await, 0);
    let transaction = begin().await;
    insert(&transaction).await.unwrap();
    client.ask("commit", json!({ "transaction": transaction })).await.unwrap();
    assert_eq!(count().await, 1);
    assert_eq!(insert(&transaction).await.unwrap_err().1, "The transaction is over");
    client.ask("close", json!({})).await.unwrap();
    assert_eq!(client.query("SELECT 1", json!([])).await.unwrap_err().1, "The database is closed");
}

#[tokio::test]
async fn transactions_of_sqlite_are_whole() {
    let root = tempfile::tempdir().unwrap();
    let client = Client::open(root.path(), "sqlite://counted.db").await;
    client.query("CREATE TABLE counted (n)", json!([])).await.unwrap();
    transactions_are_whole(&client, "INSERT INTO counted VALUES (?)").await;
    // Closed: the journal went into the file.
    assert!(!root.path().join("counted.db-wal").exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_is_a_database() {
    let cluster = Cluster::start().await;
    let client = Client::open(Path::new("/"), cluster.url("").expose_secret()).await;
    let setup = "CREATE TABLE counted (n int UNIQUE); CREATE TYPE mood AS ENUM ('good')";
    client.query(setup, json!([])).await.unwrap();
    values_cross_to_postgres_and_back(&client).await;
    assert_eq!(client.code("SELECT 1 / 0").await, "22012");
    assert_eq!(client.code("SELECT 1; SELECT FROM FROM").await, "42601");
    let (_, message) = client.query("SELECT interval '1 day' AS span", json!([])).await.unwrap_err();
    assert_eq!(message, "Column `span` has the type `interval`, which has no JavaScript value; cast it to `text`");
    let timeout = client.query("SHOW statement_timeout", json!([])).await.unwrap();
    assert_eq!(timeout["rows"], json!([["30s"]]));
    transactions_are_whole(&client, "INSERT INTO counted VALUES ($1)").await;
    scripts_use_postgres(&cluster).await;
    let wrong = Client::open(Path::new("/"), cluster.url_of("postgres", "wrong-password", "").expose_secret()).await;
    let (code, message) = wrong.query("SELECT 1", json!([])).await.unwrap_err();
    assert_eq!(code.as_deref(), Some("28P01"));
    assert!(!message.contains("wrong-password"), "{message}");
}

async fn values_cross_to_postgres_and_back(client: &Client) {
    let instant = 1_767_225_600_000_i64;
    let cases = [
        ("bool", json!(true), json!(true)),
        ("int2", json!(-2), json!(-2)),
        ("int8", json!({"integer": "9007199254740993"}), json!({"integer": "9007199254740993"})),
        ("float4", json!(0.1), json!(0.1)),
        ("float8", json!({"float": "NaN"}), json!({"float": "NaN"})),
        ("numeric", json!("-1234567890.00120"), json!("-1234567890.00120")),
        ("numeric", json!("0.00005"), json!("0.00005")),
        ("numeric", json!("100000000"), json!("100000000")),
        ("text", json!("x'; --"), json!("x'; --")),
        ("mood", json!("good"), json!("good")),
        ("jsonb", json!({"json": "{\"a\":[1,null]}"}), json!({"json": {"a": [1, null]}})),
        ("json", json!({"array": [1, {"json": "{}"}]}), json!({"json": [1, {}]})),
        ("timestamptz", json!({"instant": "2026-01-01T00:00:00.000Z"}), json!({ "instant": instant })),
        ("timestamp", json!({"instant": "2026-01-01T00:00:00.000Z"}), json!({ "instant": instant })),
        ("timestamptz", json!("infinity"), json!({"float": "Infinity"})),
        ("date", json!("2026-01-01"), json!({ "instant": instant })),
        ("time", json!("12:30"), json!("12:30:00")),
        ("uuid", json!("6ba7b810-9dad-11d1-80b4-00c04fd430c8"), json!("6ba7b810-9dad-11d1-80b4-00c04fd430c8")),
        ("bytea", json!({"bytes": "AP8="}), json!({"bytes": "AP8="})),
        ("text[]", json!({"array": ["a\"},{", null, "NULL"]}), json!({"array": ["a\"},{", null, "NULL"]})),
        ("int4[]", json!({"array": [1, 2]}), json!({"array": [1, 2]})),
    ];
    for (kind, given, expected) in cases {
        let read = client.query(&format!("SELECT $1::{kind} AS v, $2::{kind} AS n"), json!([given, null])).await;
        assert_eq!(read.map(|read| read["rows"].clone()), Ok(json!([[expected, null]])), "{kind}");
    }
}

/// A module whose only route is the body of a function of `Bun.SQL`.
async fn run_in_isolate(root: &Path, url: &str, handler: &str) -> Value {
    let source = format!(
        "export const module = {{ routes: [{{ definition: {{ name: 'run', path: '/' }}, handler: async (context) => {{
            const sql = new Bun.SQL(process.env.DATABASE_URL);
            {handler}
        }} }}] }};"
    );
    let (_, reply) = serve_one(Served::Embedded, root, &[("DATABASE_URL", url)], &source, json!({})).await;
    serde_json::from_slice(&reply.body.unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scripts_use_sqlite() {
    let root = tempfile::tempdir().unwrap();
    let handler = "
        await sql`CREATE TABLE notes (id INTEGER PRIMARY KEY, title TEXT, data BLOB, __proto__ TEXT)`;
        const hostile = \"'); DROP TABLE notes; --\";
        const added = await sql`INSERT INTO notes ${sql({ title: hostile, data: new Uint8Array([0, 255]) })} RETURNING id`;
        await sql.unsafe('INSERT INTO notes (title) VALUES (?)', ['second']);
        const where = sql`WHERE id IN ${sql([1, 2])}`;
        const rows = await sql`SELECT id, title FROM ${sql('notes')} ${where} ORDER BY id`;
        await sql`UPDATE notes SET ${sql({ title: 'changed' })} WHERE id = ${2}`;
        const failed = await sql.begin(async (tx) => {
          await tx`DELETE FROM notes`;
          throw new Error('back');
        }).catch((error) => error.message);
        const kept = await sql.begin(async (tx) => {
          await tx.savepoint(async (inner) => { await inner`DELETE FROM notes`; throw new Error('inner'); }).catch(() => {});
          return tx`SELECT title FROM notes`.values();
        });
        const error = await sql`INSERT INTO notes (id) VALUES (1)`.catch((error) => error);
        const [{ data }] = await sql`SELECT data FROM notes WHERE id = 1`;
        await sql.close();
        const closed = await sql`SELECT 1`.catch((error) => error.message);
        return { body: { id: added[0].id, rows, count: rows.count, command: rows.command, failed, kept, closed,
          data: data instanceof Uint8Array && [...data], code: error.code,
          is: error instanceof Bun.SQL.SQLiteError && sql instanceof Bun.SQL } };";
    let body = run_in_isolate(root.path(), "file:data/notes.sqlite", handler).await;
    let hostile = "'); DROP TABLE notes; --";
    assert_eq!(
        body,
        json!({
            "id": 1, "rows": [{"id": 1, "title": hostile}, {"id": 2, "title": "second"}], "count": 2,
            "command": "SELECT", "failed": "back", "kept": [[hostile], ["changed"]], "closed": "The database is closed",
            "data": [0, 255], "code": "SQLITE_CONSTRAINT_PRIMARYKEY", "is": true,
        })
    );
    assert!(root.path().join("data/notes.sqlite").is_file());
}

async fn scripts_use_postgres(cluster: &Cluster) {
    let handler = "
        await sql.unsafe('CREATE TABLE people (id int PRIMARY KEY, born timestamptz, tags text[], extra jsonb)');
        const born = new Date('1815-12-10T00:00:00Z');
        await sql`INSERT INTO people VALUES (${1}, ${born}, ${['a', 'b']}, ${{ deep: [1] }})`;
        const [row] = await sql`SELECT * FROM people WHERE id = ${1}`;
        const failed = await sql.begin(async (tx) => {
          await tx.unsafe('DELETE FROM people; SELECT 1');
          await tx`INSERT INTO people (id) VALUES (1), (1)`;
        }).catch((error) => [error.code, error.errno, error instanceof Bun.SQL.PostgresError]);
        const [{ total }] = await sql`SELECT count(*) AS total FROM people`;
        await sql.end();
        return { body: { row, failed, total, isDate: row.born instanceof Date } };";
    let body = run_in_isolate(Path::new("/"), cluster.url("").expose_secret(), handler).await;
    let row = json!({"id": 1, "born": "1815-12-10T00:00:00.000Z", "tags": ["a", "b"], "extra": {"deep": [1]}});
    assert_eq!(body, json!({"row": row, "failed": ["23505", "23505", true], "total": 1, "isDate": true}));
}
