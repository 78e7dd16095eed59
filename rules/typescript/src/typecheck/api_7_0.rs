//! TypeScript 7.0: `tsc --api --async`, which speaks the protocol of a [session](super::session) by itself.

#![expect(clippy::disallowed_methods, reason = "the compiler is no part of the workspace")]

use std::path::Path;

use super::TypecheckError;
use super::session::{Generation, Launch, ROOT};

const CALLBACKS: &str = "--callbacks=readFile,fileExists,directoryExists,getAccessibleEntries,realpath";

/// How the compiler at `executable` is started.
pub(super) fn launch(executable: &Path) -> Result<Launch, TypecheckError> {
    let start_failed = |source| TypecheckError::Start { program: executable.to_owned(), source };
    // The compiler looks for its library beside its real self.
    let executable = executable.canonicalize().map_err(start_failed)?;
    let library = executable.parent().and_then(Path::to_str).map(|directory| format!("{directory}/"));
    let library = library.ok_or_else(|| start_failed(std::io::ErrorKind::InvalidFilename.into()))?;
    Ok(Launch {
        generation: Generation::Native,
        arguments: ["--api", "--async", "--cwd", ROOT, CALLBACKS].map(Into::into).to_vec(),
        executable,
        library,
        // Programs that live for a moment collect garbage seldom: a tenth of the processor time for a few megabytes.
        environment: &[("GOGC", "400")],
        files: Vec::new(),
        uncompiled: None,
    })
}
