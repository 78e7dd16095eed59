//! Traces by what they share with another one.
//!
//! The outcomes of one action saw much the same. A trace is a list of steps through the one before it: how many of its entries are left
//! out, how many are taken, and what comes then.

use super::codec::{Decoder, Encoder};
use super::record::{decode_observation, observation};
use crate::path::RelPath;
use crate::view::Observation;

type Entry = (RelPath, Observation);

/// Writes `trace` as it differs from `before`; briefly when both are sorted.
pub(super) fn encode(encoder: &mut Encoder, before: &[Entry], trace: &[Entry]) {
    let (mut old, mut new) = (before, trace);
    while !new.is_empty() {
        let skipped = old.iter().take_while(|entry| **entry < new[0]).count();
        old = &old[skipped..];
        let taken = old.iter().zip(new).take_while(|(old, new)| old == new).count();
        (old, new) = (&old[taken..], &new[taken..]);
        let added = new.iter().take_while(|entry| old.first().is_none_or(|next| *entry < next)).count();
        encoder.number(skipped as u64);
        encoder.number(taken as u64);
        encoder.list(new[..added].iter(), observation);
        new = &new[added..];
    }
    // A step that does nothing is the end.
    encoder.number(0);
    encoder.number(0);
    encoder.list([].iter(), observation);
}

/// Reads what [`encode`] wrote with the same `before`.
pub(super) fn decode(decoder: &mut Decoder<'_>, before: &[Entry]) -> Option<Vec<Entry>> {
    let (mut old, mut trace) = (before, Vec::new());
    let count = |number: u64| usize::try_from(number).ok();
    loop {
        let (skipped, taken) = (count(decoder.number()?)?, count(decoder.number()?)?);
        let added = decoder.list(decode_observation)?;
        if skipped == 0 && taken == 0 && added.is_empty() {
            return Some(trace);
        }
        let (taken, rest) = old.get(skipped..)?.split_at_checked(taken)?;
        old = rest;
        trace.extend_from_slice(taken);
        trace.extend(added);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Digest;
    use proptest::prelude::*;

    fn entries(numbers: &[(u8, u8)]) -> Vec<Entry> {
        let entry = |(path, content): &(u8, u8)| {
            let path = RelPath::new(&format!("p{path}")).unwrap();
            (path, Observation::Content(Some(Digest::of(&[*content]))))
        };
        numbers.iter().map(entry).collect()
    }

    fn encoded(before: &[Entry], trace: &[Entry]) -> Vec<u8> {
        let mut encoder = Encoder::default();
        encode(&mut encoder, before, trace);
        encoder.finish()
    }

    proptest! {
        #[test]
        fn a_trace_is_what_it_was(
            mut before in prop::collection::vec((0..20_u8, 0..3_u8), 0..30),
            mut trace in prop::collection::vec((0..20_u8, 0..3_u8), 0..30),
            is_sorted: bool,
        ) {
            if is_sorted {
                before.sort_unstable();
                trace.sort_unstable();
            }
            let (before, trace) = (entries(&before), entries(&trace));
            let bytes = encoded(&before, &trace);
            let mut decoder = Decoder::new(&bytes);
            prop_assert_eq!(decode(&mut decoder, &before), Some(trace));
            prop_assert!(decoder.is_empty());
        }
    }

    #[test]
    fn an_answer_that_differs_is_all_that_is_written() {
        let before = entries(&(0..100).map(|path| (path, 0)).collect::<Vec<_>>());
        let mut trace = before.clone();
        trace[50].1 = Observation::Content(None);
        let size = encoded(&before, &trace).len();
        assert!(size < 64, "{size} bytes");
        assert!(size * 20 < encoded(&[], &trace).len());
    }

    #[test]
    fn what_is_not_there_is_not_taken() {
        for (skipped, taken) in [(0, 3), (3, 0), (2, 1), (u64::MAX, 1), (1, u64::MAX)] {
            let mut encoder = Encoder::default();
            encoder.number(skipped);
            encoder.number(taken);
            encoder.number(0);
            assert_eq!(decode(&mut Decoder::new(&encoder.finish()), &entries(&[(1, 1), (2, 2)])), None);
        }
    }
}
