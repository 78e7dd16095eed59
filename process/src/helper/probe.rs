//! What a probe of the overlay runs in its tree: this program itself, for no other is everywhere.

use std::fs;
use std::process::ExitCode;

pub(crate) const ARGUMENT: &str = "probe";

/// The tree of a probe. Each file holds its name.
pub(crate) struct Probed {
    pub(crate) declared: &'static str,
    pub(crate) hidden: &'static [&'static str],
    pub(crate) output: &'static str,
}

pub(crate) const PROBED: Probed =
    Probed { declared: "directory/declared", hidden: &["hidden", "directory/hidden"], output: "output/file" };

/// Does in the tree what commands do.
pub(super) fn probe() -> ExitCode {
    let works = || -> std::io::Result<bool> {
        let sees_declared = fs::read(PROBED.declared)? == PROBED.declared.as_bytes();
        let sees_itself = fs::read_link("/proc/self")?.to_str() == Some(&std::process::id().to_string());
        let sees_hidden = PROBED.hidden.iter().any(|hidden| fs::symlink_metadata(hidden).is_ok());
        fs::create_dir_all("output")?;
        fs::write("output/first", PROBED.output)?;
        fs::rename("output/first", PROBED.output)?;
        fs::write(PROBED.declared, "changed")?;
        fs::remove_dir_all("directory")?;
        fs::create_dir("directory")?;
        let is_empty = fs::read_dir("directory")?.next().is_none();
        Ok(sees_declared && sees_itself && !sees_hidden && is_empty)
    };
    match works() {
        Ok(true) => ExitCode::SUCCESS,
        _ => ExitCode::from(1),
    }
}
