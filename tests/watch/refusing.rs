//! What is served while the newest build cannot be, and what restarts nothing.

use super::edits::{MODULE, workspace};
use super::watching::Watching;

const WORD: &str = "src/backend/word.ts";

fn saying(word: &str) -> String {
    format!("export const word: string = \"{word}\";\n")
}

#[test]
fn a_comment_restarts_nothing() {
    let case = workspace();
    let mut watching = Watching::start(&case, &[]);
    watching.until_page("/word", r#""count":1"#);
    // One that moves no line, for the map of the source is loaded as well.
    case.write(WORD, &format!("{}// A comment.\n", saying("first")));
    assert_eq!(Watching::ran(&watching.build()), ["transpile:backend(src/backend/word.ts)"]);
    assert_eq!(watching.until("served")["changed"], "nothing");
    watching.rest();
    assert!(watching.page("/word").1.contains(r#""count":2"#), "it was loaded anew");
    // Another word is another module.
    case.write(WORD, &saying("second"));
    assert_eq!(watching.until("served")["changed"], "module");
    assert!(watching.page("/word").1.contains(r#""word":"second","count":1"#));
    // What nobody loads is no reason to load anything.
    case.write("src/backend/functions/hello/index.ts", "export const hello: string = \"others\";\n");
    assert_ne!(watching.until("served")["changed"], "module");
    assert!(watching.page("/word").1.contains(r#""count":2"#), "it was loaded anew");
}

#[test]
fn a_workspace_that_is_broken_from_the_start_is_served_once_it_is_mended() {
    let case = workspace();
    case.write(WORD, "export const word: string = ;\n");
    let mut watching = Watching::start(&case, &[]);
    let (status, body) = watching.page("/word");
    assert_eq!(status, 503, "{body}");
    assert!(!case.exists("build/backend/module.js"));
    case.write(WORD, &saying("mended"));
    assert_eq!(watching.until("served")["changed"], "module");
    assert!(watching.page("/word").1.contains(r#""word":"mended""#));
}

#[test]
fn a_module_that_throws_when_it_is_loaded_leaves_the_old_one() {
    let case = workspace();
    let mut watching = Watching::start(&case, &[]);
    case.write(WORD, &format!("{}throw new Error(\"thrown at the start\");\n", saying("never")));
    assert_eq!(Watching::findings(&watching.build()), ["manifest::load_failed src/backend/word.ts:2"]);
    let refused = watching.until("refused");
    assert!(refused["message"].as_str().unwrap().contains("thrown at the start"), "{refused}");
    assert!(watching.page("/word").1.contains(r#""word":"first""#));
    case.write(WORD, &saying("mended"));
    watching.until_page("/word", r#""word":"mended""#);
}

#[test]
fn a_module_that_throws_only_where_it_is_served_is_refused() {
    let case = workspace();
    case.write(".env", "GIVEN=something\n");
    let mut watching = Watching::start(&case, &[]);
    case.write(WORD, &format!("{}if (process.env.GIVEN) throw new Error(\"not served\");\n", saying("never")));
    case.write("src/backend/process.d.ts", "declare const process: { env: Record<string, string | undefined> };\n");
    let told = watching.until("refused");
    assert!(told["message"].as_str().unwrap().contains("not served"), "{told}");
    assert!(watching.page("/word").1.contains(r#""word":"first""#));
    case.write(WORD, &saying("mended"));
    watching.until_page("/word", r#""word":"mended""#);
}

#[test]
fn a_handler_that_fails_harms_nothing_else() {
    let case = workspace();
    let mut watching = Watching::start(&case, &[]);
    case.write("src/backend/module.ts", &MODULE.replace("count += 1;", "throw new Error(\"handled\");"));
    assert_eq!(watching.until("served")["changed"], "module");
    assert_eq!(watching.page("/word").0, 500);
    case.write("src/backend/module.ts", MODULE);
    watching.until_page("/word", r#""count":1"#);
}

#[test]
fn several_mistakes_are_told_at_once_and_mended_one_by_one() {
    let case = workspace();
    let mut watching = Watching::start(&case, &[]);
    let hello = "src/backend/functions/hello/index.ts";
    case.write(WORD, "export const word: string = ;\n");
    watching.until("watch-idle");
    case.write(hello, "export const hello = (;\n");
    let build = watching.build();
    let both = [format!("transpile::syntax {hello}:1"), format!("transpile::syntax {WORD}:1")];
    assert_eq!(Watching::findings(&build), both);
    case.write(WORD, &saying("mended"));
    let build = watching.build();
    assert_eq!((&build["succeeded"], Watching::findings(&build)), (&false.into(), both[..1].to_vec()));
    assert!(watching.page("/word").1.contains(r#""word":"first""#), "half of a build is served");
    case.write(hello, "export const hello: string = \"mended\";\n");
    assert_eq!(watching.build()["succeeded"], true);
    watching.until_page("/word", r#""word":"mended""#);
}

#[test]
fn a_route_comes_and_goes() {
    let case = workspace();
    let mut watching = Watching::start(&case, &[]);
    assert_eq!(watching.page("/other").0, 404);
    let more = r#"  routes: [
    { definition: { name: "other", method: "GET", path: "/other" }, handler: () => ({ status: 200, body: "other" }) },"#;
    case.write("src/backend/module.ts", &MODULE.replace("  routes: [", more));
    watching.until("served");
    let (status, body) = watching.page("/other");
    assert!(status == 200 && body.starts_with("other"), "{status} {body}");
    case.write("src/backend/module.ts", MODULE);
    watching.until("served");
    assert_eq!(watching.page("/other").0, 404);
}
