//! How places outside of the workspace are named: from its root, with a `../` for each step up.

use std::path::{Path, PathBuf};

/// A place as it is named from the workspace root.
pub(crate) fn seen_from(root: &Path, place: &Path) -> Option<Box<str>> {
    let above = root.ancestors().enumerate();
    let mut below = above.filter_map(|(steps, directory)| Some((steps, place.strip_prefix(directory).ok()?)));
    let (steps, below) = below.next()?;
    Some(format!("{}{}", "../".repeat(steps), below.to_str()?).into())
}

/// The place with a name as [`seen_from`] gives it.
pub(crate) fn place_of(root: &Path, name: &str) -> PathBuf {
    let below = name.trim_start_matches("../");
    let steps = (name.len() - below.len()) / "../".len();
    root.ancestors().nth(steps).unwrap_or(root).join(below)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_named_from_the_workspace() {
        let root = Path::new("/r/apps/web");
        for (place, name) in [
            ("/r/apps/web/node_modules/a", "node_modules/a"),
            ("/r/node_modules/a", "../../node_modules/a"),
            ("/x/node_modules/a", "../../../x/node_modules/a"),
        ] {
            assert_eq!(seen_from(root, Path::new(place)).as_deref(), Some(name));
            assert_eq!(place_of(root, name), Path::new(place));
        }
    }
}
