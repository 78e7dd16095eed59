use std::os::unix::fs::symlink;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use super::*;

/// A file whose event comes after all others.
const MARKER: &str = ".marker";

/// A directory that is watched.
struct Case {
    directory: tempfile::TempDir,
    watcher: Watcher,
    reported: Receiver<Changes>,
}

impl Case {
    fn new(directories: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        for name in directories {
            fs::create_dir_all(directory.path().join(name)).unwrap();
        }
        fs::write(directory.path().join(MARKER), "").unwrap();
        let (sender, reported) = channel();
        let root = fs::canonicalize(directory.path()).unwrap();
        let watcher = Watcher::start(&root, false, Box::new(move |changes| sender.send(changes).is_ok())).unwrap();
        Self { directory, watcher, reported }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn follow(&mut self, names: &[&str]) -> Vec<String> {
        let directories = names.iter().map(|name| RelPath::new(name).unwrap()).collect();
        self.watcher.follow(&directories).into_iter().map(|path| path.to_string()).collect()
    }

    /// What is reported of everything that was done so far, and of that what came, went or moved. The top must be followed.
    fn reported(&self) -> (BTreeSet<String>, BTreeSet<String>) {
        let (mut all, _) = self.batches();
        all.0.remove(MARKER);
        all
    }

    /// The same with the marker, and how often something was reported. Events come in order, so that the marker's is the last.
    fn batches(&self) -> ((BTreeSet<String>, BTreeSet<String>), usize) {
        fs::write(self.path(MARKER), "x").unwrap();
        let mut all = (BTreeSet::new(), BTreeSet::new());
        let mut batches = 0;
        while !all.0.contains(MARKER) {
            let changes = self.reported.recv_timeout(Duration::from_secs(30)).unwrap();
            let Changes::Some { paths, moved } = changes else { panic!("everything") };
            all.0.extend(paths.iter().map(ToString::to_string));
            all.1.extend(moved.iter().map(ToString::to_string));
            batches += 1;
        }
        (all, batches)
    }
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn a_save_in_place_and_one_by_renaming() {
    let mut case = Case::new(&["src"]);
    fs::write(case.path("src/a.ts"), "1").unwrap();
    assert_eq!(case.follow(&["", "src"]), [".", "src"]);
    assert_eq!(case.follow(&["", "src"]), [""; 0]);
    fs::write(case.path("src/a.ts"), "2").unwrap();
    assert_eq!(case.reported(), (set(&["src/a.ts"]), set(&[])));
    fs::write(case.path("src/.a.ts.swap"), "3").unwrap();
    fs::rename(case.path("src/.a.ts.swap"), case.path("src/a.ts")).unwrap();
    let (paths, moved) = case.reported();
    assert!(paths.contains("src") && moved.contains("src/a.ts"), "{paths:?} {moved:?}");
}

#[test]
fn a_directory_that_goes_and_comes_is_followed_again() {
    let mut case = Case::new(&["src/x/y"]);
    case.follow(&["", "src", "src/x", "src/x/y"]);
    fs::remove_dir_all(case.path("src/x")).unwrap();
    assert!(case.reported().1.contains("src/x"));
    fs::create_dir_all(case.path("src/x/y")).unwrap();
    assert!(case.reported().1.contains("src/x"));
    assert_eq!(case.follow(&["", "src", "src/x", "src/x/y"]), ["src/x", "src/x/y"]);
    fs::write(case.path("src/x/y/a.ts"), "1").unwrap();
    assert!(case.reported().1.contains("src/x/y/a.ts"));
}

#[test]
fn a_directory_that_moves_takes_what_is_below_along() {
    let mut case = Case::new(&["src/x/y"]);
    case.follow(&["", "src", "src/x", "src/x/y"]);
    fs::rename(case.path("src/x"), case.path("src/z")).unwrap();
    assert_eq!(case.reported().1, set(&["src/x", "src/z"]));
    assert_eq!(case.follow(&["", "src", "src/z", "src/z/y"]), ["src/z", "src/z/y"]);
    fs::write(case.path("src/z/y/a.ts"), "1").unwrap();
    assert!(case.reported().1.contains("src/z/y/a.ts"));
}

#[test]
fn a_directory_that_is_not_there_is_reported_when_it_comes() {
    let mut case = Case::new(&[]);
    assert_eq!(case.follow(&["", "src/x"]), [".", "src/x"]);
    fs::create_dir_all(case.path("src")).unwrap();
    assert!(case.reported().1.contains("src"));
    assert_eq!(case.follow(&["", "src/x"]), ["src/x"]);
    fs::create_dir_all(case.path("src/x")).unwrap();
    assert!(case.reported().1.contains("src/x"));
}

#[test]
fn what_lies_behind_a_link_has_all_its_names() {
    let mut case = Case::new(&["packages/core", "node_modules"]);
    symlink("../packages/core", case.path("node_modules/core")).unwrap();
    case.follow(&["", "packages/core", "node_modules/core"]);
    fs::write(case.path("packages/core/a.ts"), "1").unwrap();
    let (_, moved) = case.reported();
    assert!(moved.is_superset(&set(&["node_modules/core/a.ts", "packages/core/a.ts"])), "{moved:?}");
}

#[test]
fn t14_a_link_is_reported_with_what_it_leads_to_and_over() {
    let mut case = Case::new(&["src", "elsewhere", "lib/one", "lib/two"]);
    fs::write(case.path("src/real.ts"), "1").unwrap();
    fs::write(case.path("lib/one/a.ts"), "1").unwrap();
    fs::write(case.path("lib/two/a.ts"), "2").unwrap();
    symlink("real.ts", case.path("src/beside.ts")).unwrap();
    symlink("../elsewhere/file.ts", case.path("src/chain.ts")).unwrap();
    symlink("../src/real.ts", case.path("elsewhere/file.ts")).unwrap();
    symlink("../elsewhere/directory", case.path("src/linked")).unwrap();
    symlink("../lib/one", case.path("elsewhere/directory")).unwrap();
    symlink("later.ts", case.path("src/dangling.ts")).unwrap();
    case.follow(&["", "src", "src/linked"]);
    fs::write(case.path("src/real.ts"), "2").unwrap();
    let (paths, _) = case.reported();
    assert!(paths.is_superset(&set(&["src/real.ts", "src/beside.ts", "src/chain.ts"])), "{paths:?}");
    fs::write(case.path("src/later.ts"), "1").unwrap();
    assert!(case.reported().1.contains("src/dangling.ts"));
    // In the middle of a chain.
    let point = |name: &str, target: &str| {
        symlink(target, case.path("elsewhere/.new")).unwrap();
        fs::rename(case.path("elsewhere/.new"), case.path(name)).unwrap();
    };
    point("elsewhere/file.ts", "../lib/two/a.ts");
    assert!(case.reported().1.contains("src/chain.ts"));
    point("elsewhere/directory", "../lib/two");
    assert!(case.reported().1.contains("src/linked"));
    assert_eq!(case.follow(&["", "src", "src/linked"]), ["src", "src/linked"]);
    fs::write(case.path("lib/two/a.ts"), "3").unwrap();
    let (paths, moved) = case.reported();
    assert!(
        paths.union(&moved).cloned().collect::<BTreeSet<_>>().is_superset(&set(&["src/chain.ts", "src/linked/a.ts"])),
        "{paths:?}"
    );
    // And again, through what is followed now.
    let point = |name: &str, target: &str| {
        symlink(target, case.path("elsewhere/.new")).unwrap();
        fs::rename(case.path("elsewhere/.new"), case.path(name)).unwrap();
    };
    point("elsewhere/directory", "../lib/one");
    assert!(case.reported().1.contains("src/linked"));
}

#[test]
fn hundreds_of_files_are_reported_together() {
    let mut case = Case::new(&["src"]);
    case.follow(&["", "src"]);
    for number in 0..500 {
        fs::write(case.path(&format!("src/m{number}.ts")), "1").unwrap();
    }
    let ((_, moved), batches) = case.batches();
    assert_eq!(moved.len(), 500);
    assert!(batches <= 10, "{batches}");
}

#[test]
fn lost_events_are_everything() {
    let mut batch = Batch::default();
    let names = Names { root: PathBuf::from("/"), followed: Arc::default() };
    let lost = notify::Event::new(notify::EventKind::Other).set_flag(notify::event::Flag::Rescan);
    batch.take(Seen::of(Ok(lost)), &names);
    assert_eq!(batch.finish(), Some(Changes::Everything));
    assert_eq!(batch.finish(), None);
    let limit = notify::Error::new(notify::ErrorKind::MaxFilesWatch);
    batch.take(Seen::of(Err(limit)), &names);
    assert_eq!(batch.finish(), Some(Changes::Everything));
}

#[test]
fn where_nothing_is_reported_everything_is_looked_at_again_and_again() {
    let mut case = Case::new(&["src"]);
    case.watcher.give_up(&notify::Error::new(notify::ErrorKind::MaxFilesWatch));
    assert!(case.watcher.take_complaint().unwrap().contains("limit"));
    assert_eq!(case.watcher.take_complaint(), None);
    for _ in 0..2 {
        assert_eq!(case.reported.recv_timeout(Duration::from_secs(10)), Ok(Changes::Everything));
    }
}
