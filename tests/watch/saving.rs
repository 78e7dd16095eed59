//! How programs save files, and files that come and go.

use std::fs;
use std::thread;
use std::time::Duration;

use super::edits::workspace;
use super::watching::Watching;

const WORD: &str = "src/backend/word.ts";

fn saying(word: &str) -> String {
    format!("export const word: string = \"{word}\";\n")
}

#[test]
fn what_changes_nothing_is_not_told() {
    let case = workspace();
    let mut watching = Watching::start(&case, &["--no-serve"]);
    watching.quiet();
    // Saved as it is, in place and by renaming.
    case.write(WORD, &saying("first"));
    case.write("src/backend/word.ts.new", &saying("first"));
    fs::rename(case.path("src/backend/word.ts.new"), case.path(WORD)).unwrap();
    // Files of editors, and those of other programs.
    for name in [".word.ts.swp", ".word.ts.swx", "4913", "word.ts~", "#word.ts#", ".DS_Store"] {
        case.write(&format!("src/backend/{name}"), "x");
        case.remove(&format!("src/backend/{name}"));
    }
    case.link("src/backend/.#word.ts", "nobody@nowhere.1:2");
    // Nothing of the workspace at all.
    case.write("README.md", "x");
    case.write(".git/index", "x");
    case.write("notes/todo.txt", "x");
    let events = watching.quiet();
    assert!(events.is_empty(), "{events:#?}");
    // What stays in a directory of sources is at most seen by what looks at its entries.
    case.write("src/backend/.word.ts.swp", "x");
    let events = watching.quiet();
    assert!(events.iter().all(|event| event["ran"].as_array().is_none_or(Vec::is_empty)), "{events:#?}");
    watching.rest();
    // It has not gone to sleep.
    case.write(WORD, &saying("second"));
    assert_eq!(watching.until("build-start")["changed"], serde_json::json!([WORD]));
    assert!(watching.build()["succeeded"] == true);
}

