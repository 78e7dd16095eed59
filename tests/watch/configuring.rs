//! Edits of what a workspace is configured with.

use super::edits::{MODULE, PACKAGE, PROJECT, workspace};
use super::watching::Watching;
use crate::support::Case;

const KDL: &str = "webstir.kdl";

fn defining(word: &str) -> String {
    format!("workspace w {{\n  mode api\n}}\nprofile build {{\n  define __WORD__ {word}\n}}\n")
}

#[test]
fn a_constant_of_the_configuration_reaches_a_handler() {
    let case = workspace();
    case.write("src/backend/word.ts", "declare const __WORD__: string;\nexport const word: string = __WORD__;\n");
    case.write(KDL, &defining("one"));
    let mut watching = Watching::start(&case, &[]);
    watching.until_page("/word", r#""word":"one""#);
    case.write(KDL, &defining("two"));
    watching.until_page("/word", r#""word":"two""#);
    watching.quiet();
    // A mistake leaves what is there.
    let before = case.tree("build");
    for (text, place) in [
        (defining("two").replace("mode api", "mode sideways"), "webstir.kdl:2"),
        (defining("two").replace("define", "defin"), "webstir.kdl:5"),
        ("workspace w {\n  mode api\n".to_owned(), "webstir.kdl:"),
    ] {
        case.write(KDL, &text);
        let build = watching.build();
        assert_eq!(build["succeeded"], false, "{build}");
        let findings = Watching::findings(&build);
        assert!(findings.iter().any(|found| found.contains(place)), "{place}: {findings:?}");
        assert!(watching.page("/word").1.contains(r#""word":"two""#));
        assert!(case.tree("build") == before, "the tree has changed");
        watching.until("watch-idle");
    }
    // An edit while it is wrong counts once it is right.
    case.write(
        "src/backend/word.ts",
        "declare const __WORD__: string;\nexport const word: string = __WORD__ + \"!\";\n",
    );
    case.write(KDL, &defining("three"));
    watching.until_page("/word", r#""word":"three!""#);
}

#[test]
fn a_configuration_comes_and_goes() {
    let case = workspace();
    let mut watching = Watching::start(&case, &[]);
    watching.quiet();
    let before = case.tree("build");
    case.write(KDL, "workspace w {\n  mode api\n}\nprofile build {\n  out elsewhere\n}\n");
    watching.until_matching("the other tree", |event| {
        event["type"] == "build-complete" && case.exists("elsewhere/backend/module.js")
    });
    watching.quiet();
    case.write("src/backend/word.ts", "export const word: string = \"elsewhere\";\n");
    watching.until_page("/word", r#""word":"elsewhere""#);
    case.write("src/backend/word.ts", "export const word: string = \"first\";\n");
    watching.until_page("/word", r#""word":"first""#);
    case.remove(KDL);
    watching.build();
    watching.quiet();
    assert!(case.tree("build") == before, "the tree is not as it was");
    // Neither a space nor a comment is another configuration.
    case.write(KDL, "workspace w {\n  mode api\n}\n");
    watching.quiet();
    case.write(KDL, "// Nothing.\nworkspace   w {\n  mode api\n}\n\n");
    let events = watching.quiet();
    assert!(events.iter().all(|event| event["ran"].as_array().is_none_or(Vec::is_empty)), "{events:#?}");
}

#[test]
fn package_json_is_followed() {
    let case = workspace();
    let mut watching = Watching::start(&case, &[]);
    case.write("package.json", "{ \"name\": \"w\", ");
    let build = watching.until_matching("a failed build", |event| event["succeeded"] == false);
    let findings = Watching::findings(&build);
    assert!(findings.iter().any(|found| found.contains("package.json")), "{findings:?}");
    assert!(watching.page("/word").1.contains(r#""word":"first""#));
    watching.quiet();
    case.write("package.json", &PACKAGE.replace("1.0.0", "2.0.0"));
    let build = watching.build();
    assert_eq!(build["succeeded"], true, "{build}");
    watching.until("watch-idle");
    // It is removed and comes back.
    case.remove("package.json");
    watching.until("watch-idle");
    watching.quiet();
    assert!(watching.page("/word").1.contains(r#""word":"first""#));
    case.write("package.json", PACKAGE);
    watching.until("watch-idle");
    case.write("src/backend/word.ts", "export const word: string = \"second\";\n");
    watching.until_page("/word", r#""word":"second""#);
}

#[test]
fn a_package_is_found_once_it_is_installed() {
    let case = workspace();
    let mut watching = Watching::start(&case, &[]);
    case.write("src/backend/word.ts", "export { word } from \"words\";\n");
    watching.until("watch-idle");
    watching.quiet();
    let manifest = r#"{ "name": "words", "version": "1.0.0", "type": "module", "exports": "./index.js" }"#;
    case.write("node_modules/words/index.js", "export const word = \"installed\";\n");
    case.write("node_modules/words/index.d.ts", "export declare const word: string;\n");
    case.write("node_modules/words/package.json", manifest);
    watching.until_page("/word", r#""word":"installed""#);
    watching.rest();
    let checked = watching.received.iter().rev().find(|event| event["type"] == "watch-idle").unwrap();
    assert_eq!(Watching::findings(checked), [""; 0], "{checked}");
    case.write("node_modules/words/index.js", "export const word = \"updated\";\n");
    watching.until_page("/word", r#""word":"updated""#);
}

#[test]
fn a_project_and_what_it_extends_are_followed() {
    let case = workspace();
    let project = PROJECT.replacen('{', "{ \"extends\": \"../../tsconfig.base.json\",", 1);
    case.write("tsconfig.base.json", r#"{ "compilerOptions": { "noUnusedLocals": false } }"#);
    case.write("src/backend/tsconfig.json", &project);
    case.write("src/backend/word.ts", "const unused = 1;\nexport const word: string = \"first\";\n");
    let mut watching = Watching::start(&case, &[]);
    watching.quiet();
    case.write("tsconfig.base.json", r#"{ "compilerOptions": { "noUnusedLocals": true } }"#);
    let unused = ["typecheck::ts6133 src/backend/word.ts:1"];
    assert_eq!(Watching::findings(&watching.until("watch-idle")), unused);
    case.write("src/backend/tsconfig.json", &format!("{project} }}"));
    watching.until_matching("a finding of the project", |event| {
        event["type"] == "watch-idle" && Watching::findings(event).iter().any(|found| found.contains("tsconfig.json"))
    });
    assert_eq!(watching.page("/word").0, 200);
    case.write("src/backend/tsconfig.json", &project);
    watching.until_matching("the project as it was", |event| {
        event["type"] == "watch-idle" && Watching::findings(event) == unused
    });
    case.write("tsconfig.base.json", "{}");
    assert_eq!(Watching::findings(&watching.until("watch-idle")), [""; 0]);
}

fn variables_reach_handlers(case: &Case, engine: &str) {
    let watching = Watching::start(case, &["--engine", engine]);
    watching.until_page("/word", r#""given":"nothing""#);
    case.write(".env", "GIVEN=weak\n");
    watching.until_page("/word", r#""given":"weak""#);
    case.write(".env.local", "GIVEN=strong\n");
    watching.until_page("/word", r#""given":"strong""#);
    // What cannot be read as a setting is said, and changes nothing.
    case.write(".env.local", "GIVEN=wrong\nSESSION_MAX_AGE_SECONDS=long\nLOG_LEVEL=loud\nPORT=many\n");
    case.write(".env.local", "GIVEN=right\n");
    watching.until_page("/word", r#""given":"right""#);
    case.remove(".env.local");
    watching.until_page("/word", r#""given":"weak""#);
    case.remove(".env");
    watching.until_page("/word", r#""given":"nothing""#);
    // Code and variables at once.
    case.write(".env", "GIVEN=both\n");
    case.write("src/backend/module.ts", &MODULE.replace("given:", "taken:"));
    watching.until_page("/word", r#""taken":"both""#);
}

#[test]
fn variables_reach_isolates() {
    variables_reach_handlers(&workspace(), "embedded");
}

#[test]
fn variables_reach_workers() {
    variables_reach_handlers(&workspace(), "worker");
}
