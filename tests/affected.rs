//! `webstir affected`: two revisions of one repository.

use std::process::Command;

use crate::support::Case;

fn git(case: &Case, arguments: &[&str]) {
    let identity = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "commit.gpgsign=false"];
    let output = Command::new("git").current_dir(case.root()).args(identity).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn repository() -> Case {
    let case = Case::starter();
    case.write("texts/a.txt", "a");
    case.write(
        "webstir.kdl",
        "workspace \"notes\" { mode api; }\nfiles texts { base \"texts\"; include \"*.txt\"; }\ncopy texts { from files:texts; to \"{out}/texts\"; }\n",
    );
    git(&case, &["init", "--quiet", "--initial-branch=main"]);
    git(&case, &["add", "."]);
    git(&case, &["commit", "--quiet", "-m", "one"]);
    case
}

#[track_caller]
fn affected(case: &Case) -> Vec<String> {
    let ran = case.run(&["affected", "--base", "HEAD", "--json"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let document = ran.json();
    let rules = document["affected"].as_array().unwrap().iter();
    rules.map(|rule| rule["rule"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn only_rules_with_other_keys_are_affected() {
    let case = repository();
    case.build_ok(&[]);
    assert_eq!(affected(&case), [] as [&str; 0]);
    case.write("docs/readme.md", "not a source");
    assert_eq!(affected(&case), [] as [&str; 0]);

    case.write("texts/a.txt", "b");
    assert_eq!(affected(&case), ["copy:texts"]);
    let text = case.run(&["affected", "--base", "HEAD"]).stdout;
    assert_eq!(text, "copy:texts\n  `texts/a.txt` changed\n");
    case.write("texts/a.txt", "a");

    // Not built yet: what follows from the change cannot be planned, and is affected.
    case.replace("src/shared/notes.ts", "export", "// once\nexport");
    let unbuilt = affected(&case);
    assert_eq!(
        unbuilt,
        [
            "artifacts:backend",
            "bundle:module",
            "bundle:tasks",
            "manifest:backend",
            "transpile:backend",
            "typecheck:backend"
        ]
    );
    git(&case, &["checkout", "--quiet", "--", "src"]);
    case.remove("docs");

    case.replace("webstir.kdl", "include \"*.txt\"", "include \"*\"");
    case.write("texts/b.md", "b");
    assert_eq!(affected(&case), ["copy:texts"]);
}

#[test]
fn what_is_affected_is_sound_without_any_result() {
    let case = repository();
    // Nothing was built: every key that does not wait for a result is known, and nothing changed.
    assert_eq!(affected(&case), [] as [&str; 0]);
    case.write("texts/a.txt", "b");
    // What the type checker would read is not known, so any change may be one of it.
    let found = affected(&case);
    assert!(found.contains(&"copy:texts".to_owned()) && found.contains(&"typecheck:backend".to_owned()), "{found:?}");
    assert!(!found.contains(&"transpile:backend".to_owned()), "{found:?}");
    assert!(!case.exists("build"), "planning materialised something");
}

#[test]
fn neither_the_work_tree_nor_the_index_is_touched() {
    let case = repository();
    case.write("texts/a.txt", "staged");
    git(&case, &["add", "texts/a.txt"]);
    case.write("texts/a.txt", "not staged");
    let state = || {
        let of =
            |arguments: &[&str]| Command::new("git").current_dir(case.root()).args(arguments).output().unwrap().stdout;
        (of(&["status", "--porcelain"]), of(&["diff", "--cached"]), of(&["worktree", "list"]))
    };
    let before = state();
    assert!(affected(&case).contains(&"copy:texts".to_owned()));
    assert_eq!(state(), before);
    let unknown = case.run(&["affected", "--base", "no-such-branch"]);
    assert_eq!(unknown.code, Some(2));
    assert!(unknown.stderr.contains("`no-such-branch` is no revision"), "{}", unknown.stderr);
    let option = case.run(&["affected", "--base=--output=x"]);
    assert_eq!(option.code, Some(2), "{}", option.stdout);
    assert!(!case.exists("x"));
}

#[test]
fn what_reads_generated_sources_is_affected_by_what_is_generated() {
    let case = Case::with(&crate::generated::files());
    case.write(".gitignore", "build\n.webstir\n");
    git(&case, &["init", "--quiet", "--initial-branch=main"]);
    git(&case, &["add", "."]);
    git(&case, &["commit", "--quiet", "-m", "one"]);
    // Without any result nobody knows, and all of it is affected.
    assert!(affected(&case).contains(&"transpile:backend".to_owned()));
    case.build_ok(&[]);
    assert_eq!(affected(&case), [""; 0]);
    case.write("schema.txt", "second\n");
    assert!(affected(&case).contains(&"transpile:backend".to_owned()));
    case.build_ok(&[]);
    let found = affected(&case);
    assert!(
        ["command:client", "transpile:backend"].iter().all(|rule| found.contains(&(*rule).to_owned())),
        "{found:?}"
    );
    assert!(case.names("src/generated").len() == 2 && case.read("src/generated/word.ts").contains("second"));
}
