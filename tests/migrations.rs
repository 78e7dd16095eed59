//! `webstir db`: migrations of SQLite and of a real PostgreSQL, in both engines.

use std::process::Stdio;

use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::support::{Case, Ran, in_both_engines, ran};

const PACKAGE: (&str, &str) =
    ("package.json", "{ \"name\": \"data\", \"type\": \"module\", \"webstir\": { \"mode\": \"api\" } }\n");

/// A migration that makes a table of its name, and takes it away.
fn table(name: &str) -> String {
    format!(
        "export async function up({{ sql }}) {{\n  await sql('CREATE TABLE {name} (id INTEGER PRIMARY KEY, text TEXT)');\n}}\n\
         export const down = ({{ sql }}) => sql('DROP TABLE {name}');\n"
    )
}

/// A built workspace with these migrations.
fn built(migrations: &[(&str, &str)]) -> Case {
    let case = Case::with(&[PACKAGE, ("src/backend/index.ts", "export {};\n")]);
    for (name, text) in migrations {
        case.write(&format!("src/backend/db/migrations/{name}"), text);
    }
    case.build_ok(&[]);
    case
}

/// `webstir db` on one database.
struct Tool<'a> {
    case: &'a Case,
    engine: &'a str,
    /// None: the default.
    url: Option<String>,
}

impl Tool<'_> {
    fn command(&self, arguments: &[&str]) -> std::process::Command {
        let mut command = self.case.command();
        command.arg("db").args(arguments).args(["--engine", self.engine]).env_remove("DATABASE_URL");
        if let Some(url) = &self.url {
            command.env("DATABASE_URL", url);
        }
        command
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        ran(self.command(arguments).output().unwrap())
    }

    /// What a command that must succeed says.
    #[track_caller]
    fn ok(&self, arguments: &[&str]) -> String {
        let ran = self.run(arguments);
        assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
        ran.stdout
    }

    #[track_caller]
    fn status(&self) -> Value {
        serde_json::from_str(&self.ok(&["status", "--json"])).unwrap()
    }
}

in_both_engines!(
    there_and_back,
    a_failed_migration_is_rolled_back,
    c5_one_broken_file_stops_everything,
    values_cross_in_both_directions,
    c6_postgres,
    t12_a_rebuilt_table_keeps_the_rows_that_refer_to_it,
    t12_references_that_lead_nowhere_end_a_migration,
    t12_no_pragma_is_passed_over_in_silence,
    t12_a_statement_may_need_what_the_one_before_made,
);

#[test]
fn what_a_build_makes_of_migrations() {
    let case = built(&[("0001_a.ts", &table("a")), ("0002_b.mjs", &table("b")), ("0003_c.d.ts", "export {};\n")]);
    assert_eq!(
        case.names("build/backend/db"),
        [
            "build/backend/db/migrations/0001_a.js",
            "build/backend/db/migrations/0001_a.js.map",
            "build/backend/db/migrations/0002_b.js",
            "build/backend/db/migrations/0002_b.js.map",
        ]
    );
    let index: Value = serde_json::from_str(&case.read("build/backend/artifacts.json")).unwrap();
    assert_eq!(index["buckets"]["migrations"], json!(["db/migrations/0001_a.js", "db/migrations/0002_b.js"]));
    assert_eq!(case.run(&["publish"]).code, Some(0));
    case.remove("src");
    let ran = case.run(&["db", "list", "--profile", "publish"]);
    assert_eq!(ran.stdout, "[migrate] Available migrations:\n- 0001_a\n- 0002_b\n", "{}", ran.stderr);
}

#[test]
fn nothing_to_migrate() {
    let case = built(&[]);
    let tool = Tool { case: &case, engine: "auto", url: None };
    assert_eq!(tool.ok(&["list"]), "[migrate] No migrations found.\n");
    assert_eq!(tool.ok(&["migrate"]), "[migrate] Database is up to date.\n");
}

