use std::os::unix::fs::PermissionsExt as _;

use proptest::prelude::*;

use super::super::testing::{Member, gzip, tarball};
use super::*;

fn unpacked(bytes: &[u8], limits: Limits) -> (tempfile::TempDir, Result<Manifest, ArchiveError>) {
    let outer = tempfile::tempdir().unwrap();
    let directory = outer.path().join("package");
    fs::create_dir(&directory).unwrap();
    let result = unpack(bytes, &directory, limits);
    // Whatever the tarball holds, nothing is made beside the directory.
    assert_eq!(fs::read_dir(outer.path()).unwrap().count(), 1);
    (outer, result)
}

fn problem(members: &[Member]) -> String {
    unpacked(&tarball(members), Limits::default()).1.unwrap_err().to_string()
}

fn paths(manifest: &Manifest) -> Vec<&str> {
    manifest.files().iter().map(|file| file.path.as_str()).collect()
}

#[test]
fn strips_the_first_component_whatever_it_is() {
    let members = [Member::file("node/package.json", "{}"), Member::file("./node/lib/./a.d.ts", "export {}")];
    let (outer, manifest) = unpacked(&tarball(&members), Limits::default());
    assert_eq!(paths(&manifest.unwrap()), ["lib/a.d.ts", "package.json"]);
    assert_eq!(fs::read_to_string(outer.path().join("package/lib/a.d.ts")).unwrap(), "export {}");
}

#[test]
fn modes_are_those_that_npm_sets() {
    let mode = |path, mode| Member { mode, ..Member::file(path, "x") };
    let members = [mode("p/a", 0o4777), mode("p/b", 0o666), mode("p/c", 0o700), mode("p/d", 0o600)];
    let (outer, manifest) = unpacked(&tarball(&members), Limits::default());
    let recorded: Vec<u32> = manifest.unwrap().files().iter().map(|file| file.mode).collect();
    let modes = ["a", "b", "c", "d"]
        .map(|name| fs::metadata(outer.path().join("package").join(name)).unwrap().permissions().mode() & 0o7777);
    assert_eq!(modes, [0o755, 0o644, 0o744, 0o644]);
    assert_eq!(recorded, modes);
}

#[test]
fn a_file_may_be_there_twice_with_the_same_bytes() {
    let members = [
        Member { mode: 0o700, ..Member::file("p/dist/index.js", "x") },
        Member::file("p/./dist/index.js", "x"),
        Member::file("p/dist/./b.js", "y"),
    ];
    let (outer, manifest) = unpacked(&tarball(&members), Limits::default());
    let manifest = manifest.unwrap();
    assert_eq!(paths(&manifest), ["dist/b.js", "dist/index.js"]);
    assert_eq!(manifest.files()[1].mode, 0o644);
    assert!(manifest.matches_contents(&outer.path().join("package")));
    let other = [Member::file("p/dist/index.js", "x"), Member::file("p/./dist/index.js", "y")];
    assert_eq!(problem(&other), "`dist/index.js` and `dist/index.js` have the same place");
}

#[test]
fn paths_that_leave_the_package_are_refused() {
    for path in ["p/../../x", "../x", "p/a/../b", "/etc/x", "p/a\\..\\x", "p/c:x", "p/a\nb", "top"] {
        assert_eq!(problem(&[Member::file(path, "x")]), format!("`{path}` is not a path inside the package"));
    }
    assert_eq!(
        problem(&[Member::of_kind("p/../../x/", EntryType::Directory, b"")]),
        "`p/../../x/` is not a path inside the package"
    );
    let not_text = Member { path: b"p/\xff".to_vec(), ..Member::file("", "x") };
    assert!(problem(&[not_text]).contains("is not a path"));
}

#[test]
fn a_nul_cannot_hide_the_rest_of_a_path() {
    let members = [Member::of_kind("", EntryType::GNULongName, b"p/a\0/../../x\0"), Member::file("p/b", "x")];
    assert!(problem(&members).contains("is not a path inside the package"));
}

#[test]
fn links_and_devices_are_refused() {
    let kinds = [EntryType::Symlink, EntryType::Link, EntryType::Char, EntryType::Block, EntryType::Fifo];
    for kind in kinds.into_iter().chain([EntryType::GNUSparse, EntryType::Continuous, EntryType::new(b'Z')]) {
        assert_eq!(problem(&[Member::of_kind("p/a", kind, b"")]), "`p/a` is neither a file nor a directory");
    }
}

#[test]
fn two_files_never_share_a_place() {
    let two = |a, b| problem(&[Member::file(a, "1"), Member::file(b, "2")]);
    assert_eq!(two("p/a", "p/a"), "`a` and `a` have the same place");
    assert_eq!(two("p/a", "other/a"), "`a` and `a` have the same place");
    assert_eq!(two("p/Ä", "p/ä"), "`Ä` and `ä` have the same place");
    assert_eq!(two("p/Lib/a", "p/lib/b"), "`Lib` and `lib` have the same place");
    assert_eq!(two("p/a", "p/a/b"), "`a` and `a` have the same place");
    assert_eq!(two("p/a/b", "p/a"), "`a` and `a` have the same place");
    assert_eq!(two("p/a/b", "p/A"), "`a` and `A` have the same place");
}

