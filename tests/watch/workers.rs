//! A module that runs in a worker, and whose manifest is read by one.

use super::edits::{MODULE, workspace};
use super::watching::Watching;
use crate::support::Case;

/// As many as there may be edits of one kind.
const EDITS: usize = 24;

fn word(text: &str, more: &str) -> String {
    format!("export const word: string = \"{text}\";\n{more}")
}

/// It requires what the embedded engine lacks.
fn in_a_worker(more: &str) -> Case {
    let case = workspace();
    // The types of Node are not there, so nothing is checked.
    case.remove("src/backend/tsconfig.json");
    case.write("src/backend/module.ts", &format!("import {{ METHODS }} from \"node:http\";\n{MODULE}"));
    case.replace("src/backend/module.ts", "count += 1;", "count += METHODS.includes(\"GET\") ? 1 : 0;");
    case.write("src/backend/word.ts", &word("first", more));
    case
}

/// Waits until an edit is served: what is served then is not the build before.
fn each_edit_is_served(case: &Case, arguments: &[&str], more: &str) {
    let mut watching = Watching::start(case, arguments);
    watching.until_page("/word", r#""word":"first""#);
    for edit in 0..EDITS {
        watching.so_far();
        case.write("src/backend/word.ts", &word(&format!("edit {edit}"), more));
        let wanted = format!(r#""word":"edit {edit}","count":1"#);
        watching.until("served");
        let (_, body) = watching.page("/word");
        assert!(body.contains(&wanted), "edit {edit} is not served: {body}\n{}", watching.stderr());
    }
    assert_eq!(watching.stderr().matches("loaded module definition").count(), EDITS + 1, "{}", watching.stderr());
}

#[test]
fn t13_each_edit_is_served_where_a_worker_reads_the_manifest() {
    each_edit_is_served(&in_a_worker(""), &[], "");
}

#[test]
fn t13_each_edit_is_served_where_the_module_takes_its_time() {
    let slow = "await new Promise((done) => setTimeout(done, 150));\n";
    each_edit_is_served(&in_a_worker(slow), &[], slow);
}

#[test]
fn t13_each_edit_is_served_by_a_worker_that_was_asked_for() {
    each_edit_is_served(&workspace(), &["--engine", "worker"], "");
}

#[test]
fn t13_an_error_is_where_it_was_thrown() {
    let case = in_a_worker("");
    let mut watching = Watching::start(&case, &[]);
    watching.until_page("/word", r#""word":"first""#);
    for lines in [1, 4, 2] {
        let text = format!("{}throw new Error(\"thrown after {lines}\");\n", "\n".repeat(lines));
        case.write("src/backend/word.ts", &word("never", &text));
        let refused = watching.until("refused").to_string();
        let place = format!("src/backend/word.ts:{}:", lines + 2);
        let told = format!("{refused}{}", watching.stderr());
        assert!(told.contains(&format!("thrown after {lines}")) && told.contains(&place), "{place} in {told}");
    }
}
