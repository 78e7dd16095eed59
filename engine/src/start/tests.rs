use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::action::{ActionKey, Artifact};
use crate::diagnostic::Diagnostic;
use crate::discovered::FileQuery;
use crate::event::Status;
use crate::file::{FileState, ask};
use crate::label::{ActionLabel, Label};
use crate::schedule::Report;
use crate::system::{Stat, System as _};

struct Case {
    directory: tempfile::TempDir,
    asked: Vec<(&'static str, FileQuery)>,
}

impl Case {
    /// A workspace of which names, bytes, misses and links matter.
    fn new() -> Self {
        let case = Self {
            directory: tempfile::tempdir().unwrap(),
            asked: vec![
                ("src", FileQuery::Entries),
                ("src/a.ts", FileQuery::Content),
                ("src/a.ts", FileQuery::Kind),
                ("src/missing.ts", FileQuery::Kind),
                ("lib/b.ts", FileQuery::Kind),
                ("lib/deep/none/at/all.ts", FileQuery::Content),
                ("gone", FileQuery::Entries),
                ("package", FileQuery::RealPath),
                ("package/main.js", FileQuery::Content),
                ("src/a.ts", FileQuery::RealPath),
            ],
        };
        fs::create_dir(case.at(".webstir")).unwrap();
        case.write("src/a.ts", "one");
        case.write("lib/b.ts", "b");
        case.write("elsewhere/readme.md", "r");
        case.write("store/v1/main.js", "main 1");
        case.write("store/v2/main.js", "main 2");
        symlink("store/v1", case.at("package")).unwrap();
        case
    }

    fn at(&self, path: &str) -> PathBuf {
        self.directory.path().join(path)
    }

    fn write(&self, path: &str, text: &str) {
        fs::create_dir_all(self.at(path).parent().unwrap()).unwrap();
        fs::write(self.at(path), text).unwrap();
    }

    fn os(&self) -> Os {
        Os::new(self.directory.path()).unwrap()
    }

    fn states(&self, os: &Os) -> Vec<(RelPath, FileState)> {
        let path = |text: &str| RelPath::new(text).unwrap();
        let mut states: Vec<_> =
            self.asked.iter().map(|(text, query)| (path(text), ask(os, &path(text), *query))).collect();
        states.sort_by(|(a, _), (b, _)| a.cmp(b));
        states
    }

    /// The log of a build that asked everything.
    fn log(&self) -> StartLog {
        let os = self.os();
        let found = gather::gather(&os, &self.states(&os)).unwrap().expect("nothing changed meanwhile");
        StartLog::parse(layout::write(key(), &found, &cached_build::encode(&to_cache(&[]))).unwrap()).unwrap()
    }

    fn holds(&self, log: &mut StartLog) -> bool {
        log.cached_build(&self.os(), &self.at(".webstir/start")).is_some()
    }
}

fn key() -> Digest {
    Digest::of(b"key")
}

fn to_cache(reports: &[Report]) -> BuildToCache<'_> {
    BuildToCache { ok: true, reports, diagnostics: &[], artifacts: &[], references: &[], rest: b"" }
}

/// Until no file that is there is racy.
fn wait_until_not_racy() {
    let directory = tempfile::tempdir().unwrap();
    let last = Stat::of(&fs::metadata(directory.path()).unwrap());
    while last.is_racy_now() {
        std::thread::yield_now();
    }
}

#[test]
fn what_did_not_change_is_found_so() {
    let case = Case::new();
    assert!(case.holds(&mut case.log()));
    wait_until_not_racy();
    let mut log = case.log();
    assert!(case.holds(&mut log));
    // Directories in which nothing was asked about may change.
    case.write("elsewhere/new.md", "x");
    assert!(!case.at(".webstir/start").exists(), "a log without racy entries is not written anew");
    case.write("store/v2/main.js", "changed, but the link leads to v1");
    assert!(case.holds(&mut log));
}

