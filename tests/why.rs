//! One edit, and the exact cause first: a table of them over the real binary.

mod mutations;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::Value;

use self::mutations::{Mutation, mutations};
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
#[ignore = "long: thirty edits, each with builds of its own"]
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
    let whole = fs::read(case.path(".webstir/explain/build")).unwrap();
    let first_line = whole.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    let damaged = [&whole[..first_line], b"nonsense"].concat();
    for bytes in [&damaged, &b"webstir keys 3\nnonsense".to_vec(), &whole[..whole.len() / 2].to_vec()] {
        fs::write(case.path(".webstir/explain/build"), bytes).unwrap();
        let why = run(&case, &["why"], &[]);
        assert_eq!(why.code, Some(2));
        assert!(why.stderr.contains("Run `webstir build` first"), "{}", why.stderr);
    }
    assert_eq!(run(&case, &["build", "--quiet"], &[]).code, Some(0));
    assert_eq!(run(&case, &["why"], &[]).code, Some(0));
}

#[test]
fn what_a_package_declares_is_a_cause() {
    let config = r#"{ "compilerOptions": { "module": "esnext", "moduleResolution": "bundler", "strict": true, "types": [], "declaration": true, "isolatedDeclarations": true } }"#;
    let case = Case::with(&[
        (
            "webstir.kdl",
            "workspace \"pair\"\nprofile build { out \"build\"; }\ntypecheck p0 { project \"p0/tsconfig.json\"; }\ntypecheck p1 { project \"p1/tsconfig.json\"; }\n",
        ),
        ("package.json", r#"{ "name": "pair", "type": "module" }"#),
        ("p0/tsconfig.json", config),
        ("p1/tsconfig.json", config),
        ("p0/a.ts", "export function a(): number { return 1; }\n"),
        ("p1/b.ts", "import { a } from \"../p0/a\";\nexport const b: unknown = a();\n"),
    ]);
    let build = || case.run(&["build", "--json"]).actions(&["ran"]);
    let why = |rule: &str| case.run(&["why", rule]).stdout;
    assert_eq!(build(), ["typecheck:p0", "typecheck:p1"]);
    case.replace("p0/a.ts", "return 1", "return 2");
    assert_eq!(build(), ["typecheck:p0"]);
    assert!(why("typecheck:p0").contains("`p0/a.ts` changed"), "{}", why("typecheck:p0"));
    case.replace("p0/a.ts", "number", "string | number");
    assert_eq!(build(), ["typecheck:p0", "typecheck:p1"]);
    assert!(why("typecheck:p1").contains("The declarations of `p0/a.ts` changed"), "{}", why("typecheck:p1"));
    // The promise is taken back: the file is read as it is, and is the same file.
    case.replace("p0/tsconfig.json", "isolatedDeclarations\": true", "isolatedDeclarations\": false");
    assert_eq!(build(), ["typecheck:p0", "typecheck:p1"]);
    let told = why("typecheck:p1");
    assert!(told.contains("`p0/tsconfig.json` changed") && !told.contains("a.ts"), "{told}");
    case.replace("p0/tsconfig.json", "isolatedDeclarations\": false", "isolatedDeclarations\": true");
    build();
    // The file gets a type that only inference tells, and is seen as it is.
    case.replace("p0/a.ts", ": string | number { return 2; }", " { return Math.random(); }");
    assert!(build().contains(&"typecheck:p1".to_owned()));
    assert!(why("typecheck:p1").contains("`p0/a.ts` changed"), "{}", why("typecheck:p1"));
}
