//! Project files and what they extend. Each file begins after a line `=== path`; the first needs none.

#![no_main]

use std::collections::BTreeMap;
use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use webstir_engine::path::RelPath;
use webstir_typescript::tsconfig::load;

fuzz_target!(|bytes: &[u8]| {
    let root = RelPath::new("tsconfig.json").expect("a path");
    let mut files: BTreeMap<RelPath, Vec<u8>> = BTreeMap::new();
    let mut path = root.clone();
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        let name = line.strip_prefix(b"=== ").and_then(|name| std::str::from_utf8(name.trim_ascii()).ok());
        match name.and_then(|name| RelPath::new(name).ok()) {
            Some(named) => path = named,
            None => files.entry(path.clone()).or_default().extend_from_slice(line),
        }
    }
    let mut reads = 0;
    let mut read = |path: &RelPath| {
        reads += 1;
        files.get(path).map(|bytes| Arc::from(bytes.as_slice()))
    };
    let (config, _) = load(&root, &mut read);
    assert!(config.files.iter().all(|file| files.contains_key(file)), "a file that is not there");
    assert!(reads < 100_000, "a project that reads without end");
});
