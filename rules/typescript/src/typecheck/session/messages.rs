//! What the messages carry.

use serde::{Deserialize, Serialize};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct UpdateSnapshot<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) open_projects: Option<[&'a str; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) file_changes: Option<FileChanges<'a>>,
}

#[derive(Serialize)]
pub(super) struct FileChanges<'a> {
    pub(super) changed: &'a [String],
}

#[derive(Serialize)]
pub(super) struct Release {
    pub(super) snapshot: u64,
}

#[derive(Deserialize)]
pub(super) struct Snapshot {
    pub(super) snapshot: u64,
    pub(super) projects: Vec<Project>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Project {
    pub(super) id: String,
    pub(super) config_file_name: String,
    pub(super) compiler_options: CompilerOptions,
}

/// The options that change how a check is done, or where imports lead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub(in crate::typecheck) struct CompilerOptions {
    pub(super) declaration: Option<bool>,
    pub(in crate::typecheck) composite: Option<bool>,
    pub(in crate::typecheck) jsx_import_source: Option<String>,
    pub(in crate::typecheck) root_dirs: Option<Vec<String>>,
    pub(in crate::typecheck) module_suffixes: Option<Vec<String>>,
    /// Whether imports are looked for in each directory above, as before there were packages. TypeScript 7 cannot.
    pub(in crate::typecheck) is_classic: bool,
}

#[derive(Serialize)]
pub(super) struct OfProject<'a> {
    pub(super) snapshot: u64,
    pub(super) project: &'a str,
}

#[derive(Serialize)]
pub(super) struct OfFile<'a> {
    pub(super) snapshot: u64,
    pub(super) project: &'a str,
    pub(super) file: &'a str,
}

#[derive(Serialize)]
pub(super) struct ResolveName<'a> {
    pub(super) snapshot: u64,
    pub(super) project: &'a str,
    pub(super) name: &'a str,
    pub(super) meaning: u32,
}

/// What a name may mean, in the compiler's numbers.
#[derive(Debug, Clone, Copy)]
pub(in crate::typecheck) enum Meaning {
    Value = 111_551,
    Type = 788_968,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::typecheck) struct RawDiagnostic {
    pub(in crate::typecheck) file_name: Option<String>,
    /// UTF-16 code units; -1 without a place.
    pub(in crate::typecheck) pos: i64,
    pub(in crate::typecheck) end: i64,
    pub(in crate::typecheck) code: u32,
    pub(in crate::typecheck) category: u8,
    pub(in crate::typecheck) text: String,
    pub(in crate::typecheck) message_chain: Option<Vec<RawDiagnostic>>,
    pub(in crate::typecheck) related_information: Option<Vec<RawDiagnostic>>,
}

/// The answer to `readFile`: no content means that there is no such file.
#[derive(Serialize)]
pub(super) struct Content<'a> {
    pub(super) content: Option<&'a str>,
}

#[derive(Serialize)]
pub(super) struct Entries {
    pub(super) files: Vec<String>,
    pub(super) directories: Vec<String>,
}

impl RawDiagnostic {
    /// Whether a type is missing without which the compiler does not begin to check.
    pub(super) fn is_missing_library(&self) -> bool {
        const TYPES: [&str; 10] = [
            "'Array'",
            "'Boolean'",
            "'CallableFunction'",
            "'Function'",
            "'IArguments'",
            "'NewableFunction'",
            "'Number'",
            "'Object'",
            "'RegExp'",
            "'String'",
        ];
        self.code == 2318 && TYPES.iter().any(|name| self.text.contains(name))
    }
}

/// The messages below a message, indented by two spaces for each level.
pub(super) fn flatten(chain: Vec<RawDiagnostic>, depth: usize, lines: &mut Vec<String>) {
    for link in chain {
        lines.push(format!("{:indent$}{}", "", link.text, indent = 2 * depth));
        flatten(link.message_chain.unwrap_or_default(), depth + 1, lines);
    }
}
