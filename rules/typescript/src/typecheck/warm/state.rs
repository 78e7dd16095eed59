//! What a later process can start from.
//!
//! A [`State`] is what a check of a whole program knew when it had asked everything: it belongs to the result of that check, whose
//! discovered inputs say which files it is of. Bytes that are none, or of another program, lead to a check that starts over.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use webstir_engine::codec;
use webstir_engine::path::RelPath;

use super::super::diagnostics::Finding;
use super::super::session::CompilerOptions;
use super::globals::Globals;
use super::shape::Shape;

/// What the bytes begin with: another number for each other form.
const FORM: &[u8] = b"webstir types 1\n";

/// A program of which everything is known.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct State {
    /// The files as the compiler names them, in its order.
    pub(super) order: Vec<String>,
    /// How the program is configured.
    pub(super) options: CompilerOptions,
    /// What was found in the configuration.
    pub(super) configuration: Vec<Finding>,
    /// What was found in files, by their numbers in `order`.
    pub(super) found: Vec<(u32, Vec<Finding>)>,
    /// What is wrong with the declarations of files, for each file for which that is known.
    pub(super) declared: Vec<(u32, Vec<Finding>)>,
    /// What files are to others, as far as somebody asked.
    pub(super) shapes: BTreeMap<RelPath, Shape>,
    /// The files that declare something globally, by their numbers in `order`.
    pub(super) global: Vec<u32>,
    /// What is known of findings without a place, where these are a stage of their own: there are none.
    pub(super) globals: Option<Globals>,
}

impl State {
    /// It in bytes.
    pub(super) fn encode(&self) -> Vec<u8> {
        [FORM, &codec::encode(self)].concat()
    }

    /// It from bytes; `None` when they are those of no state.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let state: Self = codec::decode(bytes.strip_prefix(FORM)?)?;
        let found = state.found.iter().chain(&state.declared);
        let numbers = found.map(|(number, _)| *number).chain(state.global.iter().copied());
        let count = state.order.len();
        numbers.into_iter().all(|number| (number as usize) < count).then_some(state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..300)) {
            let _ = State::decode(&bytes);
            let _ = State::decode(&[FORM, &bytes].concat());
        }
    }
}
