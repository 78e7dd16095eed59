//! A compiler that is replaced while it is in use.

use std::fs;

use rustix::process::Signal;

use super::watching::Watching;
use crate::compilers::{install, patch};
use crate::support::{Case, descendants, is_running, until};

/// A workspace whose compiler is installed.
fn case(version: &str) -> Case {
    let case = Case::with(&[
        ("package.json", r#"{ "name": "a", "type": "module", "webstir": { "mode": "api" } }"#),
        (
            "src/backend/tsconfig.json",
            r#"{ "compilerOptions": { "target": "es2022", "module": "nodenext", "strict": true, "types": [], "noEmit": true }, "include": ["**/*.ts"] }"#,
        ),
        ("src/backend/index.ts", "export const answer: number = 'x';\n"),
    ]);
    install(version, &case.path("node_modules"));
    case
}

#[test]
fn a_compiler_that_is_installed_anew_checks_again() {
    let case = case("5.7.2");
    let node_modules = case.path("node_modules");
    let mut watching = Watching::start(&case, &["--no-serve"]);
    watching.quiet();
    let mut says = |text: &str| watching.until_matching(text, |event| event.to_string().contains(text));
    patch(&node_modules);
    says("is none of 'number'");
    fs::remove_dir_all(node_modules.join("typescript")).unwrap();
    install("5.7.2", &node_modules);
    says("is not assignable to type 'number'");
}

#[test]
#[cfg(target_os = "linux")]
fn nothing_of_a_compiler_stays_when_its_user_is_killed() {
    for version in ["7.0.2", "5.7.2"] {
        let case = case(version);
        let mut watching = Watching::start(&case, &["--no-serve"]);
        watching.quiet();
        let started = descendants(watching.id());
        let place = case.path("node_modules").display().to_string();
        assert!(started.iter().any(|(_, line)| line.contains(&place)), "{version}: {started:?}");
        watching.signal(Signal::KILL);
        until(|| !started.iter().any(|(id, _)| is_running(*id)));
    }
}
