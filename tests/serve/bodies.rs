//! Bodies of requests.

use serde_json::json;

use super::server::Server;

fn echo(server: &Server, content_type: &str, body: &[u8]) -> serde_json::Value {
    server.request("POST", "/echo").body(content_type, body).send().json()
}

fn bodies_are_read_by_their_type(server: &Server) {
    for (content_type, body, expected) in [
        ("application/json", &br#"{"a":[1,"\u00fc"]}"#[..], json!({ "kind": "object", "body": { "a": [1, "ü"] } })),
        ("application/json", b"\"text\"", json!({ "kind": "string", "body": "text" })),
        (
            "application/x-www-form-urlencoded",
            b"a=1+2&b=%C3%BC&=x",
            json!({ "kind": "object", "body": { "a": "1 2", "b": "ü", "": "x" } }),
        ),
        ("text/plain", b"plain", json!({ "kind": "string", "body": "plain" })),
        ("application/xml", b"<a/>", json!({ "kind": "string", "body": "<a/>" })),
        ("text/plain", b"a\xffb", json!({ "kind": "string", "body": "a\u{fffd}b" })),
        ("application/octet-stream", b"\x00\xff", json!({ "kind": "bytes", "body": [0, 255] })),
    ] {
        assert_eq!(echo(server, content_type, body), expected, "{content_type}");
    }
    let empty =
        server.request("POST", "/echo").header("content-type", "application/json").header("content-length", "0");
    assert_eq!(empty.send().json(), json!({ "kind": "undefined" }));
    assert_eq!(server.get("/echo").json(), json!({ "kind": "undefined" }));
    assert_eq!(server.request("DELETE", "/echo").body("text/plain", "x").send().json(), json!({ "kind": "string" }));
}

fn names_of_prototypes_are_ordinary_fields(server: &Server) {
    let form = echo(server, "application/x-www-form-urlencoded", b"__proto__=x&constructor=y");
    assert_eq!(form["body"], json!({ "__proto__": "x", "constructor": "y" }));
    let query = server.get("/context?__proto__=x").json();
    assert_eq!(query["query"], json!({ "__proto__": "x" }));
}

fn c11_malformed_json_is_refused(server: &Server) {
    for body in ["{", "{\"a\":}", "nope", "{} {}"] {
        let reply = server.request("POST", "/echo").json(body).send();
        assert_eq!((reply.status, reply.json()["error"].clone()), (400, json!("malformed_json")), "{body}");
        assert_eq!(reply.header("x-request-id").len(), 36);
    }
}

fn c11_content_types_have_no_case(server: &Server) {
    for content_type in ["APPLICATION/JSON; Charset=UTF-8", "application/vnd.api+json"] {
        assert_eq!(echo(server, content_type, b"{\"a\":1}")["body"], json!({ "a": 1 }), "{content_type}");
    }
    assert_eq!(echo(server, "Application/X-WWW-Form-Urlencoded", b"a=1")["body"], json!({ "a": "1" }));
}

fn c11_repeated_fields_are_lists(server: &Server) {
    let form = echo(server, "application/x-www-form-urlencoded", b"tag=a&one=1&tag=b&tag=c");
    assert_eq!(form["body"], json!({ "tag": ["a", "b", "c"], "one": "1" }));
    // Of a repeated query key the last counts, as before.
    assert_eq!(server.get("/context?a=1&b=%C3%BC&a=2").json()["query"], json!({ "a": "2", "b": "ü" }));
}

fn c11_files_can_be_sent(server: &Server) {
    let body = "--limit\r\ncontent-disposition: form-data; name=\"title\"\r\n\r\nA picture\r\n\
                --limit\r\ncontent-disposition: form-data; name=\"tags\"\r\n\r\na\r\n\
                --limit\r\ncontent-disposition: form-data; name=\"tags\"\r\n\r\nb\r\n\
                --limit\r\ncontent-disposition: form-data; name=\"picture\"; filename=\"../p\u{fc}.svg\"\r\n\
                content-type: image/svg+xml\r\n\r\n<svg/>\r\n--limit--\r\n";
    let reply = server.request("POST", "/upload").body("multipart/form-data; boundary=limit", body).send();
    assert_eq!(
        reply.json(),
        json!({
            "title": "A picture", "tags": ["a", "b"], "isFile": true, "name": "../pü.svg",
            "type": "image/svg+xml", "size": 6, "text": "<svg/>",
        })
    );
    for (content_type, body) in
        [("multipart/form-data", "x"), ("multipart/form-data; boundary=limit", "--limit\r\nnope")]
    {
        let reply = server.request("POST", "/upload").body(content_type, body).send();
        assert_eq!(
            (reply.status, reply.json()["error"].clone()),
            (400, json!("malformed_multipart")),
            "{content_type}"
        );
    }
}

in_every_host![
    bodies_are_read_by_their_type,
    names_of_prototypes_are_ordinary_fields,
    c11_malformed_json_is_refused,
    c11_content_types_have_no_case,
    c11_repeated_fields_are_lists,
    c11_files_can_be_sent,
];
