//! What can go wrong in linking.

use oxc_sourcemap::SourceMap;
use rolldown_error::{BuildDiagnostic, DiagnosticOptions};

use crate::host::Host;

/// Where in a module, as it was loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// First byte in [`Loaded::code`](crate::Loaded::code).
    pub start: u32,
    /// One past the last byte of the word there.
    pub end: u32,
    /// Line (from 0) and column (UTF-16, from 0) in the source that the module's map leads to.
    pub original: Option<(u32, u32)>,
}

/// What kind of problem.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProblemKind {
    /// The host found nothing for a specifier.
    Unresolved {
        /// As the module has it.
        specifier: String,
    },
    /// The host could not load a module.
    Load,
    /// A finding of the linker, by its own stable code, for example `MISSING_EXPORT`.
    Link(String),
    /// The linker itself failed.
    Internal,
}

/// Why linking failed, or what is suspicious about what was linked.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BundleProblem {
    /// The id of the module that it is about.
    pub module: Option<String>,
    /// Where in that module.
    pub place: Option<Place>,
    /// Its kind.
    pub kind: ProblemKind,
    /// One or more sentences.
    pub message: String,
}

impl BundleProblem {
    pub(crate) fn internal(message: impl Into<String>) -> Self {
        Self { module: None, place: None, kind: ProblemKind::Internal, message: message.into() }
    }

    /// `cwd` is the virtual directory that rolldown was given.
    pub(crate) fn of(diagnostic: &BuildDiagnostic, cwd: &str, host: &dyn Host) -> Self {
        let options = DiagnosticOptions { cwd: cwd.into() };
        let rendered = diagnostic.to_diagnostic_with(&options);
        let location = rendered.get_primary_location();
        let module = location.as_ref().map(|(file, ..)| id_of(file, cwd)).or_else(|| diagnostic.id());
        let place =
            location.zip(module.as_deref()).and_then(|((_, line, column, _), id)| place(host, id, line, column));
        let message = diagnostic.to_message_with(&options);
        Self {
            module,
            place,
            kind: ProblemKind::Link(diagnostic.kind().to_string()),
            message: message.trim().to_owned(),
        }
    }
}

/// Rolldown names files relative to its directory, which is `/`.
fn id_of(file: &str, cwd: &str) -> String {
    if file.starts_with('/') { file.to_owned() } else { format!("{}/{file}", cwd.trim_end_matches('/')) }
}

fn place(host: &dyn Host, id: &str, line: usize, column: usize) -> Option<Place> {
    let loaded = host.load(id).ok()?;
    let line = line.checked_sub(1)?;
    let start_of_line =
        if line == 0 { 0 } else { loaded.code.match_indices('\n').nth(line - 1).map(|(newline, _)| newline + 1)? };
    let mut units = 0;
    let offset = loaded.code[start_of_line..]
        .char_indices()
        .find(|(_, character)| {
            let found = units >= column;
            units += character.len_utf16();
            found
        })
        .map_or(loaded.code.len(), |(offset, _)| start_of_line + offset);
    let word = loaded.code[offset..]
        .find(|c: char| !c.is_alphanumeric() && c != '_' && c != '$')
        .unwrap_or(loaded.code.len() - offset);
    let narrow = |number: usize| u32::try_from(number).ok();
    let original = loaded.map_json.as_deref().and_then(|json| {
        let map = SourceMap::from_json_string(json).ok()?;
        let table = map.generate_lookup_table();
        let token = map.lookup_token(&table, narrow(line)?, narrow(column)?)?;
        token.get_source_id().map(|_| (token.get_src_line(), token.get_src_col()))
    });
    Some(Place { start: narrow(offset)?, end: narrow(offset + word.max(1).min(loaded.code.len() - offset))?, original })
}
