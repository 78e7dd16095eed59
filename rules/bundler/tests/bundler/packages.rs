//! Real packages, installed by npm.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, OnceLock};

use webstir_bundler::{
    Bundled, Format, Host, Loaded, LoadedKind, Platform, Request, RequestKind, Resolved, SharedHost, bundle,
};

use webstir_engine::path::RelPath;
use webstir_engine::system::PathKind;
use webstir_typescript::resolve::packages::{Files, Format as Kind, Found, PackageFile, Packages};
use webstir_typescript::resolve::{self, Asked, Conditions};
use webstir_typescript::source::ParsedModule;
use webstir_typescript::tsconfig::EmitOptions;

use crate::tools::{request, run, transpiled};

const PACKAGES: [&str; 4] = ["zod@4.1.12", "@ts-rest/core@3.52.1", "ms@2.1.3", "kleur@4.1.5"];

/// Packed rather than installed: one of its dependencies is not published.
const BACKEND: &str = "@webstir-io/webstir-backend@0.1.63";

/// The packages, installed once for all tests and runs.
fn installed() -> &'static Path {
    static INSTALLED: OnceLock<PathBuf> = OnceLock::new();
    INSTALLED.get_or_init(|| {
        let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bundler-packages-1");
        if !place.exists() {
            let fresh = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
            std::fs::write(fresh.path().join("package.json"), "{\"type\": \"module\"}").unwrap();
            let npm = Command::new("npm")
                .args([
                    "install",
                    "--silent",
                    "--no-audit",
                    "--no-fund",
                    "--ignore-scripts",
                    "--legacy-peer-deps",
                    "--prefix",
                ])
                .arg(fresh.path())
                .args(PACKAGES)
                .status();
            assert!(npm.unwrap().success());
            let packed =
                Command::new("npm").args(["pack", "--silent", BACKEND]).current_dir(fresh.path()).output().unwrap();
            assert!(packed.status.success());
            let backend = fresh.path().join("node_modules/@webstir-io/webstir-backend");
            std::fs::create_dir_all(&backend).unwrap();
            let tarball = fresh.path().join(String::from_utf8(packed.stdout).unwrap().trim());
            let mut tar = Command::new("tar");
            tar.arg("-xzf").arg(tarball).arg("--strip-components=1").arg("-C").arg(backend);
            assert!(tar.status().unwrap().success());
            // Another test process may have been faster.
            let _ = std::fs::rename(fresh.path(), &place);
        }
        place
    })
}

/// The disk with some files over it; knows what was asked.
struct Disk {
    root: PathBuf,
    files: BTreeMap<String, String>,
    asked: Mutex<BTreeSet<String>>,
}

impl Disk {
    fn new(files: &[(&str, &str)]) -> Arc<Self> {
        Arc::new(Self {
            root: installed().canonicalize().unwrap(),
            files: files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect(),
            asked: Mutex::default(),
        })
    }

    fn is_directory(&self, path: &str) -> bool {
        self.files.keys().any(|file| file.strip_prefix(path).is_some_and(|rest| rest.starts_with('/')))
    }

    fn asked(&self, path: &str) {
        self.asked.lock().unwrap().insert(path.to_owned());
    }
}

impl Files for Disk {
    fn kind(&self, path: &str) -> io::Result<PathKind> {
        self.asked(path);
        if self.files.contains_key(path) {
            return Ok(PathKind::File);
        }
        if self.is_directory(path) {
            return Ok(PathKind::Directory);
        }
        Ok(match std::fs::metadata(self.root.join(path)) {
            Ok(data) if data.is_dir() => PathKind::Directory,
            Ok(_) => PathKind::File,
            Err(_) => PathKind::Absent,
        })
    }

    fn read(&self, path: &str) -> io::Result<Option<Vec<u8>>> {
        self.asked(path);
        if let Some(text) = self.files.get(path) {
            return Ok(Some(text.clone().into_bytes()));
        }
        Ok(std::fs::read(self.root.join(path)).ok())
    }

    fn real_path(&self, path: &str) -> io::Result<Option<String>> {
        self.asked(path);
        if self.files.contains_key(path) || self.is_directory(path) {
            return Ok(Some(path.to_owned()));
        }
        let real = std::fs::canonicalize(self.root.join(path)).ok();
        Ok(real.and_then(|real| Some(real.strip_prefix(&self.root).ok()?.to_str()?.to_owned())))
    }
}

/// Packages and TypeScript of a disk.
struct Workspace {
    disk: Arc<Disk>,
    packages: Packages,
    platform: Platform,
}

impl Workspace {
    fn new(files: &[(&str, &str)], platform: Platform) -> Arc<Self> {
        let disk = Disk::new(files);
        Arc::new(Self { packages: Packages::new(disk.clone(), &on(platform)), disk, platform })
    }
}

fn on(platform: Platform) -> Conditions {
    let browser = Conditions { platform: resolve::Platform::Browser, ..Conditions::default() };
    if platform == Platform::Browser { browser } else { Conditions::default() }
}

