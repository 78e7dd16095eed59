//! Calls in flight, and what their scripts may ask for.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::HeaderMap;
use rustc_hash::FxHashMap;
use serde::Deserialize;
use tokio::sync::mpsc;
use webstir_script::{LogLevel, OperationError, OperationReply, Operations};

use super::fetch::Fetch;
use super::schemas::Schemas;
use crate::auth::Authenticator;
use crate::database::{Database, DatabaseError, Databases, Statement};

/// The pieces of a streamed body; an error ends the connection, so that the client knows that the body is not whole.
pub type Chunks = mpsc::Receiver<io::Result<Bytes>>;

/// How many pieces wait for a slow client before the script does.
const CHUNKS_AHEAD: usize = 4;

/// All calls of a server.
pub struct Calls {
    last: AtomicU64,
    open: Mutex<FxHashMap<u64, Entry>>,
    fetch: Fetch,
}

struct Entry {
    /// For a script that asks who sent the request.
    sender: Option<Arc<Sender>>,
    /// What a migration may change.
    transaction: Option<OpenTransaction>,
    stream: mpsc::Sender<io::Result<Bytes>>,
}

/// What tells who sent a request.
pub struct Sender {
    pub headers: HeaderMap,
    /// The one that the server had when the request came.
    pub authenticator: Arc<Authenticator>,
}

/// A transaction of whoever makes a call, who also ends it.
#[derive(Clone)]
pub(crate) struct OpenTransaction {
    pub(crate) database: Arc<Database>,
    pub(crate) number: u64,
}

/// One call. It is forgotten when this is dropped, unless its body is streamed.
pub struct OpenCall {
    calls: Arc<Calls>,
    id: u64,
    chunks: Option<Chunks>,
}

impl Calls {
    pub fn new() -> Arc<Self> {
        Arc::new(Self { last: AtomicU64::new(0), open: Mutex::default(), fetch: Fetch::default() })
    }

    /// Starts a call. Only one with a sender may ask who sent the request.
    pub fn open(self: &Arc<Self>, sender: Option<Sender>) -> OpenCall {
        self.open_with(sender, None)
    }

    /// Starts the call of a migration.
    pub(crate) fn open_in(self: &Arc<Self>, transaction: OpenTransaction) -> OpenCall {
        self.open_with(None, Some(transaction))
    }

    fn open_with(self: &Arc<Self>, sender: Option<Sender>, transaction: Option<OpenTransaction>) -> OpenCall {
        let id = self.last.fetch_add(1, Ordering::Relaxed) + 1;
        let (stream, chunks) = mpsc::channel(CHUNKS_AHEAD);
        self.lock().insert(id, Entry { sender: sender.map(Arc::new), transaction, stream });
        OpenCall { calls: Arc::clone(self), id, chunks: Some(chunks) }
    }

    fn lock(&self) -> MutexGuard<'_, FxHashMap<u64, Entry>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn authenticate(self: Arc<Self>, message: String) -> Result<OperationReply, OperationError> {
        #[derive(Deserialize)]
        struct Question {
            call: u64,
        }
        let question: Question = read(&message)?;
        let sender = self.lock().get(&question.call).and_then(|entry| entry.sender.clone());
        let sender = sender.ok_or_else(|| refused("The request is over"))?;
        let auth = sender.authenticator.authenticate(&sender.headers).await;
        Ok(OperationReply { message: serde_json::to_string(&auth).unwrap_or_else(|_| "null".to_owned()), body: None })
    }

    async fn change(self: Arc<Self>, message: String) -> Result<OperationReply, OperationError> {
        #[derive(Deserialize)]
        struct Change {
            call: u64,
            #[serde(flatten)]
            statement: Statement,
        }
        let change: Change = read(&message)?;
        let transaction = self.lock().get(&change.call).and_then(|entry| entry.transaction.clone());
        let OpenTransaction { database, number } = transaction.ok_or_else(|| refused("The migration is over"))?;
        let answer = database.run_portable(change.statement, number).await;
        answer.map(|message| OperationReply { message, body: None }).map_err(DatabaseError::into_operation)
    }

    async fn send(
        self: Arc<Self>,
        name: String,
        message: String,
        body: Option<Bytes>,
    ) -> Result<OperationReply, OperationError> {
        #[derive(Deserialize)]
        struct Piece {
            stream: u64,
            #[serde(default)]
            message: String,
        }
        let piece: Piece = read(&message)?;
        let stream = self.lock().get(&piece.stream).map(|entry| entry.stream.clone());
        let stream = stream.ok_or_else(gone)?;
        if name == "stream.chunk" {
            stream.send(Ok(body.unwrap_or_default())).await.map_err(|_| gone())?;
        } else {
            if name == "stream.fail" {
                // A client that is gone needs no error.
                let _ = stream.send(Err(io::Error::other(piece.message))).await;
            }
            self.lock().remove(&piece.stream);
        }
        Ok(OperationReply { message: String::new(), body: None })
    }
}

