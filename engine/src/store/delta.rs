//! Discovered inputs by what they share with those of another result.
//!
//! The results of one action saw much the same. Discovered inputs are a list of steps through those before: how many of their entries are left
//! out, how many are taken, and what comes then.

use serde::{Deserialize, Serialize};

use crate::discovered::DiscoveredInput;
use crate::path::RelPath;

type Entry = (RelPath, DiscoveredInput);

/// A step through the discovered inputs before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Step {
    /// How many entries are left out.
    skipped: u64,
    /// How many are taken then.
    taken: u64,
    /// What comes after them.
    added: Vec<Entry>,
}

/// `discovered` as they differ from `before`; brief when both are sorted.
pub(super) fn steps(before: &[Entry], discovered: &[Entry]) -> Vec<Step> {
    let (mut old, mut new) = (before, discovered);
    let mut steps = Vec::new();
    while !new.is_empty() {
        let skipped = old.iter().take_while(|entry| **entry < new[0]).count();
        old = &old[skipped..];
        let taken = old.iter().zip(new).take_while(|(old, new)| old == new).count();
        (old, new) = (&old[taken..], &new[taken..]);
        let added = new.iter().take_while(|entry| old.first().is_none_or(|next| *entry < next)).count();
        steps.push(Step { skipped: skipped as u64, taken: taken as u64, added: new[..added].to_vec() });
        new = &new[added..];
    }
    steps
}

/// The discovered inputs that differ from `before` by these steps; `None` when they take what is not there.
pub(super) fn apply(before: &[Entry], steps: Vec<Step>) -> Option<Vec<Entry>> {
    let (mut old, mut discovered) = (before, Vec::new());
    for Step { skipped, taken, added } in steps {
        let (skipped, taken) = (usize::try_from(skipped).ok()?, usize::try_from(taken).ok()?);
        let (taken, rest) = old.get(skipped..)?.split_at_checked(taken)?;
        old = rest;
        discovered.extend_from_slice(taken);
        discovered.extend(added);
    }
    Some(discovered)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec;
    use crate::digest::Digest;
    use proptest::prelude::*;

    fn entries(numbers: &[(u8, u8)]) -> Vec<Entry> {
        let entry = |(path, content): &(u8, u8)| {
            let path = RelPath::new(&format!("p{path}")).unwrap();
            (path, DiscoveredInput::Content(Some(Digest::of(&[*content]))))
        };
        numbers.iter().map(entry).collect()
    }

    fn encoded(before: &[Entry], discovered: &[Entry]) -> Vec<u8> {
        codec::encode(&steps(before, discovered))
    }

    proptest! {
        #[test]
        fn discovered_inputs_are_what_they_were(
            mut before in prop::collection::vec((0..20_u8, 0..3_u8), 0..30),
            mut discovered in prop::collection::vec((0..20_u8, 0..3_u8), 0..30),
            is_sorted: bool,
        ) {
            if is_sorted {
                before.sort_unstable();
                discovered.sort_unstable();
            }
            let (before, discovered) = (entries(&before), entries(&discovered));
            let steps = codec::decode(&encoded(&before, &discovered)).unwrap();
            prop_assert_eq!(apply(&before, steps), Some(discovered));
        }
    }

    #[test]
    fn a_file_state_that_differs_is_all_that_is_written() {
        let before = entries(&(0..100).map(|path| (path, 0)).collect::<Vec<_>>());
        let mut discovered = before.clone();
        discovered[50].1 = DiscoveredInput::Content(None);
        let size = encoded(&before, &discovered).len();
        assert!(size < 64, "{size} bytes");
        assert!(size * 20 < encoded(&[], &discovered).len());
    }

    #[test]
    fn what_is_not_there_is_not_taken() {
        for (skipped, taken) in [(0, 3), (3, 0), (2, 1), (u64::MAX, 1), (1, u64::MAX)] {
            let step = Step { skipped, taken, added: Vec::new() };
            assert_eq!(apply(&entries(&[(1, 1), (2, 2)]), vec![step]), None);
        }
    }
}
