//! Bodies that are sent in pieces.

use std::io::{Read, Write};

use super::server::{Server, eventually, until_closed};

/// Reads until this many bytes came, or the end.
fn take(reader: &mut impl Read, length: usize) -> String {
    let mut bytes = vec![0; length];
    let mut read = 0;
    while read < length {
        match reader.read(&mut bytes[read..]).unwrap() {
            0 => break,
            more => read += more,
        }
    }
    String::from_utf8(bytes[..read].to_vec()).unwrap()
}

fn a_stream_arrives_whole(server: &Server) {
    let reply = server.get("/stream/numbers");
    assert_eq!(reply.shown(), (200, "text/plain", "1\n2\n3\n"));
    assert_eq!(reply.header("content-length"), "");
}

/// The second event is made after the client has seen the first.
fn events_arrive_as_they_happen(server: &Server) {
    let response = server.request("GET", "/stream/events/one").open().unwrap();
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut events = response.into_body().into_reader();
    assert_eq!(take(&mut events, 13), "data: first\n\n");
    assert_eq!(server.request("POST", "/stream/events/one").send().text(), "true");
    assert_eq!(take(&mut events, 100), "data: second\n\n");
}

fn a_client_that_leaves_ends_the_stream(server: &Server) {
    let before = server.get("/stream/cancelled").json().as_u64().unwrap();
    let response = server.request("GET", "/stream/endless").open().unwrap();
    let mut body = response.into_body().into_reader();
    assert_eq!(take(&mut body, 5), "xxxxx");
    drop(body);
    eventually("the stream is cancelled", || server.get("/stream/cancelled").json().as_u64().unwrap() > before);
}

/// The client must see that the body is not whole.
fn a_stream_that_fails_is_cut_off(server: &Server) {
    let mut stream = server.connect();
    stream.write_all(b"GET /stream/broken HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    while !answer.ends_with("some\r\n") {
        let next = take(&mut stream, 1);
        assert!(!next.is_empty(), "it ends before its beginning was seen: {answer:?}");
        answer += &next;
    }
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer:?}");
    assert_eq!(server.request("POST", "/stream/events/broken").send().text(), "true");
    let rest = until_closed(&mut stream);
    assert!(!rest.ends_with("0\r\n\r\n"), "{rest:?}");
}

in_every_host![
    a_stream_arrives_whole,
    events_arrive_as_they_happen,
    a_client_that_leaves_ends_the_stream,
    a_stream_that_fails_is_cut_off,
];