#[test]
fn what_is_refused() {
    let case = built(&[("1.ts", &format!("export const id = 'same';\n{}", table("a")))]);
    let tool = Tool { case: &case, engine: "auto", url: None };
    let mut command = tool.command(&["status"]);
    let refused = ran(command.env("DATABASE_MIGRATIONS_TABLE", "a; DROP TABLE b").output().unwrap());
    assert_eq!(refused.code, Some(1));
    assert_eq!(refused.stderr, "[migrate] DATABASE_MIGRATIONS_TABLE must match [A-Za-z_][A-Za-z0-9_]*\n");
    let elsewhere = Tool { url: Some("mysql://user:secret@host/db".to_owned()), ..tool };
    let refused = elsewhere.run(&["status"]);
    assert_eq!(refused.code, Some(1));
    assert!(
        refused.stderr.contains("Unsupported DATABASE_URL") && !refused.stderr.contains("secret"),
        "{}",
        refused.stderr
    );
    let away = Tool { url: Some("postgres://user:secret@127.0.0.1:1/db".to_owned()), ..elsewhere };
    let refused = away.run(&["status"]);
    assert_eq!(refused.code, Some(2));
    assert!(refused.stderr.contains("help: ") && !refused.stderr.contains("secret"), "{}", refused.stderr);
    case.write("src/backend/db/migrations/2.ts", &format!("export const id = 'same';\n{}", table("b")));
    let duplicate = case.run(&["db", "list", "--build"]);
    assert_eq!(duplicate.code, Some(1));
    assert!(duplicate.stderr.ends_with("[migrate] Duplicate migration id(s): same\n"), "{}", duplicate.stderr);
}

fn there_and_back(engine: &str) {
    let case = built(&[
        ("0001_a.ts", &table("a")),
        ("0002_b.ts", &format!("export const id = 'second';\n{}", table("b"))),
        ("0003_c.ts", "export default { up: ({ sql }) => sql('CREATE TABLE c (x); CREATE TABLE d (x)') };\n"),
    ]);
    let tool = Tool { case: &case, engine, url: None };
    assert_eq!(tool.ok(&["list"]), "[migrate] Available migrations:\n- 0001_a\n- second\n- 0003_c (no down)\n");
    assert_eq!(
        tool.ok(&["migrate", "--dry-run", "--steps=2"]),
        "[migrate] Would apply 0001_a\n[migrate] Would apply second\n"
    );
    assert_eq!(tool.ok(&["migrate", "--steps", "1"]), "[migrate] Applying 0001_a\n");
    assert_eq!(
        tool.ok(&["status"]),
        "[migrate] Status for _webstir_migrations:\nApplied: 1\nPending: 2\n- pending second\n- pending 0003_c\n"
    );
    assert_eq!(tool.ok(&["migrate"]), "[migrate] Applying second\n[migrate] Applying 0003_c\n");
    assert_eq!(tool.ok(&["migrate"]), "[migrate] Database is up to date.\n");
    assert!(case.exists("data/dev.sqlite"));
    let reverted = tool.run(&["rollback", "--steps", "2"]);
    assert_eq!((reverted.code, &*reverted.stdout), (Some(0), "[migrate] Reverting second\n"));
    assert_eq!(reverted.stderr, "[migrate] Skipping 0003_c: it exports no down() function\n");
    case.remove("src/backend/db/migrations/0003_c.ts");
    case.build_ok(&[]);
    assert_eq!(
        tool.status(),
        json!({ "table": "_webstir_migrations", "applied": ["0001_a"], "pending": ["second"], "missing": ["0003_c"] })
    );
    assert!(tool.ok(&["status"]).ends_with("Applied records without local migration files:\n- missing 0003_c\n"));
}

