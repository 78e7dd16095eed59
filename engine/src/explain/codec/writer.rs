//! Writing a dump: the body, and the tables of what it names by number.

use std::hash::Hash;

use rustc_hash::FxHashMap;

use crate::action::Origin;
use crate::config::settings::{Setting, SettingValue};
use crate::digest::Digest;
use crate::event::Status;
use crate::explain::{ActionRecord, Part};
use crate::store::codec::Encoder;
use crate::system::PathKind;
use crate::view::Observation;

/// Values, each with a number.
pub(super) struct Table<T> {
    numbers: FxHashMap<T, u64>,
    pub(super) order: Vec<T>,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self { numbers: FxHashMap::default(), order: Vec::new() }
    }
}

impl<T: Copy + Eq + Hash> Table<T> {
    fn number(&mut self, value: T) -> u64 {
        *self.numbers.entry(value).or_insert_with(|| {
            self.order.push(value);
            self.order.len() as u64 - 1
        })
    }
}

#[derive(Default)]
pub(super) struct Writer<'a> {
    pub(super) texts: Table<&'a str>,
    pub(super) digests: Table<Digest>,
    pub(super) body: Encoder,
    /// The argument before.
    argument: &'a str,
}

impl<'a> Writer<'a> {
    /// A writer for a dump with so many actions.
    pub(super) fn with_capacity(actions: usize) -> Self {
        let mut writer = Self::default();
        // A source, its outputs, and a digest of each.
        writer.texts.numbers.reserve(actions * 3);
        writer.digests.numbers.reserve(actions * 4);
        writer
    }

    pub(super) fn text(&mut self, text: &'a str) {
        let number = self.texts.number(text);
        self.body.number(number);
    }

    pub(super) fn digest(&mut self, digest: Digest) {
        let number = self.digests.number(digest);
        self.body.number(number);
    }

    pub(super) fn list<T>(&mut self, values: &'a [T], mut write: impl FnMut(&mut Self, &'a T)) {
        self.body.number(values.len() as u64);
        for value in values {
            write(self, value);
        }
    }

    fn option<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T)) {
        self.body.byte(u8::from(value.is_some()));
        if let Some(value) = value {
            write(self, value);
        }
    }

    pub(super) fn setting(&mut self, setting: &'a Setting) {
        self.text(&setting.node);
        self.text(&setting.field);
        match &setting.value {
            SettingValue::Text(text) => {
                self.body.byte(0);
                self.text(text);
            }
            SettingValue::Reference(label) => {
                self.body.byte(1);
                self.text(label);
            }
            SettingValue::Secret(digest) => {
                self.body.byte(2);
                self.digest(*digest);
            }
        }
        self.option(setting.span, |writer, span| {
            for number in [span.start, span.end, span.line, span.column] {
                writer.body.number(u64::from(number));
            }
        });
    }

    pub(super) fn action(&mut self, action: &'a ActionRecord) {
        self.text(action.label.rule.kind());
        self.text(action.label.rule.name());
        self.option(action.label.subject.as_ref(), |writer, path| writer.text(path.as_str()));
        self.body.byte(match action.status {
            Status::Ran => 0,
            Status::Cached => 1,
            Status::Failed => 2,
            Status::Skipped => 3,
        });
        self.body.byte(u8::from(action.cacheable) | u8::from(action.carried) << 1 | u8::from(action.traced) << 2);
        self.digest(action.key.0);
        self.body.number(u64::try_from(action.duration.as_micros()).unwrap_or(u64::MAX));
        self.list(&action.parts, Self::part);
        self.list(&action.artifacts, |writer, (path, digest)| {
            writer.text(path.as_str());
            writer.digest(*digest);
        });
    }

    /// What differs from the argument before, and how much is the same on both sides of it.
    fn argument(&mut self, argument: &'a str) {
        let (old, new) = (self.argument.as_bytes(), argument.as_bytes());
        let mut start = common_start(old, new);
        while !argument.is_char_boundary(start) {
            start -= 1;
        }
        let mut end = common_end(&old[start..], &new[start..]);
        while !argument.is_char_boundary(new.len() - end) {
            end -= 1;
        }
        self.body.number(start as u64);
        self.body.number(end as u64);
        self.body.text(&argument[start..new.len() - end]);
        self.argument = argument;
    }

    fn part(&mut self, part: &'a Part) {
        match part {
            Part::Implementation(digest) => {
                self.body.byte(0);
                self.digest(*digest);
            }
            Part::Package(digest) => {
                self.body.byte(1);
                self.digest(*digest);
            }
            Part::Program { name, file, interpreter, packages } => {
                self.body.byte(14);
                self.text(name);
                self.digest(*file);
                self.option(*interpreter, Self::digest);
                self.option(*packages, Self::digest);
            }
            Part::Argument(argument) => {
                self.body.byte(2);
                self.argument(argument);
            }
            Part::Directory(path) => {
                self.body.byte(3);
                self.text(path.as_str());
            }
            Part::Environment(name, digest) => {
                self.body.byte(4);
                self.text(name);
                self.digest(*digest);
            }
            Part::Input(path, content, origin) => {
                self.body.byte(match origin {
                    Origin::Workspace => 5,
                    Origin::Store => 6,
                });
                self.text(path.as_str());
                self.digest(content.digest);
                self.body.byte(u8::from(content.executable));
            }
            Part::Output(path) => {
                self.body.byte(7);
                self.text(path.as_str());
            }
            Part::Observation(path, observation) => {
                let tag = match observation {
                    Observation::Kind(_) => 8,
                    Observation::Content(_) => 9,
                    Observation::Entries(_) => 10,
                    Observation::RealPath(_) => 11,
                    Observation::Derived(..) => 12,
                    Observation::Selected(..) => 13,
                };
                self.body.byte(tag);
                self.text(path.as_str());
                match observation {
                    Observation::Kind(PathKind::Absent) => self.body.byte(0),
                    Observation::Kind(PathKind::File) => self.body.byte(1),
                    Observation::Kind(PathKind::Directory) => self.body.byte(2),
                    Observation::Content(digest) | Observation::Entries(digest) => {
                        self.option(*digest, Self::digest);
                    }
                    Observation::RealPath(path) => {
                        self.option(path.as_ref(), |writer, path| writer.text(path.as_str()));
                    }
                    Observation::Derived(name, digest) | Observation::Selected(name, digest) => {
                        self.text(name);
                        self.digest(*digest);
                    }
                }
            }
        }
    }
}

/// How many bytes are compared at once.
const STRIDE: usize = 32;

/// How many bytes two texts have in common at their beginning.
fn common_start(a: &[u8], b: &[u8]) -> usize {
    let strides = a.chunks_exact(STRIDE).zip(b.chunks_exact(STRIDE)).take_while(|(a, b)| a == b).count() * STRIDE;
    strides + a[strides..].iter().zip(&b[strides..]).take_while(|(a, b)| a == b).count()
}

/// How many bytes two texts have in common at their end.
fn common_end(a: &[u8], b: &[u8]) -> usize {
    let strides = a.rchunks_exact(STRIDE).zip(b.rchunks_exact(STRIDE)).take_while(|(a, b)| a == b).count() * STRIDE;
    let (a, b) = (&a[..a.len() - strides], &b[..b.len() - strides]);
    strides + a.iter().rev().zip(b.iter().rev()).take_while(|(a, b)| a == b).count()
}
