//! Paths inside the workspace.
//!
//! A [`RelPath`] is UTF-8, `/`-separated, normalised, relative to the workspace root and never leaves it. The empty path
//! is the root itself. Absolute paths appear only where the operating system is spoken to (`system`, `store`, `execute`).

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A normalised path below the workspace root; `""` is the root.
#[derive(Clone, Eq)]
pub struct RelPath(Arc<str>);

// As derived, but that copies of one path are not compared byte by byte: plans hold the same paths again and again.
impl PartialEq for RelPath {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || *self.0 == *other.0
    }
}

impl Ord for RelPath {
    fn cmp(&self, other: &Self) -> Ordering {
        if Arc::ptr_eq(&self.0, &other.0) { Ordering::Equal } else { self.0.cmp(&other.0) }
    }
}

impl PartialOrd for RelPath {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Hash for RelPath {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl Serialize for RelPath {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// Only a text that is normal already is a path.
impl<'de> Deserialize<'de> for RelPath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl serde::de::Visitor<'_> for Text {
            type Value = RelPath;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a normal path below the workspace root")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<RelPath, E> {
                let path = if text.is_empty() { Some(RelPath::root()) } else { RelPath::from_normal(&Arc::from(text)) };
                path.ok_or_else(|| E::invalid_value(serde::de::Unexpected::Str(text), &self))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

/// Why a text is not a path inside the workspace.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// Starts with `/`, `\` or a drive letter.
    #[error("`{0}` is absolute; paths are relative to the workspace root")]
    Absolute(String),
    /// `..` leads above the root.
    #[error("`{0}` leads out of the workspace")]
    Escapes(String),
    /// A backslash, a NUL or another control character.
    #[error("`{0}` holds a character that a path here cannot have")]
    Character(String),
}

/// Whether a text is a normalised path as it is. Nearly all are, and discovered inputs and key dumps have many; of the others some are, too.
fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' '..=b'~') && byte != b'\\' && byte != b':')
        && (text.is_empty() || text.split('/').all(|part| !matches!(part, "" | "." | "..")))
}

impl RelPath {
    /// The workspace root.
    pub fn root() -> Self {
        Self(Arc::from(""))
    }

    /// Normalises `.`, `..` and repeated slashes.
    pub fn new(text: &str) -> Result<Self, PathError> {
        if is_plain(text) {
            return Ok(Self(Arc::from(text)));
        }
        Self::root().join(text)
    }

    /// Takes a text that is normalised as it is; `None` when it is not, or is no path. Shares the text.
    pub fn from_normal(text: &Arc<str>) -> Option<Self> {
        if is_plain(text) {
            return Some(Self(text.clone()));
        }
        Self::new(text).ok().filter(|path| *path.0 == **text)
    }

    /// Resolves `text`, which may hold `..`, against this path taken as a directory.
    pub fn join(&self, text: &str) -> Result<Self, PathError> {
        let drive = text.as_bytes().get(1) == Some(&b':') && text.as_bytes()[0].is_ascii_alphabetic();
        if text.starts_with('/') || drive {
            return Err(PathError::Absolute(text.to_owned()));
        }
        if text.chars().any(|c| c == '\\' || c.is_control()) {
            return Err(PathError::Character(text.to_owned()));
        }
        let mut parts: Vec<&str> = self.0.split('/').filter(|part| !part.is_empty()).collect();
        for part in text.split('/') {
            match part {
                "" | "." => {}
                ".." => {
                    if parts.pop().is_none() {
                        return Err(PathError::Escapes(text.to_owned()));
                    }
                }
                part => parts.push(part),
            }
        }
        Ok(Self(Arc::from(parts.join("/"))))
    }

    /// The text, without a leading or trailing slash.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is the workspace root.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// The directory that holds this path; the root has none.
    pub fn parent(&self) -> Option<Self> {
        if self.is_root() {
            return None;
        }
        Some(match self.0.rfind('/') {
            Some(slash) => Self(Arc::from(&self.0[..slash])),
            None => Self::root(),
        })
    }

