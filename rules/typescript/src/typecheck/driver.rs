//! TypeScript 6 and older: a script of ours loads the compiler and speaks the protocol of a [session](super::session) in front of it.
//!
//! Compiling the script that the compiler is takes longer than a check of a few files. What an interpreter compiled is therefore kept as a
//! fact, and given to later processes. The interpreter itself sees whether it fits, but for the text of the script, which is in the key.

#![expect(clippy::disallowed_methods, reason = "the compiler and what runs it are no part of the workspace")]

use std::borrow::Cow;
use std::fs;
use std::io;
use std::path::Path;
use std::time::UNIX_EPOCH;

use webstir_engine::blob::Blobs;
use webstir_engine::digest::{Digest, KeyHasher};

use super::TypecheckError;
use super::session::{Generation, Launch, ROOT};

const DRIVER: &str = include_str!("driver/driver.cjs");
const NAME: &str = "driver.cjs";
/// What an earlier process compiled.
const COMPILED: &str = "compiled";

/// How the compiler in the directory `library` is started, which `interpreter` runs.
pub(super) fn launch(interpreter: &Path, library: &Path, blobs: &dyn Blobs) -> Result<Launch, TypecheckError> {
    let start_failed = |source| TypecheckError::Start { program: library.join("typescript.js"), source };
    let library = library.canonicalize().map_err(start_failed)?;
    // Whoever starts it says what is wrong with it.
    let key = key(interpreter, &library).ok();
    // What cannot be read is compiled again.
    let compiled = key.and_then(|key| blobs.fact(key).ok().flatten());
    let library = library.to_str().ok_or_else(|| start_failed(io::ErrorKind::InvalidFilename.into()))?;
    let mut arguments = vec![NAME, library, ROOT];
    let mut files = Vec::new();
    let uncompiled = key.filter(|_| compiled.is_none());
    if let Some(compiled) = compiled {
        arguments.push(COMPILED);
        files.push((COMPILED, Cow::Owned(compiled)));
    }
    files.push((NAME, Cow::Borrowed(DRIVER.as_bytes())));
    Ok(Launch {
        generation: Generation::Script,
        executable: interpreter.to_owned(),
        arguments: arguments.into_iter().map(Into::into).collect(),
        environment: &[],
        files,
        uncompiled,
        library: format!("{library}/"),
    })
}

/// Of the text of the compiler, and of the file that interprets it, as far as a stat tells that from others.
fn key(interpreter: &Path, library: &Path) -> io::Result<Digest> {
    let place = interpreter.canonicalize()?;
    let metadata = fs::metadata(&place)?;
    let modified = metadata.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
    let text = Digest::of(&fs::read(library.join("typescript.js"))?);
    let mut hasher = KeyHasher::new("webstir compiled compiler v1");
    hasher.bytes(place.as_os_str().as_encoded_bytes()).number(metadata.len()).text(&format!("{modified:?}"));
    Ok(hasher.digest(Digest::of(DRIVER.as_bytes())).digest(text).finish())
}

#[cfg(test)]
mod tests {
    use webstir_engine::store::Store;

    use super::*;

    #[test]
    fn what_was_compiled_belongs_to_a_text_and_an_interpreter() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        let store = Store::open(&at("store")).unwrap();
        for name in ["node", "other"] {
            fs::write(at(name), name).unwrap();
        }
        fs::write(at("typescript.js"), "text").unwrap();
        let launched = |interpreter: &str| launch(&at(interpreter), directory.path(), &store).unwrap();
        let first = launched("node");
        assert_eq!((first.files.len(), first.arguments.len()), (1, 3));
        store.put_fact(first.uncompiled.unwrap(), b"code").unwrap();
        let second = launched("node");
        assert_eq!(second.uncompiled, None);
        assert_eq!(second.files[0], (COMPILED, Cow::Borrowed(&b"code"[..])));
        assert_eq!(second.arguments[3], COMPILED);
        assert!(launched("other").uncompiled.is_some());
        fs::write(at("typescript.js"), "next").unwrap();
        assert!(launched("node").uncompiled.is_some());
    }
}
