//! One worker process.

use std::fs;
use std::io;
use std::process::Stdio;
use std::time::Duration;

use futures_util::future::join_all;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use uuid::Uuid;

use super::super::HostedModule;
use super::WorkerSettings;
use super::frame::{Frame, Kind};
use super::home::Home;

/// The process and everything that it started. Killed when it is dropped.
pub(super) struct Process {
    child: Child,
    group: Option<Pid>,
    /// Read what it prints.
    readers: Vec<JoinHandle<()>>,
}

/// After its socket is closed it has this long to end by itself.
const GRACE: Duration = Duration::from_secs(2);
/// A longer line of its output is cut.
const LONGEST_LINE: usize = 16 << 10;

impl Process {
    /// Starts it and waits until it has connected and shown its token.
    pub(super) async fn start(
        home: &Home,
        settings: &WorkerSettings,
        module: &HostedModule,
    ) -> io::Result<(Self, UnixStream)> {
        let token = Uuid::new_v4().simple().to_string();
        let socket = home.path().join(format!("{}.sock", &token[..12]));
        let listener = UnixListener::bind(&socket)?;
        let mut command = Command::new(&settings.interpreter.program);
        if !settings.interpreter.is_bun {
            command.args(["--enable-source-maps", "--no-warnings"]);
        }
        command
            .arg(home.bootstrap())
            .arg(&socket)
            .arg(home.path())
            .arg(module.path())
            .current_dir(&settings.root)
            .env_clear()
            .envs(settings.environment.iter().map(|(name, value)| (name, value)))
            .env("WEBSTIR_WORKER_TOKEN", &token)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true);
        let mut child = command.spawn()?;
        let group = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        let output = child.stdout.take().map(|output| tokio::spawn(forward(output, false)));
        let errors = child.stderr.take().map(|errors| tokio::spawn(forward(errors, true)));
        let mut process = Self { child, group, readers: output.into_iter().chain(errors).collect() };
        let stream = tokio::select! {
            connected = connect(&listener, &token) => connected?,
            status = process.wait() => return Err(io::Error::other(format!("the worker {status} before it connected"))),
        };
        // The name is of no more use; the directory goes with the last worker.
        let _ = fs::remove_file(socket);
        Ok((process, stream))
    }

    /// Says how it ended.
    pub(super) async fn wait(&mut self) -> String {
        match self.child.wait().await {
            Ok(status) => format!("ended ({status})"),
            Err(error) => format!("cannot be waited for: {error}"),
        }
    }

    /// Resident bytes.
    pub(super) fn resident(&self) -> Option<usize> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()?)).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        line.trim().strip_suffix("kB")?.trim().parse::<usize>().ok().map(|kilobytes| kilobytes << 10)
    }

    /// Waits for its end, then sees to it. What it printed is in the log.
    pub(super) async fn end(&mut self) {
        let _ = timeout(GRACE, self.child.wait()).await;
        self.kill().await;
        // Something that left its group may still hold its output.
        let _ = timeout(GRACE, join_all(self.readers.drain(..))).await;
    }

    /// With everything that it started.
    pub(super) async fn kill(&mut self) {
        self.kill_group();
        let _ = self.child.wait().await;
    }

    fn kill_group(&mut self) {
        if let Some(group) = self.group.take() {
            // Fails when all of it has ended.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill_group();
    }
}

/// Whoever connects without the token is turned away.
async fn connect(listener: &UnixListener, token: &str) -> io::Result<UnixStream> {
    loop {
        let (mut stream, _) = listener.accept().await?;
        if let Ok(Some(hello)) = Frame::read(&mut stream).await
            && hello.kind == Kind::Hello
            && hello.message == token
        {
            return Ok(stream);
        }
    }
}

/// What it prints is part of the log.
async fn forward(output: impl AsyncRead + Unpin, is_error: bool) {
    let mut lines = BufReader::new(output).split(b'\n');
    while let Ok(Some(line)) = lines.next_segment().await {
        let line = String::from_utf8_lossy(&line[..line.len().min(LONGEST_LINE)]);
        let line = line.trim_end();
        if is_error {
            tracing::error!(target: "worker", "{line}");
        } else {
            tracing::info!(target: "worker", "{line}");
        }
    }
}
