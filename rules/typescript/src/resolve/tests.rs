use std::cell::RefCell;
use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::tsconfig::PathMapping;

struct Files {
    files: BTreeSet<RelPath>,
    asked: RefCell<Vec<RelPath>>,
}

impl Files {
    fn new(files: &[&str]) -> Self {
        Self { files: files.iter().map(|file| RelPath::new(file).unwrap()).collect(), asked: RefCell::default() }
    }
}

impl Probe for Files {
    fn kind(&self, path: &RelPath) -> PathKind {
        self.asked.borrow_mut().push(path.clone());
        if self.files.contains(path) {
            PathKind::File
        } else if self.files.iter().any(|file| file.is_within(path)) {
            PathKind::Directory
        } else {
            PathKind::Absent
        }
    }
}

fn path(text: &str) -> RelPath {
    RelPath::new(text).unwrap()
}

fn config() -> TsConfig {
    let mapping = |pattern: &str, substitutions: &[&str]| PathMapping {
        pattern: pattern.into(),
        substitutions: substitutions.iter().map(|text| path(text)).collect(),
    };
    TsConfig {
        paths: Box::new([
            mapping("@shared/*", &["src/shared/*", "src/other/*"]),
            mapping("@shared/deep/*", &["src/deep/*"]),
            mapping("env", &["src/env.ts"]),
            mapping("*.gen", &["gen/*.ts"]),
        ]),
        ..TsConfig::default()
    }
}

fn resolve_in(files: &[&str], specifier: &str) -> Resolution {
    let imports = PackageImports::parse(
        &RelPath::root(),
        br##"{"imports": {"#db": {"types": "./db.d.ts", "node": "./src/db.ts", "default": "./web.ts"}, "#lib/*.js": "./src/lib/*.ts", "#zod": "zod/v4", "#fs": "node:fs", "#no": null}}"##,
    );
    let (config, files) = (config(), Files::new(files));
    resolve_local(&path("src/backend/index.ts"), specifier, Project { config: &config, imports: &imports }, &files)
}

#[track_caller]
fn module(files: &[&str], specifier: &str, expected: &str) {
    assert_eq!(resolve_in(files, specifier), Resolution::Module(path(expected)));
}

#[test]
fn relative_specifiers() {
    module(&["src/backend/a.ts", "src/backend/a.js"], "./a.js", "src/backend/a.ts");
    module(&["src/backend/a.tsx"], "./a.js", "src/backend/a.tsx");
    module(&["src/backend/a.js"], "./a.js", "src/backend/a.js");
    module(&["src/backend/a.mts"], "./a.mjs", "src/backend/a.mts");
    module(&["src/backend/a.cts"], "./a.cjs", "src/backend/a.cts");
    module(&["src/backend/a.tsx"], "./a.jsx", "src/backend/a.tsx");
    module(&["src/backend/a.ts"], "./a.ts", "src/backend/a.ts");
    module(&["src/shared/a.ts"], "../shared/a", "src/shared/a.ts");
    module(&["src/backend/a/index.ts"], "./a", "src/backend/a/index.ts");
    module(&["src/backend/a.ts", "src/backend/a/index.ts"], "./a", "src/backend/a.ts");
    module(&["src/backend/a.ts", "src/backend/a/index.ts"], "./a/", "src/backend/a/index.ts");
    module(&["src/backend/index.ts"], ".", "src/backend/index.ts");
    module(&["src/index.ts"], "..", "src/index.ts");
    module(&["src/backend/data.json"], "./data.json", "src/backend/data.json");
    module(&["src/backend/user.service.ts"], "./user.service", "src/backend/user.service.ts");
    module(&["src/backend/a.js.ts"], "./a.js", "src/backend/a.js.ts");
}

