//! A client that sees every byte.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::server::{PATIENCE, Running};

/// What came back.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) text: String,
}

impl Reply {
    fn parse(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let mut lines = head.split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers: BTreeMap<String, String> = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let is_chunked = headers.get("transfer-encoding").is_some_and(|encoding| encoding == "chunked");
        let text = if is_chunked { dechunked(body) } else { body.to_owned() };
        Self { status, headers, text }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    /// The revision that the page was given.
    pub(crate) fn revision(&self) -> &str {
        self.text.split("data-revision=\"").nth(1).unwrap().split('"').next().unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap()
    }
}

fn dechunked(body: &str) -> String {
    let (mut text, mut rest) = (String::new(), body);
    while let Some((length, after)) = rest.split_once("\r\n") {
        let length = usize::from_str_radix(length, 16).unwrap();
        text.push_str(&after[..length]);
        rest = &after[length + 2..];
        if length == 0 {
            break;
        }
    }
    text
}

impl Running {
    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.send("GET", path, &[]).await
    }

    pub(crate) async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Reply {
        send(self.address, method, path, headers).await
    }

    /// Listens to events.
    pub(crate) async fn listen(&self, path: &str, headers: &[(&str, &str)]) -> Events {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(request("GET", path, headers, "").as_bytes()).await.unwrap();
        let mut events = Events { stream, seen: String::new() };
        let head = events.until("\r\n\r\n").await;
        assert!(head.starts_with("HTTP/1.1 200 OK"), "{head}");
        assert!(head.contains("content-type: text/event-stream"), "{head}");
        events
    }
}

pub(crate) async fn send(address: SocketAddr, method: &str, path: &str, headers: &[(&str, &str)]) -> Reply {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request(method, path, headers, "connection: close\r\n").as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    timeout(PATIENCE, stream.read_to_end(&mut bytes)).await.unwrap().unwrap();
    Reply::parse(&bytes)
}

fn request(method: &str, path: &str, headers: &[(&str, &str)], more: &str) -> String {
    let mut text = format!("{method} {path} HTTP/1.1\r\n");
    let host = ("host", "localhost");
    for (name, value) in headers.iter().chain((!headers.iter().any(|(name, _)| *name == "host")).then_some(&host)) {
        text.extend([name, ": ", value, "\r\n"]);
    }
    text + more + "\r\n"
}

/// A stream of events.
pub(crate) struct Events {
    pub(crate) stream: TcpStream,
    seen: String,
}

impl Events {
    /// Takes what comes up to and with this text.
    pub(crate) async fn until(&mut self, text: &str) -> String {
        let mut buffer = [0; 4096];
        loop {
            if let Some(place) = self.seen.find(text) {
                let rest = self.seen.split_off(place + text.len());
                return std::mem::replace(&mut self.seen, rest);
            }
            let length = timeout(PATIENCE, self.stream.read(&mut buffer)).await.unwrap_or_else(|_| {
                panic!("`{text}` never came after {:?}", self.seen);
            });
            let length = length.unwrap();
            assert_ne!(length, 0, "the stream ended before `{text}`: {:?}", self.seen);
            self.seen.push_str(std::str::from_utf8(&buffer[..length]).unwrap());
        }
    }

    /// Everything up to the end.
    pub(crate) async fn rest(&mut self) -> String {
        let mut bytes = Vec::new();
        timeout(PATIENCE, self.stream.read_to_end(&mut bytes)).await.unwrap().unwrap();
        std::mem::take(&mut self.seen) + std::str::from_utf8(&bytes).unwrap()
    }

    /// Events up to and with one that has this text among its fields; each as its fields, without chunk heads.
    pub(crate) async fn events(&mut self, last: &str) -> Vec<BTreeMap<String, String>> {
        let text = self.until(last).await + &self.until("\n\n").await;
        let mut events = Vec::new();
        let mut event = BTreeMap::new();
        for line in text.split('\n').map(|line| line.trim_end_matches('\r')) {
            if let Some((name, value)) = line.split_once(": ") {
                event.insert(name.to_owned(), value.to_owned());
            } else if line.is_empty() && !event.is_empty() {
                events.push(std::mem::take(&mut event));
            }
        }
        events
    }

    /// The same, each as its name and data.
    pub(crate) async fn told(&mut self, last: &str) -> Vec<(String, String)> {
        let of = |event: &BTreeMap<String, String>, name: &str| event.get(name).cloned().unwrap_or_default();
        let events = self.events(last).await;
        events
            .iter()
            .filter(|event| event.contains_key("data"))
            .map(|event| (of(event, "event"), of(event, "data")))
            .collect()
    }
}