#[test]
fn files_are_saved_in_every_way() {
    let case = workspace();
    let mut watching = Watching::start(&case, &[]);
    let path = case.path(WORD);
    // By renaming what was written beside it.
    case.write("src/backend/.word.ts.tmp", &saying("renamed"));
    fs::rename(case.path("src/backend/.word.ts.tmp"), &path).unwrap();
    watching.until_page("/word", r#""word":"renamed""#);
    // Emptied, and written a while later.
    fs::write(&path, "").unwrap();
    thread::sleep(Duration::from_millis(60));
    case.write(WORD, &saying("late"));
    watching.until_page("/word", r#""word":"late""#);
    // Moved away and written anew, as vim does with a backup.
    fs::rename(&path, case.path("src/backend/word.ts~")).unwrap();
    case.write(WORD, &saying("anew"));
    case.remove("src/backend/word.ts~");
    watching.until_page("/word", r#""word":"anew""#);
    // Removed and written.
    case.remove(WORD);
    case.write(WORD, &saying("removed"));
    watching.until_page("/word", r#""word":"removed""#);
    // Twice, and as long as before.
    case.write(WORD, &saying("AAAAAAA"));
    case.write(WORD, &saying("BBBBBBB"));
    watching.until_page("/word", r#""word":"BBBBBBB""#);
    // With the time of the one before.
    let modified = fs::metadata(&path).unwrap().modified().unwrap();
    case.write(WORD, &saying("CCCCCCC"));
    fs::File::options().append(true).open(&path).unwrap().set_modified(modified).unwrap();
    watching.until_page("/word", r#""word":"CCCCCCC""#);
    // At last it is what a build makes.
    watching.rest();
    let tree = case.tree("build");
    assert_eq!(case.build_ok(&[]).actions(&["ran"]), [""; 0]);
    assert!(case.tree("build") == tree, "the trees differ");
}

#[test]
fn a_file_that_is_renamed_is_missed_until_its_importer_follows() {
    let case = workspace();
    let mut watching = Watching::start(&case, &[]);
    fs::rename(case.path(WORD), case.path("src/backend/words.ts")).unwrap();
    let build = watching.until_matching("a failed build", |event| event["succeeded"] == false);
    assert!(build["diagnostics"].to_string().contains("word.js"), "{build}");
    assert!(watching.page("/word").1.contains(r#""word":"first""#));
    case.replace("src/backend/module.ts", "./word.js", "./words.js");
    watching.until_matching("a good build", |event| event["type"] == "build-complete" && event["succeeded"] == true);
    watching.until("served");
    assert!(watching.page("/word").1.contains(r#""word":"first""#));
    // What is missing is looked for until it is there.
    case.replace("src/backend/module.ts", "./words.js", "./deep/down/word.js");
    watching.until_matching("a failed build", |event| event["succeeded"] == false);
    case.write("src/backend/deep/down/word.ts", &saying("deep"));
    watching.until_page("/word", r#""word":"deep""#);
}

#[test]
fn directories_and_functions_come_and_go() {
    let case = workspace();
    let mut watching = Watching::start(&case, &["--no-serve"]);
    case.write("src/backend/functions/more/index.ts", "export const more: string = \"more\";\n");
    let build = watching.build();
    assert!(Watching::ran(&build).contains(&"transpile:backend(src/backend/functions/more/index.ts)".to_owned()));
    assert!(case.exists("build/backend/functions/more/index.js"));
    // All of them go in one blow, and come back in another.
    case.remove("src/backend/functions");
    watching.until("watch-idle");
    watching.quiet();
    assert!(!case.exists("build/backend/functions"));
    case.write("src/backend/functions/hello/index.ts", "export const hello: string = \"back\";\n");
    watching.until_matching("the function", |event| {
        event["type"] == "build-complete" && case.exists("build/backend/functions/hello/index.js")
    });
    // A directory takes the place of a file and a file that of a directory.
    watching.quiet();
    case.write("src/backend/functions/one.ts", "export const one: number = 1;\n");
    watching.build();
    case.remove("src/backend/functions/one.ts");
    case.write("src/backend/functions/one.ts/index.ts", "export const one: number = 2;\n");
    watching.quiet();
    case.remove("src/backend/functions/one.ts");
    case.write("src/backend/functions/one.ts", "export const one: number = 3;\n");
    watching.rest();
    let tree = case.tree("build");
    assert_eq!(case.build_ok(&[]).actions(&["ran"]), [""; 0]);
    assert!(case.tree("build") == tree, "the trees differ");
}

#[test]
fn all_sources_go_and_come_back() {
    let case = workspace();
    let mut watching = Watching::start(&case, &[]);
    fs::rename(case.path("src"), case.beside("src")).unwrap();
    watching.until("watch-idle");
    watching.quiet();
    fs::rename(case.beside("src"), case.path("src")).unwrap();
    watching.until("watch-idle");
    case.write(WORD, &saying("back"));
    watching.until_page("/word", r#""word":"back""#);
}

#[test]
fn what_stands_behind_a_link_is_followed() {
    let case = workspace();
    case.remove(WORD);
    case.write("elsewhere/word.ts", &saying("linked"));
    case.link(WORD, "../../elsewhere/word.ts");
    case.write("functions/more/index.ts", "export const more: number = 1;\n");
    case.link("src/backend/functions/linked", "../../../functions/more");
    let mut watching = Watching::start(&case, &[]);
    watching.until_page("/word", r#""word":"linked""#);
    case.write("elsewhere/word.ts", &saying("changed"));
    watching.until_page("/word", r#""word":"changed""#);
    // Another target.
    case.write("elsewhere/other.ts", &saying("other"));
    case.link("src/backend/link", "../../elsewhere/other.ts");
    fs::rename(case.path("src/backend/link"), case.path(WORD)).unwrap();
    watching.until_page("/word", r#""word":"other""#);
    case.write("elsewhere/other.ts", &saying("again"));
    watching.until_page("/word", r#""word":"again""#);
    watching.quiet();
    case.write("functions/more/index.ts", "export const more: number = 22;\n");
    watching.until("watch-idle");
    watching.rest();
    let tree = case.tree("build");
    assert_eq!(case.build_ok(&[]).actions(&["ran"]), [""; 0]);
    assert!(case.tree("build") == tree, "the trees differ");
}

#[test]
fn outputs_that_others_touch_are_put_right_with_the_next_build() {
    let case = workspace();
    let mut watching = Watching::start(&case, &[]);
    case.remove("build/backend/functions");
    case.write("build/backend/module.js", "broken");
    case.write(WORD, &saying("second"));
    watching.until("served");
    assert!(watching.page("/word").1.contains(r#""word":"second""#));
    watching.rest();
    let tree = case.tree("build");
    case.remove("build");
    case.build_ok(&[]);
    assert!(case.tree("build") == tree, "the tree was not put right");
}
