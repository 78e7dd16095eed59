//! Reading a dump. `None` is damage.

use std::sync::Arc;
use std::time::Duration;

use crate::action::{ActionKey, Origin};
use crate::config::settings::{Setting, SettingValue};
use crate::diagnostic::Span;
use crate::digest::Digest;
use crate::event::Status;
use crate::explain::{ActionRecord, Part};
use crate::label::{ActionLabel, Label};
use crate::path::RelPath;
use crate::store::codec::Decoder;
use crate::system::{FileContent, PathKind};
use crate::view::Observation;

/// Grown as values come: a count that lies allocates nothing.
pub(super) fn table<'a, T>(
    decoder: &mut Decoder<'a>,
    mut read: impl FnMut(&mut Decoder<'a>) -> Option<T>,
) -> Option<Vec<T>> {
    let count = decoder.number()?;
    let mut values = Vec::new();
    for _ in 0..count {
        values.push(read(decoder)?);
    }
    Some(values)
}

pub(super) struct Reader<'a> {
    pub(super) decoder: Decoder<'a>,
    pub(super) texts: Vec<Arc<str>>,
    /// The texts that were taken as paths so far.
    pub(super) paths: Vec<Option<RelPath>>,
    pub(super) digests: Vec<Digest>,
    pub(super) profile: Arc<str>,
    /// The argument before.
    pub(super) argument: Arc<str>,
    /// What arguments may still expand to, in bytes.
    pub(super) left: usize,
}

impl Reader<'_> {
    fn index(&mut self) -> Option<usize> {
        usize::try_from(self.decoder.number()?).ok()
    }

    pub(super) fn text(&mut self) -> Option<Arc<str>> {
        let index = self.index()?;
        self.texts.get(index).cloned()
    }

    pub(super) fn path(&mut self) -> Option<RelPath> {
        let index = self.index()?;
        let slot = self.paths.get_mut(index)?;
        if slot.is_none() {
            *slot = Some(RelPath::from_normal(&self.texts[index])?);
        }
        slot.clone()
    }

    pub(super) fn digest(&mut self) -> Option<Digest> {
        let index = self.index()?;
        self.digests.get(index).copied()
    }

    pub(super) fn list<T>(&mut self, mut read: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let count = self.index()?;
        let mut values = Vec::new();
        for _ in 0..count {
            values.push(read(self)?);
        }
        Some(values)
    }

    fn flag(&mut self) -> Option<bool> {
        match self.decoder.byte()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }

    #[expect(clippy::option_option, reason = "the outer one is damage, the inner one the value")]
    fn option<T>(&mut self, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<Option<T>> {
        if self.flag()? { read(self).map(Some) } else { Some(None) }
    }

    fn narrow(&mut self) -> Option<u32> {
        u32::try_from(self.decoder.number()?).ok()
    }

    pub(super) fn setting(&mut self) -> Option<Setting> {
        let (node, field) = (self.text()?, self.text()?);
        let value = match self.decoder.byte()? {
            0 => SettingValue::Text(self.text()?),
            1 => SettingValue::Reference(self.text()?),
            2 => SettingValue::Secret(self.digest()?),
            _ => return None,
        };
        let span = self.option(|reader| {
            let (start, end, line, column) = (reader.narrow()?, reader.narrow()?, reader.narrow()?, reader.narrow()?);
            Some(Span { start, end, line, column })
        })?;
        Some(Setting { node, field, value, span })
    }

    pub(super) fn action(&mut self) -> Option<ActionRecord> {
        let rule = Label::new(&self.text()?, &self.text()?);
        let subject = self.option(Self::path)?;
        let label = ActionLabel { rule, profile: self.profile.clone(), subject };
        let status = match self.decoder.byte()? {
            0 => Status::Ran,
            1 => Status::Cached,
            2 => Status::Failed,
            3 => Status::Skipped,
            _ => return None,
        };
        let flags = self.decoder.byte().filter(|flags| *flags < 8)?;
        let key = ActionKey(self.digest()?);
        let duration = Duration::from_micros(self.decoder.number()?);
        let parts = self.list(Self::part)?;
        let artifacts = self.list(|reader| Some((reader.path()?, reader.digest()?)))?;
        let (cacheable, carried, traced) = (flags & 1 != 0, flags & 2 != 0, flags & 4 != 0);
        Some(ActionRecord { label, status, key, duration, cacheable, traced, carried, parts, artifacts })
    }

    fn argument(&mut self) -> Option<Arc<str>> {
        let (start, end) = (self.index()?, self.index()?);
        let old = &*self.argument;
        let (head, tail) = (old.get(..start)?, old.get(old.len().checked_sub(end)?..)?);
        let middle = self.decoder.text()?;
        let length = head.len() + middle.len() + tail.len();
        self.left = self.left.checked_sub(length + 1)?;
        let mut argument = String::with_capacity(length);
        for part in [head, middle, tail] {
            argument.push_str(part);
        }
        self.argument = Arc::from(argument);
        Some(self.argument.clone())
    }

    fn input(&mut self, origin: Origin) -> Option<Part> {
        let (path, digest) = (self.path()?, self.digest()?);
        Some(Part::Input(path, FileContent { digest, executable: self.flag()? }, origin))
    }

    fn part(&mut self) -> Option<Part> {
        Some(match self.decoder.byte()? {
            0 => Part::Implementation(self.digest()?),
            1 => Part::Package(self.digest()?),
            14 => Part::Program {
                name: self.text()?,
                file: self.digest()?,
                interpreter: self.option(Self::digest)?,
                packages: self.option(Self::digest)?,
            },
            2 => Part::Argument(self.argument()?),
            3 => Part::Directory(self.path()?),
            4 => Part::Environment(self.text()?, self.digest()?),
            5 => self.input(Origin::Workspace)?,
            6 => self.input(Origin::Store)?,
            7 => Part::Output(self.path()?),
            8 => {
                let path = self.path()?;
                let kind = match self.decoder.byte()? {
                    0 => PathKind::Absent,
                    1 => PathKind::File,
                    2 => PathKind::Directory,
                    _ => return None,
                };
                Part::Observation(path, Observation::Kind(kind))
            }
            9 => Part::Observation(self.path()?, Observation::Content(self.option(Self::digest)?)),
            10 => Part::Observation(self.path()?, Observation::Entries(self.option(Self::digest)?)),
            11 => Part::Observation(self.path()?, Observation::RealPath(self.option(Self::path)?)),
            12 => Part::Observation(self.path()?, Observation::Derived(self.text()?, self.digest()?)),
            13 => Part::Observation(self.path()?, Observation::Selected(self.text()?, self.digest()?)),
            _ => return None,
        })
    }
}
