//! A running `webstir serve`, and the clients that speak to it.
//!
//! A *server* is the real binary on a workspace. Cases that only look share one for each *host*; a *visitor* is a client that
//! keeps its session cookie.

use std::fs;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, LazyLock, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::reply::{Reply, Request};
use crate::support::Case;

/// What runs handlers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Host {
    Embedded,
    /// In processes of what is installed.
    Worker,
    /// In processes of Bun.
    Bun,
}

/// Both kinds.
pub(super) const HOSTS: [Host; 2] = [Host::Embedded, Host::Worker];

impl Host {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Embedded => "embedded",
            Self::Worker | Self::Bun => "worker",
        }
    }
}

/// The longest wait for something that must happen.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// A server; stopped when it is dropped.
pub(super) struct Server {
    process: Mutex<Child>,
    address: SocketAddr,
    records: Arc<Mutex<Vec<Value>>>,
    errors: Arc<Mutex<String>>,
    pub(super) case: Arc<Case>,
}

/// The server of the common workspace in one host.
pub(super) fn shared(host: Host) -> &'static Server {
    static EMBEDDED: LazyLock<Server> = LazyLock::new(|| start_shared(Host::Embedded));
    static WORKER: LazyLock<Server> = LazyLock::new(|| start_shared(Host::Worker));
    static BUN: LazyLock<Server> = LazyLock::new(|| start_shared(Host::Bun));
    match host {
        Host::Embedded => &EMBEDDED,
        Host::Worker => &WORKER,
        Host::Bun => &BUN,
    }
}

/// What is static is not dropped: a process that sees the end of this one stops the server and removes its workspace.
#[expect(clippy::zombie_processes, reason = "it outlives this process")]
fn start_shared(host: Host) -> Server {
    let case = common();
    if host == Host::Bun {
        super::bun::install(&case);
    }
    let environment = [("CONFORMANCE_VALUE", "given"), ("AUTH_SERVICE_TOKENS", "first, second")];
    let server = Server::start(case, host, &[], &environment);
    let mut reaper = Command::new("sh");
    reaper.args(["-c", "read -r _; kill -TERM \"$1\"; rm -rf \"$2\"", "reaper", &server.id().to_string()]);
    reaper.arg(server.case.root().parent().unwrap()).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut reaper = reaper.spawn().unwrap();
    // Its input ends with this process.
    std::mem::forget(reaper.stdin.take());
    server
}

/// The common workspace.
pub(super) fn common() -> Case {
    let case = Case::empty();
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/serve/workspace"), case.root());
    for (path, title) in [
        ("build/frontend/pages/profile/index.html", "Profile"),
        ("build/frontend/counter/index.html", "Counter"),
        ("dist/frontend/plain.html", "Plain"),
    ] {
        case.write(path, &document(title));
    }
    case.write(".env", "CONFORMANCE_FILE=\"from a file\"\nCONFORMANCE_VALUE=overridden\n");
    case
}

