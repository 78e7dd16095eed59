//! A SQLite file and the thread that it is used on.
//!
//! A [`SqliteThread`] owns a connection and does *jobs* in the order in which they come, off the threads that serve connections. What a
//! job is, how long one may take and who waits for its turn is the business of those who send it.

use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rusqlite::{Connection, InterruptHandle};
use tokio::sync::oneshot;

type Job = Box<dyn FnOnce(&mut Connection) + Send>;

/// The thread of a connection. It ends, and closes the file, when this is dropped or has been ended, after the jobs that were sent.
pub(crate) struct SqliteThread {
    jobs: Mutex<Option<mpsc::Sender<Job>>>,
    interrupt: InterruptHandle,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// The thread has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stopped;

/// What keeps a thread from being started, beside what keeps its connection from being made.
#[derive(Debug)]
pub(crate) enum StartError {
    /// The system gives no thread.
    Thread(io::Error),
    /// It ended before it had said what became of the connection.
    Stopped,
}

/// What keeps a file from being opened.
#[derive(Debug)]
pub(crate) enum OpenError {
    /// Its directory cannot be made.
    Directory(io::Error),
    /// It cannot be made.
    File(io::Error),
    /// It is no database, or cannot be used as one.
    Sqlite(rusqlite::Error),
}

/// Opens or makes a file and its directory; a new file that is `private` is its owner's alone. A write waits up to `busy` for another
/// process.
///
/// The journal is a write-ahead log with `synchronous = NORMAL`: a commit is a write to the log without waiting for the disk. What was
/// committed survives the end of the process in any way, a kill included. When the machine itself loses power, the last commits may be
/// missing, and the file stays whole.
pub(crate) fn open(path: &Path, private: bool, busy: Duration) -> Result<Connection, OpenError> {
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory).map_err(OpenError::Directory)?;
    }
    if private {
        // SQLite gives the files beside it the same mode.
        OpenOptions::new().append(true).create(true).mode(0o600).open(path).map_err(OpenError::File)?;
    }
    let set_up = || {
        let connection = Connection::open(path)?;
        connection.busy_timeout(busy)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "NORMAL")?;
        Ok(connection)
    };
    set_up().map_err(OpenError::Sqlite)
}

impl SqliteThread {
    /// Starts a thread, which makes the connection first and gives back what `connect` found out beside.
    pub(crate) async fn start<T, E>(
        name: &str,
        connect: impl FnOnce() -> Result<(Connection, T), E> + Send + 'static,
    ) -> Result<(Self, T), E>
    where
        T: Send + 'static,
        E: From<StartError> + Send + 'static,
    {
        let (jobs, queue) = mpsc::channel::<Job>();
        let (report, opened) = oneshot::channel();
        let thread = thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || match connect() {
                Ok((mut connection, found)) => {
                    if report.send(Ok((connection.get_interrupt_handle(), found))).is_ok() {
                        for job in queue {
                            job(&mut connection);
                        }
                    }
                }
                Err(error) => {
                    // Nobody waits any more: then nobody wants to know.
                    let _ = report.send(Err(error));
                }
            })
            .map_err(StartError::Thread)?;
        let (interrupt, found) = opened.await.map_err(|_| StartError::Stopped)??;
        Ok((Self { jobs: Mutex::new(Some(jobs)), interrupt, thread: Mutex::new(Some(thread)) }, found))
    }

    /// Sends a job. It is done even when nobody waits for its answer.
    pub(crate) fn send<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Connection) -> T + Send + 'static,
    ) -> Result<oneshot::Receiver<T>, Stopped> {
        let (reply, answer) = oneshot::channel();
        let job: Job = Box::new(move |connection| {
            // Nobody may wait any more.
            let _ = reply.send(job(connection));
        });
        lock(&self.jobs).as_ref().ok_or(Stopped)?.send(job).map_err(|_| Stopped)?;
        Ok(answer)
    }

    /// Stops the statement that runs, which fails.
    pub(crate) fn interrupt(&self) {
        self.interrupt.interrupt();
    }

    /// Takes no more jobs.
    pub(crate) fn end(&self) {
        lock(&self.jobs).take();
    }

    /// Ends it and waits until the file is closed, once.
    pub(crate) fn join(&self) {
        self.end();
        let thread = lock(&self.thread).take();
        if let Some(thread) = thread {
            // A panic of the thread was reported when it happened.
            let _ = thread.join();
        }
    }

    /// The same, off the threads that serve connections.
    pub(crate) async fn close(self: &Arc<Self>) {
        let own = Arc::clone(self);
        // It can fail only as `join` can: by a panic, which was reported.
        let _ = tokio::task::spawn_blocking(move || own.join()).await;
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
