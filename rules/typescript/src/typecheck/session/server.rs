//! The compiler's process and the conversation with it.
//!
//! A [`Server`] answers the compiler's five file-system questions while it waits for the answer to a question of its own.

use std::borrow::Cow;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use serde::{Deserialize, Serialize};
use webstir_engine::digest::Digest;
use webstir_engine::system::PathKind;

use super::messages::{Content, Entries};
use super::{Generation, ROOT, inside};
use crate::typecheck::process::{Outgoing, Process};
use crate::typecheck::protocol::{Envelope, Frames, Id, ProtocolError, Question, Reply, frame, result};
use crate::typecheck::text::Text;
use crate::typecheck::workspace::Workspace;
use crate::typecheck::{Request, TypecheckError};

/// How a compiler is started.
#[derive(Debug)]
pub(in crate::typecheck) struct Launch {
    pub(in crate::typecheck) generation: Generation,
    pub(in crate::typecheck) executable: PathBuf,
    pub(in crate::typecheck) arguments: Vec<OsString>,
    /// The variables that it sees besides those of every command.
    pub(in crate::typecheck) environment: &'static [(&'static str, &'static str)],
    /// The files in its working directory, where there is nothing else, sorted.
    pub(in crate::typecheck) files: Vec<(&'static str, Cow<'static, [u8]>)>,
    /// Where its compiled code is kept that nobody has yet.
    pub(in crate::typecheck) uncompiled: Option<Digest>,
    /// The directory of the compiler's own library, with a slash at its end.
    pub(in crate::typecheck) library: String,
}

/// One compiler.
#[derive(Debug)]
pub(super) struct Server {
    process: Process,
    frames: Frames,
    outgoing: Outgoing,
    scratch: Vec<u8>,
    asked: u64,
    /// The compiler's own library, which it reads by itself.
    library: String,
    uncompiled: Option<Digest>,
}

impl Server {
    /// Starts a compiler.
    pub(super) fn start(request: &Request<'_>, launch: Launch) -> Result<Self, TypecheckError> {
        Ok(Self {
            process: Process::start(request, &launch)?,
            frames: Frames::default(),
            outgoing: Outgoing::default(),
            scratch: Vec::new(),
            asked: 0,
            library: launch.library,
            uncompiled: launch.uncompiled,
        })
    }

    /// The name of a file of the compiler's own library, below its directory.
    pub(super) fn library_file<'n>(&self, name: &'n str) -> Option<&'n str> {
        name.strip_prefix(&self.library)
    }

    /// Where its compiled code is missing; once.
    pub(super) fn take_uncompiled(&mut self) -> Option<Digest> {
        self.uncompiled.take()
    }

    /// The bytes of memory that the compiler has; `None` where the system does not say.
    pub(super) fn resident(&self) -> Option<u64> {
        self.process.resident()
    }

    /// Asks one question and answers those of the compiler until its answer comes. After a cancellation the answer may still come;
    /// it is then nobody's.
    pub(super) fn ask<T: for<'de> Deserialize<'de>>(
        &mut self,
        workspace: &mut Workspace<'_>,
        cancelled: &AtomicBool,
        method: &str,
        params: impl Serialize,
    ) -> Result<T, TypecheckError> {
        self.asked += 1;
        self.send(&Question { jsonrpc: "2.0", id: self.asked, method, params });
        loop {
            while let Some(range) = self.frames.next().map_err(|error| self.broken(&error))? {
                // The frame is taken out while the question in it is answered.
                let frames = std::mem::take(&mut self.frames);
                let answered = self.receive(workspace, method, frames.message(range));
                self.frames = frames;
                if let Some(answer) = answered? {
                    return Ok(answer);
                }
            }
            if self.process.exchange(&mut self.outgoing, self.frames.buffer(), cancelled)? == 0 {
                return Err(self.process.ended(cancelled));
            }
        }
    }

    /// Takes one message; returns the result when it is the answer to our question.
    fn receive<T: for<'de> Deserialize<'de>>(
        &mut self,
        workspace: &mut Workspace<'_>,
        method: &str,
        message: &[u8],
    ) -> Result<Option<T>, TypecheckError> {
        let envelope = Envelope::read(message).map_err(|error| self.broken(&error))?;
        match envelope {
            Envelope { id: Some(Id::Theirs(id)), method: Some(question), params: Some(path), .. } => {
                self.answer(workspace, &id, &question.0, &path.0)?;
                Ok(None)
            }
            // To a question that was given up.
            Envelope { id: Some(Id::Ours(id)), method: None, .. } if id < self.asked => Ok(None),
            Envelope { error: Some(error), .. } => {
                Err(TypecheckError::Refused { method: method.to_owned(), message: error.message })
            }
            Envelope { id: Some(Id::Ours(id)), method: None, .. } if id == self.asked => {
                result(message).map(Some).map_err(|error| self.broken(&error))
            }
            _ => Err(self.broken(&ProtocolError::Message("neither a known question nor the answer".to_owned()))),
        }
    }

    /// Answers one question about a path. `null` sends the compiler to the real file system, which only its own library gets.
    fn answer(
        &mut self,
        workspace: &mut Workspace<'_>,
        id: &str,
        question: &str,
        path: &str,
    ) -> Result<(), TypecheckError> {
        if path.starts_with(&self.library) && !path.contains("/..") {
            self.reply(id, ());
            return Ok(());
        }
        let place = inside(path);
        match question {
            "readFile" => {
                let mut scratch = std::mem::take(&mut self.scratch);
                let text = match &place {
                    Some(path) => workspace.read(path)?,
                    None => None,
                };
                let content = text.map(Text::sent);
                let result = Content { content: content.as_deref() };
                frame(&Reply { jsonrpc: "2.0", id, result }, &mut scratch, &mut |bytes| self.outgoing.extend(bytes));
                self.scratch = scratch;
            }
            "fileExists" | "directoryExists" => {
                let kind = place.map_or(Ok(PathKind::Absent), |path| workspace.kind(&path))?;
                let wanted = if question == "fileExists" { PathKind::File } else { PathKind::Directory };
                self.reply(id, kind == wanted);
            }
            "getAccessibleEntries" => {
                let listed = place.map(|path| workspace.list(&path)).transpose()?;
                let (files, directories) = listed.unwrap_or_default();
                self.reply(id, Entries { files, directories });
            }
            "realpath" => {
                let real = place.map(|path| workspace.real_path(&path)).transpose()?;
                match real {
                    Some(real) if real.is_root() => self.reply(id, ROOT),
                    Some(real) => self.reply(id, format!("{ROOT}/{real}")),
                    None => self.reply(id, path),
                }
            }
            _ => return Err(self.broken(&ProtocolError::Message(format!("an unknown question `{question}`")))),
        }
        Ok(())
    }

    fn reply(&mut self, id: &str, result: impl Serialize) {
        self.send(&Reply { jsonrpc: "2.0", id, result });
    }

    fn send(&mut self, message: &impl Serialize) {
        frame(message, &mut self.scratch, &mut |bytes| self.outgoing.extend(bytes));
    }

    /// The error for a compiler that says something else than it should.
    pub(super) fn broken(&mut self, error: &ProtocolError) -> TypecheckError {
        TypecheckError::Protocol { source: error.clone(), stderr: self.process.stderr() }
    }
}
