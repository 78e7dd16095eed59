//! Request-time views: documents with the state of a loader.

use std::fs;

use serde_json::{Value, json};

use super::server::{Host, Server, common, document, shared};

/// The state in a document.
fn state(document: &str) -> Value {
    let start = "<script type=\"application/json\" id=\"webstir-view-state\">";
    let (_, rest) = document.split_once(start).unwrap_or_else(|| panic!("no state: {document}"));
    let (json, _) = rest.split_once("</script>").unwrap();
    serde_json::from_str(json).unwrap()
}

fn a_view_is_its_document_with_state(server: &Server) {
    let mut visitor = server.visitor();
    visitor.post_json("/session/put/a", "1");
    let request = server.request("GET", "/profile/Ad%20a/?x=1").header("x-custom", "one").header("x-custom", "two");
    let reply = visitor.send(request.header("x-request-id", "view-1").header("x-service-token", "first"));
    assert_eq!((reply.status, reply.header("content-type")), (200, "text/html; charset=utf-8"));
    assert_eq!((reply.header("cache-control"), reply.header("x-request-id")), ("no-store", "view-1"));
    let text = reply.text();
    for part in [
        "data-webstir-view-name=\"profile\"",
        "data-webstir-view-pathname=\"/profile/Ad%20a\"",
        "data-webstir-view-template=\"/profile/:user\"",
        "class=\"page\"",
        "<main>Profile</main>",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(text.find("webstir-view-state").unwrap() < text.find("</body>").unwrap());
    let state = state(text);
    assert_eq!(
        state["view"],
        json!({ "name": "profile", "path": "/profile/:user", "pathname": "/profile/Ad%20a", "params": { "user": "Ad a" } })
    );
    assert_eq!((&state["requestId"], &state["data"]["requestId"]), (&json!("view-1"), &json!("view-1")));
    let data = &state["data"];
    let members = ["auth", "cookies", "env", "headers", "logger", "now", "params", "requestId", "session", "url"];
    assert_eq!(data["members"], json!(members));
    assert_eq!(
        (&data["user"], &data["custom"], &data["session"]),
        (&json!("Ad a"), &json!("one, two"), &json!({ "a": 1 }))
    );
    assert_eq!(data["host"], server.address().to_string());
    assert_eq!(
        (&data["isUrl"], &data["now"], &data["auth"]["source"]),
        (&json!(true), &json!(true), &json!("service-token"))
    );
    let (_, cookie) = visitor.cookie.as_deref().unwrap().split_once('=').unwrap();
    assert_eq!(data["cookies"], json!({ "webstir_session": cookie }));
}

fn s8_data_is_neither_pattern_nor_markup(server: &Server) {
    let reply = server.get("/profile/ada");
    let data = &state(reply.text())["data"];
    assert_eq!((&data["price"], &data["markup"]), (&json!("$& $` $1 $$"), &json!("</script><b>&")));
    assert!(!reply.text().contains("<b>"), "{reply:?}");
}

fn views_answer_reads_and_come_after_routes(server: &Server) {
    let head = server.request("HEAD", "/profile/ada").send();
    assert_eq!((head.status, head.body.len(), head.header("content-type")), (200, 0, "text/html; charset=utf-8"));
    assert_eq!(server.get("/named").text(), "named");
    assert_eq!(server.get("/profile").json(), json!({ "error": "not_found", "path": "/profile" }));
    let plain = server.get("/plain");
    assert_eq!(state(plain.text())["data"], Value::Null, "without a loader");
    let broken = server.get("/profile/broken");
    assert_eq!((broken.status, broken.json()), (500, json!({ "error": "internal_error", "message": "cannot load" })));
}

fn views_keep_what_they_change_of_a_session(server: &Server) {
    let seen = |reply: &super::reply::Reply| state(reply.text())["data"]["seen"].clone();
    let mut visitor = server.visitor();
    assert_eq!(seen(&visitor.get("/counter")), Value::Null);
    assert_eq!(visitor.cookie, None);
    visitor.post_json("/session/put/a", "1");
    assert_eq!(seen(&visitor.get("/counter")), 1);
    assert_eq!(seen(&visitor.get("/counter")), 2);
    // A view takes no message.
    visitor.post("/session/sign-in", "");
    visitor.get("/counter");
    assert_eq!(visitor.get("/session").json()["flash"][0]["key"], "saved");
}

/// The paths of the disk are no business of clients.
fn s5_a_missing_document_names_no_absolute_path(server: &Server) {
    let reply = server.get("/nowhere");
    assert_eq!((reply.status, reply.json()["error"].clone()), (500, json!("internal_error")));
    let root = server.case.root().to_str().unwrap().to_owned();
    assert!(!reply.text().contains(&root), "{reply:?}");
    let record = server
        .record("the failure", |record| record["msg"] == "request handler failed" && record["route"] == "no document");
    assert!(record["err"]["message"].as_str().unwrap().contains("build/frontend/pages/nowhere/index.html"));
}

#[test]
fn documents_are_read_again_when_they_change() {
    let server = Server::start(common(), Host::Embedded, &[], &[]);
    let status = |path: &str| server.get(path).header("x-webstir-document-cache").to_owned();
    assert_eq!(status("/profile/ada"), "miss");
    assert_eq!(status("/profile/bob"), "hit");
    fs::write(server.case.path("build/frontend/pages/profile/index.html"), document("Changed")).unwrap();
    let changed = server.get("/profile/ada");
    assert_eq!(changed.header("x-webstir-document-cache"), "stale");
    assert!(changed.text().contains("Changed"));
    assert_eq!(status("/profile/ada"), "hit");
    // The other directory is looked at as well, and its flat names.
    assert_eq!(status("/plain"), "miss");
}

#[test]
fn documents_are_those_of_the_workspace_wherever_one_stands() {
    let case = common();
    let mut command = case.command();
    command.args(["serve", "--build"]).current_dir("/").env("WORKSPACE_ROOT", case.root());
    let server = Server::spawn(case, command);
    assert_eq!(server.get("/profile/ada").status, 200);
    assert_eq!(server.get("/context/environment").json()["fromFile"], "from a file");
    server.stop();
    let case = common();
    let mut command = case.command();
    command
        .args(["serve", "--build"])
        .current_dir("/")
        .env("WORKSPACE_ROOT", " ")
        .env("WEBSTIR_WORKSPACE_ROOT", case.root());
    assert_eq!(Server::spawn(case, command).get("/plain").status, 200);
}

#[test]
fn hosts_give_the_same_documents() {
    let plain = |host| {
        let request = shared(host).request("GET", "/plain").header("x-request-id", "same");
        request.send().text().to_owned()
    };
    assert_eq!(plain(Host::Embedded), plain(Host::Worker));
}

in_every_host![
    a_view_is_its_document_with_state,
    s8_data_is_neither_pattern_nor_markup,
    views_answer_reads_and_come_after_routes,
    views_keep_what_they_change_of_a_session,
    s5_a_missing_document_names_no_absolute_path,
];