#[test]
fn long_paths_come_from_either_extension() {
    let long = format!("p/{}/a.ts", "d".repeat(150));
    let record = format!("{} path={long}\n", long.len() + 10);
    let members = [
        Member::of_kind("pax", EntryType::XHeader, record.as_bytes()),
        Member::file("short", "1"),
        Member::of_kind("gnu", EntryType::GNULongName, format!("{}\0", long.replace("a.ts", "b.ts")).as_bytes()),
        Member::file("short", "2"),
        Member::of_kind("global", EntryType::XGlobalHeader, b"17 comment=abcde\n"),
        Member::file("p/c.ts", "3"),
    ];
    let (_outer, manifest) = unpacked(&tarball(&members), Limits::default());
    let below = &long[2..];
    assert_eq!(paths(&manifest.unwrap()), ["c.ts", below, &below.replace("a.ts", "b.ts")]);

    let size = Member::of_kind("pax", EntryType::XHeader, b"12 size=100\n");
    assert_eq!(problem(&[size, Member::file("p/a", "x")]), "A header is malformed");
}

#[test]
fn limits_hold() {
    let bomb = tarball(&[Member::file("p/zeros", &"\0".repeat(4 << 20))]);
    assert!(bomb.len() < 100_000);
    let limits = Limits { unpacked: 1 << 20, ..Limits::default() };
    let (outer, result) = unpacked(&bomb, limits);
    assert_eq!(result.unwrap_err().to_string(), "It unpacks to more than 1048576 bytes");
    assert!(fs::metadata(outer.path().join("package/zeros")).unwrap().len() <= 1 << 20);

    let many: Vec<Member> = (0..11).map(|index| Member::file(&format!("p/{index}"), "")).collect();
    let limits = Limits { entries: 10, ..Limits::default() };
    assert_eq!(unpacked(&tarball(&many), limits).1.unwrap_err().to_string(), "It has more than 10 entries");

    let header = Member::of_kind("", EntryType::GNULongName, &vec![b'a'; (1 << 20) + 1]);
    assert_eq!(problem(&[header]), "A header is malformed");
    assert!(
        problem(&[Member::of_kind("", EntryType::GNULongName, &[b'a'; 1025]), Member::file("p/a", "")])
            .contains("is not a path")
    );
}

#[test]
fn an_archive_that_ends_early_is_refused() {
    let mut plain = Vec::new();
    let whole = tarball(&[Member::file("p/a", &"x".repeat(5000))]);
    MultiGzDecoder::new(whole.as_slice()).read_to_end(&mut plain).unwrap();
    assert!(unpacked(&gzip(&plain[..2000]), Limits::default()).1.is_err());
    assert!(unpacked(&whole[..whole.len() / 2], Limits::default()).1.is_err());
    assert!(unpacked(b"not gzip", Limits::default()).1.is_err());
}

#[test]
fn the_same_tarball_gives_the_same_digest() {
    let one = [Member::file("p/a", "1"), Member::file("p/b", "2")];
    let other = [Member::file("q/b", "2"), Member::file("q/a", "1")];
    let digest = |members: &[Member]| unpacked(&tarball(members), Limits::default()).1.unwrap().digest();
    assert_eq!(digest(&one), digest(&other));
    assert_ne!(digest(&one), digest(&[Member { mode: 0o755, ..Member::file("p/a", "1") }, Member::file("p/b", "2")]));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_bytes_escape_or_panic(bytes in proptest::collection::vec(any::<u8>(), 0..2048)) {
        let _ = unpacked(&gzip(&bytes), Limits::default());
        let _ = unpacked(&bytes, Limits::default());
    }

    #[test]
    fn no_entries_escape_or_panic(
        members in proptest::collection::vec(
            (r"(p|\.\.|\.|/|a|A|\\|\x00|:|ä){0,12}", any::<u8>(), any::<u32>(), "[a-z=0-9 \n/.\x00]{0,600}"),
            0..6,
        )
    ) {
        let members: Vec<Member> = members
            .into_iter()
            .map(|(path, kind, mode, bytes)| {
                let kind = *[b'0', b'0', b'0', b'5', b'x', b'L', b'g', b'2', 0].get(usize::from(kind) % 10).unwrap_or(&kind);
                Member { path: path.into_bytes(), kind: EntryType::new(kind), mode: mode & 0o7777, bytes: bytes.into_bytes() }
            })
            .collect();
        let (outer, result) = unpacked(&tarball(&members), Limits::default());
        if let Ok(manifest) = result {
            prop_assert!(manifest.matches_contents(&outer.path().join("package")));
            prop_assert_eq!(Manifest::parse(&manifest.print()), Some(manifest));
        }
    }
}