#[test]
fn every_change_of_a_file_state_shows() {
    type Edit = fn(&Case);
    let edits: [(&str, Edit); 15] = [
        ("an edit of the same length", |case| case.write("src/a.ts", "two")),
        ("a longer edit", |case| case.write("src/a.ts", "three")),
        ("a time set back", |case| {
            let before = fs::metadata(case.at("src/a.ts")).unwrap().modified().unwrap();
            case.write("src/a.ts", "two");
            fs::File::options().write(true).open(case.at("src/a.ts")).unwrap().set_modified(before).unwrap();
        }),
        ("a save by rename", |case| {
            case.write("elsewhere/new", "two");
            fs::rename(case.at("elsewhere/new"), case.at("src/a.ts")).unwrap();
        }),
        ("a new file beside", |case| case.write("src/c.ts", "")),
        ("a missing file appears", |case| case.write("src/missing.ts", "")),
        ("a missing directory appears", |case| case.write("gone/x", "")),
        ("a deep missing path appears", |case| case.write("lib/deep/none/at/all.ts", "")),
        ("a file is removed", |case| fs::remove_file(case.at("src/a.ts")).unwrap()),
        ("a file becomes a directory", |case| {
            fs::remove_file(case.at("lib/b.ts")).unwrap();
            fs::create_dir(case.at("lib/b.ts")).unwrap();
        }),
        ("a file becomes a link to the same bytes", |case| {
            fs::rename(case.at("src/a.ts"), case.at("elsewhere/a.ts")).unwrap();
            symlink("../elsewhere/a.ts", case.at("src/a.ts")).unwrap();
        }),
        ("a directory becomes a link to itself elsewhere", |case| {
            fs::rename(case.at("src"), case.at("elsewhere/src")).unwrap();
            symlink("elsewhere/src", case.at("src")).unwrap();
        }),
        ("a link leads elsewhere", |case| {
            fs::remove_file(case.at("package")).unwrap();
            symlink("store/v2", case.at("package")).unwrap();
        }),
        ("the bytes at the end of a link", |case| case.write("store/v1/main.js", "main 3")),
        ("a directory is removed", |case| fs::remove_dir_all(case.at("lib")).unwrap()),
    ];
    for (name, edit) in edits {
        for waits in [false, true] {
            let case = Case::new();
            if waits {
                wait_until_not_racy();
            }
            let mut log = case.log();
            edit(&case);
            assert!(!case.holds(&mut log), "{name}, waits: {waits}");
        }
    }
}

#[test]
fn a_change_while_the_build_ran_leaves_no_log() {
    let case = Case::new();
    let os = case.os();
    let states = case.states(&os);
    case.write("src/late.ts", "");
    assert!(gather::gather(&os, &states).unwrap().is_none());
}

#[test]
fn an_edit_after_the_query_shows_although_the_log_is_newer() {
    let case = Case::new();
    wait_until_not_racy();
    let os = case.os();
    let states = case.states(&os);
    case.write("src/a.ts", "two");
    let found = gather::gather(&os, &states).unwrap().expect("no name changed");
    let mut log =
        StartLog::parse(layout::write(key(), &found, &cached_build::encode(&to_cache(&[]))).unwrap()).unwrap();
    assert!(!case.holds(&mut log));
}

#[test]
fn racy_entries_are_marked_once() {
    let case = Case::new();
    let mut log = case.log();
    let path = case.at(".webstir/start");
    wait_until_not_racy();
    assert!(log.cached_build(&case.os(), &path).is_some());
    let mut again = StartLog::read(&path).expect("written anew");
    assert_eq!(again.key(), key());
    fs::remove_file(&path).unwrap();
    assert!(again.cached_build(&case.os(), &path).is_some());
    assert!(!path.exists(), "nothing was left to mark");
    case.write("src/a.ts", "two");
    assert!(again.cached_build(&case.os(), &path).is_none());
}

