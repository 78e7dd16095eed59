//! What a scheduler says of an earlier result. `bench/checks.rs` has this file, too.

use webstir_engine::action::SharedResult;
use webstir_engine::digest::Digest;
use webstir_engine::discovered::DiscoveredInput;
use webstir_engine::path::RelPath;
use webstir_engine::run::Previous;
use webstir_engine::view::{Derived, View};
use webstir_typescript::declarations::DECLARATIONS;

/// The result, with the discovered inputs that `view` does not give any more.
pub(crate) fn previous(view: &View, result: &SharedResult) -> Previous {
    let differing = result.discovered.iter().filter(|(path, seen)| !gives(view, path, seen));
    let mut changed: Vec<RelPath> = differing.map(|(path, _)| path.clone()).collect();
    changed.dedup();
    Previous { result: result.clone(), changed: changed.into() }
}

pub(crate) fn gives(view: &View, path: &RelPath, seen: &DiscoveredInput) -> bool {
    match seen {
        DiscoveredInput::Kind(kind) => view.kind(path).unwrap() == *kind,
        DiscoveredInput::Content(digest) => view.read(path).unwrap().as_deref().map(Digest::of) == *digest,
        DiscoveredInput::Entries(digest) => view.list(path).unwrap().map(|listing| listing.digest()) == *digest,
        DiscoveredInput::Selected(extensions, digest) => {
            view.list_selected(path, extensions).unwrap().is_some_and(|listing| listing.digest() == *digest)
        }
        DiscoveredInput::RealPath(real) => view.real_path(path).unwrap() == *real,
        DiscoveredInput::Derived(_, digest) => {
            matches!(view.derive(path, &DECLARATIONS).unwrap(), Derived::Derived(bytes) if Digest::of(&bytes) == *digest)
        }
    }
}
