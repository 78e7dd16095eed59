//! The artifact index and the build manifest: what a build made.
//!
//! An [`ArtifactIndex`] lists every file of a target with its digest, the entry points and the compiled module. A
//! [`BuildManifest`] is the short form that existing tools read. Both are written sorted, with two-space indentation and a
//! final newline, so equal builds give equal bytes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::manifest::ModuleManifest;

/// The version of [`ArtifactIndex`] that this code writes. It reads earlier ones, which say less: what a module that is not linked
/// loads came with 2.
pub const INDEX_VERSION: u32 = 2;

/// Every file of a target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ArtifactIndex {
    /// [`INDEX_VERSION`].
    pub version: u32,
    /// The profile: `build`, `test` or `publish`.
    pub profile: String,
    /// The files, sorted by path.
    pub artifacts: Vec<Artifact>,
    /// Paths of the entry points, sorted.
    pub entry_points: Vec<String>,
    /// The entry points again, by what they are.
    pub buckets: Buckets,
    /// The compiled module definition, when there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub module: Option<ModuleArtifact>,
}

/// One file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Artifact {
    /// Its path below the output root, `/`-separated.
    pub path: String,
    /// Its blake3 digest, 64 hexadecimal digits.
    pub digest: String,
    /// Its length.
    pub bytes: u64,
    /// What it is.
    #[serde(rename = "type")]
    pub kind: ArtifactKind,
}

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ArtifactKind {
    /// JavaScript that runs.
    Bundle,
    /// Anything that is served or read as it is; source maps too.
    Asset,
    /// About the build itself.
    Metadata,
}

/// Entry points by what they are, each list sorted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Buckets {
    /// The server.
    pub server: Vec<String>,
    /// Functions.
    pub functions: Vec<String>,
    /// Jobs.
    pub jobs: Vec<String>,
    /// Migrations.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub migrations: Vec<String>,
    /// Tools.
    pub tools: Vec<String>,
}

/// The compiled module definition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModuleArtifact {
    /// Its path below the output root.
    pub path: String,
    /// What must run it, when the build decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine: Option<Engine>,
    /// Whether the schemas of its routes are applied to requests.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub validate: bool,
    /// Whether its manifest was read in the embedded engine, without any access to the world.
    pub hermetic: bool,
    /// The other modules that it loads, below the output root, sorted; none when everything is linked into it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub modules: Vec<String>,
    /// The import map of these modules: where among them specifiers of packages lead.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub imports: BTreeMap<String, String>,
}

/// What runs a module.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    /// The engine inside the binary.
    Embedded,
    /// A supervised process.
    Worker,
}

impl ArtifactIndex {
    /// Sorts and de-duplicates everything.
    pub fn new(
        profile: impl Into<String>,
        mut artifacts: Vec<Artifact>,
        mut buckets: Buckets,
        module: Option<ModuleArtifact>,
    ) -> Self {
        artifacts.sort();
        artifacts.dedup();
        let mut entry_points = Vec::new();
        let Buckets { server, functions, jobs, migrations, tools } = &mut buckets;
        for bucket in [server, functions, jobs, migrations, tools] {
            bucket.sort();
            bucket.dedup();
            entry_points.extend(bucket.iter().cloned());
        }
        entry_points.sort();
        entry_points.dedup();
        Self { version: INDEX_VERSION, profile: profile.into(), artifacts, entry_points, buckets, module }
    }

    /// The document as it lies on disk.
    pub fn to_json(&self) -> String {
        document(self)
    }

    /// Reads a document; one of another version is an error too.
    pub fn from_json(text: &str) -> Result<Self, IndexError> {
        #[derive(Deserialize)]
        struct Head {
            version: u32,
        }
        let index: Result<Self, _> = serde_json::from_str(text);
        let version = match &index {
            Ok(index) => index.version,
            // Another version may have another shape.
            Err(_) => serde_json::from_str::<Head>(text).map_err(IndexError::Malformed)?.version,
        };
        if !(1..=INDEX_VERSION).contains(&version) {
            return Err(IndexError::Version(version));
        }
        index.map_err(IndexError::Malformed)
    }

    /// The file of that path.
    pub fn artifact(&self, path: &str) -> Option<&Artifact> {
        self.artifacts.iter().find(|artifact| artifact.path == path)
    }
}

/// Why a text is not an artifact index.
#[derive(Debug)]
pub enum IndexError {
    /// Not JSON, or not of that shape.
    Malformed(serde_json::Error),
    /// Written by another version of the program.
    Version(u32),
}

impl std::fmt::Display for IndexError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Malformed(_) => f.write_str("The artifact index is malformed"),
            Self::Version(version) => {
                write!(f, "The artifact index has version {version}, this program reads versions up to {INDEX_VERSION}")
            }
        }
    }
}