#[test]
fn digests_are_remembered_by_stat() {
    let case = Case::new();
    wait_until_not_racy();
    let path = RelPath::new("src/a.ts").unwrap();
    let os = case.os();
    let mut found = gather::gather(&os, &case.states(&os)).unwrap().unwrap();
    // A digest that the bytes do not have, to tell a remembered one.
    let remembered = Digest::of(b"remembered");
    for directory in &mut found.directories {
        for (name, hashed) in &mut directory.files {
            if name == "a.ts" {
                hashed.digest = remembered;
            }
        }
    }
    let log = StartLog::parse(layout::write(key(), &found, &[]).unwrap()).unwrap();
    let os = case.os();
    log.lend(&os);
    assert_eq!(os.content(&path).unwrap().digest, remembered);
    case.write("src/a.ts", "two");
    assert_eq!(os.content(&path).unwrap().digest, Digest::of(b"two"));
}

#[test]
fn a_cached_build_comes_back_whole() {
    let label = |subject: Option<&str>| ActionLabel {
        rule: Label::new("transpile", "js"),
        profile: "build".into(),
        subject: subject.map(|subject| RelPath::new(subject).unwrap()),
    };
    let report = |subject, key: &[u8]| Report {
        label: label(subject),
        status: Status::Ran,
        key: ActionKey(Digest::of(key)),
        duration: Duration::ZERO,
    };
    let reports = [report(None, b"1"), report(Some("src/a.ts"), b"2")];
    let path = RelPath::new("build/a.js").unwrap();
    let artifacts = [Artifact { path: path.clone(), digest: Digest::of(b"a"), bytes: 1, executable: false }];
    let diagnostics = [Diagnostic::warning("a::b", "Text").in_file(&path)];
    let to_cache = BuildToCache {
        ok: true,
        reports: &reports,
        diagnostics: &diagnostics,
        artifacts: &artifacts,
        references: &[key()],
        rest: b"rest",
    };
    let back = cached_build::decode(&cached_build::encode(&to_cache)).unwrap();
    let actions = vec![(label(None), reports[0].key), (label(Some("src/a.ts")), reports[1].key)];
    let expected = CachedBuild {
        ok: true,
        actions,
        diagnostics: diagnostics.to_vec(),
        artifacts: artifacts.to_vec(),
        references: vec![key()],
        rest: b"rest".to_vec(),
    };
    assert_eq!(back, expected);
}

#[test]
fn every_damaged_bit_is_no_log() {
    let case = Case::new();
    let whole = case.log().bytes;
    for at in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[at] ^= 1;
        assert!(StartLog::parse(damaged).is_none(), "byte {at}");
        assert!(StartLog::parse(whole[..at].to_vec()).is_none());
    }
}

proptest! {
    /// With a valid sum, as somebody with write access could make it.
    #[test]
    fn forged_bytes_never_panic(
        counts in prop::array::uniform5(0_u32..3), rest in prop::collection::vec(any::<u8>(), 0..600), spread in any::<u32>(),
    ) {
        let mut bytes = Vec::from(b"webstir start 1\n");
        bytes.extend_from_slice(&[0; 32]);
        for count in counts {
            bytes.extend_from_slice(&(if spread % 5 == 0 { spread } else { count }).to_le_bytes());
        }
        bytes.extend_from_slice(&[0; 4]);
        // Small numbers: some of them are good offsets.
        bytes.extend(rest.iter().map(|byte| if byte % 3 == 0 { *byte } else { 0 }));
        let length = u32::try_from(rest.len()).unwrap();
        let fixed = counts[0] * 100 + counts[1] * 92 + counts[2] + counts[3];
        let cached_build = length.saturating_sub(fixed);
        bytes[64..68].copy_from_slice(&cached_build.to_le_bytes());
        let sum = Digest::of(&bytes);
        bytes.extend_from_slice(sum.as_bytes());
        let directory = tempfile::tempdir().unwrap();
        let os = Os::new(directory.path()).unwrap();
        if let Some(mut log) = StartLog::parse(bytes) {
            let _ = log.hashed(&RelPath::new("a/b").unwrap());
            let _ = log.cached_build(&os, &directory.path().join("start"));
        }
    }
}
