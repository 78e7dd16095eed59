//! Generated sources: what a command makes and other rules read.

use crate::support::Case;

const GENERATE: &str = "import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';\n\
    const out = process.env.WEBSTIR_OUT;\nmkdirSync(`${out}/client`, { recursive: true });\n\
    const word = readFileSync('schema.txt', 'utf8').trim();\n\
    writeFileSync(`${out}/client/word.ts`, `export const word: string = '${word}';\\n`);\n";

pub(crate) const CONFIGURATION: &str = "workspace app { mode api }\n\
    command client {\n    run \"node\" \"generate.mjs\"\n    inputs \"schema.txt\"\n    outputs \"{out}/client\"\n}\n\
    files client {\n    from command:client\n    base \"src/generated\"\n    include \"**/*.ts\"\n}\n";

/// Files of a workspace whose module reads a generated word.
pub(crate) fn files() -> Vec<(&'static str, &'static str)> {
    vec![
        ("package.json", r#"{ "name": "app", "version": "0.1.0", "type": "module", "webstir": { "mode": "api" } }"#),
        ("webstir.kdl", CONFIGURATION),
        ("generate.mjs", GENERATE),
        ("schema.txt", "first\n"),
        ("src/backend/index.ts", "export { word } from '../generated/word.js';\n"),
    ]
}

fn of_files(case: &Case) -> Vec<String> {
    let found = case.build(&[]).findings();
    found.into_iter().filter(|found| found.starts_with("files::") || found.starts_with("config::")).collect()
}

#[test]
fn a_place_belongs_to_one_set_and_to_nobody_else() {
    for (base, code) in [
        ("node_modules/client", "files::place webstir.kdl:9:5"),
        ("build/client", "config::output_overwrites_source"),
        (".webstir/x", "files::place webstir.kdl:9:5"),
        (".", "files::place webstir.kdl:9:5"),
    ] {
        let case = Case::with(&files());
        case.replace("webstir.kdl", "src/generated", base);
        let found = of_files(&case);
        assert!(found.iter().any(|found| found.starts_with(code)), "{base}: {found:?}");
    }
    let case = Case::with(&files());
    case.replace("webstir.kdl", "    base \"src/generated\"\n", "");
    assert_eq!(of_files(&case), ["config::missing_field webstir.kdl:7:1"]);
    let case = Case::with(&files());
    let second = "files other {\n    from command:client\n    base \"src/generated/below\"\n    include \"**\"\n}\n";
    case.write("webstir.kdl", &(CONFIGURATION.to_owned() + second));
    assert_eq!(of_files(&case), ["files::place webstir.kdl:14:5"]);
}

#[test]
fn files_of_somebody_else_are_not_replaced() {
    let case = Case::with(&files());
    case.write("src/generated/word.ts", "export const word = 'by hand';\n");
    let built = case.build(&[]);
    assert_eq!(built.code, Some(1));
    assert_eq!(of_files(&case), ["files::place_taken webstir.kdl:7:1"]);
    assert_eq!(case.read("src/generated/word.ts"), "export const word = 'by hand';\n");
    case.remove("src/generated");
    case.build_ok(&[]);
    // Without what is known of the workspace it is still ours.
    case.remove(".webstir");
    case.replace("schema.txt", "first", "second");
    case.build_ok(&[]);
    assert_eq!(case.read("src/generated/word.ts"), "export const word: string = 'second';\n");
}

#[test]
fn a_set_may_be_made_from_another_one() {
    let case = Case::with(&files());
    case.write(
        "again.mjs",
        "import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';\nmkdirSync(process.env.WEBSTIR_OUT, { recursive: true });\n\
         writeFileSync(`${process.env.WEBSTIR_OUT}/again.ts`, readFileSync('src/generated/word.ts', 'utf8').replace('word', 'again'));\n",
    );
    // Written before what it reads.
    let second = "command again {\n    run \"node\" \"again.mjs\"\n    from files:client\n    outputs \"{out}/again.ts\"\n}\n\
                  files again {\n    from command:again\n    base \"src/again\"\n    include \"**\"\n}\n";
    let (first, rest) = CONFIGURATION.split_once('\n').unwrap();
    case.write("webstir.kdl", &format!("{first}\n{second}{rest}"));
    for word in ["first", "second"] {
        case.write("schema.txt", word);
        let built = case.build_ok(&["--ci"]);
        assert_eq!(built.actions(&["ran"])[..1], ["artifacts:backend"], "{}", built.stdout);
        assert_eq!(case.read("src/again/again.ts"), format!("export const again: string = '{word}';\n"));
    }
    let first = case.tree("src");
    case.remove("src/again");
    case.remove("src/generated");
    assert_eq!(case.build_ok(&[]).actions(&["ran"]), [""; 0]);
    assert_eq!(case.tree("src"), first);
}

#[test]
fn what_is_placed_is_in_no_output_and_no_input_of_its_command() {
    let case = Case::with(&files());
    case.replace("webstir.kdl", "inputs \"schema.txt\"", "inputs \"schema.txt\" \"src/**\"");
    case.build_ok(&[]);
    assert!(!case.exists("build/client"));
    assert_eq!(case.build_ok(&[]).actions(&["ran"]), [""; 0]);
    let told = case.run(&["inputs", "client", "--json"]).json();
    assert!(!told["actions"][0]["neverRead"].to_string().contains("generated"), "{told}");
}