impl std::error::Error for IndexError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Malformed(error) => Some(error),
            Self::Version(_) => None,
        }
    }
}

/// The short form of a build's result.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BuildManifest {
    /// Paths of the entry points below the output root, sorted.
    pub entry_points: Vec<String>,
    /// Files served as they are, sorted.
    pub static_assets: Vec<String>,
    /// What was found.
    pub diagnostics: Vec<BuildDiagnostic>,
    /// What the module serves, when there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub module: Option<ModuleManifest>,
}

/// One finding of a build.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BuildDiagnostic {
    /// Its weight.
    pub severity: BuildSeverity,
    /// What it says.
    pub message: String,
    /// The file it is about, below the workspace root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
}

/// The weight of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BuildSeverity {
    /// Worth knowing.
    Info,
    /// Suspicious.
    Warn,
    /// Fails the command.
    Error,
}

impl BuildManifest {
    /// Sorts the paths; diagnostics keep their order.
    pub fn new(
        mut entry_points: Vec<String>,
        mut static_assets: Vec<String>,
        diagnostics: Vec<BuildDiagnostic>,
        module: Option<ModuleManifest>,
    ) -> Self {
        entry_points.sort();
        entry_points.dedup();
        static_assets.sort();
        static_assets.dedup();
        Self { entry_points, static_assets, diagnostics, module }
    }

    /// The document as it lies on disk.
    pub fn to_json(&self) -> String {
        document(self)
    }
}

/// These types hold only strings, numbers, lists and structs: writing them cannot fail.
fn document(value: &impl Serialize) -> String {
    let mut text = serde_json::to_string_pretty(value).expect("plain data");
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn artifact(path: &str, kind: ArtifactKind) -> Artifact {
        Artifact { path: path.to_owned(), digest: "0".repeat(64), bytes: 3, kind }
    }

    fn index(order: [usize; 3]) -> ArtifactIndex {
        let files = [
            artifact("index.js", ArtifactKind::Bundle),
            artifact("index.js.map", ArtifactKind::Asset),
            artifact("functions/a/index.js", ArtifactKind::Bundle),
        ];
        let buckets = Buckets {
            server: vec!["index.js".to_owned()],
            functions: vec!["functions/b/index.js".to_owned(), "functions/a/index.js".to_owned()],
            ..Buckets::default()
        };
        let module = ModuleArtifact {
            path: "module.js".to_owned(),
            engine: Some(Engine::Embedded),
            validate: false,
            hermetic: true,
            modules: Vec::new(),
            imports: BTreeMap::new(),
        };
        ArtifactIndex::new("build", order.map(|at| files[at].clone()).to_vec(), buckets, Some(module))
    }

    #[test]
    fn the_order_of_discovery_never_reaches_the_document() {
        assert_eq!(index([0, 1, 2]).to_json(), index([2, 0, 1]).to_json());
        insta::assert_snapshot!(index([1, 2, 0]).to_json().replace(&"0".repeat(64), "(digest)"), @r#"
        {
          "version": 2,
          "profile": "build",
          "artifacts": [
            {
              "path": "functions/a/index.js",
              "digest": "(digest)",
              "bytes": 3,
              "type": "bundle"
            },
            {
              "path": "index.js",
              "digest": "(digest)",
              "bytes": 3,
              "type": "bundle"
            },
            {
              "path": "index.js.map",
              "digest": "(digest)",
              "bytes": 3,
              "type": "asset"
            }
          ],
          "entryPoints": [
            "functions/a/index.js",
            "functions/b/index.js",
            "index.js"
          ],
          "buckets": {
            "server": [
              "index.js"
            ],
            "functions": [
              "functions/a/index.js",
              "functions/b/index.js"
            ],
            "jobs": [],
            "tools": []
          },
          "module": {
            "path": "module.js",
            "engine": "embedded",
            "hermetic": true
          }
        }
        "#);
    }

    #[test]
    fn reads_what_it_wrote() {
        let index = index([0, 1, 2]);
        assert_eq!(ArtifactIndex::from_json(&index.to_json()).unwrap(), index);
        assert_eq!(index.artifact("index.js.map").unwrap().kind, ArtifactKind::Asset);
    }

    #[test]
    fn refuses_other_versions_and_unknown_fields() {
        let text = index([0, 1, 2]).to_json();
        assert!(matches!(
            ArtifactIndex::from_json(&text.replace("\"version\": 2", "\"version\": 3, \"later\": true")),
            Err(IndexError::Version(3))
        ));
        assert!(ArtifactIndex::from_json(&text.replace("\"version\": 2", "\"version\": 1")).is_ok());
        assert!(matches!(
            ArtifactIndex::from_json(&text.replace("\"profile\"", "\"later\": 1, \"profile\"")),
            Err(IndexError::Malformed(_))
        ));
        assert!(matches!(ArtifactIndex::from_json("{"), Err(IndexError::Malformed(_))));
    }
}
