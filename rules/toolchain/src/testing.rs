//! A server on a port of this machine, and tarballs, for the tests of this module.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use tar::{EntryType, Header};

use super::settings::{Environment, Settings};
use super::unpack::Limits;

/// Settings of nothing but these variables.
pub(super) fn settings(environment: &[(&str, &str)]) -> Settings {
    Settings {
        environment: Environment::new(environment.iter().copied()),
        workspace: None,
        home: None,
        limits: Limits::default(),
        pause: Duration::from_millis(1),
    }
}

/// A request as it arrived.
#[derive(Debug, Clone, Default)]
pub(super) struct Received {
    /// `GET /path` or `CONNECT host:port`.
    pub(super) line: String,
    pub(super) authorization: Option<String>,
}

/// What is sent back.
#[derive(Debug, Clone)]
pub(super) enum Reply {
    Bytes(Vec<u8>),
    Status(u16),
    Redirect(String),
    /// Announces all bytes and sends half of them.
    Truncated(Vec<u8>),
    /// Closes the connection without a word.
    Nothing,
}

type Handler = dyn Fn(&Received, usize) -> Reply + Send + Sync;

/// Answers until it is dropped.
pub(super) struct Server {
    pub(super) address: SocketAddr,
    received: Arc<Mutex<Vec<Received>>>,
    stopped: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// `handler` sees each request and how many came before it.
    pub(super) fn new(handler: impl Fn(&Received, usize) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let received = Arc::new(Mutex::new(Vec::new()));
        let stopped = Arc::new(AtomicBool::new(false));
        let handler: Arc<Handler> = Arc::new(handler);
        let thread = {
            let (received, stopped) = (Arc::clone(&received), Arc::clone(&stopped));
            thread::spawn(move || {
                for stream in listener.incoming() {
                    if stopped.load(Ordering::SeqCst) {
                        return;
                    }
                    let (received, handler) = (Arc::clone(&received), Arc::clone(&handler));
                    thread::spawn(move || {
                        // A client that gives up is not a fault of the server.
                        let _ = serve(stream?, &received, &*handler);
                        std::io::Result::Ok(())
                    });
                }
            })
        };
        Self { address, received, stopped, thread: Some(thread) }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    pub(super) fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }

    pub(super) fn lines(&self) -> Vec<String> {
        self.received().into_iter().map(|request| request.line).collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::SeqCst);
        // Wakes the thread up.
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn serve(stream: TcpStream, received: &Mutex<Vec<Received>>, handler: &Handler) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut stream = stream;
    loop {
        let mut request = Received::default();
        let mut line = String::new();
        while reader.by_ref().take(64 * 1024).read_line(&mut line)? > 0 && line.trim() != "" {
            let text = line.trim();
            if request.line.is_empty() {
                text.trim_end_matches(" HTTP/1.1").clone_into(&mut request.line);
            } else if let Some((name, value)) = text.split_once(':')
                && name.eq_ignore_ascii_case("authorization")
            {
                request.authorization = Some(value.trim().to_owned());
            }
            line.clear();
        }
        let before = {
            let mut received = received.lock().unwrap();
            received.push(request.clone());
            received.len() - 1
        };
        if request.line.starts_with("CONNECT ") {
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n")?;
            continue;
        }
        let head = |status: u16, length: usize, more: &str| {
            format!("HTTP/1.1 {status} X\r\nContent-Length: {length}\r\nConnection: close\r\n{more}\r\n").into_bytes()
        };
        let answer = match handler(&request, before) {
            Reply::Bytes(bytes) => [head(200, bytes.len(), ""), bytes].concat(),
            Reply::Status(status) => head(status, 0, ""),
            Reply::Redirect(location) => head(302, 0, &format!("Location: {location}\r\n")),
            Reply::Truncated(bytes) => [head(200, bytes.len(), ""), bytes[..bytes.len() / 2].to_vec()].concat(),
            Reply::Nothing => Vec::new(),
        };
        stream.write_all(&answer)?;
        return stream.flush();
    }
}

/// One entry of a tarball, with a path that nothing checks.
pub(super) struct Member {
    pub(super) path: Vec<u8>,
    pub(super) kind: EntryType,
    pub(super) mode: u32,
    pub(super) bytes: Vec<u8>,
}

impl Member {
    pub(super) fn file(path: &str, bytes: &str) -> Self {
        Self { path: path.into(), kind: EntryType::Regular, mode: 0o644, bytes: bytes.into() }
    }

    pub(super) fn of_kind(path: &str, kind: EntryType, bytes: &[u8]) -> Self {
        Self { path: path.into(), kind, mode: 0o644, bytes: bytes.into() }
    }
}

/// A tarball of the members as they are.
pub(super) fn tarball(members: &[Member]) -> Vec<u8> {
    let mut plain = Vec::new();
    for member in members {
        let mut header = Header::new_ustar();
        let name = &mut header.as_old_mut().name;
        let length = member.path.len().min(name.len());
        name[..length].copy_from_slice(&member.path[..length]);
        header.set_entry_type(member.kind);
        header.set_mode(member.mode);
        header.set_size(member.bytes.len() as u64);
        header.set_cksum();
        plain.extend_from_slice(header.as_bytes());
        plain.extend_from_slice(&member.bytes);
        plain.resize(plain.len().next_multiple_of(512), 0);
    }
    plain.resize(plain.len() + 1024, 0);
    gzip(&plain)
}

pub(super) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}
