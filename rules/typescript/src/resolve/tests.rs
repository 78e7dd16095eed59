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

const PACKAGE: &str = r##"{"name": 1, "exports": 1, "imports": {
    "#db": {"types": "./db.d.ts", "node": "./src/db.ts", "default": "./web.ts"},
    "#lib/*.js": "./src/lib/*.ts", "#lib/own/*.js": "./src/own/*.ts", "#lib/hidden.js": null,
    "#zod": "zod/v4", "#scoped": "@a/b", "#fs": "node:fs", "#promises": "fs/promises", "#none": "node:none", "#no": null,
    "#asked": {"require": "./src/required.cjs", "import": "./src/imported.mjs"},
    "#platform": [{"browser": "./src/browser.js"}, "./src/node.js"],
    "#custom": {"ours": {"require": "pkg", "default": "./src/ours.js"}, "default": "./src/theirs.js"},
    "#up": "../up.js", "#query": "./src/a.js?x"
}}"##;

fn imports(directory: &str, conditions: Conditions) -> PackageImports {
    PackageImports::new(path(directory), &imports_of(PACKAGE.as_bytes()), conditions)
}

fn resolve_in(files: &[&str], specifier: &str) -> Resolution {
    let imports = PackageImports::new(RelPath::root(), &imports_of(PACKAGE.as_bytes()), Conditions::default());
    let (config, files) = (config(), Files::new(files));
    let project = Project { config: &config, imports: Some(&imports) };
    resolve_local(&path("src/backend/index.ts"), specifier, Asked::Import, project, &files)
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
    let files = Files::new(&["src/lib/a.ts", "src/fs.ts"]);
    let project = Project { config: &config, imports: None };
    let found = |specifier| resolve_local(&path("src/x.ts"), specifier, Asked::Import, project, &files);
    assert_eq!(found("lib/a"), Resolution::Module(path("src/lib/a.ts")));
    assert_eq!(found("fs"), Resolution::Builtin("fs".into()));
    module(&["src/db.ts"], "#db", "src/db.ts");
    module(&["src/lib/x/y.ts"], "#lib/x/y.js", "src/lib/x/y.ts");
    assert_eq!(resolve_in(&[], "#zod"), Resolution::Package { name: "zod".into(), subpath: "v4".into() });
    assert_eq!(resolve_in(&[], "#fs"), Resolution::Builtin("fs".into()));
    assert_eq!(resolve_in(&[], "#promises"), Resolution::Builtin("fs/promises".into()));
    assert_eq!(resolve_in(&[], "#scoped"), Resolution::Package { name: "@a/b".into(), subpath: "".into() });
    module(&["src/own/y.ts"], "#lib/own/y.js", "src/own/y.ts");
    assert_eq!(resolve_in(&[], "#lib/x.js"), Resolution::Missing { tried: vec![path("src/lib/x.ts")] });
    for specifier in ["#no", "#", "#nothing", "#none", "#lib/hidden.js", "#lib/", "#up", "#query", "#db?x", "#db#x"] {
        let found = resolve_in(&["src/lib/hidden.ts", "src/db.ts", "up.js", "src/a.js"], specifier);
        assert_eq!(found, Resolution::Missing { tried: Vec::new() }, "{specifier}");
    }
}

#[test]
fn imports_are_chosen_by_conditions() {
    let files = Files::new(&[
        "in/src/required.cts",
        "in/src/imported.mts",
        "in/src/browser.ts",
        "in/src/node.ts",
        "in/src/ours.ts",
        "in/src/theirs.ts",
    ]);
    let custom: Box<[Box<str>]> = Box::new(["ours".into()]);
    let plain = imports("in", Conditions::default());
    let all = imports("in", Conditions { platform: Platform::Browser, custom });
    let (config, importer) = (TsConfig::default(), path("in/src/deep/a.ts"));
    for (imports, specifier, asked, expected) in [
        (&plain, "#asked", Asked::Import, "in/src/imported.mts"),
        (&plain, "#asked", Asked::Require, "in/src/required.cts"),
        (&plain, "#platform", Asked::Import, "in/src/node.ts"),
        (&plain, "#custom", Asked::Require, "in/src/theirs.ts"),
        (&all, "#platform", Asked::Import, "in/src/browser.ts"),
        (&all, "#custom", Asked::Import, "in/src/ours.ts"),
    ] {
        let project = Project { config: &config, imports: Some(imports) };
        let found = resolve_local(&importer, specifier, asked, project, &files);
        assert_eq!(found, Resolution::Module(path(expected)), "{specifier}");
    }
    let project = Project { config: &config, imports: Some(&all) };
    let package = resolve_local(&importer, "#custom", Asked::Require, project, &files);
    assert_eq!(package, Resolution::Package { name: "pkg".into(), subpath: "".into() });
    // Nothing was asked but what is at the targets.
    assert!(files.asked.borrow().iter().all(|asked| asked.is_within(&path("in/src"))), "{:?}", files.asked);
}

#[test]
fn imports_of_anything() {
    for text in ["", "{", "[]", "{}", r#"{"imports": []}"#, "\"#\""] {
        assert_eq!(&*imports_of(text.as_bytes()), "", "{text}");
        let imports = PackageImports::new(RelPath::root(), "", Conditions::default());
        assert!(imports.target("#a", Asked::Import).is_none());
    }
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

    #[test]
    fn any_imports_have_an_answer(
        keys in prop::collection::vec("#[a*/.#?]{0,5}", 0..4),
        targets in prop::collection::vec(r#""(\\./|@|#|node:|)[a*/.#?%]{0,6}"|null|\[\]|\["b", "\./a/\*"\]|\{"import": "\./a", "\*": 1\}|1"#, 4),
        specifier in "#[a*/.#?]{0,6}",
    ) {
        let entries: Vec<String> = keys.iter().zip(&targets).map(|(key, target)| format!("\"{key}\": {target}")).collect();
        let package = format!("{{\"imports\": {{{}}}}}", entries.join(", "));
        let imports = PackageImports::new(path("in"), &imports_of(package.as_bytes()), Conditions::default());
        for asked in [Asked::Import, Asked::Require] {
            if let Some(Target::File(found)) = imports.target(&specifier, asked) {
                prop_assert!(found.is_within(&path("in")), "{package} {specifier} {found}");
            }
        }
    }
}