fn a_failed_migration_is_rolled_back(engine: &str) {
    let up = "export async function up({ sql }) {\n  await sql('CREATE TABLE b (x)');\n  await sql('INSERT INTO nowhere VALUES (1)');\n}\n";
    let down =
        "export async function down({ sql }) {\n  await sql('DROP TABLE b');\n  throw new Error('on purpose');\n}\n";
    let case = built(&[("1_a.ts", &table("a")), ("2_b.ts", &format!("{up}{down}")), ("3_c.ts", &table("c"))]);
    let tool = Tool { case: &case, engine, url: None };
    let failed = tool.run(&["migrate"]);
    assert_eq!((failed.code, &*failed.stdout), (Some(1), "[migrate] Applying 1_a\n[migrate] Applying 2_b\n"));
    for told in [
        "2_b failed while applying. The migration was rolled back and was not recorded as applied.\n",
        "no such table: nowhere\n",
        "src/backend/db/migrations/2_b.ts:3:",
    ] {
        assert!(failed.stderr.contains(told), "{told}\n{}", failed.stderr);
    }
    assert_eq!(tool.status()["pending"], json!(["2_b", "3_c"]));
    // Had its table stayed, this would fail.
    case.replace("src/backend/db/migrations/2_b.ts", "  await sql('INSERT INTO nowhere VALUES (1)');\n", "");
    case.build_ok(&[]);
    assert_eq!(tool.ok(&["migrate"]), "[migrate] Applying 2_b\n[migrate] Applying 3_c\n");
    let failed = tool.run(&["rollback"]);
    assert_eq!((failed.code, &*failed.stdout), (Some(1), "[migrate] Reverting 3_c\n[migrate] Reverting 2_b\n"));
    let told = "2_b failed while reverting. The migration record was kept so it can be retried.\n";
    assert!(failed.stderr.contains(told), "{}", failed.stderr);
    case.replace("src/backend/db/migrations/2_b.ts", "throw new Error('on purpose');", "");
    case.build_ok(&[]);
    assert_eq!(tool.ok(&["rollback"]), "[migrate] Reverting 2_b\n[migrate] Reverting 1_a\n");
}

fn c5_one_broken_file_stops_everything(engine: &str) {
    let case = built(&[("1_a.ts", &table("a")), ("2_b.ts", "export {};\n\nthrow new Error('not today');\n")]);
    let tool = Tool { case: &case, engine, url: None };
    for command in ["list", "status", "migrate", "rollback"] {
        let failed = tool.run(&[command]);
        assert_eq!((failed.code, &*failed.stdout), (Some(1), ""), "{command}");
        let told = "[migrate] Failed to load migrations: `build/backend/db/migrations/2_b.js`: Error: not today\n";
        assert!(failed.stderr.starts_with(told), "{}", failed.stderr);
        assert!(failed.stderr.contains("src/backend/db/migrations/2_b.ts:3:"), "{}", failed.stderr);
    }
    assert!(!case.exists("data"), "nothing was done");
    case.write("src/backend/db/migrations/2_b.ts", "export const up = (;\n");
    let failed = case.run(&["db", "migrate", "--build"]);
    assert_eq!(failed.code, Some(1));
    assert!(failed.stderr.contains("src/backend/db/migrations/2_b.ts:1:20"), "{}", failed.stderr);
}

fn values_cross_in_both_directions(engine: &str) {
    let case = built(&[(
        "1.ts",
        "export async function up({ sql, query }) {
           await sql('CREATE TABLE v (a INTEGER, b TEXT, c BLOB, d REAL)');
           const given = await sql('INSERT INTO v VALUES (?, ?, ?, ?)', [9007199254740993n, 'what?', new Uint8Array([1, 2]), null]);
           const [row] = await query('SELECT a, b, c, d, ? AS e FROM v', [true]);
           console.log(given === undefined, JSON.stringify({ ...row, c: [...row.c] }));
         }",
    )]);
    let told = Tool { case: &case, engine, url: None }.ok(&["migrate"]);
    let expected = r#"true {\"a\":\"9007199254740993\",\"b\":\"what?\",\"c\":[1,2],\"d\":null,\"e\":1}"#;
    assert!(told.contains(expected), "{told}");
}

