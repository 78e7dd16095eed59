//! Links, whose targets change and which are pointed elsewhere.

use std::fs;
use std::os::unix::fs::symlink;

use super::edits::workspace;
use super::watching::Watching;
use crate::support::Case;

fn text(word: &str) -> String {
    format!("export const word: string = \"{word}\";\n")
}

/// Points a link elsewhere in one step.
fn point(case: &Case, link: &str, target: &str) {
    let aside = case.path("aside");
    symlink(target, &aside).unwrap();
    fs::rename(aside, case.path(link)).unwrap();
}

/// The module imports `word.ts`, which is a link.
fn linked(target: &str) -> Case {
    let case = workspace();
    case.remove("src/backend/word.ts");
    case.link("src/backend/word.ts", target);
    case
}

#[test]
fn t14_a_link_follows_a_target_beside_it() {
    let case = linked("real.ts");
    case.write("src/backend/real.ts", &text("a"));
    let watching = Watching::start(&case, &[]);
    watching.until_page("/word", r#""word":"a""#);
    // In place, by renaming, and again.
    case.write("src/backend/real.ts", &text("b"));
    watching.until_page("/word", r#""word":"b""#);
    case.write("src/backend/.real.ts", &text("c"));
    fs::rename(case.path("src/backend/.real.ts"), case.path("src/backend/real.ts")).unwrap();
    watching.until_page("/word", r#""word":"c""#);
    case.write("src/backend/real.ts", &text("d"));
    watching.until_page("/word", r#""word":"d""#);
}

#[test]
fn t14_a_link_in_the_middle_is_pointed_elsewhere() {
    let case = linked("../../links/middle.ts");
    case.link("links/middle.ts", "../one/real.ts");
    case.write("one/real.ts", &text("a"));
    case.write("two/real.ts", &text("b"));
    let watching = Watching::start(&case, &[]);
    watching.until_page("/word", r#""word":"a""#);
    point(&case, "links/middle.ts", "../two/real.ts");
    watching.until_page("/word", r#""word":"b""#);
    case.write("two/real.ts", &text("c"));
    watching.until_page("/word", r#""word":"c""#);
    point(&case, "links/middle.ts", "../one/real.ts");
    watching.until_page("/word", r#""word":"a""#);
}

#[test]
fn t14_a_linked_directory_in_the_middle_is_pointed_elsewhere() {
    let case = linked("library/real.ts");
    case.link("src/backend/library", "../../links/library");
    case.link("links/library", "../one");
    case.write("one/real.ts", &text("a"));
    case.write("two/real.ts", &text("b"));
    let watching = Watching::start(&case, &[]);
    watching.until_page("/word", r#""word":"a""#);
    point(&case, "links/library", "../two");
    watching.until_page("/word", r#""word":"b""#);
    case.write("two/real.ts", &text("c"));
    watching.until_page("/word", r#""word":"c""#);
    point(&case, "src/backend/library", "../../one");
    watching.until_page("/word", r#""word":"a""#);
}

/// In a process of its own, which starts from the log of the one before.
#[test]
fn t14_a_later_build_follows_links_in_the_middle() {
    let case = linked("../../links/middle.ts");
    case.link("links/middle.ts", "../one/real.ts");
    case.link("src/backend/library", "../../links/library");
    case.link("links/library", "../one");
    case.replace(
        "src/backend/module.ts",
        "let count",
        "import { word as other } from \"./library/real.js\";\nvoid other;\nlet count",
    );
    case.write("one/real.ts", &text("a"));
    case.write("two/real.ts", &text("b"));
    case.build_ok(&[]);
    assert!(case.build_ok(&[]).actions(&["ran"]).is_empty());
    for (link, target, file) in [
        ("links/middle.ts", "../two/real.ts", "build/backend/word.js"),
        ("links/library", "../two", "build/backend/library/real.js"),
    ] {
        assert!(case.read(file).contains("\"a\""), "{file}");
        point(&case, link, target);
        case.build_ok(&[]);
        assert!(case.read(file).contains("\"b\""), "{file}");
    }
}
