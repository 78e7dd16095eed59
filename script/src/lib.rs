//! The embedded JavaScript engine behind one small API.
//!
//! [`evaluate`] runs one [`Program`] in a fresh engine and describes what it exports. An evaluation is deterministic: its clock
//! stands still, its random numbers are seeded, it sees the files and environment values that it is given and nothing else, and
//! it ends within its [`Limits`].
//!
//! [`Isolates`] load one program and run its handlers, many at once, with the real clock and with the [`Operations`] of their host.
//! No other crate names the engine.

mod code;
mod definition;
mod error;
mod evaluation;
mod faults;
mod files;
mod frames;
mod host;
mod isolate;
mod limits;
mod meter;
mod modules;
mod program;
mod rejections;
mod serve;

pub use code::Code;
pub use definition::{Callable, Definition, Dropped, Entry, ModuleDescription};
pub use error::{Frame, ScriptError, Thrown};
pub use evaluation::{Evaluated, Evaluation, LogLevel, LogLine, evaluate};
pub use files::{FileKind, FileReads, NoFiles};
pub use frames::read_thrown;
pub use limits::Limits;
pub use modules::{is_builtin, portable_module, portable_modules, supported_modules};
pub use program::{NoSourceMaps, Program, ProgramModule, SourceMap, SourceMaps};
pub use serve::{CallError, Isolates, OperationError, OperationReply, Operations, Reply, ServeLimits, ServeSettings};

/// The text of an ES module that exports `describeModule` and `describeThrown`: how [`evaluate`] describes a module, for
/// interpreters outside of this process. Each gives JSON, of a [`ModuleDescription`] and of a thrown value.
pub const DESCRIBE: &str = include_str!("prelude/describe.js");
