//! The byte form of a key dump.
//!
//! ```text
//! magic, version | identity | texts, each once | digests, each once | the dump, which names both by number | blake3 of all before
//! ```
//!
//! Arguments are long and alike, so they are cut behind each comma and the pieces are kept once. The bytes may come from another
//! machine: decoding never panics, and what a short input can expand to is bounded.

use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use rustc_hash::FxHashMap;

use super::{ActionRecord, KeyDump, Part};
use crate::action::{ActionKey, Origin};
use crate::config::settings::{Setting, SettingValue};
use crate::diagnostic::Span;
use crate::digest::{Digest, KeyHasher};
use crate::event::Status;
use crate::label::{ActionLabel, Label};
use crate::path::RelPath;
use crate::store::codec::{Decoder, Encoder};
use crate::system::PathKind;
use crate::view::Observation;

/// What a dump begins with. The number is raised with every change of the form.
const MAGIC: &[u8] = b"webstir keys 1\n";

/// The largest dump that is read, in bytes.
pub const LARGEST_DUMP: u64 = 1 << 28;

/// What all arguments of a dump may expand to, in bytes.
const LARGEST_ARGUMENTS: usize = 1 << 28;

/// A dump in bytes.
pub fn encode(dump: &KeyDump) -> Vec<u8> {
    let mut writer = Writer::default();
    writer.text(&dump.program);
    writer.text(&dump.profile);
    writer.list(&dump.environment, |writer, (name, digest)| {
        writer.text(name);
        writer.digest(*digest);
    });
    writer.list(&dump.settings, Writer::setting);
    writer.list(&dump.files, |writer, (path, digest)| {
        writer.text(path.as_str());
        writer.digest(*digest);
    });
    writer.list(&dump.actions, Writer::action);
    let mut tables = Encoder::default();
    tables.list(writer.texts.order.iter(), |tables, text| tables.text(text));
    tables.list(writer.digests.order.iter(), |tables, digest| tables.digest(*digest));
    let keys = dump.actions.iter().filter(|action| !action.carried).map(|action| (&action.label, action.key));
    let mut bytes = MAGIC.to_vec();
    bytes.extend_from_slice(identity(keys).as_bytes());
    bytes.extend(tables.finish());
    bytes.extend(writer.body.finish());
    let checksum = Digest::of(&bytes);
    bytes.extend_from_slice(checksum.as_bytes());
    bytes
}

/// What names a plan: its actions, sorted by label, with their keys.
pub fn identity<'a>(actions: impl Iterator<Item = (&'a ActionLabel, ActionKey)>) -> Digest {
    let mut hasher = KeyHasher::new("webstir plan v1");
    for (label, key) in actions {
        hasher.text(label.rule.kind()).text(label.rule.name());
        hasher.text(label.subject.as_ref().map_or("", RelPath::as_str)).digest(key.0);
    }
    hasher.finish()
}

/// How many bytes of a dump [`identity_of`] needs.
pub const HEAD_BYTES: usize = MAGIC.len() + 32;

/// The identity that a dump beginning with `head` says it has.
pub fn identity_of(head: &[u8]) -> Option<Digest> {
    let (identity, _) = head.strip_prefix(MAGIC)?.split_first_chunk::<32>()?;
    Some(Digest::from_bytes(*identity))
}

/// The dump in `bytes`; `None` when they are damaged or of another version.
pub fn decode(bytes: &[u8]) -> Option<KeyDump> {
    decode_within(bytes, LARGEST_ARGUMENTS)
}

