//! What a handler returns, and what becomes of it.

use serde_json::json;

use super::server::Server;

const JSON: &str = "application/json";
const HTML: &str = "text/html; charset=utf-8";
const ERRORS: &str = r#"{"errors":[{"code":"bad","message":"Not good","details":{"field":"a"}}]}"#;

fn each_result_has_its_response(server: &Server) {
    for (kind, expected) in [
        ("errors", (400, JSON, ERRORS)),
        ("errors-status", (422, JSON, ERRORS)),
        ("errors-none", (400, JSON, r#"{"errors":[]}"#)),
        ("nothing", (200, "", "")),
        ("null", (200, "", "")),
        ("text", (200, HTML, "<p>text</p>")),
        ("text-type", (200, "text/plain", "plain")),
        ("created", (201, JSON, r#"{"created":true}"#)),
        ("number", (200, JSON, "42")),
        ("boolean", (200, JSON, "false")),
        ("list", (200, JSON, r#"[1,"two",null]"#)),
        ("object", (200, JSON, r#"{"nested":{"deep":"ü"}}"#)),
        ("date", (200, JSON, r#"{"at":"1970-01-01T00:00:00.000Z"}"#)),
        ("buffer", (200, "application/octet-stream", "buffer")),
        ("promise", (200, HTML, "later")),
        ("redirect", (303, "", "")),
        ("redirect-status", (307, "", "")),
        ("fragment", (200, HTML, "<li>new</li>")),
    ] {
        assert_eq!(server.get(&format!("/result/{kind}")).shown(), expected, "{kind}");
    }
    let redirected = server.get("/result/redirect");
    assert_eq!((redirected.header("location"), redirected.header("content-length")), ("/elsewhere", "0"));
    let all = server.get("/result/redirect-errors-body");
    assert_eq!((all.status, all.header("location"), all.text()), (303, "/elsewhere", ""));
    let empty = server.get("/result/no-content");
    assert_eq!((empty.status, empty.text(), empty.all("content-length")), (204, "", vec![]));
    assert_eq!(server.request("POST", "/result/created").send().status, 201);
}

fn headers_are_the_handlers_but_for_those_of_the_server(server: &Server) {
    let reply = server.request("GET", "/result/headers").header("x-request-id", "theirs").send();
    assert_eq!((reply.header("x-one"), reply.header("x-request-id"), reply.text()), ("1", "theirs", "h"));
    assert_eq!(reply.header("content-length"), "1");
    assert_eq!(server.get("/result/cookie").all("set-cookie"), ["own=1; Path=/"]);
}

fn c9_bytes_are_labelled_as_bytes(server: &Server) {
    let bytes = server.get("/result/bytes");
    assert_eq!((bytes.header("content-type"), &*bytes.body), ("application/octet-stream", &[0, 1, 254, 255][..]));
    let buffer = server.get("/result/array-buffer");
    assert_eq!((buffer.header("content-type"), &*buffer.body), ("application/octet-stream", &[7, 8][..]));
}

fn s11_errors_are_never_html(server: &Server) {
    assert_eq!(server.get("/result/errors-text").shown(), (400, JSON, ERRORS));
    let fragment = server.get("/result/fragment-errors");
    assert_eq!(fragment.shown(), (422, JSON, ERRORS));
    assert_eq!(fragment.header("x-webstir-fragment-target"), "list");
}

fn what_cannot_be_sent_is_an_error_of_the_server(server: &Server) {
    for kind in ["bad-header", "bad-status", "undefined", "returns-null"] {
        let reply = server.get(&format!("/result/{kind}"));
        assert_eq!((reply.status, reply.json()["error"].clone()), (500, json!("internal_error")), "{kind}");
        assert_eq!(reply.all("x-injected"), Vec::<&str>::new());
    }
    assert_eq!(server.get("/fault/cyclic").status, 500);
}

/// A handler that returns nothing is told so.
fn c16_a_missing_result_is_named(server: &Server) {
    let reply = server.get("/result/undefined").json();
    assert!(reply["message"].as_str().unwrap().contains("returned undefined"), "{reply}");
}

fn a_bare_text_and_a_response_are_results(server: &Server) {
    assert_eq!(server.get("/result/string").shown(), (200, HTML, "a bare text"));
    let own = server.get("/result/response");
    assert_eq!(own.shown(), (418, "application/x-own", r#"{"own":true}"#));
    assert_eq!(own.header("x-own"), "yes");
    assert_eq!(server.get("/result/response-json").status, 202);
    assert_eq!(server.get("/result/response-json").json(), json!({ "made": "here" }));
    assert_eq!(server.get("/result/response-cookies").all("set-cookie"), ["a=1", "b=2"]);
    let redirect = server.get("/result/response-redirect");
    assert_eq!((redirect.status, redirect.header("location")), (302, "/elsewhere"));
}

fn fragments_name_their_target(server: &Server) {
    let fragment = server.get("/result/fragment");
    for (name, value) in [
        ("x-webstir-fragment-cache", "bypass"),
        ("x-webstir-fragment-target", "list"),
        ("x-webstir-fragment-selector", "#list"),
        ("x-webstir-fragment-mode", "append"),
        ("cache-control", "no-store"),
    ] {
        assert_eq!(fragment.header(name), value, "{name}");
    }
    let plain = server.get("/result/fragment-plain");
    assert_eq!((plain.status, plain.header("cache-control"), plain.text()), (200, "private", ""));
    assert_eq!((plain.header("x-webstir-fragment-mode"), plain.header("x-webstir-fragment-selector")), ("", ""));
    let redirect = server.get("/result/fragment-redirect");
    assert_eq!((redirect.status, redirect.header("location"), redirect.text()), (303, "/elsewhere", ""));
    assert_eq!(redirect.header("x-webstir-fragment-target"), "list");
}

fn fragments_that_are_not_valid_are_refused(server: &Server) {
    for (kind, status, detail) in [
        ("fragment-no-target", 500, "target"),
        ("fragment-bad-mode", 422, "mode"),
        ("fragment-bad-selector", 500, "selector"),
        ("fragment-no-body", 500, "body"),
    ] {
        let reply = server.get(&format!("/result/{kind}"));
        assert_eq!((reply.status, reply.header("content-type")), (status, JSON), "{kind}");
        assert_eq!(
            reply.json(),
            json!({ "errors": [{
                "code": "invalid_fragment_response",
                "message": "Fragment responses require a non-empty target, supported mode, and body.",
                "details": [detail],
            }] })
        );
        assert_eq!(reply.all("x-webstir-fragment-target"), Vec::<&str>::new());
    }
}

fn what_a_handler_throws_is_a_500(server: &Server) {
    let thrown = server.request("GET", "/fault/throw").header("x-request-id", "thrower").send();
    assert_eq!(thrown.status, 500);
    assert_eq!(thrown.json(), json!({ "error": "internal_error", "message": "secret place /etc/hidden" }));
    assert_eq!(thrown.header("x-request-id"), "thrower");
    let record = server
        .record("the failure", |record| record["msg"] == "request handler failed" && record["requestId"] == "thrower");
    assert_eq!((&record["err"]["type"], &record["route"]), (&json!("RangeError"), &json!("thrower")));
    let stack = record["err"]["stack"].as_str().unwrap();
    assert!(stack.contains("src/backend/routes/faults.ts:2:"), "{stack}");
    // What is no error has no message.
    assert_eq!(server.get("/fault/throw-text").json(), json!({ "error": "internal_error" }));
    assert_eq!(server.get("/fault/reject").json()["message"], "rejected");
}

in_every_host![
    each_result_has_its_response,
    headers_are_the_handlers_but_for_those_of_the_server,
    c9_bytes_are_labelled_as_bytes,
    s11_errors_are_never_html,
    what_cannot_be_sent_is_an_error_of_the_server,
    c16_a_missing_result_is_named,
    a_bare_text_and_a_response_are_results,
    fragments_name_their_target,
    fragments_that_are_not_valid_are_refused,
    what_a_handler_throws_is_a_500,
];