    /// The last component; empty for the root.
    pub fn file_name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or("")
    }

    /// The file name up to its last dot; a leading dot belongs to the stem.
    pub fn file_stem(&self) -> &str {
        let name = self.file_name();
        match name.rfind('.') {
            Some(dot) if dot > 0 => &name[..dot],
            _ => name,
        }
    }

    /// What follows the last dot of the file name, without the dot; empty when there is none.
    pub fn extension(&self) -> &str {
        let name = self.file_name();
        match name.rfind('.') {
            Some(dot) if dot > 0 => &name[dot + 1..],
            _ => "",
        }
    }

    /// What follows the first dot of the file name that does not begin it: `d.ts` of `x.d.ts`, `ts` of `.x.ts`; empty when there is
    /// none. Whatever a file is taken for by its name follows from this.
    pub fn extensions(&self) -> &str {
        let name = self.file_name();
        name.char_indices().skip(1).find(|(_, c)| *c == '.').map_or("", |(dot, _)| &name[dot + 1..])
    }

    /// Whether this path is `directory` or lies below it.
    pub fn is_within(&self, directory: &Self) -> bool {
        self.strip_prefix(directory).is_some()
    }

    /// The part of this path below `directory`; `""` when they are equal.
    pub fn strip_prefix(&self, directory: &Self) -> Option<&str> {
        if directory.is_root() {
            return Some(&self.0);
        }
        let rest = self.0.strip_prefix(&*directory.0)?;
        if rest.is_empty() { Some(rest) } else { rest.strip_prefix('/') }
    }

    /// This path as seen from `directory`, with `..` where needed; never starts with `./`.
    pub fn relative_to(&self, directory: &Self) -> String {
        if let Some(below) = self.strip_prefix(directory) {
            return below.to_owned();
        }
        let from: Vec<&str> = directory.0.split('/').filter(|part| !part.is_empty()).collect();
        let to: Vec<&str> = self.0.split('/').filter(|part| !part.is_empty()).collect();
        let common = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
        let mut parts = vec![".."; from.len() - common];
        parts.extend(&to[common..]);
        parts.join("/")
    }

    /// The same path with another extension (given without the dot) in place of its own.
    #[must_use]
    pub fn with_extension(&self, extension: &str) -> Self {
        let stem_end = self.0.len() - self.file_name().len() + self.file_stem().len();
        Self(Arc::from(format!("{}.{extension}", &self.0[..stem_end])))
    }

    /// The components, none for the root.
    pub fn components(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.0.split('/').filter(|part| !part.is_empty())
    }
}

impl fmt::Display for RelPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_root() { "." } else { &self.0 })
    }
}

impl fmt::Debug for RelPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

impl Borrow<str> for RelPath {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for RelPath {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> RelPath {
        RelPath::new(text).unwrap()
    }

    #[test]
    fn normalises() {
        assert_eq!(path("./src//backend/../shared/a.ts").as_str(), "src/shared/a.ts");
        assert_eq!(path("").to_string(), ".");
    }

    #[test]
    fn refuses_to_leave_the_root() {
        assert!(matches!(RelPath::new("../x"), Err(PathError::Escapes(_))));
        assert!(matches!(RelPath::new("a/../../x"), Err(PathError::Escapes(_))));
        assert!(matches!(RelPath::new("/etc/passwd"), Err(PathError::Absolute(_))));
        assert!(matches!(RelPath::new("C:/x"), Err(PathError::Absolute(_))));
        assert!(matches!(RelPath::new("a\\..\\b"), Err(PathError::Character(_))));
        assert!(matches!(RelPath::new("a\0b"), Err(PathError::Character(_))));
    }

    #[test]
    fn parts() {
        let file = path("src/backend/index.test.ts");
        assert_eq!(file.file_name(), "index.test.ts");
        assert_eq!(file.file_stem(), "index.test");
        assert_eq!(file.extension(), "ts");
        assert_eq!(file.with_extension("js").as_str(), "src/backend/index.test.js");
        assert_eq!(file.parent().unwrap().as_str(), "src/backend");
        assert_eq!(path("a").parent().unwrap(), RelPath::root());
        assert_eq!(path(".env").extension(), "");
    }

    #[test]
    fn what_is_normal_is_taken_as_it_is() {
        for text in [
            "", "a", "a/b.ts", "a b/c", "ä/b", "x/..y/.z", "a:b", "./a", "a/", "/a", "a//b", "a/../b", "..", "c:/x",
            "a\\b", "a\u{7f}",
        ] {
            let expected = RelPath::new(text).ok().filter(|path| path.as_str() == text);
            assert_eq!(RelPath::from_normal(&Arc::from(text)), expected, "{text:?}");
        }
    }

    #[test]
    fn relations() {
        let file = path("src/backend/a.ts");
        assert!(file.is_within(&path("src")));
        assert!(!file.is_within(&path("src/back")));
        assert_eq!(file.relative_to(&path("src/backend/jobs")), "../a.ts");
        assert_eq!(file.relative_to(&RelPath::root()), "src/backend/a.ts");
    }
}
