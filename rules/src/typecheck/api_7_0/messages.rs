//! What the messages of the 7.0 API carry.

use serde::{Deserialize, Serialize};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct UpdateSnapshot<'a> {
    pub(super) open_projects: [&'a str; 1],
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

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct CompilerOptions {
    pub(super) declaration: Option<bool>,
    pub(super) composite: Option<bool>,
}

#[derive(Serialize)]
pub(super) struct OfProject<'a> {
    pub(super) snapshot: u64,
    pub(super) project: &'a str,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RawDiagnostic {
    pub(super) file_name: Option<String>,
    /// UTF-16 code units; -1 without a place.
    pub(super) pos: i64,
    pub(super) end: i64,
    pub(super) code: u32,
    pub(super) category: u8,
    pub(super) text: String,
    pub(super) message_chain: Option<Vec<RawDiagnostic>>,
    pub(super) related_information: Option<Vec<RawDiagnostic>>,
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
