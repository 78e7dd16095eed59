//! TypeScript 6 and older: a script of ours loads the compiler and speaks the protocol of a [session](super::session) in front of it.

use std::path::Path;

use super::TypecheckError;
use super::process::private_directory;
use super::session::{Generation, Launch, ROOT};

const DRIVER: &str = include_str!("driver/driver.cjs");
const NAME: &str = "driver.cjs";

/// How the compiler in the directory `library` is started, which `interpreter` runs.
pub(super) fn launch(interpreter: &Path, library: &Path) -> Result<Launch, TypecheckError> {
    let start_failed = |source| TypecheckError::Start { program: library.join("typescript.js"), source };
    let library = library.canonicalize().map_err(start_failed)?;
    let library = library.to_str().ok_or_else(|| start_failed(std::io::ErrorKind::InvalidFilename.into()))?;
    let private = private_directory()?;
    // Beside the process: the compiler's own package is read-only.
    std::fs::write(private.path().join(NAME), DRIVER)
        .map_err(TypecheckError::world("Writing the compiler's driver"))?;
    Ok(Launch {
        generation: Generation::Script,
        executable: interpreter.to_owned(),
        arguments: [NAME, library, ROOT].map(Into::into).to_vec(),
        library: format!("{library}/"),
        private,
    })
}
