//! A dump as plain data: every text and digest once, and named by its number elsewhere.
//!
//! Arguments are long and alike, so of each only that is kept which differs from the one before it: what is between a common beginning
//! and a common end.

use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use crate::action::{ActionKey, Origin};
use crate::config::settings::{Setting, SettingValue};
use crate::diagnostic::Span;
use crate::digest::Digest;
use crate::discovered::DiscoveredInput;
use crate::event::Status;
use crate::key_dump::{ActionRecord, Keeping, KeyDump, Part};
use crate::label::{ActionLabel, Label};
use crate::path::RelPath;
use crate::system::{FileContent, PathKind};

/// The number of a text, or of a digest.
type Number = u32;

#[derive(Serialize, Deserialize)]
pub(super) struct Packed<'a> {
    #[serde(borrow)]
    texts: Vec<&'a str>,
    digests: Vec<Digest>,
    program: Number,
    profile: Number,
    environment: Vec<(Number, Number)>,
    settings: Vec<PackedSetting>,
    files: Vec<(Number, Number)>,
    actions: Vec<PackedAction<'a>>,
}

#[derive(Serialize, Deserialize)]
struct PackedSetting {
    node: Number,
    field: Number,
    value: PackedValue,
    span: Option<Span>,
}

#[derive(Serialize, Deserialize)]
enum PackedValue {
    Text(Number),
    Glob(Number),
    Reference(Number),
    Secret(Number),
}

#[derive(Serialize, Deserialize)]
struct PackedAction<'a> {
    rule: (Number, Number),
    subject: Option<Number>,
    status: Status,
    keeping: Keeping,
    sandbox: Option<Number>,
    discovers_inputs: bool,
    carried: bool,
    key: Number,
    micros: u64,
    #[serde(borrow)]
    parts: Vec<PackedPart<'a>>,
    artifacts: Vec<(Number, Number)>,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
enum PackedPart<'a> {
    Implementation(Number),
    Package(Number),
    Program {
        name: Number,
        file: Number,
        interpreter: Option<Number>,
        packages: Option<Number>,
    },
    /// How much the argument before and this one have in common at their beginning and end, in bytes, and what is between.
    Argument(Number, Number, &'a str),
    Directory(Number),
    Environment(Number, Number),
    Input {
        path: Number,
        digest: Number,
        executable: bool,
        origin: Origin,
    },
    Output(Number),
    DiscoveredInput(Number, PackedDiscoveredInput),
    Network,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
enum PackedDiscoveredInput {
    Kind(PathKind),
    Content(Option<Number>),
    Entries(Option<Number>),
    Selected(Number, Number),
    RealPath(Option<Number>),
    Derived(Number, Number),
}

/// Values, each with a number.
struct Table<T> {
    numbers: FxHashMap<T, Number>,
    order: Vec<T>,
}

impl<T: Copy + Eq + Hash> Table<T> {
    fn with_capacity(capacity: usize) -> Self {
        let mut numbers = FxHashMap::default();
        numbers.reserve(capacity);
        Self { numbers, order: Vec::with_capacity(capacity) }
    }

    fn number(&mut self, value: T) -> Number {
        *self.numbers.entry(value).or_insert_with(|| {
            self.order.push(value);
            // Nothing has four billion different texts.
            Number::try_from(self.order.len() - 1).unwrap_or(Number::MAX)
        })
    }
}

struct Packer<'a> {
    texts: Table<&'a str>,
    digests: Table<Digest>,
    /// The argument before.
    argument: &'a str,
}

/// A dump as plain data.
pub(super) fn pack(dump: &KeyDump) -> Packed<'_> {
    // A source, its outputs, and a digest of each.
    let actions = dump.actions.len();
    let mut packer =
        Packer { texts: Table::with_capacity(actions * 3), digests: Table::with_capacity(actions * 4), argument: "" };
    let program = packer.texts.number(&dump.program);
    let profile = packer.texts.number(&dump.profile);
    let environment = dump.environment.iter().map(|(name, digest)| packer.pair(name, *digest)).collect();
    let settings = dump.settings.iter().map(|setting| packer.setting(setting)).collect();
    let files = dump.files.iter().map(|(path, digest)| packer.pair(path.as_str(), *digest)).collect();
    let actions = dump.actions.iter().map(|action| packer.action(action)).collect();
    let Packer { texts, digests, .. } = packer;
    Packed { texts: texts.order, digests: digests.order, program, profile, environment, settings, files, actions }
}

