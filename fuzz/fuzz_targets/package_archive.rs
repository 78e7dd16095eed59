//! Package tarballs. The first byte says whether what follows is gzipped already.

#![no_main]

use std::fs;
use std::io::Write as _;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use libfuzzer_sys::fuzz_target;
use webstir_toolchain::fuzzing::unpack;
use webstir_toolchain::Limits;

const LIMITS: Limits = Limits { compressed: 1 << 20, unpacked: 1 << 20, entries: 64 };

/// Path and length of each file below a directory, which holds files and directories only.
fn files(root: &Path, directory: &Path, found: &mut Vec<(String, u64)>) {
    for entry in fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        let metadata = fs::symlink_metadata(&path).expect("an entry that is there");
        if metadata.is_dir() {
            files(root, &path, found);
        } else {
            assert!(metadata.is_file(), "neither a file nor a directory");
            let name = path.strip_prefix(root).expect("a path below").to_str().expect("text").to_owned();
            found.push((name, metadata.len()));
        }
    }
}

fuzz_target!(|bytes: &[u8]| {
    let Some((kind, bytes)) = bytes.split_first() else { return };
    let outer = tempfile::tempdir().expect("a directory");
    let directory = outer.path().join("package");
    fs::create_dir(&directory).expect("a directory");
    let unpacked = if *kind == 0 {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::none());
        encoder.write_all(bytes).expect("memory");
        unpack(&encoder.finish().expect("memory"), &directory, LIMITS)
    } else {
        unpack(bytes, &directory, LIMITS)
    };
    let mut found = Vec::new();
    files(&directory, &directory, &mut found);
    assert_eq!(fs::read_dir(outer.path()).expect("a directory").count(), 1, "something beside the package");
    assert!(found.iter().map(|(_, length)| length).sum::<u64>() <= LIMITS.unpacked, "more than is allowed");
    if let Ok(mut told) = unpacked {
        told.sort();
        found.sort();
        assert_eq!(found, told, "files that are not told of");
    }
});