impl Host for Workspace {
    fn resolve(&self, specifier: &str, importer: Option<&str>, kind: RequestKind) -> Resolved {
        let bare = specifier.strip_prefix("node:").unwrap_or(specifier);
        if specifier.starts_with("node:") || webstir_typescript::resolve::builtin(bare).is_some() {
            return match self.platform {
                Platform::Node => Resolved::External { specifier: format!("node:{bare}"), side_effects: false },
                Platform::Browser => Resolved::NotFound { reason: format!("`{specifier}` is not there in a browser") },
            };
        }
        let asked = if kind == RequestKind::Require { Asked::Require } else { Asked::Import };
        let importer = importer.unwrap_or("/main").trim_start_matches('/');
        let specifier = if kind == RequestKind::Entry { format!(".{specifier}") } else { specifier.to_owned() };
        // TypeScript sources say `.js`.
        let mut found = Found::Missing { reason: String::new() };
        for specifier in [specifier.clone(), specifier.replace(".js", ".ts")] {
            found = self.packages.resolve(importer, &specifier, asked);
            if matches!(found, Found::File(_)) {
                break;
            }
        }
        match found {
            Found::File(PackageFile { path, side_effects, format, .. }) => {
                let is_ts = path.rsplit('.').next() == Some("ts");
                let format = match format {
                    Some(Kind::CommonJs) if !is_ts => Format::CommonJs,
                    None if !is_ts => Format::Unknown,
                    _ => Format::Esm,
                };
                Resolved::Module { id: format!("/{path}"), side_effects, format }
            }
            // Optional packages that the backend loads when they are there.
            Found::Missing { .. } if !specifier.starts_with('.') => {
                Resolved::External { specifier, side_effects: true }
            }
            Found::Missing { reason } => Resolved::NotFound { reason },
            Found::Nothing => {
                Resolved::Module { id: "/nothing".to_owned(), side_effects: Some(false), format: Format::Unknown }
            }
        }
    }

    fn load(&self, id: &str) -> Result<Loaded, String> {
        if id == "/nothing" {
            return Ok(Loaded { code: String::new(), map_json: None, kind: LoadedKind::Empty });
        }
        let bytes = self.disk.read(&id[1..]).unwrap().ok_or_else(|| format!("There is no file `{id}`"))?;
        let code = String::from_utf8(bytes).map_err(|error| error.to_string())?;
        match id.rsplit('.').next() {
            Some("ts") => transpiled(id, &code),
            Some("json") => Ok(Loaded { code, map_json: None, kind: LoadedKind::Json }),
            _ => Ok(Loaded { code, map_json: None, kind: LoadedKind::Js }),
        }
    }
}

fn linked(workspace: &Arc<Workspace>, request: &Request) -> Bundled {
    let host: SharedHost = workspace.clone();
    bundle(request, &host).unwrap_or_else(|problems| panic!("{problems:#?}"))
}

#[test]
fn node_application() {
    let main = "import { z } from 'zod';\nimport ms from 'ms';\nimport kleur from 'kleur';\nimport { initContract } from '@ts-rest/core';\n\
        const schema = z.object({ name: z.string().min(2) });\n\
        const contract = initContract().router({ get: { method: 'GET', path: '/x/:id', responses: { 200: schema } } });\n\
        console.log(schema.safeParse({ name: 'a' }).success, schema.parse({ name: 'abc' }).name, ms('2 days'), typeof kleur.red, contract.get.path);\n";
    let workspace = Workspace::new(&[("src/main.ts", main)], Platform::Node);
    for minify in [false, true] {
        let request = Request { minify, ..request(&[("main", "/src/main.ts")]) };
        let bundled = linked(&workspace, &request);
        let chunk = &bundled.chunks[0];
        assert!(chunk.imports.iter().all(|import| import.starts_with("node:")), "{:?}", chunk.imports);
        assert_eq!(run(&[("main.js", &chunk.code)], "main.js"), "false abc 172800000 function /x/:id\n");
    }
    let asked = workspace.disk.asked.lock().unwrap();
    assert!(asked.iter().all(|path| !path.starts_with('/') && !path.contains("..")), "{asked:?}");
    assert!(asked.contains("src/node_modules"), "misses are asked of the files too");
}

#[test]
fn browser_application() {
    let main = "import * as z from 'zod/mini';\nimport ms from 'ms';\nconsole.log(z.safeParse(z.string(), 1).success, ms(60000));\n";
    let workspace = Workspace::new(&[("src/main.ts", main)], Platform::Browser);
    let request = Request { platform: Platform::Browser, minify: true, ..request(&[("main", "/src/main.ts")]) };
    let bundled = linked(&workspace, &request);
    assert!(bundled.chunks[0].imports.is_empty() && !bundled.chunks[0].code.contains("node:"));
    assert_eq!(run(&[("main.js", &bundled.chunks[0].code)], "main.js"), "false 1m\n");
}

/// The TypeScript files below a directory.
fn sources(directory: PathBuf) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut pending = vec![directory];
    while let Some(directory) = pending.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                pending.push(path);
            } else if path.extension().is_some_and(|extension| extension == "ts" || extension == "mts") {
                found.push(path);
            }
        }
    }
    found
}

