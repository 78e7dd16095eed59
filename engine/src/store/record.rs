//! Action records: the outcomes of one action, in bytes.

use std::sync::Arc;

use super::codec::{Decoder, Encoder};
use super::delta;
use crate::action::{Artifact, Outcome};
use crate::diagnostic::{Diagnostic, Related, Severity, Span};
use crate::label::Label;
use crate::path::RelPath;
use crate::system::PathKind;
use crate::view::Observation;

/// Raised with every change of the form below; a record of another version is a miss.
const VERSION: u64 = 4;

/// No record has more outcomes. Each may repeat the trace of the one before in a few bytes.
const MOST_OUTCOMES: u64 = 16;

pub(super) fn encode_outcomes(outcomes: &[Outcome]) -> Vec<u8> {
    let mut encoder = Encoder::default();
    encoder.number(VERSION);
    encoder.number(outcomes.len() as u64);
    let mut before: &[_] = &[];
    for kept in outcomes {
        outcome(&mut encoder, before, kept);
        before = &kept.trace;
    }
    encoder.finish()
}

pub(super) fn decode_outcomes(bytes: &[u8]) -> Option<Vec<Outcome>> {
    let mut decoder = Decoder::new(bytes);
    if decoder.number()? != VERSION {
        return None;
    }
    let count = decoder.number()?;
    if count > MOST_OUTCOMES {
        return None;
    }
    let mut outcomes: Vec<Outcome> = Vec::new();
    for _ in 0..count {
        let before = outcomes.last().map_or(&[][..], |outcome| &outcome.trace);
        let outcome = decode_outcome(&mut decoder, before)?;
        outcomes.push(outcome);
    }
    decoder.is_empty().then_some(outcomes)
}

fn outcome(encoder: &mut Encoder, before: &[(RelPath, Observation)], outcome: &Outcome) {
    encoder.list(outcome.artifacts.iter(), artifact);
    encoder.list(outcome.diagnostics.iter(), diagnostic);
    delta::encode(encoder, before, &outcome.trace);
    encoder.byte(u8::from(outcome.hermetic));
}

pub(crate) fn artifact(encoder: &mut Encoder, artifact: &Artifact) {
    encoder.text(artifact.path.as_str());
    encoder.digest(artifact.digest);
    encoder.number(artifact.bytes);
    encoder.byte(u8::from(artifact.executable));
}

pub(crate) fn decode_artifact(decoder: &mut Decoder<'_>) -> Option<Artifact> {
    Some(Artifact {
        path: path(decoder)?,
        digest: decoder.digest()?,
        bytes: decoder.number()?,
        executable: flag(decoder)?,
    })
}

pub(crate) fn observation(encoder: &mut Encoder, (path, observation): &(RelPath, Observation)) {
    encoder.text(path.as_str());
    match observation {
        Observation::Kind(kind) => {
            encoder.byte(0);
            encoder.byte(*kind as u8);
        }
        Observation::Content(digest) => {
            encoder.byte(1);
            encoder.option(*digest, Encoder::digest);
        }
        Observation::Entries(digest) => {
            encoder.byte(2);
            encoder.option(*digest, Encoder::digest);
        }
        Observation::RealPath(path) => {
            encoder.byte(3);
            encoder.option(path.as_ref(), |encoder, path| encoder.text(path.as_str()));
        }
        Observation::Derived(name, digest) => {
            encoder.byte(4);
            encoder.text(name);
            encoder.digest(*digest);
        }
        Observation::Selected(extensions, digest) => {
            encoder.byte(5);
            encoder.text(extensions);
            encoder.digest(*digest);
        }
    }
}

pub(crate) fn decode_observation(decoder: &mut Decoder<'_>) -> Option<(RelPath, Observation)> {
    let path_of = path(decoder)?;
    let observation = match decoder.byte()? {
        0 => Observation::Kind(match decoder.byte()? {
            0 => PathKind::Absent,
            1 => PathKind::File,
            2 => PathKind::Directory,
            _ => return None,
        }),
        1 => Observation::Content(decoder.option(Decoder::digest)?),
        2 => Observation::Entries(decoder.option(Decoder::digest)?),
        3 => Observation::RealPath(decoder.option(path)?),
        4 => Observation::Derived(Arc::from(decoder.text()?), decoder.digest()?),
        5 => Observation::Selected(Arc::from(decoder.text()?), decoder.digest()?),
        _ => return None,
    };
    Some((path_of, observation))
}

