//! The server's side of the socket to one worker.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use rustc_hash::FxHashMap;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use webstir_script::{LogLevel, Operations, read_thrown};

use super::super::{HostError, HostReply, HostedModule};
use super::frame::{Frame, Kind};

type Answer = oneshot::Sender<Result<HostReply, HostError>>;

/// A connection. Calls that wait for an answer fail when it is closed.
pub(super) struct Connection {
    shared: Arc<Shared>,
    outgoing: Mutex<Option<mpsc::UnboundedSender<Frame>>>,
    last: AtomicU32,
}

struct Shared {
    waiting: Mutex<Option<FxHashMap<u32, Answer>>>,
    opened: Instant,
    /// Milliseconds from `opened` to the last ping that is not answered yet, plus one; zero when all are.
    asked: AtomicU64,
    module: Arc<HostedModule>,
}

impl Shared {
    fn waiting(&self) -> MutexGuard<'_, Option<FxHashMap<u32, Answer>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer(&self, id: u32, result: Result<HostReply, HostError>) {
        let answer = self.waiting().as_mut().and_then(|waiting| waiting.remove(&id));
        if let Some(answer) = answer {
            // A caller that is gone needs no answer.
            let _ = answer.send(result);
        }
    }

    fn fail(&self, error: impl Fn() -> HostError) {
        let waiting = self.waiting().take();
        for answer in waiting.into_iter().flat_map(FxHashMap::into_values) {
            let _ = answer.send(Err(error()));
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.opened.elapsed().as_millis()).unwrap_or(u64::MAX - 1)
    }
}

impl Connection {
    pub(super) fn open(stream: UnixStream, operations: Arc<dyn Operations>, module: Arc<HostedModule>) -> Self {
        let shared = Arc::new(Shared {
            waiting: Mutex::new(Some(FxHashMap::default())),
            opened: Instant::now(),
            asked: AtomicU64::new(0),
            module,
        });
        let (source, sink) = stream.into_split();
        // Bounded by the answers that calls and operations wait for.
        let (outgoing, frames) = mpsc::unbounded_channel();
        tokio::spawn(write(sink, frames));
        tokio::spawn(read(source, Arc::clone(&shared), outgoing.downgrade(), operations));
        Self { shared, outgoing: Mutex::new(Some(outgoing)), last: AtomicU32::new(0) }
    }

    pub(super) async fn load(&self) -> Result<String, HostError> {
        self.ask(Kind::Load, String::new(), None).await.map(|reply| reply.message)
    }

    pub(super) async fn call(&self, message: String, body: Option<Bytes>) -> Result<HostReply, HostError> {
        self.ask(Kind::Call, message, body).await
    }

    async fn ask(&self, kind: Kind, message: String, body: Option<Bytes>) -> Result<HostReply, HostError> {
        let id = self.last.fetch_add(1, Ordering::Relaxed);
        let (answer, answered) = oneshot::channel();
        match self.shared.waiting().as_mut() {
            Some(waiting) => waiting.insert(id, answer),
            None => return Err(HostError::Lost),
        };
        self.send(Frame::new(kind, id, message, body));
        answered.await.unwrap_or(Err(HostError::Lost))
    }

    fn send(&self, frame: Frame) {
        let outgoing = self.outgoing.lock().unwrap_or_else(PoisonError::into_inner);
        // A closed connection has failed, or is about to fail, all who wait.
        let _ = outgoing.as_ref().map(|outgoing| outgoing.send(frame));
    }

    /// Calls that wait for an answer; none when it is closed.
    pub(super) fn pending(&self) -> Option<usize> {
        self.shared.waiting().as_ref().map(FxHashMap::len)
    }

    pub(super) fn fail(&self, error: impl Fn() -> HostError) {
        self.shared.fail(error);
    }

    pub(super) fn close(&self) {
        self.outgoing.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    /// Asks for a sign, unless one is awaited.
    pub(super) fn ping(&self) {
        let now = self.shared.now() + 1;
        if self.shared.asked.compare_exchange(0, now, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
            self.send(Frame::new(Kind::Ping, 0, "", None));
        }
    }

    /// How long the oldest ping is not answered.
    pub(super) fn silence(&self) -> Duration {
        match self.shared.asked.load(Ordering::Relaxed) {
            0 => Duration::ZERO,
            asked => Duration::from_millis((self.shared.now() + 1).saturating_sub(asked)),
        }
    }
}

/// Until nobody can send any more; then the worker sees the end of the stream. Frames that wait go out in one write.
async fn write(mut sink: OwnedWriteHalf, mut frames: mpsc::UnboundedReceiver<Frame>) {
    const MOST: usize = 64;
    let mut waiting = Vec::with_capacity(MOST);
    let mut bytes = Vec::new();
    while frames.recv_many(&mut waiting, MOST).await > 0 {
        bytes.clear();
        for frame in waiting.drain(..) {
            match frame.encode() {
                Ok(encoded) => bytes.extend_from_slice(&encoded),
                Err(error) => tracing::error!("[webstir] worker: {error}"),
            }
        }
        if sink.write_all(&bytes).await.is_err() {
            return;
        }
    }
}

async fn read(
    source: OwnedReadHalf,
    shared: Arc<Shared>,
    outgoing: mpsc::WeakUnboundedSender<Frame>,
    operations: Arc<dyn Operations>,
) {
    let mut source = BufReader::new(source);
    loop {
        let frame = match Frame::read(&mut source).await {
            Ok(Some(frame)) => frame,
            Ok(None) => break,
            Err(error) => {
                tracing::error!("[webstir] worker: {error}");
                // Leave nothing unread: the worker would wait for it.
                let _ = source.read_to_end(&mut Vec::new()).await;
                break;
            }
        };
        match frame.kind {
            Kind::Reply => shared.answer(frame.id, Ok(HostReply { message: frame.message, body: frame.body })),
            Kind::Thrown => {
                let module = &shared.module;
                let root = module.root.to_string_lossy();
                let thrown = read_thrown(&frame.message, &root, &module.program(), &**module);
                shared.answer(frame.id, Err(HostError::Thrown(thrown)));
            }
            Kind::Operation => {
                let Some((name, message)) = frame.message.split_once('\n') else { continue };
                let done = operations.call(name, message.to_owned(), frame.body);
                // Weak, so that closing waits for no operation.
                let outgoing = outgoing.clone();
                tokio::spawn(async move {
                    let answer = match done.await {
                        Ok(reply) => Frame::new(Kind::Done, frame.id, reply.message, reply.body),
                        Err(error) => {
                            let refused = json!({ "name": error.name, "message": error.message, "code": error.code });
                            Frame::new(Kind::Refused, frame.id, refused.to_string(), None)
                        }
                    };
                    let _ = outgoing.upgrade().map(|outgoing| outgoing.send(answer));
                });
            }
            Kind::Log => {
                let (level, record) = frame.message.split_once('\n').unwrap_or(("info", &frame.message));
                operations.log(LogLevel::from_name(level), record.to_owned());
            }
            Kind::Pong => shared.asked.store(0, Ordering::Relaxed),
            Kind::Hello | Kind::Load | Kind::Call | Kind::Done | Kind::Refused | Kind::Ping => {}
        }
    }
    shared.fail(|| HostError::Lost);
}
