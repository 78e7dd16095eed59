use super::{Client, contract, object, publishing, set};
use crate::session::{CommitContext, SessionChange, SessionStore, SqliteStore, StoreError};
use rusqlite::{Connection, params};
use serde_json::{Value, json};
use std::env;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use tempfile::TempDir;

struct Database {
    directory: TempDir,
}

impl Database {
    fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("data/sessions.sqlite")
    }

    async fn store(&self) -> Arc<SqliteStore> {
        Arc::new(SqliteStore::open(&self.path()).await.unwrap())
    }

    /// A database as earlier versions left it, without the columns `runtime` and `version`.
    fn legacy() -> (Self, Connection) {
        let database = Self::new();
        std::fs::create_dir_all(database.path().parent().unwrap()).unwrap();
        let connection = Connection::open(database.path()).unwrap();
        connection
            .execute_batch(
                "CREATE TABLE webstir_sessions (id TEXT PRIMARY KEY, value TEXT NOT NULL, flash TEXT NOT NULL,
                created_at TEXT NOT NULL, expires_at TEXT NOT NULL)",
            )
            .unwrap();
        (database, connection)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sqlite_store_is_a_store() {
    contract::check(Database::new().store().await).await;
}

#[tokio::test]
async fn sessions_survive_the_store() {
    let database = Database::new();
    let mut client = Client::with(database.store().await, &[]);
    let form = Some(object(json!({"csrf": {"f": "t"}, "states": {"f": {"values": {"a": ["x"]}, "issues": []}}})));
    let change = SessionChange::Replaced { value: object(json!({"id": "mine", "when": "2026"})), form: form.clone() };
    client.request(change, publishing(&["saved"])).await;
    let cookie = client.cookie.take();
    drop(client);
    let mut client = Client::with(database.store().await, &[]);
    client.cookie = cookie;
    let open = client.open().await;
    let session = open.script_session().unwrap();
    assert_eq!((Value::from(session.value), session.form), (json!({"id": "mine", "when": "2026"}), form));
    assert_eq!(open.deliverable(&super::delivering(&["saved"]).delivered), [super::flash("saved")]);
}

#[tokio::test]
async fn two_stores_share_a_file() {
    let database = Database::new();
    let (one, two) = (database.store().await, database.store().await);
    let record = contract::record(json!({"a": 1}));
    one.create(record.clone()).await.unwrap();
    assert_eq!(two.load(&record.id).await.unwrap(), Some(record));
}

#[tokio::test]
async fn rows_of_earlier_versions_are_read() {
    let (database, connection) = Database::legacy();
    let flash = json!([{"key": "saved", "level": "info", "createdAt": "2026-01-01T00:00:00.000Z"}]).to_string();
    let value = json!({"userId": "1", "__webstir_form_runtime": {"csrf": {"f": "t"}}}).to_string();
    for (id, end) in [("old", "2999-01-01T00:00:00.000Z"), ("endless", "never"), ("past", "2001-01-01T00:00:00.000Z")] {
        connection
            .execute("INSERT INTO webstir_sessions VALUES (?1, ?2, ?3, ?4, ?5)", params![id, value, flash, "then", end])
            .unwrap();
    }
    drop(connection);
    let store = database.store().await;
    let record = store.load("old").await.unwrap().unwrap();
    assert_eq!(Value::from(record.value.clone()), json!({"userId": "1"}));
    assert_eq!(record.state.form, Some(object(json!({"csrf": {"f": "t"}}))));
    assert_eq!(record.state.flash, [super::flash("saved")]);
    assert!(store.load("endless").await.unwrap().unwrap().expires_at > record.expires_at);
    // The first change moves everything to where it belongs.
    let version = record.version;
    store.update(record, version).await.unwrap();
    assert_eq!(store.load("old").await.unwrap().unwrap().state.flash.len(), 1);
    assert_eq!(store.sweep(crate::session::clock::now()).await.unwrap(), 1);
}

