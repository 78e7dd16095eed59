//! Action records: the results of one action, in bytes.

use serde::{Deserialize, Serialize};

use super::delta::{self, Step};
use crate::action::{ActionResult, Artifact, RanIn};
use crate::codec;
use crate::diagnostic::Diagnostic;
use crate::digest::Digest;

/// No record has more results. Each may repeat the discovered inputs of the one before in a few bytes.
const MOST_RESULTS: usize = 16;

/// A result as it is kept. It is one of work that was done: no other is.
#[derive(Serialize, Deserialize)]
struct Kept {
    artifacts: Vec<Artifact>,
    diagnostics: Vec<Diagnostic>,
    /// The discovered inputs, as they differ from those of the result before.
    discovered: Vec<Step>,
    hermetic: bool,
    sandbox: Option<RanIn>,
    state: Option<Digest>,
}

pub(super) fn encode_results(results: &[ActionResult]) -> Vec<u8> {
    let mut before: &[_] = &[];
    let kept = results.iter().map(|result| {
        let discovered = delta::steps(std::mem::replace(&mut before, &result.discovered), &result.discovered);
        let (artifacts, diagnostics) = (result.artifacts.to_vec(), result.diagnostics.to_vec());
        let (hermetic, sandbox, state) = (result.hermetic, result.sandbox.clone(), result.state);
        Kept { artifacts, diagnostics, discovered, hermetic, sandbox, state }
    });
    codec::encode(&kept.collect::<Vec<_>>())
}

pub(super) fn decode_results(bytes: &[u8]) -> Option<Vec<ActionResult>> {
    let kept: Vec<Kept> = codec::decode(bytes)?;
    if kept.len() > MOST_RESULTS {
        return None;
    }
    let mut results: Vec<ActionResult> = Vec::with_capacity(kept.len());
    for Kept { artifacts, diagnostics, discovered, hermetic, sandbox, state } in kept {
        let before = results.last().map_or(&[][..], |result| &result.discovered);
        let discovered = delta::apply(before, discovered)?.into_boxed_slice();
        let result =
            ActionResult { discovered, hermetic, sandbox, state, ..ActionResult::done(artifacts, diagnostics) };
        results.push(result);
    }
    Some(results)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::diagnostic::Span;
    use crate::discovered::DiscoveredInput;
    use crate::label::Label;
    use crate::path::RelPath;
    use crate::system::PathKind;
    use proptest::prelude::*;

    #[test]
    fn round_trip() {
        let file = RelPath::new("src/ä.ts").unwrap();
        let place = Span { start: 1, end: 2, line: 3, column: 4 };
        let mut result = ActionResult::done(
            vec![Artifact { path: file.clone(), digest: Digest::of(b"x"), bytes: 300, executable: true }],
            vec![
                Diagnostic::error("a::b", "Message")
                    .at(&file, place)
                    .help("Help")
                    .note("Note")
                    .related("Related", Some(&file), Some(place))
                    .of_rule(&Label::new("bundle", "x")),
            ],
        );
        result.discovered = Box::from([
            (file.clone(), DiscoveredInput::Kind(PathKind::Directory)),
            (file.clone(), DiscoveredInput::Content(Some(Digest::of(b"y")))),
            (file.clone(), DiscoveredInput::Entries(None)),
            (file.clone(), DiscoveredInput::RealPath(Some(file.clone()))),
            (file.clone(), DiscoveredInput::Selected(Arc::from("js ts"), Digest::of(b"w"))),
            (file.clone(), DiscoveredInput::Derived(Arc::from("lines v1"), Digest::of(b"z"))),
        ]);
        result.hermetic = false;
        result.sandbox = Some(RanIn { name: "landlock".into(), observed: true });
        result.state = Some(Digest::of(b"state"));
        let results = [result, ActionResult::default()];
        assert_eq!(decode_results(&encode_results(&results)).as_deref(), Some(&results[..]));
    }

    #[test]
    fn a_path_that_leads_out_is_damage() {
        let artifact = |path: &str| (path.to_owned(), [0_u8; 32], 1_u64, false);
        let record = |path: &str| {
            let nothing = Vec::<()>::new;
            codec::encode(&vec![(vec![artifact(path)], nothing(), nothing(), true, None::<String>, None::<String>)])
        };
        assert!(decode_results(&record("a/b")).is_some());
        for path in ["../a", "/a", "a/../../b", "a//b", "."] {
            assert!(decode_results(&record(path)).is_none(), "{path}");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = decode_results(&bytes);
        }
    }
}
