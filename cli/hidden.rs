//! Secrets of the workspace, which this program says to nobody: all that it writes goes through here.

use std::borrow::Cow;
use std::sync::{PoisonError, RwLock};

use webstir_engine::diagnostic::Diagnostic;
use webstir_rules::Redactor;

/// The secrets of the workspace that was opened last.
static HIDDEN: RwLock<Option<Redactor>> = RwLock::new(None);

/// Hides these secrets from now on.
pub(crate) fn hide(secrets: Redactor) {
    *HIDDEN.write().unwrap_or_else(PoisonError::into_inner) = Some(secrets);
}

/// A text without secrets.
pub(crate) fn text(text: &str) -> Cow<'_, str> {
    let secrets = HIDDEN.read().unwrap_or_else(PoisonError::into_inner);
    secrets.as_ref().map_or(Cow::Borrowed(text), |secrets| match secrets.text(text) {
        Cow::Borrowed(_) => Cow::Borrowed(text),
        Cow::Owned(hidden) => Cow::Owned(hidden),
    })
}

/// Takes secrets out of a finding.
pub(crate) fn in_finding(diagnostic: &mut Diagnostic) {
    let secrets = HIDDEN.read().unwrap_or_else(PoisonError::into_inner);
    secrets.iter().for_each(|secrets| secrets.diagnostic(diagnostic));
}
