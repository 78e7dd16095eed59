//! A host of isolates with a small dispatcher and operations that tests can watch.

use std::collections::BTreeMap;
use std::io;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_core::future::BoxFuture;
use serde_json::Value;
use webstir_script::{
    CallError, Code, FileKind, FileReads, Isolates, LogLevel, OperationError, OperationReply, Operations, Program,
    Reply, ScriptError, ServeLimits, ServeSettings, SourceMap,
};

/// Small enough that the whole file runs in seconds.
pub(crate) const LIMITS: ServeLimits = ServeLimits {
    cpu: Duration::from_millis(200),
    memory: 32 << 20,
    stack: 1 << 20,
    grace: Duration::from_millis(300),
};

/// Calls the export that the message names with the arguments it lists, and `{port, body, formState}` after them.
const DISPATCHER: &str = r"
    import * as formState from 'webstir:backend/form-state';
    let program; let port;
    export async function load(namespace, given) {
      [program, port] = [namespace, given];
      return JSON.stringify(Object.keys(namespace));
    }
    export async function call(message, body) {
      const [name, ...values] = JSON.parse(message);
      const result = await program[name](...values, { port, body, formState });
      return result?.raw === undefined ? [JSON.stringify(result ?? null), null] : ['', result.raw];
    }";

/// Isolates, and what they were given.
#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) isolates: Isolates,
    pub(crate) loaded: String,
    pub(crate) operations: Arc<Watched>,
    pub(crate) files: Arc<Files>,
}

impl Server {
    pub(crate) async fn call(&self, name: &str, arguments: Value) -> Result<Value, CallError> {
        let mut message = vec![Value::from(name)];
        message.extend(arguments.as_array().unwrap().iter().cloned());
        let Reply { message, .. } = self.isolates.call(Value::from(message).to_string(), None).await?;
        Ok(serde_json::from_str(&message).unwrap())
    }
}

pub(crate) async fn start(source: &str) -> Server {
    start_with(source, LIMITS, 1).await.unwrap()
}

pub(crate) async fn start_mapped(source: &str, map: Option<SourceMap>) -> Server {
    start_program(source, map, LIMITS, 1).await.unwrap()
}

pub(crate) async fn start_with(source: &str, limits: ServeLimits, isolates: usize) -> Result<Server, ScriptError> {
    start_program(source, None, limits, isolates).await
}

async fn start_program(
    source: &str,
    source_map: Option<SourceMap>,
    limits: ServeLimits,
    isolates: usize,
) -> Result<Server, ScriptError> {
    let operations = Arc::new(Watched::default());
    let files = Arc::new(Files::default());
    let settings = ServeSettings {
        environment: vec![("NODE_ENV".to_owned(), "test".to_owned())],
        working_directory: "/srv/app".to_owned(),
        limits,
        isolates: NonZeroUsize::new(isolates).unwrap(),
        files: files.clone(),
    };
    let name = "src/backend/module.ts";
    let program = Program::linked(name, name, Code::new(source));
    let maps: BTreeMap<_, _> = source_map.into_iter().map(|map| (name.to_owned(), map)).collect();
    let (isolates, loaded) = Isolates::start(program, Arc::new(maps), DISPATCHER, settings, operations.clone()).await?;
    Ok(Server { isolates, loaded, operations, files })
}

/// Operations: `echo`, `sleep` (milliseconds), `forever`, `fail` (with the error that the message names), and `fetch`, which
/// answers with what it was asked.
#[derive(Default)]
pub(crate) struct Watched {
    log: Mutex<Vec<(LogLevel, Value)>>,
    forever: AtomicUsize,
    sleeps: AtomicUsize,
    dropped: Arc<AtomicUsize>,
}

struct CountDrop(Arc<AtomicUsize>);

impl Drop for CountDrop {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

async fn until(condition: impl Fn() -> bool) {
    while !condition() {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

impl Watched {
    /// The records of the log, once there are `count`.
    pub(crate) async fn logged(&self, count: usize) -> Vec<(LogLevel, Value)> {
        until(|| self.log.lock().unwrap().len() >= count).await;
        self.log.lock().unwrap().clone()
    }

    /// Waits for the first `forever`.
    pub(crate) async fn started(&self) {
        until(|| self.forever.load(Ordering::SeqCst) > 0).await;
    }

    /// Waits until `count` operations `sleep` were begun.
    pub(crate) async fn sleeping(&self, count: usize) {
        until(|| self.sleeps.load(Ordering::SeqCst) >= count).await;
    }

    /// Waits until `count` operations were given up.
    pub(crate) async fn dropped_all(&self, count: usize) {
        until(|| self.dropped.load(Ordering::SeqCst) == count).await;
    }
}

impl Operations for Watched {
    fn call(
        &self,
        name: &str,
        message: String,
        body: Option<Bytes>,
    ) -> BoxFuture<'static, Result<OperationReply, OperationError>> {
        match name {
            "echo" => Box::pin(async move { Ok(OperationReply { message, body }) }),
            "sleep" => {
                self.sleeps.fetch_add(1, Ordering::SeqCst);
                Box::pin(async move {
                    tokio::time::sleep(Duration::from_millis(message.parse().unwrap())).await;
                    Ok(OperationReply { message, body: None })
                })
            }
            "forever" => {
                self.forever.fetch_add(1, Ordering::SeqCst);
                let dropped = CountDrop(Arc::clone(&self.dropped));
                Box::pin(async move {
                    let _dropped = dropped;
                    std::future::pending().await
                })
            }
            "fetch" => Box::pin(async move {
                let request: Value = serde_json::from_str(&message).unwrap();
                let headers = serde_json::json!([
                    ["content-type", "application/json"],
                    ["set-cookie", "a=1"],
                    ["set-cookie", "b=2"]
                ]);
                let sent = body.map(|body| String::from_utf8_lossy(&body).into_owned());
                let reply = serde_json::json!({ "url": request["url"], "status": 201, "statusText": "Created", "headers": headers, "redirected": false });
                let body = serde_json::json!({ "request": request, "sent": sent }).to_string();
                Ok(OperationReply { message: reply.to_string(), body: Some(Bytes::from(body)) })
            }),
            _ => Box::pin(async move {
                Err(OperationError { name: message, message: "failed".to_owned(), code: Some("E_FAILED".to_owned()) })
            }),
        }
    }

    fn log(&self, level: LogLevel, record: String) {
        self.log.lock().unwrap().push((level, serde_json::from_str(&record).unwrap()));
    }
}

/// One file, `data.txt`, and another, `gone`, that tests let appear.
#[derive(Default)]
pub(crate) struct Files {
    pub(crate) present: AtomicBool,
}

impl FileReads for Files {
    fn kind(&self, path: &str) -> io::Result<FileKind> {
        Ok(match path {
            "" => FileKind::Directory,
            "data.txt" => FileKind::File,
            "gone" if self.present.load(Ordering::SeqCst) => FileKind::File,
            _ => FileKind::Absent,
        })
    }

    fn read(&self, path: &str) -> io::Result<Option<Vec<u8>>> {
        Ok((path == "data.txt").then(|| b"some data".to_vec()))
    }

    fn list(&self, path: &str) -> io::Result<Option<Vec<(String, FileKind)>>> {
        Ok(path.is_empty().then(|| vec![("data.txt".to_owned(), FileKind::File)]))
    }
}
