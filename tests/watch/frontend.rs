//! A frontend that no rule builds.

use super::edits::workspace;
use super::watching::Watching;

#[test]
fn t15_watching_says_that_the_frontend_is_not_built_and_serves_the_rest() {
    let case = workspace();
    case.replace("package.json", r#""mode": "api""#, r#""mode": "full""#);
    case.write("src/frontend/pages/home/index.html", "home");
    let mut watching = Watching::start(&case, &[]);
    let told = |event: &serde_json::Value| {
        Watching::findings(event).iter().any(|found| found.starts_with("frontend::not_built "))
    };
    let built = watching.received.iter().find(|event| event["type"] == "build-complete").unwrap();
    assert!(told(built) && built["succeeded"] == true, "{built}");
    watching.until_page("/word", r#""word":"first""#);
    case.write("src/backend/word.ts", "export const word: string = \"second\";\n");
    let built = watching.build();
    assert!(told(&built) && built["succeeded"] == true, "{built}");
    watching.until_page("/word", r#""word":"second""#);
}
