//! Paths in a tree: UTF-8, relative, `/`-separated, without `.` and `..`.

/// Why a path has no place in a tree.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathFault {
    /// Empty, absolute, with an empty, `.` or `..` part, or with a NUL.
    #[error("`{0}` is no path inside a tree")]
    NotInside(String),
    /// The list is not sorted by bytes, or has a path twice.
    #[error("`{0}` is out of order")]
    Order(String),
    /// One input is a file where another one needs a directory.
    #[error("`{0}` is a file and a directory")]
    FileAndDirectory(String),
    /// What is written or asked for lies in a directory of packages, which is shown as it is.
    #[error("`{0}` lies in a directory of packages")]
    InPackages(String),
}

/// Refuses what could lead out of a tree.
pub(crate) fn check(path: &str) -> Result<(), PathFault> {
    let is_inside = path.split('/').all(|part| !matches!(part, "" | "." | "..")) && !path.contains('\0');
    if is_inside { Ok(()) } else { Err(PathFault::NotInside(path.to_owned())) }
}

/// Refuses lists that are not sorted by bytes, have a path twice, or hold a path that could lead out of a tree.
pub(crate) fn check_all<'a>(paths: impl IntoIterator<Item = &'a str>) -> Result<(), PathFault> {
    let mut before: Option<&str> = None;
    for path in paths {
        check(path)?;
        if before.is_some_and(|before| before >= path) {
            return Err(PathFault::Order(path.to_owned()));
        }
        before = Some(path);
    }
    Ok(())
}

/// Refuses a sorted list of files in which one lies below another one, and directories that lie below a file or are one.
pub(crate) fn check_kinds<'a>(
    files: &[&'a str],
    directories: impl IntoIterator<Item = &'a str>,
) -> Result<(), PathFault> {
    let both = |path: &str| PathFault::FileAndDirectory(path.to_owned());
    // Those that the current path starts with: between `a` and `a/b` lie `a.b` and the like.
    let mut begun: Vec<&str> = Vec::new();
    for file in files {
        begun.retain(|before| file.starts_with(before));
        if let Some(before) = begun.iter().find(|before| is_within(file, before)) {
            return Err(both(before));
        }
        begun.push(file);
    }
    for directory in directories {
        let ends = directory.match_indices('/').map(|(at, _)| at).chain([directory.len()]);
        if let Some(file) = ends.map(|end| &directory[..end]).find(|above| files.binary_search(above).is_ok()) {
            return Err(both(file));
        }
    }
    Ok(())
}

/// Whether `path` is `directory` or lies below it.
pub(crate) fn is_within(path: &str, directory: &str) -> bool {
    path.strip_prefix(directory).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_that_could_lead_out_are_refused() {
        for bad in ["", "/etc/passwd", "..", "a/../b", "a//b", "./a", "a/", "a\0b"] {
            assert!(check(bad).is_err(), "{bad:?}");
        }
        for good in ["a", "a/b.c", "...", "a/..b", ".hidden/x"] {
            assert!(check(good).is_ok(), "{good:?}");
        }
    }

    #[test]
    fn a_path_is_a_file_or_a_directory() {
        let both = |path: &str| Err(PathFault::FileAndDirectory(path.to_owned()));
        assert_eq!(check_kinds(&["a", "a b", "a.b", "a/c"], []), both("a"));
        assert_eq!(check_kinds(&["a/b"], ["a/b"]), both("a/b"));
        assert_eq!(check_kinds(&["a/b"], ["a/b/c/d"]), both("a/b"));
        assert_eq!(check_kinds(&["a", "a.b", "ab/c", "b"], ["ab", "c/d"]), Ok(()));
    }

    #[test]
    fn lists_are_sorted_and_have_each_path_once() {
        assert!(check_all(["a", "a.b", "a/b"]).is_ok());
        assert_eq!(check_all(["b", "a"]), Err(PathFault::Order("a".to_owned())));
        assert_eq!(check_all(["a", "a"]), Err(PathFault::Order("a".to_owned())));
    }
}
