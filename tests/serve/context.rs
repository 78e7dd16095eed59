//! What a handler is given, and the platform around it.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;

use serde_json::json;

use super::server::{Host, Server, shared};

fn the_context_has_its_members(server: &Server) {
    let context = server.get("/context").json();
    let members = [
        "auth",
        "body",
        "db",
        "env",
        "flash",
        "logger",
        "now",
        "params",
        "query",
        "reply",
        "request",
        "requestId",
        "session",
    ];
    assert_eq!(context["members"], json!(members));
    assert_eq!(
        (&context["session"], &context["flash"], &context["hasAuth"]),
        (&json!(null), &json!([]), &json!(false))
    );
    for name in ["db", "now", "reply"] {
        assert_eq!(context[name], true, "{name}");
    }
}

/// Headers are read as those of `fetch` and as those of a Node request.
fn the_request_is_one_of_fetch(server: &Server) {
    let reply =
        server.request("GET", "/context/request?a=1").header("x-custom", "one").header("X-Custom", "two").send();
    assert_eq!(
        reply.json(),
        json!({
            "isRequest": true, "method": "GET", "url": format!("http://{}/context/request?a=1", server.address()),
            "viaGet": "one, two", "asProperty": "one, two", "isHeaders": true,
        })
    );
}

fn the_environment_is_read_and_not_changed(server: &Server) {
    let expected = json!({
        "value": "given", "required": "given", "fromFile": "from a file", "fromProcess": "given", "absent": null,
        "missing": "Missing required env var CONFORMANCE_ABSENT",
    });
    for _ in 0..2 {
        assert_eq!(server.get("/context/environment").json(), expected);
    }
}

fn c12_loggers_take_both_orders(server: &Server) {
    let id = "logging-both";
    assert_eq!(server.request("GET", "/context/log").header("x-request-id", id).send().status, 204);
    let record = |message: &str| server.record(message, |record| record["msg"] == message && record["requestId"] == id);
    let first = record("message first");
    assert_eq!((&first["order"], &first["level"]), (&json!(1), &json!(30)));
    assert_eq!(
        (&first["route"], &first["path"], &first["method"]),
        (&json!("logging"), &json!("/context/log"), &json!("GET"))
    );
    assert_eq!(record("value first")["order"], 2);
    assert_eq!(record("lone text")["level"], 40);
    let error = record("with an error");
    assert_eq!(
        (&error["level"], &error["bound"], &error["err"]["type"]),
        (&json!(50), &json!("yes"), &json!("TypeError"))
    );
    assert!(error["err"]["stack"].as_str().unwrap().contains("logged error"));
    server.message("to the console 42");
    let done = record("request.completed");
    assert_eq!((&done["status"], &done["level"]), (&json!(204), &json!(30)));
    assert!(done["durationMs"].is_number());
}

fn state_of_a_module_survives_requests(server: &Server) {
    let first = server.get("/context/visits").json().as_u64().unwrap();
    assert_eq!(server.get("/context/visits").json(), first + 1);
}

fn cookies_of_bun(server: &Server) {
    let reply = server.request("GET", "/platform/cookies").header("cookie", "a=1; name=x%20y; c").send();
    assert_eq!(reply.json(), json!({ "before": "x y" }));
    let cookie = reply.header("set-cookie");
    let (pair, attributes) = cookie.split_once("; ").unwrap();
    assert_eq!(pair, "name=Casey%20Proxy");
    for attribute in ["Path=/", "HttpOnly", "SameSite=Lax"] {
        assert!(attributes.split("; ").any(|found| found == attribute), "{cookie}");
    }
}

fn tokens_of_bun(server: &Server) {
    let expected = json!({ "own": true, "other": false, "garbage": false, "empty": "refused" });
    assert_eq!(server.get("/platform/tokens").json(), expected);
}

/// Dates have a narrow no-break space in newer data of Unicode.
fn forms_of_intl(server: &Server) {
    let formats = server.get("/platform/formats").json();
    assert_eq!(formats["compact"], "8.8K");
    assert_eq!(formats["date"].as_str().unwrap().replace('\u{202f}', " "), "Mar 5, 7:09 AM");
}

fn modules_of_node(server: &Server) {
    assert_eq!(
        server.get("/platform/digests").json(),
        json!({
            "sha256": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
            "hmac": "nBluMtwBdfhvSxy4konWYZ3mvuaZ5MN45oMJ7Zehpqs", "bytes": 43, "uuid": true, "equal": true, "web": "string",
        })
    );
    assert_eq!(
        server.get("/platform/files").json(),
        json!({ "text": "a note", "exists": false, "here": "build/backend/routes" })
    );
}

fn the_web_platform(server: &Server) {
    assert_eq!(
        server.get("/platform/web").json(),
        json!({
            "timed": "timed", "url": ["/a", "1", "#c"], "encoded": [195, 188], "base64": "aGVsbG8=", "aborted": true,
            "clone": { "at": "1970-01-01T00:00:00.000Z", "set": [1, 2] },
        })
    );
}

fn handlers_fetch(server: &Server) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let seen = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = String::new();
        let mut bytes = [0; 1024];
        while !request.ends_with("sent") {
            let read = stream.read(&mut bytes).unwrap();
            assert_ne!(read, 0, "{request}");
            request.push_str(std::str::from_utf8(&bytes[..read]).unwrap());
        }
        stream
            .write_all(b"HTTP/1.1 203 Ok\r\ncontent-type: text/x\r\ncontent-length: 3\r\nconnection: close\r\n\r\nabc")
            .unwrap();
        request.to_ascii_lowercase()
    });
    let reply = server.get(&format!("/platform/fetch?url=http://{address}/there"));
    assert_eq!((reply.status, reply.json()), (203, json!({ "text": "abc", "type": "text/x" })));
    let seen = seen.join().unwrap();
    assert!(seen.starts_with("post /there http/1.1\r\n") && seen.contains("\r\nx-from: handler\r\n"), "{seen}");
}

/// Node has no `Bun`.
#[test]
fn cookies_and_tokens_of_bun() {
    for host in [Host::Embedded, Host::Bun] {
        cookies_of_bun(shared(host));
        tokens_of_bun(shared(host));
    }
}

in_every_host![
    the_context_has_its_members,
    the_request_is_one_of_fetch,
    the_environment_is_read_and_not_changed,
    c12_loggers_take_both_orders,
    state_of_a_module_survives_requests,
    forms_of_intl,
    modules_of_node,
    the_web_platform,
    handlers_fetch,
];