impl<'a> Packer<'a> {
    fn pair(&mut self, text: &'a str, digest: Digest) -> (Number, Number) {
        (self.texts.number(text), self.digests.number(digest))
    }

    fn path(&mut self, path: &'a RelPath) -> Number {
        self.texts.number(path.as_str())
    }

    fn setting(&mut self, setting: &'a Setting) -> PackedSetting {
        PackedSetting {
            node: self.texts.number(&setting.node),
            field: self.texts.number(&setting.field),
            value: match &setting.value {
                SettingValue::Text(text) => PackedValue::Text(self.texts.number(text)),
                SettingValue::Glob(text) => PackedValue::Glob(self.texts.number(text)),
                SettingValue::Reference(label) => PackedValue::Reference(self.texts.number(label)),
                SettingValue::Secret(digest) => PackedValue::Secret(self.digests.number(*digest)),
            },
            span: setting.span,
        }
    }

    fn action(&mut self, action: &'a ActionRecord) -> PackedAction<'a> {
        let rule = &action.label.rule;
        PackedAction {
            rule: (self.texts.number(rule.kind()), self.texts.number(rule.name())),
            subject: action.label.subject.as_ref().map(|path| self.path(path)),
            status: action.status,
            keeping: action.keeping,
            sandbox: action.sandbox.as_ref().map(|sandbox| self.texts.number(sandbox)),
            discovers_inputs: action.discovers_inputs,
            carried: action.carried,
            key: self.digests.number(action.key.0),
            micros: u64::try_from(action.duration.as_micros()).unwrap_or(u64::MAX),
            parts: action.parts.iter().map(|part| self.part(part)).collect(),
            artifacts: action.artifacts.iter().map(|(path, digest)| self.pair(path.as_str(), *digest)).collect(),
        }
    }

    fn part(&mut self, part: &'a Part) -> PackedPart<'a> {
        match part {
            Part::Implementation(digest) => PackedPart::Implementation(self.digests.number(*digest)),
            Part::Package(digest) => PackedPart::Package(self.digests.number(*digest)),
            Part::Program { name, file, interpreter, packages } => PackedPart::Program {
                name: self.texts.number(name),
                file: self.digests.number(*file),
                interpreter: interpreter.map(|digest| self.digests.number(digest)),
                packages: packages.map(|digest| self.digests.number(digest)),
            },
            Part::Argument(argument) => self.argument(argument),
            Part::Directory(path) => PackedPart::Directory(self.path(path)),
            Part::Network => PackedPart::Network,
            Part::Environment(name, digest) => {
                let (name, digest) = self.pair(name, *digest);
                PackedPart::Environment(name, digest)
            }
            Part::Input(path, content, origin) => {
                let (path, digest) = self.pair(path.as_str(), content.digest);
                PackedPart::Input { path, digest, executable: content.executable, origin: *origin }
            }
            Part::Output(path) => PackedPart::Output(self.path(path)),
            Part::DiscoveredInput(path, input) => {
                PackedPart::DiscoveredInput(self.path(path), self.discovered_input(input))
            }
        }
    }

    fn discovered_input(&mut self, input: &'a DiscoveredInput) -> PackedDiscoveredInput {
        let digests = &mut self.digests;
        match input {
            DiscoveredInput::Kind(kind) => PackedDiscoveredInput::Kind(*kind),
            DiscoveredInput::Content(digest) => {
                PackedDiscoveredInput::Content(digest.map(|digest| digests.number(digest)))
            }
            DiscoveredInput::Entries(digest) => {
                PackedDiscoveredInput::Entries(digest.map(|digest| digests.number(digest)))
            }
            DiscoveredInput::Selected(extensions, digest) => {
                let (extensions, digest) = self.pair(extensions, *digest);
                PackedDiscoveredInput::Selected(extensions, digest)
            }
            DiscoveredInput::RealPath(real) => {
                PackedDiscoveredInput::RealPath(real.as_ref().map(|path| self.path(path)))
            }
            DiscoveredInput::Derived(name, digest) => {
                let (name, digest) = self.pair(name, *digest);
                PackedDiscoveredInput::Derived(name, digest)
            }
        }
    }

    fn argument(&mut self, argument: &'a str) -> PackedPart<'a> {
        let (old, new) = (self.argument.as_bytes(), argument.as_bytes());
        let mut start = common_start(old, new);
        while !argument.is_char_boundary(start) {
            start -= 1;
        }
        let mut end = common_end(&old[start..], &new[start..]);
        while !argument.is_char_boundary(new.len() - end) {
            end -= 1;
        }
        // What is longer than numbers go has less in common than it might.
        let narrow = |length: usize| Number::try_from(length).unwrap_or_default();
        let (start, end) = (narrow(start), narrow(end));
        self.argument = argument;
        PackedPart::Argument(start, end, &argument[start as usize..argument.len() - end as usize])
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

struct Unpacker {
    texts: Vec<Arc<str>>,
    /// The texts that were taken as paths so far.
    paths: Vec<Option<RelPath>>,
    digests: Vec<Digest>,
    profile: Arc<str>,
    /// The argument before.
    argument: Arc<str>,
    /// What arguments may still expand to, in bytes.
    left: usize,
}

/// The dump; `None` when a number names nothing, or when arguments expand to more than `left` bytes.
pub(super) fn unpack(packed: Packed<'_>, left: usize) -> Option<KeyDump> {
    let texts: Vec<Arc<str>> = packed.texts.into_iter().map(Arc::from).collect();
    let paths = vec![None; texts.len()];
    let nothing: Arc<str> = Arc::from("");
    let mut unpacker =
        Unpacker { texts, paths, digests: packed.digests, profile: nothing.clone(), argument: nothing, left };
    let program = unpacker.text(packed.program)?;
    unpacker.profile = unpacker.text(packed.profile)?;
    let pairs = packed.environment.into_iter();
    let environment = pairs.map(|(name, digest)| Some((unpacker.text(name)?, unpacker.digest(digest)?)));
    let environment = environment.collect::<Option<_>>()?;
    let settings = packed.settings.iter().map(|setting| unpacker.setting(setting)).collect::<Option<_>>()?;
    let files = unpacker.files(packed.files)?;
    let actions = packed.actions.into_iter().map(|action| unpacker.action(action)).collect::<Option<_>>()?;
    Some(KeyDump { program, profile: unpacker.profile, environment, settings, files, actions })
}

impl Unpacker {
    fn text(&self, number: Number) -> Option<Arc<str>> {
        self.texts.get(number as usize).cloned()
    }

    fn path(&mut self, number: Number) -> Option<RelPath> {
        let slot = self.paths.get_mut(number as usize)?;
        if slot.is_none() {
            *slot = Some(RelPath::from_normal(&self.texts[number as usize])?);
        }
        slot.clone()
    }

    fn digest(&self, number: Number) -> Option<Digest> {
        self.digests.get(number as usize).copied()
    }

    /// The digest of a number that may be missing; the outer `None` is damage.
    #[expect(clippy::option_option, reason = "the outer one is damage, the inner one the value")]
    fn some_digest(&self, number: Option<Number>) -> Option<Option<Digest>> {
        number.map_or(Some(None), |number| self.digest(number).map(Some))
    }

    fn files(&mut self, files: Vec<(Number, Number)>) -> Option<Vec<(RelPath, Digest)>> {
        files.into_iter().map(|(path, digest)| Some((self.path(path)?, self.digest(digest)?))).collect()
    }

    fn setting(&self, setting: &PackedSetting) -> Option<Setting> {
        let value = match &setting.value {
            PackedValue::Text(text) => SettingValue::Text(self.text(*text)?),
            PackedValue::Glob(text) => SettingValue::Glob(self.text(*text)?),
            PackedValue::Reference(label) => SettingValue::Reference(self.text(*label)?),
            PackedValue::Secret(digest) => SettingValue::Secret(self.digest(*digest)?),
        };
        Some(Setting { node: self.text(setting.node)?, field: self.text(setting.field)?, value, span: setting.span })
    }

    fn action(&mut self, action: PackedAction<'_>) -> Option<ActionRecord> {
        let rule = Label::new(&self.text(action.rule.0)?, &self.text(action.rule.1)?);
        let subject = match action.subject {
            Some(subject) => Some(self.path(subject)?),
            None => None,
        };
        let sandbox = match action.sandbox {
            Some(sandbox) => Some(self.text(sandbox)?),
            None => None,
        };
        Some(ActionRecord {
            label: ActionLabel { rule, profile: self.profile.clone(), subject },
            status: action.status,
            key: ActionKey(self.digest(action.key)?),
            duration: Duration::from_micros(action.micros),
            keeping: action.keeping,
            sandbox,
            discovers_inputs: action.discovers_inputs,
            carried: action.carried,
            parts: action.parts.into_iter().map(|part| self.part(part)).collect::<Option<_>>()?,
            artifacts: self.files(action.artifacts)?,
        })
    }

    fn part(&mut self, part: PackedPart<'_>) -> Option<Part> {
        Some(match part {
            PackedPart::Implementation(digest) => Part::Implementation(self.digest(digest)?),
            PackedPart::Package(digest) => Part::Package(self.digest(digest)?),
            PackedPart::Program { name, file, interpreter, packages } => Part::Program {
                name: self.text(name)?,
                file: self.digest(file)?,
                interpreter: self.some_digest(interpreter)?,
                packages: self.some_digest(packages)?,
            },
            PackedPart::Argument(start, end, middle) => Part::Argument(self.argument(start, end, middle)?),
            PackedPart::Directory(path) => Part::Directory(self.path(path)?),
            PackedPart::Network => Part::Network,
            PackedPart::Environment(name, digest) => Part::Environment(self.text(name)?, self.digest(digest)?),
            PackedPart::Input { path, digest, executable, origin } => {
                Part::Input(self.path(path)?, FileContent { digest: self.digest(digest)?, executable }, origin)
            }
            PackedPart::Output(path) => Part::Output(self.path(path)?),
            PackedPart::DiscoveredInput(path, input) => {
                Part::DiscoveredInput(self.path(path)?, self.discovered_input(input)?)
            }
        })
    }

    fn discovered_input(&mut self, input: PackedDiscoveredInput) -> Option<DiscoveredInput> {
        Some(match input {
            PackedDiscoveredInput::Kind(kind) => DiscoveredInput::Kind(kind),
            PackedDiscoveredInput::Content(digest) => DiscoveredInput::Content(self.some_digest(digest)?),
            PackedDiscoveredInput::Entries(digest) => DiscoveredInput::Entries(self.some_digest(digest)?),
            PackedDiscoveredInput::Selected(extensions, digest) => {
                DiscoveredInput::Selected(self.text(extensions)?, self.digest(digest)?)
            }
            PackedDiscoveredInput::RealPath(None) => DiscoveredInput::RealPath(None),
            PackedDiscoveredInput::RealPath(Some(path)) => DiscoveredInput::RealPath(Some(self.path(path)?)),
            PackedDiscoveredInput::Derived(name, digest) => {
                DiscoveredInput::Derived(self.text(name)?, self.digest(digest)?)
            }
        })
    }

    fn argument(&mut self, start: Number, end: Number, middle: &str) -> Option<Arc<str>> {
        let old = &*self.argument;
        let (head, tail) = (old.get(..start as usize)?, old.get(old.len().checked_sub(end as usize)?..)?);
        let length = head.len() + middle.len() + tail.len();
        self.left = self.left.checked_sub(length + 1)?;
        let mut argument = String::with_capacity(length);
        for part in [head, middle, tail] {
            argument.push_str(part);
        }
        self.argument = Arc::from(argument);
        Some(self.argument.clone())
    }
}
