//! What a build gave, in the log.

use crate::action::{ActionKey, Artifact};
use crate::diagnostic::Diagnostic;
use crate::digest::Digest;
use crate::label::{ActionLabel, Label};
use crate::schedule::Report;
use crate::store::codec::{Decoder, Encoder};
use crate::store::record;

/// What is to be kept of a build.
#[derive(Debug, Clone, Copy)]
pub struct Concluded<'a> {
    /// Whether the user's code is in order.
    pub ok: bool,
    /// Every action.
    pub reports: &'a [Report],
    /// What there was to say.
    pub diagnostics: &'a [Diagnostic],
    /// Everything made, sorted by path.
    pub artifacts: &'a [Artifact],
    /// Keys of the records and facts of the store that all this came from.
    pub stands_on: &'a [Digest],
    /// Bytes of the caller's own.
    pub rest: &'a [u8],
}

/// What was kept of a build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conclusion {
    /// Whether the user's code is in order.
    pub ok: bool,
    /// Every action and its key, the trace included.
    pub actions: Vec<(ActionLabel, ActionKey)>,
    /// What there was to say.
    pub diagnostics: Vec<Diagnostic>,
    /// Everything made, sorted by path.
    pub artifacts: Vec<Artifact>,
    /// Keys of the records and facts of the store that all this came from.
    pub stands_on: Vec<Digest>,
    /// Bytes of the caller's own.
    pub rest: Vec<u8>,
}

pub(super) fn encode(concluded: &Concluded<'_>) -> Vec<u8> {
    let mut encoder = Encoder::default();
    encoder.byte(u8::from(concluded.ok));
    let profile = concluded.reports.first().map_or("", |report| &report.label.profile);
    encoder.text(profile);
    // Reports are sorted by label, so those of one rule stand together.
    let rules: Vec<_> = concluded.reports.chunk_by(|a, b| a.label.rule == b.label.rule).collect();
    encoder.list(rules.iter(), |encoder, reports| {
        encoder.text(reports[0].label.rule.kind());
        encoder.text(reports[0].label.rule.name());
        encoder.list(reports.iter(), |encoder, report| {
            encoder.option(report.label.subject.as_ref(), |encoder, subject| encoder.text(subject.as_str()));
            encoder.digest(report.key.0);
        });
    });
    encoder.list(concluded.diagnostics.iter(), record::diagnostic);
    encoder.list(concluded.artifacts.iter(), record::artifact);
    encoder.list(concluded.stands_on.iter(), |encoder, key| encoder.digest(*key));
    encoder.bytes(concluded.rest);
    encoder.finish()
}

pub(super) fn decode(bytes: &[u8]) -> Option<Conclusion> {
    let mut decoder = Decoder::new(bytes);
    let ok = record::flag(&mut decoder)?;
    let profile = std::sync::Arc::from(decoder.text()?);
    let rules = decoder.list(|decoder| {
        let rule = Label::new(decoder.text()?, decoder.text()?);
        decoder.list(|decoder| {
            let subject = decoder.option(record::path)?;
            let label = ActionLabel { rule: rule.clone(), profile: std::sync::Arc::clone(&profile), subject };
            Some((label, ActionKey(decoder.digest()?)))
        })
    })?;
    let conclusion = Conclusion {
        ok,
        actions: rules.into_iter().flatten().collect(),
        diagnostics: decoder.list(record::decode_diagnostic)?,
        artifacts: decoder.list(record::decode_artifact)?,
        stands_on: decoder.list(Decoder::digest)?,
        rest: decoder.bytes()?.to_vec(),
    };
    decoder.is_empty().then_some(conclusion)
}
