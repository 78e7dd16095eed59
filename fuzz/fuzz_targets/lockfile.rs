//! Lockfiles, `webstir.lock` and `package.json`, as packages and the compiler's version are found in them: the first byte says which it is.

#![no_main]

use libfuzzer_sys::fuzz_target;
use webstir_engine::path::RelPath;
use webstir_toolchain::{Document, LOCK_FILE, LOCKFILES, Lock, Lockfile, Platform, Request, Surroundings, resolve};

fuzz_target!(|text: &str| {
    let Some(kind) = text.chars().next().filter(char::is_ascii) else { return };
    let text = &text[1..];
    let name = LOCKFILES.get(kind as usize % (LOCKFILES.len() + 2)).copied();
    let is_lock = kind as usize % (LOCKFILES.len() + 2) == LOCKFILES.len();
    let path = RelPath::new(name.unwrap_or(if is_lock { LOCK_FILE } else { "package.json" })).expect("a path");
    let document = Document { path: &path, text };
    let surroundings = Surroundings::default();
    let request = Request {
        requested: None,
        lock: is_lock.then_some(document),
        surroundings: &surroundings,
        manifest: (name.is_none() && !is_lock).then_some(document),
        platform: Platform::current(),
    };
    let _ = resolve(&request);
    if let Some(Ok(lockfile)) = name.and_then(|name| Lockfile::read(name, text)) {
        for locked in ["typescript", "zod"].into_iter().flat_map(|name| lockfile.at(&format!("node_modules/{name}"))) {
            let _ = locked.span(text);
        }
    }
    if is_lock && let Ok(lock) = Lock::parse(document) {
        let printed = lock.print();
        assert_eq!(
            Lock::parse(Document { text: &printed, ..document }),
            Ok(lock),
            "a lock that changes when it is written"
        );
    }
});