#[test]
fn c16_within_a_second_the_order_of_the_files_decides() {
    let seed = "export async function up({ sql }) {
        await sql('CREATE TABLE old (id TEXT PRIMARY KEY, applied_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP)');
        for (const id of ['3_c', '1_a', '2_b']) await sql('INSERT INTO old VALUES (?, ?)', [id, '2020-01-01 00:00:00']);
      }";
    let case = built(&[("seed.ts", seed)]);
    let tool = Tool { case: &case, engine: "embedded", url: None };
    tool.ok(&["migrate"]);
    case.remove("src/backend/db/migrations/seed.ts");
    for name in ["1_a", "2_b", "3_c", "0_new"] {
        case.write(
            &format!("src/backend/db/migrations/{name}.ts"),
            "export const up = () => {};\nexport const down = () => {};\n",
        );
    }
    case.build_ok(&[]);
    let run = |arguments: &[&str]| {
        let ran = ran(tool.command(arguments).env("DATABASE_MIGRATIONS_TABLE", "old").output().unwrap());
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        ran.stdout
    };
    // Made last, although its name comes first.
    assert_eq!(run(&["migrate"]), "[migrate] Applying 0_new\n");
    assert_eq!(run(&["rollback", "--steps", "2"]), "[migrate] Reverting 0_new\n[migrate] Reverting 3_c\n");
    assert_eq!(run(&["rollback"]), "[migrate] Reverting 2_b\n[migrate] Reverting 1_a\n");
}

/// Two parents and a child of each.
const FAMILY: &str = "export async function up({ sql }) {
  await sql(`create table parent (id integer primary key, name text)`);
  await sql(`create table child (id integer primary key, parent_id integer not null references parent(id) on delete cascade, note text)`);
  await sql(`insert into parent values (1, 'p1'), (2, 'p2')`);
  await sql(`insert into child values (10, 1, 'c1'), (11, 2, 'c2')`);
}
";

/// As the manual of SQLite describes it.
const REBUILD: &str = "  await sql(`pragma foreign_keys = off`);
  await sql(`create table parent_new (id integer primary key, name text not null default 'x')`);
  await sql(`insert into parent_new select id, name from parent`);
  await sql(`drop table parent`);
  await sql(`alter table parent_new rename to parent`);
  await sql(`pragma foreign_keys = on`);
";

fn rows(case: &Case, query: &str) -> Vec<String> {
    let database = rusqlite::Connection::open(case.path("data/dev.sqlite")).unwrap();
    let mut statement = database.prepare(query).unwrap();
    statement.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
}

fn t12_a_rebuilt_table_keeps_the_rows_that_refer_to_it(engine: &str) {
    let plain = REBUILD
        .replace("  await sql(`pragma foreign_keys = off`);\n", "")
        .replace("  await sql(`pragma foreign_keys = on`);\n", "");
    let case = built(&[
        ("0001_family.ts", FAMILY),
        (
            "0002_rebuild.ts",
            &format!(
                "export async function up({{ sql }}) {{\n{REBUILD}}}\nexport async function down({{ sql }}) {{\n{REBUILD}}}\n"
            ),
        ),
        (
            "0003_plain.ts",
            &format!(
                "export async function up({{ sql }}) {{\n{plain}}}\nexport async function down({{ sql }}) {{\n{plain}}}\n"
            ),
        ),
    ]);
    let tool = Tool { case: &case, engine, url: None };
    let whole = ["c1", "c2"];
    tool.ok(&["migrate", "--steps", "2"]);
    assert_eq!(rows(&case, "select note from child order by id"), whole);
    tool.ok(&["migrate"]);
    assert_eq!(rows(&case, "select note from child order by id"), whole);
    tool.ok(&["rollback", "--steps", "2"]);
    assert_eq!(rows(&case, "select note from child order by id"), whole);
    assert_eq!(rows(&case, "select name from parent order by id"), ["p1", "p2"]);
}

fn t12_references_that_lead_nowhere_end_a_migration(engine: &str) {
    let case = built(&[
        ("0001_family.ts", FAMILY),
        (
            "0002_orphan.ts",
            "export const up = () => {};\nexport const down = ({ sql }) => sql('delete from parent where id = 2');\n",
        ),
    ]);
    let tool = Tool { case: &case, engine, url: None };
    tool.ok(&["migrate"]);
    let failed = tool.run(&["rollback", "--steps", "1"]);
    assert_eq!(failed.code, Some(1), "{}", failed.stderr);
    let told = "0002_orphan failed while reverting. The migration record was kept so it can be retried.\n\
                Row 11 of `child` refers to a row of `parent` that is not there\n";
    assert!(failed.stderr.contains(told), "{}", failed.stderr);
    assert_eq!(rows(&case, "select name from parent order by id"), ["p1", "p2"]);
    assert_eq!(tool.status()["applied"], json!(["0001_family", "0002_orphan"]));
    // What others broke before is not the migration's.
    let database = rusqlite::Connection::open(case.path("data/dev.sqlite")).unwrap();
    database.execute_batch("pragma foreign_keys = off; insert into child values (12, 99, 'lost')").unwrap();
    drop(database);
    case.write(
        "src/backend/db/migrations/0003_delete.ts",
        "export const up = ({ sql }) => sql('delete from child where parent_id = 2; delete from parent where id = 2');\n",
    );
    case.build_ok(&[]);
    tool.ok(&["migrate"]);
    assert_eq!(rows(&case, "select note from child order by id"), ["c1", "lost"]);
}

