//! The byte form of everything that is stored, but for the packs and the start log, which are searched where they lie: of these only how
//! their numbers are read is here.
//!
//! Values are written by serde in the format of postcard: numbers of variable length, length before content, no names. The bytes may be
//! damaged or somebody else's: reading takes any without a panic, and no more memory than they justify.

use serde::{Deserialize, Serialize};

/// A value in bytes; equal values give equal bytes.
///
/// # Panics
/// When the value has no byte form, which none of ours lacks.
pub fn encode(value: &impl Serialize) -> Vec<u8> {
    postcard::to_stdvec(value).expect("values of ours have a byte form")
}

/// The value in `bytes`; `None` when they are those of no such value, or of more than one.
pub fn decode<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Option<T> {
    match postcard::take_from_bytes(bytes) {
        Ok((value, [])) => Some(value),
        _ => None,
    }
}

/// The fixed-size number at `at`, in records that are searched where they lie. The caller knows that it is there.
pub(crate) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let mut number = [0; 4];
    number.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(number)
}

/// As [`u32_at`].
pub(crate) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    let mut number = [0; 8];
    number.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_follows_a_value_is_damage() {
        let mut bytes = encode(&("a", 1_u64));
        assert_eq!(decode::<(&str, u64)>(&bytes), Some(("a", 1)));
        bytes.push(0);
        assert_eq!(decode::<(&str, u64)>(&bytes), None);
        assert_eq!(decode::<(&str, u64)>(&bytes[..1]), None);
    }

    #[test]
    fn a_count_that_lies_reserves_nothing() {
        let bytes = encode(&u64::MAX);
        assert_eq!(decode::<Vec<[u64; 32]>>(&bytes), None);
        assert_eq!(decode::<&str>(&bytes), None);
    }
}