#[test]
fn what_is_missing_says_what_was_tried() {
    let Resolution::Missing { tried } = resolve_in(&[], "./a.js") else { panic!("found") };
    let tried: Vec<_> = tried.iter().map(RelPath::as_str).collect();
    assert_eq!(&tried[..4], ["src/backend/a.ts", "src/backend/a.tsx", "src/backend/a.js", "src/backend/a.jsx"]);
    assert_eq!(resolve_in(&[], "../../../a"), Resolution::Missing { tried: Vec::new() });
    assert_eq!(resolve_in(&[], "/etc/passwd"), Resolution::Missing { tried: Vec::new() });
    assert_eq!(resolve_in(&[], "node:nothing"), Resolution::Missing { tried: Vec::new() });
    assert_eq!(resolve_in(&[], ""), Resolution::Missing { tried: Vec::new() });
}

#[test]
fn mapped_specifiers() {
    module(&["src/shared/a.ts"], "@shared/a.js", "src/shared/a.ts");
    module(&["src/other/a.ts"], "@shared/a", "src/other/a.ts");
    module(&["src/deep/a.ts", "src/shared/deep/a.ts"], "@shared/deep/a", "src/deep/a.ts");
    module(&["src/env.ts"], "env", "src/env.ts");
    module(&["gen/a.ts"], "a.gen", "gen/a.ts");
    let missing = resolve_in(&[], "@shared/a");
    assert_eq!(missing, Resolution::Package { name: "@shared/a".into(), subpath: "".into() });
}

#[test]
fn base_url_and_imports() {
    let config = TsConfig { base_url: Some(path("src")), ..TsConfig::default() };
    let imports = PackageImports::default();
    let files = Files::new(&["src/lib/a.ts", "src/fs.ts"]);
    let project = Project { config: &config, imports: &imports };
    let found = |specifier| resolve_local(&path("src/x.ts"), specifier, project, &files);
    assert_eq!(found("lib/a"), Resolution::Module(path("src/lib/a.ts")));
    assert_eq!(found("fs"), Resolution::Builtin("fs".into()));
    module(&["src/db.ts"], "#db", "src/db.ts");
    module(&["src/lib/x/y.ts"], "#lib/x/y.js", "src/lib/x/y.ts");
    assert_eq!(resolve_in(&[], "#zod"), Resolution::Package { name: "zod".into(), subpath: "v4".into() });
    assert_eq!(resolve_in(&[], "#fs"), Resolution::Builtin("fs".into()));
    assert!(matches!(resolve_in(&[], "#no"), Resolution::Missing { .. }));
}

#[test]
fn what_is_not_of_the_workspace() {
    let package = |name: &str, subpath: &str| Resolution::Package { name: name.into(), subpath: subpath.into() };
    assert_eq!(resolve_in(&[], "zod"), package("zod", ""));
    assert_eq!(resolve_in(&[], "@a/b/c/d.js"), package("@a/b", "c/d.js"));
    assert_eq!(resolve_in(&[], "fs/promises"), Resolution::Builtin("fs/promises".into()));
    assert_eq!(resolve_in(&[], "node:test"), Resolution::Builtin("test".into()));
    assert_eq!(resolve_in(&[], "test"), package("test", ""));
    assert_eq!(resolve_in(&[], "https://esm.sh/x"), Resolution::Url);
    assert_eq!(resolve_in(&[], "@a"), Resolution::Missing { tried: Vec::new() });
}

#[test]
fn the_nearest_name() {
    let names = ["user.ts", "session.ts", "notes.md", "schema.json"];
    assert_eq!(nearest("./usr.js", names).as_deref(), Some("./user.js"));
    assert_eq!(nearest("../x/Session", names).as_deref(), Some("../x/session"));
    assert_eq!(nearest("./shema.json", names).as_deref(), Some("./schema.json"));
    assert_eq!(nearest("./entirely-else", names), None);
}

proptest! {
    #[test]
    fn any_specifier_has_an_answer(specifier in r"[./#@a*:\\%\-]{0,12}|.{0,12}") {
        resolve_in(&["src/a.ts", "src/backend/index.ts"], &specifier);
    }
}