fn decode_within(bytes: &[u8], left: usize) -> Option<KeyDump> {
    let (sealed, checksum) = bytes.split_last_chunk::<32>()?;
    if Digest::of(sealed).as_bytes() != checksum {
        return None;
    }
    let (_, rest) = sealed.strip_prefix(MAGIC)?.split_first_chunk::<32>()?;
    let mut decoder = Decoder::new(rest);
    let texts: Vec<Arc<str>> = table(&mut decoder, |decoder| decoder.text().map(Arc::from))?;
    let digests = table(&mut decoder, Decoder::digest)?;
    let paths = vec![None; texts.len()];
    let mut reader = Reader { decoder, texts, paths, digests, profile: Arc::from(""), left };
    let program = reader.text()?;
    let profile = reader.text()?;
    reader.profile = profile.clone();
    let environment = reader.list(|reader| Some((reader.text()?, reader.digest()?)))?;
    let settings = reader.list(Reader::setting)?;
    let files = reader.list(|reader| Some((reader.path()?, reader.digest()?)))?;
    let actions = reader.list(Reader::action)?;
    let is_sorted = actions.is_sorted_by(|a, b| a.label < b.label)
        && files.is_sorted_by(|a, b| a.0 < b.0)
        && settings.is_sorted()
        && environment.is_sorted_by(|a, b| a.0 < b.0);
    let whole = reader.decoder.is_empty() && is_sorted;
    whole.then_some(KeyDump { program, profile, environment, settings, files, actions })
}

/// Grown as values come: a count that lies allocates nothing.
fn table<'a, T>(decoder: &mut Decoder<'a>, mut read: impl FnMut(&mut Decoder<'a>) -> Option<T>) -> Option<Vec<T>> {
    let count = decoder.number()?;
    let mut values = Vec::new();
    for _ in 0..count {
        values.push(read(decoder)?);
    }
    Some(values)
}

/// Values, each with a number.
struct Table<T> {
    numbers: FxHashMap<T, u64>,
    order: Vec<T>,
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
struct Writer<'a> {
    texts: Table<&'a str>,
    digests: Table<Digest>,
    body: Encoder,
}

impl<'a> Writer<'a> {
    fn text(&mut self, text: &'a str) {
        let number = self.texts.number(text);
        self.body.number(number);
    }

    fn digest(&mut self, digest: Digest) {
        let number = self.digests.number(digest);
        self.body.number(number);
    }

    fn list<T>(&mut self, values: &'a [T], mut write: impl FnMut(&mut Self, &'a T)) {
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

    fn setting(&mut self, setting: &'a Setting) {
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

    fn action(&mut self, action: &'a ActionRecord) {
        self.text(action.label.rule.kind());
        self.text(action.label.rule.name());
        self.option(action.label.subject.as_ref(), |writer, path| writer.text(path.as_str()));
        self.body.byte(match action.status {
            Status::Ran => 0,
            Status::Cached => 1,
            Status::Failed => 2,
            Status::Skipped => 3,
        });
        self.body.byte(u8::from(action.cacheable) | u8::from(action.carried) << 1);
        self.digest(action.key.0);
        self.body.number(u64::try_from(action.duration.as_micros()).unwrap_or(u64::MAX));
        self.list(&action.parts, Self::part);
        self.list(&action.artifacts, |writer, (path, digest)| {
            writer.text(path.as_str());
            writer.digest(*digest);
        });
    }

    fn part(&mut self, part: &'a Part) {
        match part {
            Part::Version(version) => {
                self.body.byte(0);
                self.body.number(u64::from(*version));
            }
            Part::Tool(tool) => {
                self.body.byte(1);
                self.option(*tool, Self::digest);
            }
            Part::Argument(argument) => {
                self.body.byte(2);
                self.body.number(argument.split_inclusive(',').count() as u64);
                for piece in argument.split_inclusive(',') {
                    self.text(piece);
                }
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
            Part::Input(path, digest, origin) => {
                self.body.byte(match origin {
                    Origin::Workspace => 5,
                    Origin::Store => 6,
                });
                self.text(path.as_str());
                self.digest(*digest);
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
                }
            }
        }
    }
}

struct Reader<'a> {
    decoder: Decoder<'a>,
    texts: Vec<Arc<str>>,
    /// The texts that were taken as paths so far.
    paths: Vec<Option<RelPath>>,
    digests: Vec<Digest>,
    profile: Arc<str>,
    /// What arguments may still expand to, in bytes.
    left: usize,
}