fn read<'a, T: Deserialize<'a>>(message: &'a str) -> Result<T, OperationError> {
    serde_json::from_str(message).map_err(|error| refused(&error.to_string()))
}

fn refused(message: &str) -> OperationError {
    OperationError { name: "Error".to_owned(), message: message.to_owned(), code: None }
}

fn gone() -> OperationError {
    OperationError { name: "AbortError".to_owned(), message: "The client has gone".to_owned(), code: None }
}

/// Operations of one host, or of one isolate in it: they reach the calls of the server and databases of their own.
pub(super) struct HostOperations {
    calls: Arc<Calls>,
    root: PathBuf,
    databases: Arc<Databases>,
    schemas: Arc<Schemas>,
}

impl HostOperations {
    /// Relative paths of databases start at `root`, the workspace.
    pub(super) fn new(calls: Arc<Calls>, root: PathBuf) -> Self {
        Self { calls, databases: Arc::new(Databases::new(root.clone())), root, schemas: Arc::default() }
    }
}

impl Operations for HostOperations {
    fn call(
        &self,
        name: &str,
        message: String,
        body: Option<Bytes>,
    ) -> BoxFuture<'static, Result<OperationReply, OperationError>> {
        let calls = Arc::clone(&self.calls);
        if let Some(name) = name.strip_prefix("db.") {
            let (databases, name) = (Arc::clone(&self.databases), name.to_owned());
            return async move { databases.run(&name, &message).await }.boxed();
        }
        if let Some(name) = name.strip_prefix("schema.") {
            let (schemas, name) = (Arc::clone(&self.schemas), name.to_owned());
            return async move { schemas.run(&name, &message) }.boxed();
        }
        match name {
            "auth" => calls.authenticate(message).boxed(),
            "migration.query" => calls.change(message).boxed(),
            "stream.chunk" | "stream.end" | "stream.fail" => calls.send(name.to_owned(), message, body).boxed(),
            "fetch" => async move { calls.fetch.run(&message, body).await }.boxed(),
            _ => {
                let error = refused(&format!("There is no operation `{name}`"));
                async move { Err(error) }.boxed()
            }
        }
    }

    fn for_isolate(&self) -> Option<Arc<dyn Operations>> {
        Some(Arc::new(Self::new(Arc::clone(&self.calls), self.root.clone())))
    }

    fn make_directory(&self, path: &Path) -> io::Result<()> {
        std::fs::create_dir_all(path)
    }

    fn log(&self, level: LogLevel, record: String) {
        crate::log::script(level, &record);
    }
}

impl OpenCall {
    /// What the script calls it by.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// The pieces of the streamed body. From here on the call lives as long as the stream.
    pub fn into_chunks(mut self) -> Chunks {
        self.chunks.take().expect("taken once: this consumes the call")
    }
}

impl Drop for OpenCall {
    fn drop(&mut self) {
        if self.chunks.is_some() {
            self.calls.lock().remove(&self.id);
        }
    }
}
