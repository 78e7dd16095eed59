//! What a build gave, in the log.

use std::borrow::Cow;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::action::{ActionKey, Artifact};
use crate::codec;
use crate::diagnostic::Diagnostic;
use crate::digest::Digest;
use crate::label::{ActionLabel, Label};
use crate::path::RelPath;
use crate::schedule::Report;

/// What is to be kept of a build.
#[derive(Debug, Clone, Copy)]
pub struct BuildToCache<'a> {
    /// Whether the user's code is in order.
    pub ok: bool,
    /// Every action.
    pub reports: &'a [Report],
    /// What there was to say.
    pub diagnostics: &'a [Diagnostic],
    /// Everything made, sorted by path.
    pub artifacts: &'a [Artifact],
    /// Keys of the records and facts of the store that all this came from.
    pub references: &'a [Digest],
    /// Bytes of the caller's own.
    pub rest: &'a [u8],
}

/// What was kept of a build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CachedBuild {
    /// Whether the user's code is in order.
    pub ok: bool,
    /// Every action and its key, discovered inputs included.
    pub actions: Vec<(ActionLabel, ActionKey)>,
    /// What there was to say.
    pub diagnostics: Vec<Diagnostic>,
    /// Everything made, sorted by path.
    pub artifacts: Vec<Artifact>,
    /// Keys of the records and facts of the store that all this came from.
    pub references: Vec<Digest>,
    /// Bytes of the caller's own.
    pub rest: Vec<u8>,
}

/// The actions of one rule, each by its subject.
type OfRule = (Label, Vec<(Option<RelPath>, ActionKey)>);

/// A cached build as it is written.
#[derive(Serialize, Deserialize)]
struct Kept<'a> {
    ok: bool,
    profile: Cow<'a, str>,
    rules: Vec<OfRule>,
    diagnostics: Cow<'a, [Diagnostic]>,
    artifacts: Cow<'a, [Artifact]>,
    references: Cow<'a, [Digest]>,
    rest: Cow<'a, [u8]>,
}

pub(super) fn encode(to_cache: &BuildToCache<'_>) -> Vec<u8> {
    // Reports are sorted by label, so those of one rule stand together.
    let rules = to_cache.reports.chunk_by(|a, b| a.label.rule == b.label.rule).map(|reports| {
        let actions = reports.iter().map(|report| (report.label.subject.clone(), report.key));
        (reports[0].label.rule.clone(), actions.collect())
    });
    codec::encode(&Kept {
        ok: to_cache.ok,
        profile: to_cache.reports.first().map_or("", |report| &report.label.profile).into(),
        rules: rules.collect(),
        diagnostics: to_cache.diagnostics.into(),
        artifacts: to_cache.artifacts.into(),
        references: to_cache.references.into(),
        rest: to_cache.rest.into(),
    })
}

pub(super) fn decode(bytes: &[u8]) -> Option<CachedBuild> {
    let kept: Kept<'_> = codec::decode(bytes)?;
    let profile: Arc<str> = Arc::from(&*kept.profile);
    let actions = kept.rules.into_iter().flat_map(|(rule, actions)| {
        let profile = profile.clone();
        actions
            .into_iter()
            .map(move |(subject, key)| (ActionLabel { rule: rule.clone(), profile: profile.clone(), subject }, key))
    });
    Some(CachedBuild {
        ok: kept.ok,
        actions: actions.collect(),
        diagnostics: kept.diagnostics.into_owned(),
        artifacts: kept.artifacts.into_owned(),
        references: kept.references.into_owned(),
        rest: kept.rest.into_owned(),
    })
}
