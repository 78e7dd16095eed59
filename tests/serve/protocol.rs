//! HTTP as hostile and as unusual clients speak it.

use std::io::{Read, Write};
use std::process::Command;

use super::server::{HOSTS, Host, Server, common, shared};

const CLOSE: &str = "host: a\r\nconnection: close\r\n";

fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or("closed")
}

#[test]
fn requests_that_are_no_requests_are_refused() {
    let server = shared(Host::Embedded);
    for bytes in [
        "\r\n\r\n\r\nx\r\n\r\n",
        "GET\r\n\r\n",
        "GET / HTTP/9.9\r\n\r\n",
        "GET /\0 HTTP/1.1\r\nhost: a\r\n\r\n",
        "\x16\x03\x01\x02\x00",
    ] {
        let answer = server.raw(bytes);
        assert_eq!(status(&answer), "400", "{bytes:?}: {answer}");
    }
    assert_eq!(server.get("/named").status, 200);
}

/// Who reads a length and who reads chunks must not see two requests in one.
#[test]
fn lengths_that_contradict_are_refused() {
    let server = shared(Host::Embedded);
    for headers in [
        "content-length: 5\r\ncontent-length: 6\r\n",
        "content-length: 5, 6\r\n",
        "content-length: -1\r\n",
        "content-length: +5\r\n",
        "content-length: 5x\r\n",
        "transfer-encoding: gzip\r\n",
        "transfer-encoding: chunked, gzip\r\n",
    ] {
        let answer = server.raw(format!("POST /echo HTTP/1.1\r\n{CLOSE}{headers}\r\nhello"));
        assert_eq!(status(&answer), "400", "{headers}: {answer}");
    }
    let smuggled = "0\r\n\r\nGET /own-head HTTP/1.1\r\nhost: a\r\n\r\n";
    let headers = format!("content-length: {}\r\ntransfer-encoding: chunked\r\n", smuggled.len());
    let answer = server.raw(format!("POST /echo HTTP/1.1\r\nhost: a\r\n{headers}\r\n{smuggled}"));
    assert!(answer.matches("HTTP/1.1 ").count() <= 1, "the connection ends after a contradiction: {answer}");
    for chunk in ["xyz\r\nhello", "fffffffffffffffff\r\nhello", "-5\r\nhello"] {
        let answer = server.raw(format!("POST /echo HTTP/1.1\r\n{CLOSE}transfer-encoding: chunked\r\n\r\n{chunk}"));
        assert_eq!(status(&answer), "400", "{chunk}: {answer}");
    }
}

#[test]
fn heads_are_bounded() {
    let server = shared(Host::Embedded);
    let long = |length: usize| format!("GET /named HTTP/1.1\r\n{CLOSE}x-long: {}\r\n\r\n", "x".repeat(length));
    assert_eq!(status(&server.raw(long(32 << 10))), "200");
    let answer = server.raw(long(80 << 10));
    assert!(["431", "closed"].contains(&status(&answer)), "{answer}");
    let many = "x: y\r\n".repeat(5000);
    let answer = server.raw(format!("GET /named HTTP/1.1\r\n{CLOSE}{many}\r\n"));
    assert!(["400", "431", "closed"].contains(&status(&answer)), "{answer}");
    let answer = server.raw(format!("GET /{} HTTP/1.1\r\n{CLOSE}\r\n", "x".repeat(80 << 10)));
    assert!(["414", "431", "closed"].contains(&status(&answer)), "{answer}");
}

#[test]
fn one_connection_carries_many_requests() {
    for host in HOSTS {
        let mut stream = shared(host).connect();
        let pair = "GET /named HTTP/1.1\r\nhost: a\r\n\r\nGET /p/two HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
        stream.write_all(pair.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(
            answer.find("\r\n\r\nnamed").unwrap() < answer.find("{\"params\":{\"name\":\"two\"}}").unwrap(),
            "{answer}"
        );
    }
}

#[test]
fn http_2_is_spoken_by_who_knows_it() {
    let server = shared(Host::Embedded);
    let url = format!("http://{}", server.address());
    let curl = |arguments: &[&str], path: &str| {
        let output = Command::new("curl")
            .args(["--silent", "--http2-prior-knowledge", "--write-out", " %{http_version} %{http_code}"])
            .args(arguments)
            .arg(format!("{url}{path}"))
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(curl(&[], "/named"), "named 2 200");
    assert_eq!(curl(&["--data", "a=1&a=2"], "/echo"), "{\"kind\":\"object\",\"body\":{\"a\":[\"1\",\"2\"]}} 2 200");
    assert_eq!(curl(&[], "/stream/numbers"), "1\n2\n3\n 2 200");
    let seen = curl(&["--header", "x-custom: one"], "/context/request");
    assert!(seen.contains(&format!("\"url\":\"{url}/context/request\"")), "{seen}");
}

#[test]
fn clients_that_dawdle_are_cut_off() {
    let server = Server::start(common(), Host::Embedded, &["--head-timeout", "0.3", "--body-timeout", "0.3"], &[]);
    let answer = server.raw("GET /named HTTP/1.1\r\nhost: a\r\nx-slow: ");
    assert_eq!(answer, "", "what is no request yet has no answer");
    let answer = server.raw("POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\nslow");
    assert_eq!(status(&answer), "400", "{answer}");
    // One that says nothing, and one that has said all and stays.
    for bytes in ["", "P", "PRI * HTTP/2.0\r\n"] {
        let answer = server.raw(bytes);
        assert!(answer.is_empty(), "{bytes:?}: {answer}");
    }
    let answer = server.raw("GET /named HTTP/1.1\r\nhost: a\r\n\r\n");
    assert_eq!(status(&answer), "200", "{answer}");
    assert_eq!(server.get("/named").status, 200);
}

#[test]
fn clients_that_leave_disturb_nobody() {
    let server = shared(Host::Embedded);
    for bytes in ["GET /named HT", "POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\nhal"] {
        let mut stream = server.connect();
        stream.write_all(bytes.as_bytes()).unwrap();
        drop(stream);
    }
    assert_eq!(server.get("/named").status, 200);
}
