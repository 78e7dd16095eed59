//! One evaluation, from the caller's side.
//!
//! The module runs on a thread of its own: its stack has a known size and its CPU time is its own. The caller's thread answers
//! questions about files meanwhile, so [`FileReads`] need not be shared between threads.

use std::panic;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;

use crate::definition::ModuleDescription;
use crate::error::ScriptError;
use crate::files::{FileReads, Question};
use crate::frames::FrameMaps;
use crate::isolate::{self, Job};
use crate::limits::Limits;
use crate::program::{Program, SourceMaps};

/// One program to evaluate.
pub struct Evaluation<'a> {
    /// The module with what it imports.
    pub program: Program,
    /// From its modules back to what the user wrote.
    pub source_maps: &'a dyn SourceMaps,
    /// `process.env`: the allowed values and no others.
    pub environment: &'a [(String, String)],
    /// The files.
    pub files: &'a dyn FileReads,
    /// What it may use.
    pub limits: Limits,
}

/// What an evaluation gave.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluated {
    /// What the module exports.
    pub module: ModuleDescription,
    /// What it wrote to the console, at most 1000 lines.
    pub log: Vec<LogLine>,
}

/// A line that was written to the console.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// Its weight.
    pub level: LogLevel,
    /// Its text, without the final newline.
    pub text: String,
}

/// The weight of a line, growing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// The finest.
    Trace,
    /// `console.debug`, `console.trace`.
    Debug,
    /// `console.log` and the like.
    Info,
    /// `console.warn`.
    Warn,
    /// `console.error`.
    Error,
    /// The process cannot go on.
    Fatal,
}

impl LogLevel {
    /// By its name in lower case; any other name is `info`.
    pub fn from_name(name: &str) -> Self {
        match name {
            "trace" => Self::Trace,
            "debug" => Self::Debug,
            "warn" => Self::Warn,
            "error" => Self::Error,
            "fatal" => Self::Fatal,
            _ => Self::Info,
        }
    }
}

/// What the evaluating thread tells.
pub(crate) enum Message {
    Question(Question),
    Done(Box<Result<Evaluated, ScriptError>>),
}

/// Added to the stack limit for the engine's own C functions and for ours.
const STACK_RESERVE: usize = 2 << 20;

/// Evaluates a program in a fresh engine and describes what its entry exports. May be called from any thread; blocks until the module is
/// done or a limit is reached.
///
/// # Panics
/// When this crate has a fault.
pub fn evaluate(evaluation: Evaluation<'_>) -> Result<Evaluated, ScriptError> {
    let (sender, messages) = mpsc::channel();
    let abandoned = Arc::new(AtomicBool::new(false));
    let program = Arc::new(evaluation.program);
    let job = Job {
        program: Arc::clone(&program),
        environment: evaluation.environment.to_vec(),
        limits: evaluation.limits,
        abandoned: Arc::clone(&abandoned),
        messages: sender,
    };
    let limits = evaluation.limits;
    let thread = thread::Builder::new()
        .name("script".to_owned())
        .stack_size(limits.stack + STACK_RESERVE)
        .spawn(move || isolate::run(&job))
        .map_err(|error| ScriptError::Start(error.to_string()))?;
    let leave = |error| {
        abandoned.store(true, Ordering::Relaxed);
        Err(error)
    };
    let result = loop {
        match messages.recv_timeout(limits.silence) {
            Ok(Message::Question(question)) => {
                if let Err((path, source)) = question.answer(evaluation.files) {
                    break leave(ScriptError::Files { path, source });
                }
            }
            Ok(Message::Done(result)) => break *result,
            Err(RecvTimeoutError::Timeout) => break leave(ScriptError::Silence { limit: limits.silence }),
            Err(RecvTimeoutError::Disconnected) => match thread.join() {
                Err(fault) => panic::resume_unwind(fault),
                Ok(()) => unreachable!("the evaluating thread ends with a result"),
            },
        }
    };
    result.map_err(|mut error| {
        if let Some(thrown) = error.thrown_mut() {
            FrameMaps::new(&program, evaluation.source_maps).apply(thrown);
        }
        error
    })
}
