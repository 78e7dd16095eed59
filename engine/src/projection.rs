//! What is projected from the bytes of one file, and stands in for them.
//!
//! A [`Projection`] is a pure function that the rules give. An action that reads a file through one depends on what it gives and
//! on nothing else of the file. What a file with certain bytes derives to is a [fact](crate::fact): planning compares digests and
//! derives each content once.

use crate::path::RelPath;

/// A pure function of the bytes of a file and of the [extensions](RelPath::extensions) of its name.
#[derive(Debug, Clone, Copy)]
pub struct Projection {
    /// What it gives, in plural and lower case, and its version, which is raised when it gives other bytes for the same file:
    /// `declarations v1`.
    pub name: &'static str,
    /// The function; `None` when nothing can be derived, so that the file stands for itself.
    pub derive: fn(&RelPath, &[u8]) -> Option<Vec<u8>>,
}

impl Projection {
    /// What it gives for the file at `path` with these bytes.
    pub fn apply(&self, path: &RelPath, bytes: &[u8]) -> Option<Vec<u8>> {
        (self.derive)(path, bytes)
    }
}

/// What the projection of that name gives, as one says it: its name without the version.
pub fn noun(name: &str) -> &str {
    name.rsplit_once(" v").map_or(name, |(noun, _)| noun)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_without_its_version_is_what_one_says() {
        assert_eq!(noun("first lines v1"), "first lines");
        assert_eq!(noun("declarations"), "declarations");
    }
}
