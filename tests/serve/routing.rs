//! Paths, methods and built-in endpoints.

use serde_json::json;

use super::server::Server;

fn patterns_match_whole_segments(server: &Server) {
    for (path, text) in [
        ("/", "root"),
        ("/named", "named"),
        ("/named/", "named"),
        ("/named//", "named"),
        ("/lower-case", "lower-case"),
        ("/no-slash", "no-slash"),
        ("/named?a=/b", "named"),
        // Routes are tried in the order of their declaration.
        ("/order/fixed", "parameter"),
        ("/twice", "first"),
    ] {
        assert_eq!(server.get(path).shown(), (200, "text/html; charset=utf-8", text), "{path}");
    }
    for path in ["/none", "/named///", "//named", "/Named", "/p", "/p/", "/no-handler", "/listed/only"] {
        let reply = server.get(path);
        assert_eq!((reply.status, reply.header("content-type")), (404, "application/json"), "{path}");
    }
    let pair = server.get("/pair/1/b-2");
    assert_eq!(pair.json(), json!({ "params": { "first": "1", "second": "b-2" } }));
    assert_eq!(server.get("/v10.json").json(), json!({ "params": { "version": "10" } }));
}

fn c10_what_is_literal_stays_literal(server: &Server) {
    for (path, status) in [
        ("/dot.txt", 200),
        ("/dotatxt", 404),
        ("/a+b", 200),
        ("/aab", 404),
        ("/ab", 404),
        ("/star/*", 200),
        ("/star", 404),
        ("/star/", 404),
        ("/star/a", 404),
    ] {
        assert_eq!(server.get(path).status, status, "{path}");
    }
}

fn c11_parameters_are_decoded(server: &Server) {
    for (path, name) in [("/p/a%20b", "a b"), ("/p/a%2Fb", "a/b"), ("/p/%C3%BC", "ü"), ("/p/a+b", "a+b")] {
        assert_eq!(server.get(path).json()["params"]["name"], name, "{path}");
    }
    for path in ["/p/%", "/p/%zz", "/p/%ff", "/p/%00"] {
        let reply = server.get(path);
        assert_eq!((reply.status, reply.json()["error"].clone()), (400, json!("bad_request")), "{path}");
    }
}

