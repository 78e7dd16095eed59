//! One edit, and the exact cause first: a table of them over the real binary.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::Value;

use crate::support::{Case, ran};

const CONFIGURATION: &str = r#"workspace "page" {
    mode api
    environment "COLOUR"
}
files texts {
    base "texts"
    include "*.txt"
    exclude "*.draft.txt"
}
copy texts {
    from files:texts
    to "{out}/texts"
}
command shout {
    run "speak" "words.txt" "plain"
    inputs "words.txt" "more/*.txt"
    outputs "{out}/loud.txt"
    environment "COLOUR" TZ="UTC"
}
command tick {
    run "speak" "words.txt"
    inputs "words.txt"
    cache #false
}
command moody {
    run "grumble" "words.txt"
    inputs "words.txt"
    cache #false
    profiles test
}
"#;

const SPEAK: &str = "#!/bin/sh\nmkdir -p \"$WEBSTIR_OUT\"\ncat \"$1\" > \"$WEBSTIR_OUT/loud.txt\"\n";

fn workspace() -> Case {
    let case = Case::with(&[
        ("webstir.kdl", CONFIGURATION),
        ("package.json", r#"{ "name": "page", "type": "module", "webstir": { "mode": "api" } }"#),
        (
            "src/backend/tsconfig.json",
            r#"{ "compilerOptions": { "module": "nodenext", "target": "es2022" }, "include": ["**/*.ts"] }"#,
        ),
        ("src/backend/index.ts", "import { greet } from \"./lib/greet.js\";\nconsole.log(greet(\"server\"));\n"),
        ("src/backend/lib/greet.ts", "export const greet = (who: string): string => `hello ${who}`;\n"),
        (
            "src/backend/module.ts",
            "import { title } from \"./lib/title.js\";\nexport const module = { manifest: { contractVersion: \"1.0.0\", name: title, version: \"1.0.0\", kind: \"backend\", capabilities: [] } };\n",
        ),
        ("src/backend/lib/title.ts", "export const title = \"page\";\n"),
        ("src/backend/functions/ping/index.ts", "export const run = (): string => \"ping\";\n"),
        ("texts/a.txt", "a"),
        ("texts/b.draft.txt", "b"),
        ("words.txt", "quiet"),
        ("more/one.txt", "one"),
    ]);
    program(&case, "speak", SPEAK);
    program(&case, "grumble", "#!/bin/sh\nexit 3\n");
    case
}

fn program(case: &Case, name: &str, text: &str) {
    fs::create_dir_all(case.beside("bin")).unwrap();
    let path = case.beside("bin").join(name);
    fs::write(&path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// The environment of a build.
type Environment = &'static [(&'static str, &'static str)];

fn run(case: &Case, arguments: &[&str], environment: Environment) -> crate::support::Ran {
    let path = format!("{}:{}", case.beside("bin").display(), std::env::var("PATH").unwrap());
    let mut command = case.command();
    command.env("PATH", path).env("COLOUR", "red").envs(environment.iter().copied());
    ran(command.args(arguments).output().unwrap())
}

struct Mutation {
    edit: fn(&Case),
    environment: Environment,
    profile: &'static str,
    /// The action that is asked about.
    action: &'static str,
    /// The kind of the first cause, and how its sentence begins.
    kind: &'static str,
    cause: &'static str,
}

fn edit(edit: fn(&Case), action: &'static str, kind: &'static str, cause: &'static str) -> Mutation {
    Mutation { edit, environment: &[], profile: "build", action, kind, cause }
}

fn configure(case: &Case, from: &str, to: &str) {
    case.replace("webstir.kdl", from, to);
}

fn patch(case: &Case, node: &str) {
    case.write("webstir.kdl", &format!("{CONFIGURATION}{node}\n"));
}

fn mutations() -> Vec<Mutation> {
    const GREET: &str = "transpile:backend(src/backend/lib/greet.ts)";
    const PONG: &str = "src/backend/functions/pong/index.ts";
    let pong: fn(&Case) = |case| case.write(PONG, "export const run = (): string => \"pong\";\n");
    let body: fn(&Case) = |case| case.replace("src/backend/lib/greet.ts", "hello", "good day");
    vec![
        // Files.
        edit(body, GREET, "file", "`src/backend/lib/greet.ts` changed"),
        edit(
            body,
            "artifacts:backend",
            "file",
            "`src/backend/lib/greet.ts` changed → transpile:backend(src/backend/lib/greet.ts)",
        ),
        edit(body, "typecheck:backend", "file", "`src/backend/lib/greet.ts` changed"),
        edit(
            |case| case.replace("src/backend/lib/title.ts", "page", "book"),
            "manifest:backend",
            "file",
            "`src/backend/lib/title.ts` changed → transpile:backend(src/backend/lib/title.ts) → bundle:module(src/backend/module.ts)",
        ),
        edit(|case| case.write("texts/a.txt", "b"), "copy:texts", "file", "`texts/a.txt` changed"),
        edit(|case| case.write("words.txt", "louder"), "command:shout", "file", "`words.txt` changed"),
        edit(
            |case| case.replace("src/backend/tsconfig.json", "es2022", "es2020"),
            GREET,
            "file",
            "`src/backend/tsconfig.json` changed",
        ),
        edit(
            |case| case.replace("src/backend/tsconfig.json", "\"target\"", "\"strict\": true, \"target\""),
            "typecheck:backend",
            "file",
            "`src/backend/tsconfig.json` changed",
        ),
        edit(
            |case| {
                case.replace(
                    "package.json",
                    "\"api\"",
                    "\"api\", \"moduleManifest\": { \"capabilities\": [\"http\"] }",
                );
            },
            "manifest:backend",
            "file",
            "`package.json` changed",
        ),
        edit(
            |case| case.write("src/backend/globals.d.ts", "declare const answer: number;\n"),
            "typecheck:backend",
            "file",
            "`src/backend/globals.d.ts` is new",
        ),
        // Files that come and go.
        edit(
            pong,
            "transpile:backend(src/backend/functions/pong/index.ts)",
            "glob",
            "`src/backend/functions/pong/index.ts` is new: `functions/*/index.{ts,tsx,js,mjs}` of `entries:backend` matches it",
        ),
        edit(pong, "artifacts:backend", "glob", "`src/backend/functions/pong/index.ts` is new: `functions/*/"),
        edit(
            |case| case.remove("src/backend/functions/ping"),
            "artifacts:backend",
            "glob",
            "`src/backend/functions/ping/index.ts` is gone: `functions/*/index.{ts,tsx,js,mjs}` of `entries:backend` matched it",
        ),
        edit(
            |case| case.write("texts/c.txt", "c"),
            "copy:texts",
            "glob",
            "`texts/c.txt` is new: `*.txt` of `files:texts` matches it (webstir.kdl:7:13)",
        ),
        edit(
            |case| case.write("more/two.txt", "2"),
            "command:shout",
            "glob",
            "`more/two.txt` is new: `more/*.txt` of `command:shout` matches it (webstir.kdl:16:",
        ),
        edit(|case| case.remove("more/one.txt"), "command:shout", "glob", "`more/one.txt` is gone: `more/*.txt`"),
        edit(
            |case| {
                case.write("src/backend/lib/polite.ts", "export const polite = \"please\";\n");
                case.write("src/backend/lib/greet.ts", "import { polite } from \"./polite.js\";\nexport const greet = (who: string): string => who + polite;\n");
            },
            "transpile:backend(src/backend/lib/polite.ts)",
            "glob",
            "`src/backend/lib/polite.ts` is new: `backend/**/*.{ts,tsx,js,mjs,json}` of `files:backend-sources` matches it",
        ),
        // The configuration.
        edit(
            |case| {
                case.write("texts/d.md", "d");
                configure(case, "include \"*.txt\"", "include \"*.txt\" \"*.md\"");
            },
            "copy:texts",
            "configuration",
            "`include` of `files:texts` is new: `*.md` (webstir.kdl:7:21), which decides about `texts/d.md`",
        ),
        edit(
            |case| configure(case, "exclude \"*.draft.txt\"\n", ""),
            "copy:texts",
            "configuration",
            "`exclude` of `files:texts` is gone: `*.draft.txt`, which decides about `texts/b.draft.txt`",
        ),
        edit(
            |case| configure(case, "exclude \"*.draft.txt\"", "exclude \"a*\""),
            "copy:texts",
            "configuration",
            "`exclude` of `files:texts` changed from `*.draft.txt` to `a*` (webstir.kdl:8:13)",
        ),
        edit(
            |case| configure(case, "{out}/texts", "{out}/words"),
            "copy:texts",
            "configuration",
            "`to` of `copy:texts` changed from `{out}/texts` to `{out}/words` (webstir.kdl:12:8)",
        ),
        edit(
            |case| configure(case, "\"plain\"", "\"fancy\""),
            "command:shout",
            "configuration",
            "`run` of `command:shout` changed from `plain` to `fancy` (webstir.kdl:15:",
        ),
        edit(
            |case| configure(case, "TZ=\"UTC\"", "TZ=\"CET\""),
            "command:shout",
            "configuration",
            "`environment.TZ` of `command:shout` changed (webstir.kdl:18:",
        ),
        edit(
            |case| patch(case, "transpile backend { target es2020; }"),
            GREET,
            "configuration",
            "`target` of `transpile:backend` is new: `es2020` (webstir.kdl:31:",
        ),
        edit(
            |case| patch(case, "transpile backend { sourcemap none; }"),
            GREET,
            "configuration",
            "`sourcemap` of `transpile:backend` is new: `none` (webstir.kdl:31:",
        ),
        edit(
            |case| patch(case, "profile build { define \"__PART__\" \"back\"; }"),
            GREET,
            "configuration",
            "`define.__PART__` of `profile build` is new: `back` (webstir.kdl:31:",
        ),
        edit(
            |case| patch(case, "profile build { out \"built\"; }"),
            "copy:texts",
            "configuration",
            "`out` of `profile build` changed from `build` to `built` (webstir.kdl:31:",
        ),
        edit(
            |case| patch(case, "manifest backend { limits { cpu \"3s\"; }; }"),
            "manifest:backend",
            "configuration",
            "`limits.cpu` of `manifest:backend` changed from `2s` to `3s` (webstir.kdl:31:",
        ),
        edit(
            |case| patch(case, "artifacts backend { engine embedded; }"),
            "artifacts:backend",
            "configuration",
            "`engine` of `artifacts:backend` is new: `embedded` (webstir.kdl:31:",
        ),
        edit(
            |case| patch(case, "copy again { from files:texts; to \"{out}/again\"; }"),
            "copy:again",
            "configuration",
            "`copy:again` was added to the configuration (webstir.kdl:31:1)",
        ),
        edit(
            |case| configure(case, "\"{out}/loud.txt\"\n", "\"{out}/loud.txt\"\n    timeout \"9s\"\n"),
            "command:shout",
            "configuration",
            "`timeout` of `command:shout` is new: `9s` (webstir.kdl:18:",
        ),
        // The environment, programs and the store.
        Mutation {
            environment: &[("NODE_ENV", "staging")],
            ..edit(|_| {}, GREET, "environment", "The environment variable `NODE_ENV` is set now")
        },
        Mutation {
            environment: &[("COLOUR", "blue")],
            ..edit(|_| {}, "command:shout", "environment", "The environment variable `COLOUR` changed")
        },
        edit(
            |case| program(case, "speak", &format!("{SPEAK}true\n")),
            "command:shout",
            "tool",
            "The program `speak` is another one",
        ),
        edit(|case| case.remove(".webstir/store"), "copy:texts", "not-in-store", "Its record was not in the store"),
        edit(|_| {}, "command:tick", "not-kept", "Its outcome is never kept"),
        Mutation { profile: "test", ..edit(|_| {}, "command:moody", "not-kept", "Its outcome is never kept") },
        edit(|case| case.remove(".webstir/explain"), "command:tick", "never-ran", "It never ran here"),
    ]
}

/// What is wrong with the answer, if anything.
fn check(mutation: &Mutation) -> Option<String> {
    let case = workspace();
    let arguments = ["build", "--json", "--profile", mutation.profile];
    run(&case, &arguments, &[]);
    (mutation.edit)(&case);
    let built = run(&case, &arguments, mutation.environment);
    let why = run(&case, &["why", mutation.action, "--json", "--profile", mutation.profile], mutation.environment);
    if why.code != Some(0) {
        return Some(format!("{}: {}\n{}", mutation.action, why.stderr, built.stderr));
    }
    let first = why.json()["actions"][0]["causes"][0].clone();
    let inline =
        built.json()["actions"].as_array().unwrap().iter().find(|action| action["label"] == mutation.action).cloned();
    let inline = inline.map_or(Value::Null, |action| action["cause"].clone());
    let kind = first["kind"].as_str().unwrap_or_default();
    let message = first["message"].as_str().unwrap_or_default();
    let right = kind == mutation.kind && message.starts_with(mutation.cause) && inline == first;
    (!right).then(|| {
        format!(
            "{}: {kind}: {message}\n  expected {}: {}\n  in the build: {inline}",
            mutation.action, mutation.kind, mutation.cause
        )
    })
}

#[test]
fn the_exact_cause_is_first_in_each_of_thirty() {
    let mutations = mutations();
    assert!(mutations.len() >= 30);
    let halves: Vec<&[Mutation]> = mutations.chunks(mutations.len().div_ceil(2)).collect();
    let wrong: Vec<String> = std::thread::scope(|scope| {
        let threads: Vec<_> =
            halves.iter().map(|half| scope.spawn(|| half.iter().filter_map(check).collect::<Vec<_>>())).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    assert!(wrong.is_empty(), "{} of {} are wrong:\n{}", wrong.len(), mutations.len(), wrong.join("\n"));
}

#[test]
fn two_workspaces_are_compared_by_what_they_planned() {
    let (one, other) = (workspace(), workspace());
    run(&one, &["build", "--quiet"], &[]);
    run(&other, &["build", "--quiet"], &[]);
    let against = |path: &std::path::Path| run(&one, &["why", "--against", path.to_str().unwrap()], &[]);
    let same = against(other.root());
    assert_eq!((same.code, same.stdout.as_str()), (Some(0), "Every key is the same\n"), "{}", same.stderr);

    other.write("texts/a.txt", "other");
    run(&other, &["build", "--quiet"], &[("COLOUR", "a secret that nobody may see")]);
    let differs = against(&other.path(".webstir/explain/build"));
    let expected = "command:shout has another key\n  The environment variable `COLOUR` changed\n\
        copy:texts has another key\n  `texts/a.txt` changed\n";
    assert_eq!(differs.stdout, expected, "{}", differs.stderr);

    for (path, bytes) in other.tree(".webstir/explain") {
        assert!(!bytes.windows(8).any(|window| window == b"a secret"), "{path} holds a value of the environment");
    }
    let nowhere = against(&other.path("texts"));
    assert_eq!(nowhere.code, Some(2), "{}", nowhere.stdout);
}

#[test]
fn a_failed_build_does_not_hide_what_was_known_before() {
    let case = workspace();
    run(&case, &["build", "--quiet"], &[]);
    case.replace("src/backend/lib/title.ts", "\"page\"", "");
    assert_eq!(run(&case, &["build", "--quiet"], &[]).code, Some(1));
    case.write("src/backend/lib/title.ts", "export const title = \"book\";\n");
    run(&case, &["build", "--quiet"], &[]);
    let why = run(&case, &["why", "manifest:backend"], &[]);
    assert!(why.stdout.contains("`src/backend/lib/title.ts` changed → "), "{}{}", why.stdout, why.stderr);
}

#[test]
fn a_damaged_dump_is_one_that_is_not_there() {
    let case = workspace();
    run(&case, &["build", "--quiet"], &[]);
    case.write(".webstir/explain/build", "webstir keys 1\nnonsense");
    let why = run(&case, &["why"], &[]);
    assert_eq!(why.code, Some(2));
    assert!(why.stderr.contains("Run `webstir build` first"), "{}", why.stderr);
    assert_eq!(run(&case, &["build", "--quiet"], &[]).code, Some(0));
    assert_eq!(run(&case, &["why"], &[]).code, Some(0));
}
