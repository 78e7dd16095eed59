//! A virtual tree as a host, and Node.

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::Arc;

use webstir_bundler::{Entry, Format, Host, Loaded, LoadedKind, Request, RequestKind, Resolved, SharedHost};
use webstir_engine::path::RelPath;
use webstir_typescript::transpile::{ImportRequire, MapLink, MapOptions, Options, Source, transpile};
use webstir_typescript::tsconfig::EmitOptions;

/// Files by absolute virtual path; TypeScript is transpiled when it is loaded.
pub(crate) struct Tree(pub(crate) BTreeMap<String, String>);

impl Tree {
    pub(crate) fn host(files: &[(&str, &str)]) -> SharedHost {
        Arc::new(Self(files.iter().map(|(id, text)| ((*id).to_owned(), (*text).to_owned())).collect()))
    }
}

/// Options that change nothing about specifiers and define nothing.
pub(crate) fn options(emit: EmitOptions) -> Options<'static> {
    Options { emit, define: BTreeMap::new(), map: None, import_require: ImportRequire::Bare, rewrite: &|_, _| None }
}

/// JavaScript and its map, whose one source is the id.
pub(crate) fn transpiled(id: &str, text: &str) -> Result<Loaded, String> {
    let path = RelPath::new(id.trim_start_matches('/')).unwrap();
    let map = MapOptions { source: id.to_owned(), content: true, link: MapLink::Detached };
    let options = Options { map: Some(map), ..options(EmitOptions::default()) };
    let emitted = transpile(Source { path: &path, text }, &options).map_err(|found| format!("{found:#?}"))?;
    Ok(Loaded { code: emitted.code, map_json: emitted.map, kind: LoadedKind::Js })
}

impl Host for Tree {
    fn resolve(&self, specifier: &str, importer: Option<&str>, _: RequestKind) -> Resolved {
        if let Some(name) = specifier.strip_prefix("node:") {
            return Resolved::External { specifier: format!("node:{name}"), side_effects: false };
        }
        let directory = importer.map_or("", |importer| &importer[..importer.rfind('/').unwrap_or(0)]);
        let id = if specifier.starts_with('/') {
            specifier.to_owned()
        } else {
            let path = RelPath::new(directory.trim_start_matches('/')).unwrap().join(specifier).unwrap();
            format!("/{}", path.as_str())
        };
        let candidates = [id.clone(), id.replace(".js", ".ts"), format!("{id}.ts")];
        match candidates.into_iter().find(|id| self.0.contains_key(id)) {
            Some(id) => Resolved::Module {
                side_effects: id.contains("pure").then_some(false),
                format: if id.rsplit('.').next() == Some("cjs") { Format::CommonJs } else { Format::Esm },
                id,
            },
            None => Resolved::NotFound { reason: format!("There is no module `{specifier}`") },
        }
    }

    fn load(&self, id: &str) -> Result<Loaded, String> {
        let text = self.0.get(id).ok_or_else(|| format!("There is no file `{id}`"))?;
        match id.rsplit('.').next() {
            Some("ts") => transpiled(id, text),
            Some("json") => Ok(Loaded { code: text.clone(), map_json: None, kind: LoadedKind::Json }),
            _ => Ok(Loaded { code: text.clone(), map_json: None, kind: LoadedKind::Js }),
        }
    }
}

pub(crate) fn request(entries: &[(&str, &str)]) -> Request {
    let entries = entries.iter().map(|(name, id)| Entry { name: (*name).to_owned(), id: (*id).to_owned() });
    Request::new(entries.collect(), "/dist")
}

/// A directory for one test, removed with it.
pub(crate) fn scratch() -> tempfile::TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}

/// Writes the files and runs one of them; gives what it wrote.
pub(crate) fn run(files: &[(&str, &str)], main: &str) -> String {
    let directory = scratch();
    std::fs::write(directory.path().join("package.json"), r#"{"type": "module"}"#).unwrap();
    for (name, code) in files {
        let file = directory.path().join(name);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, code).unwrap();
    }
    let output = Command::new("node").arg(directory.path().join(main)).output().unwrap();
    let (out, error) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert!(output.status.success(), "{error}\n{}", files[0].1);
    out
}