/// A page of the frontend.
pub(super) fn document(title: &str) -> String {
    format!("<!doctype html><html><body class=\"page\"><main>{title}</main></body></html>\n")
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// A workspace whose module is this text.
pub(super) fn module(text: &str) -> Case {
    Case::with(&[
        ("package.json", "{ \"name\": \"small\", \"type\": \"module\", \"webstir\": { \"mode\": \"api\" } }\n"),
        ("src/backend/index.ts", "export {};\n"),
        ("src/backend/module.ts", text),
    ])
}

impl Server {
    /// `webstir serve --build` on the common workspace.
    pub(super) fn of_common(host: Host, arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        Self::start(common(), host, arguments, environment)
    }

    /// `webstir serve --build` on a workspace, when it says that it runs.
    #[track_caller]
    pub(super) fn start(case: Case, host: Host, arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut command = case.command();
        command.args(["serve", "--build", "--engine", host.name()]).args(arguments);
        command.envs(environment.iter().copied());
        Self::spawn(case, command)
    }

    /// A command that serves.
    #[track_caller]
    pub(super) fn spawn(case: Case, command: Command) -> Self {
        Self::spawn_in(Arc::new(case), command)
    }

    /// Another server on the workspace of this one, which has ended.
    #[track_caller]
    pub(super) fn again(&self, host: Host, environment: &[(&str, &str)]) -> Self {
        let mut command = self.case.command();
        command.args(["serve", "--build", "--engine", host.name()]).envs(environment.iter().copied());
        Self::spawn_in(Arc::clone(&self.case), command)
    }

    #[track_caller]
    fn spawn_in(case: Arc<Case>, mut command: Command) -> Self {
        command.args(["--host", "127.0.0.1", "--port", "0", "--log", "json"]);
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (records, errors) = (Arc::default(), Arc::default());
        let ready = read_records(process.stdout.take().unwrap(), Arc::clone(&records));
        read_errors(process.stderr.take().unwrap(), Arc::clone(&errors));
        let port = match ready.recv_timeout(PATIENCE) {
            Ok(port) => port,
            Err(reason) => {
                process.kill().unwrap();
                process.wait().unwrap();
                let why = if reason == RecvTimeoutError::Timeout { "is not ready" } else { "ended" };
                panic!("the server {why}: {:?}\n{}", records.lock().unwrap(), errors.lock().unwrap());
            }
        };
        Self { process: Mutex::new(process), address: SocketAddr::from(([127, 0, 0, 1], port)), records, errors, case }
    }

    pub(super) fn id(&self) -> u32 {
        self.process.lock().unwrap().id()
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// A request of the method to the path.
    pub(super) fn request(&self, method: &str, path: &str) -> Request {
        Request::new(method, &format!("http://{}{path}", self.address))
    }

    pub(super) fn get(&self, path: &str) -> Reply {
        self.request("GET", path).send()
    }

    pub(super) fn visitor(&self) -> Visitor<'_> {
        Visitor { server: self, cookie: None }
    }

    /// A connection on which bytes are written as they are.
    pub(super) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// Everything that comes back after these bytes, until the server closes.
    pub(super) fn raw(&self, bytes: impl AsRef<[u8]>) -> String {
        let mut stream = self.connect();
        // The server may refuse before it has read all.
        let _ = stream.write_all(bytes.as_ref());
        until_closed(&mut stream)
    }

    /// Puts a file into the workspace at once: a build that runs sees all of it or nothing.
    pub(super) fn put(&self, path: &str, text: &str) {
        self.case.write("next", text);
        fs::rename(self.case.path("next"), self.case.path(path)).unwrap();
    }

    pub(super) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_raw(i32::try_from(self.id()).unwrap()).unwrap(), signal).unwrap();
    }

    /// The exit code, once it has ended.
    #[track_caller]
    pub(super) fn exit_code(&self) -> Option<i32> {
        let mut code = None;
        eventually("the server ends", || {
            let status = self.process.lock().unwrap().try_wait().unwrap();
            code = status.and_then(|status| status.code());
            status.is_some()
        });
        code
    }

    /// Ends it as an operator does.
    #[track_caller]
    pub(super) fn stop(&self) {
        self.signal(Signal::TERM);
        assert_eq!(self.exit_code(), Some(0), "{}", self.errors.lock().unwrap());
    }

    /// The first log record that fits; it may still be on its way.
    #[track_caller]
    pub(super) fn record(&self, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        let mut found = None;
        eventually(what, || {
            found = self.records.lock().unwrap().iter().find(|record| fits(record)).cloned();
            found.is_some()
        });
        found.unwrap()
    }

    /// The first log record with this text.
    #[track_caller]
    pub(super) fn message(&self, text: &str) -> Value {
        self.record(text, |record| record["msg"].as_str().is_some_and(|message| message.contains(text)))
    }

    pub(super) fn records(&self) -> Vec<Value> {
        self.records.lock().unwrap().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let process = self.process.get_mut().unwrap();
        if process.try_wait().unwrap().is_none() {
            // Gracefully, for its workers end with it.
            let _ = kill_process(Pid::from_child(process), Signal::TERM);
            let ended = Instant::now() + Duration::from_secs(10);
            while process.try_wait().unwrap().is_none() && Instant::now() < ended {
                thread::sleep(Duration::from_millis(5));
            }
            let _ = process.kill();
            process.wait().unwrap();
        }
    }
}

/// Collects the log; sends the port when the server is ready.
fn read_records(output: impl Read + Send + 'static, records: Arc<Mutex<Vec<Value>>>) -> Receiver<u16> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        for line in BufReader::new(output).lines() {
            let Ok(line) = line else { return };
            let record: Value = serde_json::from_str(&line).unwrap_or(Value::String(line));
            let is_ready = record["msg"] == "API server running";
            let port = record["port"].as_u64().and_then(|port| u16::try_from(port).ok());
            records.lock().unwrap().push(record);
            if let Some(port) = port.filter(|_| is_ready) {
                let _ = sender.send(port);
            }
        }
    });
    receiver
}

fn read_errors(output: impl Read + Send + 'static, errors: Arc<Mutex<String>>) {
    thread::spawn(move || {
        for line in BufReader::new(output).lines() {
            let Ok(line) = line else { return };
            let mut errors = errors.lock().unwrap();
            errors.push_str(&line);
            errors.push('\n');
        }
    });
}

/// What comes until the server closes, which it must: the socket gives up after a while.
#[track_caller]
pub(super) fn until_closed(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer) {
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
            panic!("it stays open after {:?}", String::from_utf8_lossy(&answer))
        }
        // One that is reset is closed.
        _ => String::from_utf8_lossy(&answer).into_owned(),
    }
}

/// Asks again and again, until it is so.
#[track_caller]
pub(super) fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < end, "it never happened: {what}");
        thread::sleep(Duration::from_millis(10));
    }
}

/// A client that keeps its session cookie.
pub(super) struct Visitor<'a> {
    server: &'a Server,
    /// `name=value`.
    pub(super) cookie: Option<String>,
}

impl Visitor<'_> {
    pub(super) fn get(&mut self, path: &str) -> Reply {
        self.send(self.server.request("GET", path))
    }

    /// Posts a urlencoded form.
    pub(super) fn post(&mut self, path: &str, form: &str) -> Reply {
        self.send(self.server.request("POST", path).form(form))
    }

    pub(super) fn post_json(&mut self, path: &str, json: &str) -> Reply {
        self.send(self.server.request("POST", path).json(json))
    }

    pub(super) fn send(&mut self, request: Request) -> Reply {
        let request = match &self.cookie {
            Some(cookie) => request.header("cookie", cookie),
            None => request,
        };
        let reply = request.send();
        for cookie in reply.all("set-cookie") {
            let pair = cookie.split(';').next().unwrap();
            if let Some(value) = pair.strip_prefix("webstir_session=") {
                self.cookie = (!value.is_empty()).then(|| pair.to_owned());
            }
        }
        reply
    }
}
