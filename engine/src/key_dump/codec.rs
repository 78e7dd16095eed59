//! The byte form of a key dump.
//!
//! ```text
//! magic, version | identity | the dump | blake3 of all before
//! ```
//!
//! The bytes may come from another machine: decoding never panics, and what a short input can expand to is bounded.

mod packed;

use self::packed::{pack, unpack};
use super::KeyDump;
use crate::action::ActionKey;
use crate::codec;
use crate::digest::{Digest, KeyHasher};
use crate::label::ActionLabel;
use crate::path::RelPath;

/// What a dump begins with. The number is raised with every change of the form.
const MAGIC: &[u8] = b"webstir keys 7\n";

/// The largest dump that is read, in bytes.
pub const LARGEST_DUMP: u64 = 1 << 28;

/// What all arguments of a dump may expand to, in bytes.
const LARGEST_ARGUMENTS: usize = 1 << 28;

/// A dump in bytes.
pub fn encode(dump: &KeyDump) -> Vec<u8> {
    let keys = dump.actions.iter().filter(|action| !action.carried).map(|action| (&action.label, action.key));
    let mut bytes = MAGIC.to_vec();
    bytes.extend_from_slice(identity(keys).as_bytes());
    bytes.extend(codec::encode(&pack(dump)));
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
    let dump = unpack(codec::decode(rest)?, left)?;
    let is_sorted = dump.actions.is_sorted_by(|a, b| a.label < b.label)
        && dump.files.is_sorted_by(|a, b| a.0 < b.0)
        && dump.settings.is_sorted()
        && dump.environment.is_sorted_by(|a, b| a.0 < b.0);
    is_sorted.then_some(dump)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::key_dump::Part;
    use crate::key_dump::sample::sample;

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
        dump.actions[0].parts = vec![Part::Argument(Arc::from("x".repeat(1000))); 100];
        let bytes = encode(&dump);
        assert!(bytes.len() < 3000);
        assert_eq!(decode_within(&bytes, 50_000), None);
        assert_eq!(decode_within(&bytes, 200_000), Some(dump));
    }

    #[test]
    fn arguments_are_cut_between_characters() {
        let mut dump = sample();
        let arguments =
            ["a\u{e4}z", "a\u{e5}z", "a\u{e4}\u{e4}z", "", "z", "a\u{20ac}", "a\u{20ad}", "a\u{20ac}\u{20ac}"];
        dump.actions[0].parts = arguments.map(|argument| Part::Argument(argument.into())).to_vec();
        assert_eq!(decode(&encode(&dump)), Some(dump));
    }
}
