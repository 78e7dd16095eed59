//! The linker and minifier: rolldown behind one plain function.
//!
//! [`bundle`] links the modules that a [`Host`] gives, for a [`Request`], into [`Chunk`]s. Every module is known by an id, an
//! absolute virtual path such as `/src/a.ts`; no id is ever looked up on a disk.

mod common_js;
mod files;
mod host;
mod link;
mod opaque;
mod problem;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use host::{Format, Host, Loaded, LoadedKind, RequestKind, Resolved};
pub use link::bundle;
pub use problem::{BundleProblem, Place, ProblemKind};

/// Where the output runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Platform {
    /// Node and engines like it: `require` of a builtin is made to work.
    Node,
    /// A browser.
    Browser,
}

/// Whether there are source maps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SourceMaps {
    /// None.
    None,
    /// In [`Chunk::map`].
    Hidden,
    /// In [`Chunk::map`], and the code ends with a comment that names `<file name>.map`.
    Linked,
}

/// One output that others load.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Entry {
    /// The name of its file without the extension, with `/` for directories.
    pub name: String,
    /// The module, an id that the host knows.
    pub id: String,
}

/// What is to be linked, and how.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::struct_excessive_bools, reason = "switches that are independent of each other")]
pub struct Request {
    /// The outputs, by distinct names.
    pub entries: Vec<Entry>,
    /// Where the output runs.
    pub platform: Platform,
    /// One file an entry, `import()` included, when off. When on, shared and lazily imported modules get files of their own.
    pub splitting: bool,
    /// Short names and no white space. Nothing is computed: values are those of the source.
    pub minify: bool,
    /// Leaves out what nothing uses.
    pub tree_shake: bool,
    /// Source maps.
    pub source_maps: SourceMaps,
    /// Keeps licence comments.
    pub legal_comments: bool,
    /// `name` of functions and classes stays what the source says; costs a call for each.
    pub keep_names: bool,
    /// JavaScript expressions for free dotted names, in every module.
    pub define: BTreeMap<String, String>,
    /// The virtual directory of the output, absolute; sources in maps are relative to the file in it.
    pub out_dir: String,
    /// The pattern of other files, with `[name]` and `[hash]`.
    pub chunk_names: String,
}

impl Request {
    /// One readable file an entry, named after it, for Node.
    pub fn new(entries: Vec<Entry>, out_dir: impl Into<String>) -> Self {
        Self {
            entries,
            platform: Platform::Node,
            splitting: false,
            minify: false,
            tree_shake: true,
            source_maps: SourceMaps::None,
            legal_comments: true,
            keep_names: false,
            define: BTreeMap::new(),
            out_dir: out_dir.into(),
            chunk_names: "[name]-[hash].js".to_owned(),
        }
    }
}

/// One linked JavaScript file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Chunk {
    /// Below the output directory.
    pub file_name: String,
    /// The entry it is for; `None` for a shared or lazily imported one.
    pub entry: Option<String>,
    /// An ES module.
    pub code: String,
    /// Its source map, JSON.
    pub map: Option<String>,
    /// Other files and external specifiers that it imports.
    pub imports: Vec<String>,
    /// Other files and external specifiers that it imports lazily.
    pub dynamic_imports: Vec<String>,
    /// The modules in it, in the order in which they run.
    pub module_ids: Vec<String>,
    /// What it exports.
    pub exports: Vec<String>,
}

/// A file that is not JavaScript.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Asset {
    /// Below the output directory.
    pub file_name: String,
    /// Its bytes.
    pub content: Vec<u8>,
}

/// What linking gave.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bundled {
    /// Sorted by file name.
    pub chunks: Vec<Chunk>,
    /// Sorted by file name.
    pub assets: Vec<Asset>,
    /// Suspicious things, sorted.
    pub warnings: Vec<BundleProblem>,
}

/// The host as linking shares it among threads.
pub type SharedHost = Arc<dyn Host>;