#[tokio::test]
async fn malformed_rows_are_named() {
    let database = Database::new();
    let store = database.store().await;
    let end = "2999-01-01T00:00:00.000Z";
    Connection::open(database.path())
        .unwrap()
        .execute(
            "INSERT INTO webstir_sessions (id, value, flash, created_at, expires_at) VALUES ('broken', '{', '[]', ?1, ?1)",
            [end],
        )
        .unwrap();
    let error = store.load("broken").await.unwrap_err();
    assert!(error.to_string().starts_with("[session] Failed to deserialize SQLite session row 'broken': "), "{error}");
    assert!(matches!(error, StoreError::MalformedRow { .. }));
    assert_eq!(store.load("other").await.unwrap(), None, "other sessions are unharmed");
}

#[tokio::test]
async fn a_place_that_cannot_hold_a_file_is_an_error() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("file"), "").unwrap();
    for path in [directory.path().join("file/s.sqlite"), directory.path().to_path_buf()] {
        assert!(matches!(SqliteStore::open(&path).await, Err(StoreError::File { .. })), "{}", path.display());
    }
    std::fs::write(directory.path().join("other"), "this is no database, and too long for an empty one").unwrap();
    assert!(matches!(SqliteStore::open(&directory.path().join("other")).await, Err(StoreError::Sqlite(_))));
}

#[tokio::test]
async fn the_files_are_the_owners_alone() {
    let database = Database::new();
    let store = database.store().await;
    store.create(contract::record(json!({}))).await.unwrap();
    let files: Vec<_> = std::fs::read_dir(database.path().parent().unwrap()).unwrap().map(Result::unwrap).collect();
    assert!(files.len() > 1, "the log is beside the database");
    for file in files {
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", file.file_name());
    }
}

const WRITER_DATABASE: &str = "WEBSTIR_TEST_WRITER_DATABASE";

/// Not a test by itself: the process that the next one kills. Prints the cookie of each session once it is committed.
#[tokio::test]
async fn writer_process() {
    let Some(path) = env::var_os(WRITER_DATABASE) else { return };
    let store = Arc::new(SqliteStore::open(Path::new(&path)).await.unwrap());
    for n in 0_u64.. {
        let mut client = Client::with(Arc::<SqliteStore>::clone(&store), &[]);
        client.request(set(json!({"n": n})), CommitContext::default()).await;
        client.set(json!({"n": n, "twice": true})).await;
        // Gets a new id.
        client.set(json!({"n": n, "twice": true, "userId": "1"})).await;
        let mut out = std::io::stdout().lock();
        writeln!(out, "\ncommitted {n} {}", client.cookie.unwrap()).unwrap();
        out.flush().unwrap();
    }
}

#[tokio::test]
async fn a_kill_in_the_middle_of_writes_loses_no_committed_session() {
    let database = Database::new();
    let mut writer = Command::new(env::current_exe().unwrap())
        .args(["--exact", "session::tests::sqlite::writer_process", "--nocapture"])
        .env(WRITER_DATABASE, database.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut committed = Vec::new();
    for line in BufReader::new(writer.stdout.take().unwrap()).lines().map_while(Result::ok) {
        // A line that the kill cut short says nothing.
        if let Some((n, cookie)) = line.strip_prefix("committed ").and_then(|rest| rest.split_once(' '))
            && cookie.len() == committed.first().map_or(cookie.len(), |(_, first): &(u64, String)| first.len())
        {
            committed.push((n.parse::<u64>().unwrap(), cookie.to_owned()));
        }
        if committed.len() == 200 {
            writer.kill().unwrap();
        }
    }
    writer.wait().unwrap();
    assert!(committed.len() >= 200);
    let mut client = Client::with(database.store().await, &[]);
    for (n, cookie) in committed {
        client.cookie = Some(cookie);
        assert_eq!(client.sees().await, json!({"n": n, "twice": true, "userId": "1"}));
    }
}
