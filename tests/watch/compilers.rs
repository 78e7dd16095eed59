//! A compiler that is replaced while it is in use.

use std::fs;

use super::watching::Watching;
use crate::compilers::{install, patch};
use crate::support::Case;

#[test]
fn a_compiler_that_is_installed_anew_checks_again() {
    let case = Case::with(&[
        ("package.json", r#"{ "name": "a", "type": "module", "webstir": { "mode": "api" } }"#),
        (
            "src/backend/tsconfig.json",
            r#"{ "compilerOptions": { "target": "es2022", "module": "nodenext", "strict": true, "types": [], "noEmit": true }, "include": ["**/*.ts"] }"#,
        ),
        ("src/backend/index.ts", "export const answer: number = 'x';\n"),
    ]);
    let node_modules = case.path("node_modules");
    install("5.7.2", &node_modules);
    let mut watching = Watching::start(&case, &["--no-serve"]);
    watching.quiet();
    let mut says = |text: &str| watching.until_matching(text, |event| event.to_string().contains(text));
    patch(&node_modules);
    says("is none of 'number'");
    fs::remove_dir_all(node_modules.join("typescript")).unwrap();
    install("5.7.2", &node_modules);
    says("is not assignable to type 'number'");
}