#[test]
fn facts_and_output_agree_on_real_sources() {
    let modules = installed().join("node_modules");
    let files = [sources(modules.join("zod/src")), sources(modules.join("@webstir-io/webstir-backend/src"))].concat();
    assert!(files.len() > 200, "{}", files.len());
    for file in files {
        let path = RelPath::new(file.strip_prefix(installed()).unwrap().to_str().unwrap()).unwrap();
        let text = std::fs::read_to_string(&file).unwrap();
        let module = ParsedModule::parse(&path, &text).unwrap_or_else(|faults| panic!("{path}: {faults:?}"));
        let emit = EmitOptions::default();
        let mut linked: Vec<_> =
            module.facts().linked(&emit).into_iter().map(|link| link.specifier.into_string()).collect();
        let mut printed: Vec<_> = module
            .emit(&text, &crate::tools::options(emit))
            .unwrap_or_else(|found| panic!("{path}: {found:#?}"))
            .imports
            .into_iter()
            .map(|import| import.specifier)
            .collect();
        linked.sort();
        printed.sort();
        assert_eq!(linked, printed, "{path}");
    }
}

#[test]
fn the_backend_package_from_its_sources() {
    let entries = sources(installed().join("node_modules/@webstir-io/webstir-backend/src"));
    assert!(entries.len() > 30, "{entries:?}");
    let workspace = Workspace::new(&[], Platform::Node);
    for path in &entries {
        let id = format!("/{}", path.strip_prefix(installed()).unwrap().to_str().unwrap());
        transpiled(&id, &std::fs::read_to_string(path).unwrap()).unwrap();
    }
    let base = "/node_modules/@webstir-io/webstir-backend/src";
    let main = format!("{base}/runtime/forms.ts");
    let bundled = linked(&workspace, &request(&[("forms", &main), ("index", &format!("{base}/index.ts"))]));
    let files: Vec<_> = bundled.chunks.iter().map(|chunk| (chunk.file_name.as_str(), chunk.code.as_str())).collect();
    let check = "import * as forms from './forms.js'; console.log(Object.keys(forms).length > 0, typeof forms.processFormSubmission);";
    let output = run(&[files.as_slice(), &[("check.js", check)]].concat(), "check.js");
    assert!(output.starts_with("true"), "{output}");
}

#[test]
fn what_a_package_says_about_itself() {
    let disk = Disk::new(&[
        (
            "node_modules/a/package.json",
            r##"{"name": "a", "sideEffects": ["*.css", "./run/**"], "exports": {".": {"browser": "./b.js", "import": "./m.mjs", "require": "./c.cjs"}, "./run/*": "./run/*.js"}, "imports": {"#own": "./run/x.js"}}"##,
        ),
        ("node_modules/a/m.mjs", ""),
        ("node_modules/a/b.js", ""),
        ("node_modules/a/c.cjs", ""),
        ("node_modules/a/run/x.js", ""),
        (
            "node_modules/old/package.json",
            r#"{"main": "lib", "browser": {"./lib/fs.js": false}, "sideEffects": false}"#,
        ),
        ("node_modules/old/lib/index.js", ""),
        ("node_modules/old/lib/fs.js", ""),
    ]);
    let node = Packages::new(disk.clone(), &on(Platform::Node));
    let browser = Packages::new(disk, &on(Platform::Browser));
    let file = |found: Found| match found {
        Found::File(file) => (file.path, file.side_effects, file.format),
        other => panic!("{other:?}"),
    };
    let owned = |path: &str, side_effects, format| (path.to_owned(), side_effects, format);
    let from = "src/deep/main.ts";
    assert_eq!(
        file(node.resolve(from, "a", Asked::Import)),
        owned("node_modules/a/m.mjs", Some(false), Some(Kind::Esm))
    );
    assert_eq!(
        file(node.resolve(from, "a", Asked::Require)),
        owned("node_modules/a/c.cjs", Some(false), Some(Kind::CommonJs))
    );
    assert_eq!(file(browser.resolve(from, "a", Asked::Import)).0, "node_modules/a/b.js");
    assert_eq!(file(node.resolve(from, "a/run/x", Asked::Import)), owned("node_modules/a/run/x.js", Some(true), None));
    assert_eq!(file(node.resolve("node_modules/a/m.mjs", "#own", Asked::Import)).0, "node_modules/a/run/x.js");
    assert_eq!(file(node.resolve(from, "old", Asked::Import)).0, "node_modules/old/lib/index.js");
    assert_eq!(browser.resolve("node_modules/old/lib/index.js", "./fs.js", Asked::Require), Found::Nothing);
    let Found::Missing { reason } = node.resolve(from, "a/hidden", Asked::Import) else { panic!() };
    assert!(reason.contains("is not exported"), "{reason}");
    let Found::Missing { reason } = node.resolve(from, "none", Asked::Import) else { panic!() };
    assert_eq!(reason, "There is no package for `none` in `node_modules`");
    assert!(matches!(node.resolve(from, "../../../etc/passwd", Asked::Import), Found::Missing { .. }));
    assert!(matches!(node.resolve(from, "/etc/passwd", Asked::Import), Found::Missing { .. }));
}