/// Each has its effect, or says that it has none.
fn t12_no_pragma_is_passed_over_in_silence(engine: &str) {
    let settings = [
        ("foreign_keys", "off", "0"),
        ("auto_vacuum", "full", "1"),
        ("page_size", "8192", "8192"),
        ("encoding", "'UTF-16le'", "UTF-16le"),
        ("journal_mode", "delete", "delete"),
        ("JOURNAL_MODE", "wal", "wal"),
        ("synchronous", "off", "0"),
        ("temp_store", "memory", "2"),
        ("locking_mode", "exclusive", "exclusive"),
        ("legacy_alter_table", "on", "1"),
        ("defer_foreign_keys", "on", "1"),
        ("recursive_triggers", "on", "1"),
        ("user_version", "7", "7"),
        ("application_id", "7", "7"),
        ("writable_schema", "on", "1"),
        ("secure_delete", "on", "1"),
        ("cache_size", "77", "77"),
        ("busy_timeout", "77", "77"),
        ("wal_autocheckpoint", "77", "77"),
        ("max_page_count", "77777", "77777"),
        ("case_sensitive_like", "on", ""),
        ("reverse_unordered_selects", "on", "1"),
        ("ignore_check_constraints", "on", "1"),
        ("query_only", "off", "0"),
    ];
    let migration = "export async function up({ sql, query }) {
  for (const [name, value, wanted] of SETTINGS) {
    for (const text of [`pragma ${name} = ${value}`, `/* a */ PRAGMA main.${name}(${value}) -- b`, `select 1; pragma ${name} = ${value};`]) {
      let refused = '';
      try { await sql(text); } catch (error) { refused = String(error); }
      const row = wanted === '' ? undefined : (await query(`pragma ${name}`))[0];
      if (refused === '' && wanted !== '' && String(Object.values(row)[0]) !== wanted) throw new Error(`${text} did nothing: ${JSON.stringify(row)}`);
      if (refused) console.log(`${name} refused: ${refused}`);
    }
  }
  await sql('pragma query_only = off; pragma locking_mode = normal');
}
";
    let case = built(&[("1.ts", &migration.replace("SETTINGS", &json!(settings).to_string()))]);
    let told = Tool { case: &case, engine, url: None }.ok(&["migrate"]);
    for pragma in ["auto_vacuum", "page_size", "encoding", "journal_mode"] {
        let refused = format!("{pragma} refused: Error: `PRAGMA {pragma}` changes nothing in a migration");
        assert_eq!(told.matches(&refused).count(), 3, "{told}");
    }
    assert!(told.contains("synchronous refused: "), "{told}");
}

/// K-multi.
fn t12_a_statement_may_need_what_the_one_before_made(engine: &str) {
    let case = built(&[(
        "1.ts",
        "export async function up({ sql }) {
  await sql('create table a (x text); create index ai on a (x); insert into a values (1) returning x; -- the end');
  await sql('');
  await sql(' -- only a comment');
  let message = '';
  try { await sql('create table b (x); insert into c values (1)'); } catch (error) { message = error.message; }
  if (message !== 'no such table: c') throw new Error(message);
}
",
    )]);
    Tool { case: &case, engine, url: None }.ok(&["migrate"]);
    assert_eq!(rows(&case, "select x from a"), ["1"]);
    assert_eq!(rows(&case, "select name from sqlite_master where type = 'index' and tbl_name = 'a'"), ["ai"]);
}

