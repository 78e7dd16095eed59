//! An identity provider on loopback.

use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

/// A server that answers each request with what it was told last, and counts.
pub(super) struct Provider {
    address: SocketAddr,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    answer: Mutex<String>,
    requests: AtomicUsize,
    stopped: AtomicBool,
}

impl Provider {
    pub(super) fn start(keys: &[Value], headers: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared::default());
        let served = Arc::clone(&shared);
        let thread = thread::spawn(move || {
            // Connections that get no answer stay open until the end.
            let mut silent = Vec::new();
            for stream in listener.incoming() {
                if served.stopped.load(Ordering::SeqCst) {
                    return;
                }
                silent.extend(answer(&served, stream.unwrap()));
            }
        });
        let provider = Self { address, shared, thread: Some(thread) };
        provider.publish(keys, headers);
        provider
    }

    /// `headers` are lines that end in CRLF.
    pub(super) fn publish(&self, keys: &[Value], headers: &str) {
        let body = json!({"keys": keys}).to_string();
        self.answer(&format!(
            "HTTP/1.1 200 OK\r\n{headers}Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        ));
    }

    pub(super) fn fail(&self) {
        self.answer("HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    }

    /// Says exactly this; nothing at all keeps the client waiting.
    pub(super) fn answer(&self, text: &str) {
        text.clone_into(&mut self.shared.answer.lock().unwrap());
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}/jwks.json", self.address)
    }

    pub(super) fn requests(&self) -> usize {
        self.shared.requests.load(Ordering::SeqCst)
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        // Wakes the listener.
        drop(TcpStream::connect(self.address));
        self.thread.take().unwrap().join().unwrap();
    }
}

fn answer(shared: &Shared, mut stream: TcpStream) -> Option<TcpStream> {
    let head = BufReader::new(stream.try_clone().unwrap());
    head.lines().map_while(Result::ok).take_while(|line| !line.is_empty()).for_each(drop);
    shared.requests.fetch_add(1, Ordering::SeqCst);
    let text = shared.answer.lock().unwrap().clone();
    if text.is_empty() {
        return Some(stream);
    }
    // The client may have gone.
    let _ = stream.write_all(text.as_bytes());
    None
}
