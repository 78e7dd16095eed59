//! What a session knows of the workspace, compared with the workspace.

use rustc_hash::FxHashSet;
use webstir_engine::digest::Digest;
use webstir_engine::discovered::DiscoveredInput;
use webstir_engine::path::RelPath;
use webstir_engine::run::Previous;
use webstir_engine::system::Listing;
use webstir_engine::view::{Derived, View};

use super::super::{ReferencedProjects, TypecheckError};
use crate::declarations::DECLARATIONS;

/// What differs.
pub(super) struct Told {
    /// Files with other contents, sorted.
    pub(super) contents: Vec<RelPath>,
    /// Whether names came or went.
    pub(super) has_listings: bool,
}

/// The entries of a record, by whether the workspace is known to answer the same.
pub(super) struct Differences<'a> {
    /// Entries to which the workspace has another answer now, with that answer.
    differing: Vec<(&'a (RelPath, DiscoveredInput), DiscoveredInput)>,
    /// Entries that hold.
    others: Vec<&'a (RelPath, DiscoveredInput)>,
}

impl<'a> Differences<'a> {
    /// Asks the workspace again about every entry that is not known to hold.
    pub(super) fn between(
        record: &'a [(RelPath, DiscoveredInput)],
        previous: &Previous,
        view: &View,
    ) -> Result<Self, TypecheckError> {
        let known: FxHashSet<&(RelPath, DiscoveredInput)> = previous.result.discovered.iter().collect();
        let mut differences = Self { differing: Vec::new(), others: Vec::new() };
        for entry in record {
            let (path, observation) = entry;
            if known.contains(entry) && previous.changed.binary_search(path).is_err() {
                differences.others.push(entry);
                continue;
            }
            let now = again(view, path, observation).map_err(TypecheckError::workspace(path))?;
            if now == *observation {
                differences.others.push(entry);
            } else {
                differences.differing.push((entry, now));
            }
        }
        Ok(differences)
    }

    /// The files that differ, sorted, if nothing does but contents of files that were and are there, read in the same way.
    pub(super) fn contents(&self, neighbours: &ReferencedProjects) -> Option<Vec<RelPath>> {
        let content = |((path, before), now): &(&(RelPath, DiscoveredInput), DiscoveredInput)| {
            let is_content = match (before, now) {
                (DiscoveredInput::Content(Some(_)), DiscoveredInput::Content(Some(_))) => !neighbours.own(path),
                (DiscoveredInput::Derived(..), DiscoveredInput::Derived(..)) => true,
                _ => false,
            };
            is_content.then(|| path.clone())
        };
        self.differing.iter().map(content).collect()
    }

    /// What differs, if that is contents of files that were and are there, read in the same way, and which names directories have.
    pub(super) fn told(&self, neighbours: &ReferencedProjects) -> Option<Told> {
        let is_listing = |input: &DiscoveredInput| {
            matches!(input, DiscoveredInput::Selected(..) | DiscoveredInput::Entries(Some(_)))
        };
        let (listings, differing): (Vec<_>, Vec<_>) =
            self.differing.iter().cloned().partition(|((_, before), now)| is_listing(before) && is_listing(now));
        let contents = Self { differing, others: Vec::new() }.contents(neighbours)?;
        Some(Told { contents, has_listings: !listings.is_empty() })
    }

    /// The entries that hold.
    pub(super) fn others(&self) -> impl Iterator<Item = &'a (RelPath, DiscoveredInput)> {
        self.others.iter().copied()
    }
}

/// Puts the question of an entry again.
fn again(view: &View, path: &RelPath, observation: &DiscoveredInput) -> std::io::Result<DiscoveredInput> {
    Ok(match observation {
        DiscoveredInput::Kind(_) => DiscoveredInput::Kind(view.kind(path)?),
        DiscoveredInput::Content(_) => DiscoveredInput::Content(view.read(path)?.as_deref().map(Digest::of)),
        DiscoveredInput::Entries(_) => DiscoveredInput::Entries(view.list(path)?.as_ref().map(Listing::digest)),
        DiscoveredInput::Selected(extensions, _) => {
            let listing = view.list_selected(path, extensions)?;
            listing.map_or(DiscoveredInput::Entries(None), |listing| {
                DiscoveredInput::Selected(extensions.clone(), listing.digest())
            })
        }
        DiscoveredInput::RealPath(_) => DiscoveredInput::RealPath(view.real_path(path)?),
        DiscoveredInput::Derived(name, _) => match view.derive(path, &DECLARATIONS)? {
            Derived::Absent => DiscoveredInput::Content(None),
            Derived::Source(bytes) => DiscoveredInput::Content(Some(Digest::of(&bytes))),
            Derived::Derived(bytes) => DiscoveredInput::Derived(name.clone(), Digest::of(&bytes)),
        },
    })
}
