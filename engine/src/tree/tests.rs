use super::*;
use crate::store::Store;
use std::os::unix::fs::symlink;

struct Case {
    directory: tempfile::TempDir,
    store: Store,
}

impl Case {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(&directory.path().join(".webstir/store")).unwrap();
        Self { directory, store }
    }

    fn artifact(&self, path: &str, text: &str) -> Artifact {
        let digest = self.store.put(text.as_bytes()).unwrap();
        Artifact { path: RelPath::new(path).unwrap(), digest, bytes: text.len() as u64, executable: false }
    }

    fn artifacts(&self, files: &[(&str, &str)]) -> Vec<Artifact> {
        let mut artifacts: Vec<_> = files.iter().map(|(path, text)| self.artifact(path, text)).collect();
        artifacts.sort();
        artifacts
    }

    fn state(&self) -> PathBuf {
        self.directory.path().join(".webstir")
    }

    fn tree(&self) -> Tree {
        Tree::new(self.directory.path(), &self.state(), "build")
    }

    fn materialise(&self, files: &[(&str, &str)]) -> Result<Materialised, MaterialiseError> {
        let rank = |path: &RelPath| u8::from(path.file_name() == "index.js");
        self.tree().materialise(&self.artifacts(files), &self.store, &rank).map(|(materialised, _)| materialised)
    }

    /// As [`Case::materialise`], for a process that stays.
    fn hold(&self, files: &[(&str, &str)]) -> LastMaterialised {
        self.tree().materialise(&self.artifacts(files), &self.store, &|_| 0).unwrap().1
    }

    fn change(
        &self,
        previous: &LastMaterialised,
        files: &[(&str, &str)],
    ) -> Result<(Materialised, LastMaterialised), MaterialiseError> {
        self.tree().change(previous, &self.artifacts(files), &self.store, &|_| 0)
    }

    fn read(&self, path: &str) -> Option<String> {
        fs::read_to_string(self.directory.path().join(path)).ok()
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.directory.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

#[test]
fn materialises_keeps_changes_and_removes() {
    let case = Case::new();
    let first = case.materialise(&[("build/a/index.js", "1"), ("build/b.js", "2")]).unwrap();
    assert_eq!(first, Materialised { written: 2, kept: 0, removed: 0 });
    let again = case.materialise(&[("build/a/index.js", "1"), ("build/b.js", "2")]).unwrap();
    assert_eq!(again, Materialised { written: 0, kept: 2, removed: 0 });
    let changed = case.materialise(&[("build/b.js", "3"), ("build/c.js", "4")]).unwrap();
    assert_eq!(changed, Materialised { written: 2, kept: 0, removed: 1 });
    assert_eq!(case.read("build/b.js").as_deref(), Some("3"));
    // The directory became empty with its last file.
    assert!(!case.directory.path().join("build/a").exists());
}

#[test]
fn what_nobody_declared_is_never_touched() {
    let case = Case::new();
    case.write("build/mine/notes.txt", "keep");
    case.materialise(&[("build/mine/a.js", "1")]).unwrap();
    case.materialise(&[("build/b.js", "1")]).unwrap();
    assert_eq!(case.read("build/mine/notes.txt").as_deref(), Some("keep"));
    assert_eq!(case.read("build/mine/a.js"), None);
}

#[test]
fn edits_of_outputs_are_undone() {
    let case = Case::new();
    case.materialise(&[("build/a.js", "1"), ("build/b.js", "1")]).unwrap();
    case.write("build/a.js", "2");
    fs::remove_file(case.directory.path().join("build/b.js")).unwrap();
    let materialised = case.materialise(&[("build/a.js", "1"), ("build/b.js", "1")]).unwrap();
    assert_eq!(materialised.written, 2);
    assert_eq!(case.read("build/a.js").as_deref(), Some("1"));
}

#[test]
fn what_a_killed_process_staged_is_swept() {
    let case = Case::new();
    let state = case.state();
    let left = |name: &str| format!(".webstir/{}x1/0", Tree::new(case.directory.path(), &state, name).stage());
    case.write(&left("build"), "left");
    case.write(&left("build-2"), "another tree's");
    case.materialise(&[("build/a.js", "1")]).unwrap();
    assert_eq!(case.read(&left("build")), None);
    assert_eq!(case.read(&left("build-2")).as_deref(), Some("another tree's"));
}

#[test]
fn t6_trees_with_similar_names_own_nothing_of_each_other() {
    let case = Case::new();
    let materialise = |name: &str, path: &str| {
        let tree = Tree::new(case.directory.path(), &case.state(), name);
        tree.materialise(&case.artifacts(&[(path, "1")]), &case.store, &|_| 0).unwrap().0
    };
    let written = Materialised { written: 1, kept: 0, removed: 0 };
    assert_eq!(materialise("dist/app", "dist/app/a.js"), written);
    assert_eq!(materialise("dist-app", "dist-app/a.js"), written);
    assert_eq!(materialise("Dist-app", "Dist-app/a.js"), written);
    assert!(["dist/app/a.js", "dist-app/a.js", "Dist-app/a.js"].iter().all(|path| case.read(path).is_some()));
    assert_eq!(materialise("dist/app", "dist/app/a.js"), Materialised { written: 0, kept: 1, removed: 0 });
}

#[test]
fn t6_a_list_in_the_place_of_another_trees_is_nobodys() {
    let case = Case::new();
    case.materialise(&[("build/a.js", "1")]).unwrap();
    let lists = case.state().join("trees");
    fs::rename(lists.join("build"), lists.join("dist")).unwrap();
    let tree = Tree::new(case.directory.path(), &case.state(), "dist");
    let (materialised, _) = tree.materialise(&case.artifacts(&[("dist/b.js", "1")]), &case.store, &|_| 0).unwrap();
    assert_eq!(materialised, Materialised { written: 1, kept: 0, removed: 0 });
    assert_eq!(case.read("build/a.js").as_deref(), Some("1"));
}

#[test]
fn nothing_is_written_through_a_link() {
    let case = Case::new();
    let outside = tempfile::tempdir().unwrap();
    symlink(outside.path(), case.directory.path().join("build")).unwrap();
    let error = case.materialise(&[("build/a.js", "1")]).unwrap_err();
    assert!(matches!(error, MaterialiseError::InTheWay(..)), "{error}");
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
}

#[test]
fn a_link_in_place_of_a_file_is_replaced_and_not_followed() {
    let case = Case::new();
    case.write("precious.txt", "keep");
    fs::create_dir_all(case.directory.path().join("build")).unwrap();
    symlink("../precious.txt", case.directory.path().join("build/a.js")).unwrap();
    case.materialise(&[("build/a.js", "1")]).unwrap();
    assert_eq!(case.read("precious.txt").as_deref(), Some("keep"));
    assert_eq!(case.read("build/a.js").as_deref(), Some("1"));
}

#[test]
fn a_directory_in_the_way_is_an_error_and_a_lost_blob_changes_nothing() {
    let case = Case::new();
    case.write("build/a.js/user.txt", "keep");
    assert!(matches!(case.materialise(&[("build/a.js", "1")]), Err(MaterialiseError::InTheWay(..))));
    assert_eq!(case.read("build/a.js/user.txt").as_deref(), Some("keep"));

    let case = Case::new();
    case.materialise(&[("build/a.js", "old")]).unwrap();
    let lost = Artifact {
        path: RelPath::new("build/z.js").unwrap(),
        digest: Digest::of(b"lost"),
        bytes: 4,
        executable: false,
    };
    let artifacts = [case.artifact("build/a.js", "new"), lost];
    assert!(matches!(case.tree().materialise(&artifacts, &case.store, &|_| 0), Err(MaterialiseError::BlobMissing(_))));
    assert_eq!(case.read("build/a.js").as_deref(), Some("old"));
    assert!(
        fs::read_dir(case.state())
            .unwrap()
            .all(|entry| { !entry.unwrap().file_name().to_string_lossy().starts_with("stage.") })
    );
}

#[test]
fn a_change_writes_what_differs_and_looks_at_nothing_else() {
    let case = Case::new();
    let previous = case.hold(&[("build/a.js", "1"), ("build/b.js", "2")]);
    case.write("build/b.js", "tampered");
    let (materialised, previous) = case.change(&previous, &[("build/a.js", "3"), ("build/b.js", "2")]).unwrap();
    assert_eq!(materialised, Materialised { written: 1, kept: 1, removed: 0 });
    assert_eq!(case.read("build/a.js").as_deref(), Some("3"));
    assert_eq!(case.read("build/b.js").as_deref(), Some("tampered"));
    let (materialised, _) = case.change(&previous, &[("build/a.js", "3"), ("build/b.js", "2")]).unwrap();
    assert_eq!(materialised, Materialised { written: 0, kept: 2, removed: 0 });
    // Materialising looks at all of it: the list vouches for none that was changed.
    let materialised = case.materialise(&[("build/a.js", "3"), ("build/b.js", "2")]).unwrap();
    assert_eq!(materialised, Materialised { written: 1, kept: 1, removed: 0 });
    case.write("build/a.js", "4");
    assert_eq!(case.materialise(&[("build/a.js", "3"), ("build/b.js", "2")]).unwrap().written, 1);
    assert_eq!(case.read("build/a.js").as_deref(), Some("3"));
}

#[test]
fn a_change_that_is_taken_back_before_the_tree_is_materialised_is_written() {
    let case = Case::new();
    let previous = case.hold(&[("build/a.js", "1")]);
    case.change(&previous, &[("build/a.js", "2")]).unwrap();
    assert_eq!(case.materialise(&[("build/a.js", "1")]).unwrap().written, 1);
    assert_eq!(case.read("build/a.js").as_deref(), Some("1"));
}

#[test]
fn files_that_come_or_go_have_the_tree_materialised() {
    let case = Case::new();
    let previous = case.hold(&[("build/a.js", "1"), ("build/b.js", "2")]);
    case.write("build/a.js", "tampered");
    let (materialised, previous) = case.change(&previous, &[("build/a.js", "1"), ("build/c.js", "3")]).unwrap();
    assert_eq!(materialised, Materialised { written: 2, kept: 0, removed: 1 });
    assert_eq!(case.read("build/b.js"), None);
    let (materialised, _) = case.change(&previous, &[("build/a.js", "1")]).unwrap();
    assert_eq!(materialised, Materialised { written: 0, kept: 1, removed: 1 });
    // What was removed is nobody's.
    case.write("build/c.js", "mine");
    case.materialise(&[("build/a.js", "1")]).unwrap();
    assert_eq!(case.read("build/c.js").as_deref(), Some("mine"));
}

#[test]
fn what_another_process_materialised_is_not_taken_for_granted() {
    let case = Case::new();
    let previous = case.hold(&[("build/a.js", "1"), ("build/b.js", "2")]);
    case.materialise(&[("build/a.js", "1"), ("build/b.js", "other"), ("build/z.js", "3")]).unwrap();
    let (materialised, _) = case.change(&previous, &[("build/a.js", "4"), ("build/b.js", "2")]).unwrap();
    assert_eq!(materialised, Materialised { written: 2, kept: 0, removed: 1 });
    assert_eq!(case.read("build/b.js").as_deref(), Some("2"));
}

#[test]
fn a_change_that_fails_changes_nothing() {
    let case = Case::new();
    let previous = case.hold(&[("build/a.js", "1"), ("build/b.js", "2")]);
    let lost = Artifact { digest: Digest::of(b"lost"), ..case.artifact("build/b.js", "2") };
    let artifacts = [case.artifact("build/a.js", "new"), lost];
    let error = case.tree().change(&previous, &artifacts, &case.store, &|_| 0).unwrap_err();
    assert!(matches!(error, MaterialiseError::BlobMissing(_)), "{error}");
    assert_eq!(case.read("build/a.js").as_deref(), Some("1"));
}