fn decode_outcome(decoder: &mut Decoder<'_>, before: &[(RelPath, Observation)]) -> Option<Outcome> {
    let artifacts = decoder.list(decode_artifact)?;
    let diagnostics = decoder.list(decode_diagnostic)?;
    let trace = delta::decode(decoder, before)?;
    let mut outcome = Outcome::done(artifacts, diagnostics);
    outcome.trace = trace.into_boxed_slice();
    outcome.hermetic = flag(decoder)?;
    Some(outcome)
}

pub(crate) fn diagnostic(encoder: &mut Encoder, diagnostic: &Diagnostic) {
    encoder.option(diagnostic.file.as_ref(), |encoder, file| encoder.text(file.as_str()));
    encoder.option(diagnostic.span, span);
    encoder.text(&diagnostic.code);
    encoder.byte(diagnostic.severity as u8);
    encoder.text(&diagnostic.message);
    encoder.list(diagnostic.notes.iter(), |encoder, note| encoder.text(note));
    encoder.option(diagnostic.help.as_deref(), Encoder::text);
    encoder.list(diagnostic.related.iter(), |encoder, related| {
        encoder.text(&related.message);
        encoder.option(related.file.as_ref(), |encoder, file| encoder.text(file.as_str()));
        encoder.option(related.span, span);
    });
    encoder.option(diagnostic.rule.as_ref(), |encoder, rule| {
        encoder.text(rule.kind());
        encoder.text(rule.name());
    });
}

pub(crate) fn decode_diagnostic(decoder: &mut Decoder<'_>) -> Option<Diagnostic> {
    Some(Diagnostic {
        file: decoder.option(path)?,
        span: decoder.option(decode_span)?,
        code: decoder.text()?.to_owned().into(),
        severity: match decoder.byte()? {
            0 => Severity::Info,
            1 => Severity::Warning,
            2 => Severity::Error,
            _ => return None,
        },
        message: decoder.text()?.to_owned(),
        notes: decoder.list(|decoder| decoder.text().map(str::to_owned))?,
        help: decoder.option(Decoder::text)?.map(str::to_owned),
        related: decoder.list(|decoder| {
            Some(Related {
                message: decoder.text()?.to_owned(),
                file: decoder.option(path)?,
                span: decoder.option(decode_span)?,
            })
        })?,
        rule: decoder.option(|decoder| Some(Label::new(decoder.text()?, decoder.text()?)))?,
    })
}

fn span(encoder: &mut Encoder, span: Span) {
    for number in [span.start, span.end, span.line, span.column] {
        encoder.number(u64::from(number));
    }
}

fn decode_span(decoder: &mut Decoder<'_>) -> Option<Span> {
    let mut number = || decoder.number().and_then(|number| u32::try_from(number).ok());
    Some(Span { start: number()?, end: number()?, line: number()?, column: number()? })
}

pub(crate) fn path(decoder: &mut Decoder<'_>) -> Option<RelPath> {
    RelPath::new(decoder.text()?).ok()
}

pub(crate) fn flag(decoder: &mut Decoder<'_>) -> Option<bool> {
    match decoder.byte()? {
        0 => Some(false),
        1 => Some(true),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Digest;
    use proptest::prelude::*;

    #[test]
    fn round_trip() {
        let file = RelPath::new("src/ä.ts").unwrap();
        let place = Span { start: 1, end: 2, line: 3, column: 4 };
        let mut outcome = Outcome::done(
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
        outcome.trace = Box::from([
            (file.clone(), Observation::Kind(PathKind::Directory)),
            (file.clone(), Observation::Content(Some(Digest::of(b"y")))),
            (file.clone(), Observation::Entries(None)),
            (file.clone(), Observation::RealPath(Some(file.clone()))),
            (file.clone(), Observation::Selected(Arc::from("js ts"), Digest::of(b"w"))),
            (file.clone(), Observation::Derived(Arc::from("lines v1"), Digest::of(b"z"))),
        ]);
        outcome.hermetic = false;
        let outcomes = [outcome, Outcome::default()];
        let mut expected = outcomes.to_vec();
        expected[1].hermetic = false;
        assert_eq!(decode_outcomes(&encode_outcomes(&outcomes)), Some(expected));
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = decode_outcomes(&bytes);
            let mut versioned = vec![u8::try_from(VERSION).unwrap()];
            versioned.extend(bytes);
            let _ = decode_outcomes(&versioned);
        }
    }
}
