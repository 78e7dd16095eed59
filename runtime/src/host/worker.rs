//! Handlers in processes of Bun or Node.
//!
//! [`Workers`] are several processes that have all loaded one module. Each is watched by a task of its own: when it ends, its
//! calls fail and it is started again, later with each time that it fails soon. One that no longer answers, or holds too much
//! memory, is killed and counts as ended.

mod connection;
mod frame;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod home;
mod process;

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, join_all};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};
use webstir_script::Operations;

use super::calls::HostOperations;
use super::{Calls, HandlerHost, HostError, HostReply, HostedModule};
use crate::application::HandlerLimits;
use connection::Connection;
use home::Home;
use process::Process;

/// What runs workers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interpreter {
    pub program: PathBuf,
    pub is_bun: bool,
}

impl Interpreter {
    /// Bun, else Node, as installed in the workspace or found on the search path.
    pub fn find(root: &Path, search_path: Option<&str>) -> Option<Self> {
        let installed = root.join("node_modules/.bin");
        let directories: Vec<PathBuf> =
            std::iter::once(installed).chain(search_path.map(std::env::split_paths).into_iter().flatten()).collect();
        ["bun", "node"].into_iter().find_map(|name| {
            let program = directories.iter().map(|directory| directory.join(name)).find(|program| program.is_file())?;
            Some(Self { program, is_bun: name == "bun" })
        })
    }
}

/// How workers run.
#[derive(Debug, Clone)]
pub struct WorkerSettings {
    pub interpreter: Interpreter,
    /// What each sees as its environment.
    pub environment: Vec<(String, String)>,
    /// The workspace root, their working directory.
    pub root: PathBuf,
    /// How many. With more than one, state of the module is not shared by all requests.
    pub count: NonZeroUsize,
    /// Of one: resident bytes, and CPU time without a sign, where that is more than the usual silence.
    pub limits: HandlerLimits,
}

/// Starting an interpreter and loading a large bundle on a busy machine.
const START: Duration = Duration::from_secs(30);
/// A request waits this long for a worker that is being started again.
const PATIENCE: Duration = Duration::from_secs(10);
/// The time between two looks at a worker, and the longest silence.
const HEARTBEAT: Duration = Duration::from_secs(1);
const SILENCE: Duration = Duration::from_secs(10);
/// One that lived this long did not fail soon.
const SETTLED: Duration = Duration::from_secs(30);
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Processes that have loaded one module.
pub struct Workers {
    slots: Vec<Slot>,
    closing: watch::Sender<bool>,
}

struct Slot {
    connection: watch::Receiver<Option<Arc<Connection>>>,
    task: std::sync::Mutex<Option<JoinHandle<()>>>,
}

/// What a slot's task needs.
struct Supervisor {
    home: Arc<Home>,
    settings: Arc<WorkerSettings>,
    module: Arc<HostedModule>,
    operations: Arc<dyn Operations>,
    connection: watch::Sender<Option<Arc<Connection>>>,
    closing: watch::Receiver<bool>,
}

impl Workers {
    /// Starts them; gives what the dispatcher said of the module.
    pub async fn start(
        module: HostedModule,
        settings: WorkerSettings,
        calls: Arc<Calls>,
    ) -> Result<(Self, String), HostError> {
        let unavailable = |error: std::io::Error| HostError::Unavailable(error.to_string());
        let home = Arc::new(Home::create(&module).map_err(unavailable)?);
        let (settings, module) = (Arc::new(settings), Arc::new(module));
        let (closing, _) = watch::channel(false);
        let mut starts = Vec::new();
        let mut slots = Vec::new();
        for _ in 0..settings.count.get() {
            let (connection, watched) = watch::channel(None);
            let supervisor = Supervisor {
                home: Arc::clone(&home),
                settings: Arc::clone(&settings),
                module: Arc::clone(&module),
                operations: Arc::new(HostOperations::new(Arc::clone(&calls), settings.root.clone())),
                connection,
                closing: closing.subscribe(),
            };
            starts.push(async move {
                let started = supervisor.start().await?;
                Ok::<_, HostError>((supervisor, started))
            });
            slots.push(watched);
        }
        let mut description = None;
        let mut running = Vec::new();
        for (watched, started) in slots.into_iter().zip(join_all(starts).await) {
            let (supervisor, (process, text)) = started?;
            description = Some(text);
            let task = tokio::spawn(supervisor.keep_running(process));
            running.push(Slot { connection: watched, task: std::sync::Mutex::new(Some(task)) });
        }
        Ok((Self { slots: running, closing }, description.unwrap_or_default()))
    }