/// Each waits for the other, so that every migration is made once.
#[track_caller]
fn two_at_once(tool: &Tool<'_>, migrations: &[&str]) {
    let spawn = || tool.command(&["migrate"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let both = [spawn(), spawn()].map(|process| ran(process.wait_with_output().unwrap()));
    let mut applied: Vec<&str> = Vec::new();
    for one in &both {
        assert_eq!(one.code, Some(0), "{}{}", one.stdout, one.stderr);
        applied.extend(one.stdout.lines().filter_map(|line| line.strip_prefix("[migrate] Applying ")));
    }
    applied.sort_unstable();
    assert_eq!(applied, migrations);
}

/// Slow enough that two processes meet.
fn slow(name: &str) -> String {
    format!(
        "export async function up({{ sql }}) {{\n  await sql('CREATE TABLE {name} (x INTEGER)');\n  await new Promise((done) => setTimeout(done, 300));\n}}\n"
    )
}

#[test]
fn two_processes_migrate_one_file() {
    let case = built(&[("1.ts", &slow("a")), ("2.ts", &slow("b")), ("3.ts", &slow("c"))]);
    two_at_once(&Tool { case: &case, engine: "embedded", url: None }, &["1", "2", "3"]);
}

fn c6_postgres(engine: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let cluster = runtime.block_on(Cluster::start());
    let case = built(&[
        ("1_a.ts", &slow("a")),
        ("2_b.ts", &slow("b")),
        (
            "3_c.ts",
            "export async function up({ sql, query }) {
               await sql('SET LOCAL webstir.seen = \\'yes\\'; CREATE TABLE c (t TEXT, n INTEGER)');
               await sql('INSERT INTO c VALUES (?, ?)', ['?', 3]);
               const [row] = await query(\"SELECT t, n, '?' AS q, current_setting('webstir.seen') AS s FROM c WHERE n = ?\", [3]);
               console.log(JSON.stringify(row));
             }
             export const down = ({ sql }) => sql('DROP TABLE c');",
        ),
    ]);
    let tool = Tool { case: &case, engine, url: Some(cluster.url("").expose_secret().to_owned()) };
    two_at_once(&tool, &["1_a", "2_b", "3_c"]);
    // One connection has all of it: what a transaction sets is there for the statements after it.
    assert_eq!(tool.ok(&["rollback", "--steps", "1"]), "[migrate] Reverting 3_c\n");
    let told = tool.ok(&["migrate"]);
    assert!(told.contains(r#"{\"t\":\"?\",\"n\":3,\"q\":\"?\",\"s\":\"yes\"}"#), "{told}");
    case.write(
        "src/backend/db/migrations/4_d.ts",
        "export async function up({ sql }) {\n  await sql('CREATE TABLE d (x INTEGER)');\n  await sql('SELECT 1 / 0');\n}\n",
    );
    case.build_ok(&[]);
    let failed = tool.run(&["migrate"]);
    assert_eq!(failed.code, Some(1));
    assert!(failed.stderr.contains("division by zero\n"), "{}", failed.stderr);
    runtime.block_on(async {
        assert_eq!(cluster.count("SELECT count(*) FROM _webstir_migrations").await, 3);
        assert_eq!(cluster.count("SELECT count(*) FROM pg_tables WHERE tablename = 'd'").await, 0);
        // Records of the package have stamps of a second, in the zone of whoever wrote them.
        cluster.execute("UPDATE _webstir_migrations SET applied_at = '2020-01-01 02:00:00+02' WHERE id = '3_c'").await;
        cluster.execute("UPDATE _webstir_migrations SET applied_at = '2020-01-01 01:00:00+00' WHERE id <> '3_c'").await;
    });
    let reverted = tool.run(&["rollback", "--steps", "3"]);
    assert_eq!((reverted.code, &*reverted.stdout), (Some(0), "[migrate] Reverting 3_c\n"));
    let skipped: Vec<&str> = reverted.stderr.lines().collect();
    assert_eq!(skipped[0], "[migrate] Skipping 2_b: it exports no down() function");
    assert_eq!(skipped.len(), 2, "{}", reverted.stderr);
    assert_eq!(tool.status()["missing"], json!([]));
}