fn c11_head_is_answered_like_get(server: &Server) {
    let (got, headed) = (server.get("/named"), server.request("HEAD", "/named").send());
    assert_eq!((headed.status, headed.body.len()), (200, 0));
    for name in ["content-type", "content-length"] {
        assert_eq!(headed.header(name), got.header(name));
    }
    assert_eq!(headed.header("content-length"), "5");
    let own = server.request("HEAD", "/own-head").send();
    assert_eq!((own.status, own.header("x-own"), own.body.len()), (200, "head", 0));
    // Nothing of a streamed body follows the head.
    let raw = server.raw("HEAD /stream/numbers HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
    assert!(raw.starts_with("HTTP/1.1 200 ") && raw.ends_with("\r\n\r\n"), "{raw}");
}

fn c11_other_methods_are_refused_by_name(server: &Server) {
    let reply = server.request("DELETE", "/both").send();
    assert_eq!((reply.status, reply.header("allow")), (405, "GET, HEAD, POST"));
    assert_eq!(reply.json(), json!({ "error": "method_not_allowed", "path": "/both" }));
    let view = server.request("POST", "/profile/ada").send();
    assert_eq!((view.status, view.header("allow")), (405, "GET, HEAD"));
    assert_eq!(server.request("DELETE", "/none").send().status, 404);
    assert_eq!(server.request("PROPFIND", "/both").send().status, 405);
}

fn c13_routes_for_options_are_reached(server: &Server) {
    let own = server.request("OPTIONS", "/own-options").send();
    assert_eq!(own.shown(), (200, "text/html; charset=utf-8", "mine"));
    for path in ["/both", "/none"] {
        let reply = server
            .request("OPTIONS", path)
            .header("origin", "http://elsewhere")
            .header("access-control-request-headers", "x-a, x-b")
            .send();
        assert_eq!((reply.status, reply.body.len()), (204, 0));
        assert_eq!(reply.header("access-control-allow-methods"), "GET,HEAD,POST,PUT,PATCH,DELETE,OPTIONS");
        assert_eq!(reply.header("access-control-allow-headers"), "x-a, x-b");
        // The mode is `development`.
        assert_eq!(reply.header("access-control-allow-origin"), "http://elsewhere");
        assert!(reply.header("vary").contains("origin"));
    }
    let plain = server.request("OPTIONS", "/both").send();
    assert_eq!(plain.header("access-control-allow-headers"), "content-type");
    assert_eq!(plain.all("access-control-allow-origin"), Vec::<&str>::new());
}

fn built_in_endpoints_come_before_routes(server: &Server) {
    for path in ["/api/health", "/healthz", "/healthz/"] {
        for method in ["GET", "POST"] {
            let reply = server.request(method, path).send();
            assert_eq!((reply.status, reply.header("content-type")), (200, "application/json"), "{method} {path}");
            let body = reply.json();
            assert!(body["ok"] == true && body["uptime"].as_f64().unwrap() > 0.0, "{body}");
        }
    }
    let ready = server.get("/readyz");
    assert_eq!((ready.status, ready.json()["status"].clone()), (200, json!("ready")));
    let manifest = &ready.json()["manifest"];
    assert_eq!((&manifest["name"], &manifest["version"]), (&json!("conformance"), &json!("1.2.3")));
    assert_eq!(manifest["capabilities"], json!(["http", "auth"]));
    let metrics = server.get("/metrics").json();
    assert_eq!((&metrics["enabled"], &metrics["windowSize"]), (&json!(true), &json!(200)));
    for name in ["totalRequests", "errorCount", "averageDurationMs", "p95DurationMs"] {
        assert!(metrics[name].is_number(), "{name}: {metrics}");
    }
    let text = server.request("GET", "/metrics").header("accept", "text/plain").send();
    assert!(text.header("content-type").starts_with("text/plain; version=0.0.4"), "{text:?}");
}

/// Each route that is mounted is counted, and each view, not what the manifest lists.
fn c17_the_manifest_says_what_is_mounted(server: &Server) {
    let manifest = server.get("/readyz").json()["manifest"].clone();
    assert_eq!(manifest["views"], 5);
    assert!(manifest["routes"].as_u64().unwrap() > 50, "{manifest}");
    let line = format!("routes={} views=5 [http, auth]", manifest["routes"]);
    server.message(&format!("[webstir-backend] manifest name=conformance {line}"));
}

fn c17_every_response_names_its_request_and_is_logged(server: &Server) {
    for (method, path, status) in
        [("GET", "/named", 200), ("GET", "/none", 404), ("GET", "/healthz", 200), ("OPTIONS", "/both", 204)]
    {
        let reply = server.request(method, path).send();
        assert_eq!((reply.status, reply.header("x-request-id").len()), (status, 36), "{method} {path}");
    }
    let id = format!("conformance-{:?}", server.address());
    server.request("GET", "/none?secret=1").header("x-request-id", &id).send();
    let record = server.record("a miss is logged", |record| record["requestId"] == *id);
    assert_eq!((&record["msg"], &record["status"]), (&json!("request.completed"), &json!(404)));
    assert_eq!(record["path"], "/none", "queries may hold secrets");
}

fn s12_request_ids_are_plain_and_short(server: &Server) {
    let echoed = |id: &str| server.request("GET", "/context").header("x-request-id", id).send();
    let reply = echoed("abc-123");
    assert_eq!((reply.header("x-request-id"), &reply.json()["requestId"]), ("abc-123", &json!("abc-123")));
    for id in ["x".repeat(129).as_str(), "a b", "<script>", "a\tb"] {
        let reply = echoed(id);
        assert_eq!(reply.header("x-request-id").len(), 36, "{id}");
        assert_eq!(reply.json()["requestId"], reply.header("x-request-id"));
    }
}

fn client_errors_are_taken(server: &Server) {
    let post =
        |content_type: &str, body: &str| server.request("POST", "/client-errors").body(content_type, body).send();
    let report = r#"{"type":"error","message":"broken\nline","filename":"app.js","lineno":3.7,"colno":4,"correlationId":"corr"}"#;
    assert_eq!(post("application/json", report).status, 204);
    server.message(r"[webstir-backend] client error: error: broken\nline at app.js:3:4 (corr)");
    for body in ["{", "[]", "3"] {
        assert_eq!(post("Application/JSON; charset=utf-8", body).shown(), (204, "", ""), "{body}");
    }
    assert_eq!(post("text/plain", "{}").shown(), (415, "", ""));
    assert_eq!(post("application/json", &"x".repeat(32_769)).status, 413);
    assert_eq!(server.get("/client-errors").status, 404);
}

in_every_host![
    patterns_match_whole_segments,
    c10_what_is_literal_stays_literal,
    c11_parameters_are_decoded,
    c11_head_is_answered_like_get,
    c11_other_methods_are_refused_by_name,
    c13_routes_for_options_are_reached,
    built_in_endpoints_come_before_routes,
    c17_the_manifest_says_what_is_mounted,
    c17_every_response_names_its_request_and_is_logged,
    s12_request_ids_are_plain_and_short,
    client_errors_are_taken,
];
