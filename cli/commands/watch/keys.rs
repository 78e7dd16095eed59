//! Keys that are pressed while a workspace is watched.

use std::io::{self, IsTerminal as _, Read as _};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcgetpgrp, tcsetattr};

use crate::compose::{Request, Requests};

/// How the terminal was.
static BEFORE: Mutex<Option<Termios>> = Mutex::new(None);

/// Reads keys in raw mode, and restores the terminal when it is dropped.
pub(super) struct Keys;

impl Keys {
    /// `None` when there is no terminal to read, or when it is somebody else's.
    pub(super) fn listen(requests: Requests, url: Option<String>) -> Option<Self> {
        let stdin = io::stdin();
        // A process in the background would be stopped by touching the terminal.
        if !stdin.is_terminal() || tcgetpgrp(&stdin).ok()? != rustix::process::getpgrp() {
            return None;
        }
        let before = tcgetattr(&stdin).ok()?;
        let mut unbuffered = before.clone();
        // Ctrl-C stays a signal, and lines are written as ever.
        unbuffered.local_modes.remove(LocalModes::ICANON | LocalModes::ECHO);
        tcsetattr(&stdin, OptionalActions::Now, &unbuffered).ok()?;
        *BEFORE.lock().unwrap_or_else(PoisonError::into_inner) = Some(before);
        let keys = Self;
        std::thread::Builder::new().name("keys".to_owned()).spawn(move || receive(&requests, url.as_deref())).ok()?;
        Some(keys)
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        restore();
    }
}

/// Leaves the terminal as it was.
pub(in crate::commands) fn restore() {
    if let Some(before) = BEFORE.lock().unwrap_or_else(PoisonError::into_inner).take() {
        // There is nobody to tell.
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &before);
    }
}

fn receive(requests: &Requests, url: Option<&str>) {
    let mut byte = [0];
    while io::stdin().lock().read_exact(&mut byte).is_ok() {
        let request = match byte[0].to_ascii_lowercase() {
            b'r' => Request::Rebuild,
            b't' => Request::Check,
            b'q' => Request::Stop,
            b'o' => {
                if let Some(url) = url {
                    open(url);
                }
                continue;
            }
            _ => continue,
        };
        if !requests.ask(request) {
            return;
        }
    }
}

/// Opens a page in the user's browser, if there is one.
pub(super) fn open(url: &str) {
    let program = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let mut command = Command::new(program);
    command.arg(url).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    if let Ok(mut child) = command.spawn() {
        // It is waited for, so that nothing is left of it.
        let _ = std::thread::Builder::new().spawn(move || drop(child.wait()));
    }
}