    fn least_busy(&self) -> Option<Arc<Connection>> {
        let connections = self.slots.iter().filter_map(|slot| slot.connection.borrow().clone());
        let open = connections.filter_map(|connection| Some((connection.pending()?, connection)));
        open.min_by_key(|(pending, _)| *pending).map(|(_, connection)| connection)
    }

    async fn connection(&self) -> Option<Arc<Connection>> {
        if let Some(connection) = self.least_busy() {
            return Some(connection);
        }
        let changes = self.slots.iter().map(|slot| {
            let mut connection = slot.connection.clone();
            async move { connection.wait_for(|connection| connection.as_ref().is_some_and(is_open)).await.map(|_| ()) }
                .boxed()
        });
        let _ = timeout(PATIENCE, futures_util::future::select_all(changes)).await;
        self.least_busy()
    }
}

/// A worker that is being ended still has its connection.
fn is_open(connection: &Arc<Connection>) -> bool {
    connection.pending().is_some()
}

impl HandlerHost for Workers {
    fn call(&self, message: String, body: Option<Bytes>) -> BoxFuture<'_, Result<HostReply, HostError>> {
        async move {
            let connection = self.connection().await;
            let connection =
                connection.ok_or_else(|| HostError::Unavailable("the worker is being started again".to_owned()))?;
            connection.call(message, body).await
        }
        .boxed()
    }

    fn is_available(&self) -> bool {
        self.slots.iter().any(|slot| slot.connection.borrow().as_ref().is_some_and(is_open))
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        async move {
            self.closing.send_replace(true);
            for slot in &self.slots {
                let task = slot.task.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
                if let Some(task) = task {
                    // It ends by itself; a fault of it was reported where it happened.
                    let _ = task.await;
                }
            }
        }
        .boxed()
    }
}

impl Supervisor {
    async fn start(&self) -> Result<(Process, String), HostError> {
        let start = async {
            let (process, stream) = Process::start(&self.home, &self.settings, &self.module)
                .await
                .map_err(|error| HostError::Unavailable(error.to_string()))?;
            let connection = Arc::new(Connection::open(stream, Arc::clone(&self.operations), Arc::clone(&self.module)));
            let description = connection.load().await?;
            self.connection.send_replace(Some(connection));
            Ok((process, description))
        };
        let too_slow = |_| HostError::Unavailable("the worker did not start in time".to_owned());
        timeout(START, start).await.map_err(too_slow)?
    }

    async fn keep_running(self, first: Process) {
        let mut process = Some(first);
        let mut pause = FIRST_PAUSE;
        let mut closing = self.closing.clone();
        loop {
            if let Some(running) = process.take() {
                let since = Instant::now();
                let reason = self.watch(running).await;
                self.connection.send_replace(None);
                if *closing.borrow() {
                    return;
                }
                tracing::error!("[webstir] worker {reason}; starting it again");
                if since.elapsed() > SETTLED {
                    pause = FIRST_PAUSE;
                }
            }
            tokio::select! {
                () = sleep(pause) => {}
                () = closed(&mut closing) => return,
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
            match self.start().await {
                Ok((started, _)) => process = Some(started),
                Err(error) => {
                    self.connection.send_replace(None);
                    tracing::error!("[webstir] worker did not start: {error}");
                }
            }
        }
    }

    /// Until it has ended; says how.
    async fn watch(&self, mut process: Process) -> String {
        let connection = self.connection.borrow().clone();
        let Some(connection) = connection else { return "ended".to_owned() };
        let HandlerLimits { cpu, memory: most } = self.settings.limits;
        let limit = cpu.max(SILENCE);
        let mut closing = self.closing.clone();
        loop {
            tokio::select! {
                status = process.wait() => {
                    connection.fail(|| HostError::Lost);
                    return status;
                }
                () = closed(&mut closing) => {
                    connection.close();
                    process.end().await;
                    connection.fail(|| HostError::Lost);
                    return "closed".to_owned();
                }
                () = sleep(HEARTBEAT) => {}
            }
            let memory = process.resident().unwrap_or(0);
            let reason = if connection.silence() > limit {
                connection.fail(|| HostError::Stopped { limit });
                format!("gave no sign for {} s", limit.as_secs())
            } else if memory > most {
                connection.fail(|| HostError::Memory { limit: most });
                format!("held {} MiB of memory", memory >> 20)
            } else {
                connection.ping();
                continue;
            };
            process.kill().await;
            return reason;
        }
    }
}

async fn closed(closing: &mut watch::Receiver<bool>) {
    // The sender lives as long as the workers: without it they are closed too.
    let _ = closing.wait_for(|closing| *closing).await;
}
