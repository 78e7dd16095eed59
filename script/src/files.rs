//! The files that an evaluation sees.

use std::io;
use std::sync::Arc;
use std::sync::mpsc;

use crate::evaluation::Message;

/// What is at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FileKind {
    /// Nothing.
    Absent,
    /// A file.
    File,
    /// A directory.
    Directory,
}

impl FileKind {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::File => "file",
            Self::Directory => "directory",
        }
    }
}

/// The only way from a script to files. Paths are below the workspace root, `/`-separated, without `.` and `..`; the empty
/// path is the root. An evaluation calls from the thread that called [`evaluate`](crate::evaluate), and an error ends it. An isolate
/// that serves calls from its own thread, which waits, and an error is thrown in the script.
pub trait FileReads {
    /// What is at `path`.
    fn kind(&self, path: &str) -> io::Result<FileKind>;
    /// The bytes of the file at `path`; `None` when there is none.
    fn read(&self, path: &str) -> io::Result<Option<Vec<u8>>>;
    /// Name and kind of each entry of the directory at `path`, sorted by name; `None` when there is none.
    fn list(&self, path: &str) -> io::Result<Option<Vec<(String, FileKind)>>>;
}

/// An empty workspace.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoFiles;

impl FileReads for NoFiles {
    fn kind(&self, path: &str) -> io::Result<FileKind> {
        Ok(if path.is_empty() { FileKind::Directory } else { FileKind::Absent })
    }

    fn read(&self, _path: &str) -> io::Result<Option<Vec<u8>>> {
        Ok(None)
    }

    fn list(&self, path: &str) -> io::Result<Option<Vec<(String, FileKind)>>> {
        Ok(path.is_empty().then(Vec::new))
    }
}

/// A question that the evaluating thread asks the calling thread.
pub(crate) struct Question {
    pub(crate) path: String,
    pub(crate) kind: QuestionKind,
}

/// What is asked, and where the answer goes.
pub(crate) enum QuestionKind {
    Kind(mpsc::Sender<FileKind>),
    Read(mpsc::Sender<Option<Vec<u8>>>),
    List(mpsc::Sender<Option<Vec<(String, FileKind)>>>),
}

impl Question {
    /// Answers; an asker that is gone is no error.
    pub(crate) fn answer(self, files: &dyn FileReads) -> Result<(), (String, io::Error)> {
        let Self { path, kind } = self;
        let sent = match kind {
            QuestionKind::Kind(reply) => files.kind(&path).map(|answer| reply.send(answer).is_ok()),
            QuestionKind::Read(reply) => files.read(&path).map(|answer| reply.send(answer).is_ok()),
            QuestionKind::List(reply) => files.list(&path).map(|answer| reply.send(answer).is_ok()),
        };
        sent.map(|_| ()).map_err(|error| (path, error))
    }
}

/// The files of the calling thread, seen from the evaluating one. When there is no answer any more, the calling thread has reported
/// why: the evaluation only has to end.
pub(crate) struct Asked(pub(crate) mpsc::Sender<Message>);

impl Asked {
    fn ask<T>(&self, path: &str, kind: impl FnOnce(mpsc::Sender<T>) -> QuestionKind) -> io::Result<T> {
        let (reply, answer) = mpsc::channel();
        let sent = self.0.send(Message::Question(Question { path: path.to_owned(), kind: kind(reply) }));
        sent.ok().and_then(|()| answer.recv().ok()).ok_or_else(|| io::ErrorKind::BrokenPipe.into())
    }
}

impl FileReads for Asked {
    fn kind(&self, path: &str) -> io::Result<FileKind> {
        self.ask(path, QuestionKind::Kind)
    }

    fn read(&self, path: &str) -> io::Result<Option<Vec<u8>>> {
        self.ask(path, QuestionKind::Read)
    }

    fn list(&self, path: &str) -> io::Result<Option<Vec<(String, FileKind)>>> {
        self.ask(path, QuestionKind::List)
    }
}

/// Files that may be asked from any thread.
pub(crate) struct SharedFiles(pub(crate) Arc<dyn FileReads + Send + Sync>);

impl FileReads for SharedFiles {
    fn kind(&self, path: &str) -> io::Result<FileKind> {
        self.0.kind(path)
    }

    fn read(&self, path: &str) -> io::Result<Option<Vec<u8>>> {
        self.0.read(path)
    }

    fn list(&self, path: &str) -> io::Result<Option<Vec<(String, FileKind)>>> {
        self.0.list(path)
    }
}