impl Reader<'_> {
    fn index(&mut self) -> Option<usize> {
        usize::try_from(self.decoder.number()?).ok()
    }

    fn text(&mut self) -> Option<Arc<str>> {
        let index = self.index()?;
        self.texts.get(index).cloned()
    }

    fn path(&mut self) -> Option<RelPath> {
        let index = self.index()?;
        let slot = self.paths.get_mut(index)?;
        if slot.is_none() {
            let text = &self.texts[index];
            *slot = Some(RelPath::new(text).ok().filter(|path| path.as_str() == &**text)?);
        }
        slot.clone()
    }

    fn digest(&mut self) -> Option<Digest> {
        let index = self.index()?;
        self.digests.get(index).copied()
    }

    fn list<T>(&mut self, mut read: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
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

    fn setting(&mut self) -> Option<Setting> {
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

    fn action(&mut self) -> Option<ActionRecord> {
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
        let flags = self.decoder.byte().filter(|flags| *flags < 4)?;
        let key = ActionKey(self.digest()?);
        let duration = Duration::from_micros(self.decoder.number()?);
        let parts = self.list(Self::part)?;
        let artifacts = self.list(|reader| Some((reader.path()?, reader.digest()?)))?;
        let (cacheable, carried) = (flags & 1 != 0, flags & 2 != 0);
        Some(ActionRecord { label, status, key, duration, cacheable, carried, parts, artifacts })
    }

    fn part(&mut self) -> Option<Part> {
        Some(match self.decoder.byte()? {
            0 => Part::Version(self.narrow()?),
            1 => Part::Tool(self.option(Self::digest)?),
            2 => {
                let mut argument = String::new();
                for _ in 0..self.index()? {
                    let piece = self.text()?;
                    self.left = self.left.checked_sub(piece.len() + 1)?;
                    argument.push_str(&piece);
                }
                Part::Argument(Arc::from(argument))
            }
            3 => Part::Directory(self.path()?),
            4 => Part::Environment(self.text()?, self.digest()?),
            5 => Part::Input(self.path()?, self.digest()?, Origin::Workspace),
            6 => Part::Input(self.path()?, self.digest()?, Origin::Store),
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
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::explain::tests::sample;

    #[test]
    fn round_trip() {
        let dump = sample();
        let bytes = encode(&dump);
        let keys = dump.actions.iter().map(|action| (&action.label, action.key));
        assert_eq!(identity_of(&bytes[..HEAD_BYTES]), Some(identity(keys)));
        assert_eq!(decode(&bytes), Some(dump));
    }

    #[test]
    fn any_flipped_bit_is_noticed() {
        let bytes = encode(&sample());
        for index in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[index] ^= 1;
            assert_eq!(decode(&damaged), None, "byte {index}");
        }
    }

    /// With a checksum that fits, so that the parser is reached.
    fn sealed(mut bytes: Vec<u8>) -> Vec<u8> {
        let checksum = Digest::of(&bytes);
        bytes.extend_from_slice(checksum.as_bytes());
        bytes
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            let _ = decode(&bytes);
            let _ = decode(&sealed([MAGIC, &[0; 32], &bytes].concat()));
        }

        #[test]
        fn damaged_dumps_never_panic(at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<prop::sample::Index>()) {
            let mut bytes = encode(&sample());
            bytes.truncate(bytes.len() - 32);
            let at = at.index(bytes.len());
            bytes[at] = byte;
            let cut = cut.index(bytes.len());
            let _ = decode(&sealed(bytes.clone()));
            bytes.truncate(cut);
            let _ = decode(&sealed(bytes));
        }
    }

    #[test]
    fn an_argument_cannot_be_a_bomb() {
        let mut dump = sample();
        dump.actions[0].parts = vec![Part::Argument(Arc::from("[0,".repeat(1000)))];
        let bytes = encode(&dump);
        assert!(bytes.len() < 2500);
        assert_eq!(decode_within(&bytes, 2000), None);
        assert_eq!(decode_within(&bytes, 100_000), Some(dump));
    }
}
