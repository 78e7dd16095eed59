//! Reports for CI: `--report`, and what CI systems read without being asked.

mod forms;
mod hosts;
mod junit;
mod problems;
mod xml;

use std::path::Path;

use serde_json::Value;

use crate::support::{Case, Ran, ran};

/// A workspace whose lint finds what `tools/lint.mjs` prints, and another command that is always well.
const CONFIGURATION: &str = r#"workspace "w" { mode api; preset none }
profile build { out "build" }
profile publish { out "dist" }
command lint {
    run "node" "tools/lint.mjs"
    inputs "src/**/*.ts"
    problems eslint-unix
    outputs "{out}/lint.txt"
}
command well {
    run "node" "tools/well.mjs"
    outputs "{out}/well.txt"
}
"#;

/// Writes the output of a command, as each must.
fn tool(name: &str, rest: &str) -> String {
    format!(
        "import {{ writeFileSync }} from 'node:fs';\nwriteFileSync(`${{process.env.WEBSTIR_OUT}}/{name}.txt`, '{name}');\n{rest}"
    )
}

/// What the lint prints of two files: an error, a warning and what a tool says of a file that is none of ours.
const FOUND: &str = "\
    console.log('src/a,b.ts:2:5: `wrong` is wrong: 100%, really. [Error/no-wrong]');\n\
    console.log(process.cwd() + '/src/sub/c d.ts:1:1: Mild & <soft> [Warning/no-mild]');\n\
    console.log('node_modules/x/index.js:9:1: Elsewhere [Warning/no-mild]');\n";

fn case(directory: &str) -> Case {
    let case = Case::empty();
    let at = |path: &str| format!("{directory}{path}");
    case.write(&at("webstir.kdl"), CONFIGURATION);
    case.write(&at("tools/lint.mjs"), &tool("lint", &format!("{FOUND}process.exitCode = 1;\n")));
    case.write(&at("tools/well.mjs"), &tool("well", ""));
    case.write(&at("src/a,b.ts"), "// ä\nlet wrong = 1;\n");
    case.write(&at("src/sub/c d.ts"), "let mild;\n");
    case
}

fn json(case: &Case, path: &str) -> Value {
    serde_json::from_str(&case.read(path)).unwrap_or_else(|error| panic!("{path}: {error}\n{}", case.read(path)))
}

/// Runs with variables of a CI system.
fn run_with(case: &Case, variables: &[(&str, &Path)], arguments: &[&str]) -> Ran {
    ran(case.command().args(arguments).envs(variables.iter().copied()).output().unwrap())
}

/// Whatever a report says, it names no place of this machine.
#[track_caller]
fn names_no_place(case: &Case, text: &str) {
    let outside = case.root().parent().unwrap().to_str().unwrap();
    assert!(!text.contains(outside) && !text.contains("/tree/"), "{text}");
}
