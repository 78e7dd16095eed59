//! `webstir.lock`: which tools a workspace uses, to the byte.
//!
//! The file is JSON with sorted names, one package a line, so that a change of version is a readable diff:
//!
//! ```json
//! {
//!   "version": 1,
//!   "tools": {
//!     "typescript": {
//!       "version": "7.0.2",
//!       "packages": {
//!         "@typescript/typescript-linux-x64": "sha512-…",
//!         "typescript": "sha512-…"
//!       }
//!     }
//!   }
//! }
//! ```

use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::path::Path;

use serde::{Deserialize, Serialize};
use webstir_engine::diagnostic::{Diagnostic, Span};

use super::document::Document;
use super::integrity::Integrity;
use super::package::{is_exact_version, is_package_name};
use super::text::{json_problem, json_span};

/// The name of the file, in the workspace root.
pub const LOCK_FILE: &str = "webstir.lock";

const VERSION: u64 = 1;

/// Everything that is locked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lock {
    /// Tools by name.
    pub tools: BTreeMap<String, LockedTool>,
}

/// One tool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockedTool {
    /// The version of the tool and of each of its packages.
    pub version: String,
    /// The package of the tool and its package for each platform, by name.
    pub packages: BTreeMap<String, Integrity>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Shape {
    version: u64,
    tools: BTreeMap<String, ToolShape>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ToolShape {
    version: String,
    packages: BTreeMap<String, String>,
}

/// Only the version, so that a newer shape is told from a broken file.
#[derive(Deserialize)]
struct VersionShape {
    version: u64,
}

impl Lock {
    /// Reads the text of a lock.
    pub fn parse(document: Document<'_>) -> Result<Self, Box<Diagnostic>> {
        let Document { path, text } = document;
        if let Ok(VersionShape { version }) = serde_json::from_str(text)
            && version != VERSION
        {
            let message = format!("`{path}` has the format {version}, this program reads the format {VERSION}");
            let diagnostic = Diagnostic::error("toolchain::lock_version", message)
                .in_file(path)
                .help("Use the version of webstir that wrote it, or run `webstir lock` to write it anew");
            return Err(Box::new(diagnostic));
        }
        let malformed = |problem: String, span: Option<Span>| {
            let diagnostic =
                Diagnostic::error("toolchain::lock_malformed", format!("`{path}` cannot be read: {problem}"))
                    .help("Restore the file, or run `webstir lock` to write it anew");
            Box::new(match span {
                Some(span) => diagnostic.at(path, span),
                None => diagnostic.in_file(path),
            })
        };
        let shape: Shape = serde_json::from_str(text)
            .map_err(|error| malformed(json_problem(&error), Some(json_span(text, &error))))?;

        let mut tools = BTreeMap::new();
        for (name, tool) in shape.tools {
            let quoted =
                |value: &str| text.find(&format!("\"{value}\"")).map(|at| Span::locate(text, at, at + value.len() + 2));
            if !is_package_name(&name) {
                return Err(malformed("A tool has a name that no package can have".to_owned(), quoted(&name)));
            }
            if !is_exact_version(&tool.version) {
                let problem = format!("The version of `{name}` is not exact");
                return Err(malformed(problem, quoted(&tool.version)));
            }
            let mut packages = BTreeMap::new();
            for (package, integrity) in tool.packages {
                if !is_package_name(&package) {
                    let problem = format!("A package of `{name}` has a name that no package can have");
                    return Err(malformed(problem, quoted(&package)));
                }
                match integrity.parse() {
                    Ok(integrity) => packages.insert(package, integrity),
                    Err(problem) => return Err(malformed(format!("`{package}`: {problem}"), quoted(&package))),
                };
            }
            tools.insert(name, LockedTool { version: tool.version, packages });
        }
        Ok(Self { tools })
    }

    /// The text of the lock; equal locks have equal texts.
    pub fn print(&self) -> String {
        let tool = |tool: &LockedTool| ToolShape {
            version: tool.version.clone(),
            packages: tool.packages.iter().map(|(name, integrity)| (name.clone(), integrity.to_string())).collect(),
        };
        let tools = self.tools.iter().map(|(name, locked)| (name.clone(), tool(locked))).collect();
        let text = serde_json::to_string_pretty(&Shape { version: VERSION, tools });
        text.expect("a map of texts is JSON") + "\n"
    }

    /// The same lock with one tool added or replaced.
    #[must_use]
    pub fn with(mut self, name: &str, tool: LockedTool) -> Self {
        self.tools.insert(name.to_owned(), tool);
        self
    }
}

/// Writes `webstir.lock` into `directory`, whole or not at all.
pub fn write_lock(directory: &Path, lock: &Lock) -> io::Result<()> {
    let mut file = tempfile::Builder::new().prefix(".webstir-lock-").tempfile_in(directory)?;
    file.write_all(lock.print().as_bytes())?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        file.as_file().set_permissions(std::fs::Permissions::from_mode(0o644))?;
    }
    file.persist(directory.join(LOCK_FILE))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use webstir_engine::path::RelPath;

    use super::*;

    fn parse(text: &str) -> Result<Lock, Box<Diagnostic>> {
        Lock::parse(Document { path: &RelPath::new(LOCK_FILE).unwrap(), text })
    }

    fn lock() -> Lock {
        let packages = ["typescript", "@typescript/typescript-linux-x64"];
        let packages = packages.into_iter().map(|name| (name.to_owned(), Integrity::of(name.as_bytes()))).collect();
        Lock::default().with("typescript", LockedTool { version: "7.0.2".to_owned(), packages })
    }

    #[test]
    fn round_trip() {
        let text = lock().print();
        assert_eq!(parse(&text), Ok(lock()));
        let linux = Integrity::of(b"@typescript/typescript-linux-x64");
        let shim = Integrity::of(b"typescript");
        let expected = format!(
            r#"{{
  "version": 1,
  "tools": {{
    "typescript": {{
      "version": "7.0.2",
      "packages": {{
        "@typescript/typescript-linux-x64": "{linux}",
        "typescript": "{shim}"
      }}
    }}
  }}
}}
"#
        );
        assert_eq!(text, expected);
    }

    fn problem(text: &str) -> String {
        let diagnostic = parse(text).unwrap_err();
        let line = diagnostic.span.map_or(0, |span| span.line);
        format!("{} {line}: {}", diagnostic.code, diagnostic.message)
    }

    #[test]
    fn faults_are_placed() {
        let text = lock().print();
        assert_eq!(
            problem(&text.replace("\"version\": 1", "\"version\": 2")),
            "toolchain::lock_version 0: `webstir.lock` has the format 2, this program reads the format 1"
        );
        assert_eq!(
            problem(&text.replace("7.0.2", "^7.0.2")),
            "toolchain::lock_malformed 5: `webstir.lock` cannot be read: The version of `typescript` is not exact"
        );
        assert_eq!(
            problem(&text.replace("\"typescript\": \"sha512-", "\"typescript\": \"sha1-")),
            "toolchain::lock_malformed 4: `webstir.lock` cannot be read: `typescript`: Only sha512 is trusted, and there is none"
        );
        assert_eq!(
            problem(&text.replace("@typescript/", "@typescript/../")),
            "toolchain::lock_malformed 7: `webstir.lock` cannot be read: A package of `typescript` has a name that no package can have"
        );
        assert_eq!(
            problem(&text.replace("\"tools\"", "<<<<<<<")),
            "toolchain::lock_malformed 3: `webstir.lock` cannot be read: Key must be a string"
        );
    }

    #[test]
    fn is_written_whole() {
        let directory = tempfile::tempdir().unwrap();
        write_lock(directory.path(), &Lock::default()).unwrap();
        write_lock(directory.path(), &lock()).unwrap();
        let names: Vec<_> =
            std::fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, [LOCK_FILE]);
        assert_eq!(std::fs::read_to_string(directory.path().join(LOCK_FILE)).unwrap(), lock().print());
    }

    proptest! {
        #[test]
        fn no_text_panics(text in r#"([{}\[\]:,"0-9a-z@/\n ]|"version"|"tools"|"packages"|"sha512-|ä)*"#) {
            let _ = parse(&text);
        }

        #[test]
        fn no_damage_panics(at in 0_usize..400, length in 0_usize..40, patch in ".{0,8}") {
            let mut text = lock().print();
            let boundary = |offset: usize| (0..=offset.min(text.len())).rev().find(|&at| text.is_char_boundary(at)).unwrap();
            let (start, end) = (boundary(at), boundary(at + length));
            text.replace_range(start..end, &patch);
            if let Ok(lock) = parse(&text) {
                prop_assert_eq!(parse(&lock.print()), Ok(lock));
            }
        }
    }
}
