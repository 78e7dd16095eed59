//! A consumer is told the same by the declarations of a referenced project as by its sources.

use crate::forms::{AS_THEY_ARE, FORMS};
use crate::modules::{MODULES, Module};
use crate::tools::*;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use webstir_engine::digest::Digest;
use webstir_engine::discovered::DiscoveredInput;
use webstir_engine::system::Os;
use webstir_engine::view::View;
use webstir_typescript::declarations::{DECLARATIONS, declarations};
use webstir_typescript::tsconfig;
use webstir_typescript::typecheck::{Checked, ReferencedProject, ReferencedProjects, Request, VirtualFiles, check};

const CONFIG: &str = r#"{"compilerOptions": {"strict": true, "module": "nodenext", "target": "es2022", "lib": ["es2023"], "types": [], "isolatedModules": true, "declaration": true, "isolatedDeclarations": true}, "include": ["src"]}"#;

/// The modules that have declarations.
fn declared_modules() -> impl Iterator<Item = &'static Module> {
    MODULES.iter().chain(FORMS)
}

fn every_module() -> impl Iterator<Item = &'static Module> {
    declared_modules().chain(AS_THEY_ARE)
}

fn check_consumer(root: &std::path::Path, referenced: &ReferencedProjects) -> (Checked, Vec<String>) {
    let view = View::new(Arc::new(Os::new(root).unwrap()));
    let (compiler, project) = (native(), path("p1/tsconfig.json"));
    let (overlay, cancelled) = (VirtualFiles::default(), AtomicBool::new(false));
    let request = Request {
        compiler: &compiler,
        project: &project,
        view: &view,
        overlay: &overlay,
        referenced,
        helper: &helper(),
        cancelled: &cancelled,
    };
    let checked = check(&request).unwrap();
    let derived = view
        .discovered()
        .iter()
        .filter(|(_, seen)| matches!(seen, DiscoveredInput::Derived(..)))
        .map(|(at, _)| at.file_stem().to_owned())
        .collect();
    (checked, derived)
}

/// The findings in the modules of the consumer, by the name of the module.
fn of_consumer(checked: &Checked) -> BTreeMap<String, BTreeSet<String>> {
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for finding in &checked.diagnostics {
        let Some(file) = finding.file.as_ref().filter(|file| file.is_within(&path("p1"))) else { continue };
        let start = finding.span.unwrap().start;
        // A place in the referenced project is none in its declarations, which have no implementation of an overload.
        let related = finding.related.iter().map(|other| (&other.message, &other.file));
        let related: Vec<_> = related.filter(|(message, _)| !message.contains("against this implementation")).collect();
        // The message lists members, in their order, which is another one where parameters become properties.
        let message = if finding.code == "typecheck::ts2740" { "" } else { &finding.message };
        let text = format!("{start} {} {message} {:?} {related:?}", finding.code, finding.notes);
        found.entry(file.file_stem().to_owned()).or_default().insert(text);
    }
    found
}

#[test]
fn declarations_say_what_the_sources_say() {
    let mut files = vec![
        ("p0/tsconfig.json".to_owned(), CONFIG.to_owned()),
        ("p1/tsconfig.json".to_owned(), CONFIG.to_owned()),
        ("p0/package.json".to_owned(), r#"{"type": "module"}"#.to_owned()),
        ("package.json".to_owned(), r##"{"type": "module", "imports": {"#p0/*": "./p0/src/*.ts"}}"##.to_owned()),
    ];
    for module in every_module() {
        files.push((format!("p0/src/{}.ts", module.name), module.source.to_owned()));
        files.push((format!("p1/src/{}.ts", module.name), module.consumer.to_owned()));
    }
    let files: Vec<_> = files.iter().map(|(name, text)| (&**name, &**text)).collect();
    let root = workspace(&files);
    let (config, _) = tsconfig::load(&path("p0/tsconfig.json"), &mut |_| Some(Arc::from(CONFIG.as_bytes())));
    let project = ReferencedProject { project: "p0/tsconfig.json".to_owned(), declares: Some(config.sources) };
    let referenced = ReferencedProjects::new(&path("p1/tsconfig.json"), [project]);
    let (with_sources, none) = check_consumer(root.path(), &ReferencedProjects::default());
    let (with_declarations, derived) = check_consumer(root.path(), &referenced);
    assert!(none.is_empty());
    let text = |module: &Module| declarations(&path("p0/src/a.ts"), module.source);
    let without = declared_modules().filter(|module| !derived.iter().any(|name| name == module.name));
    let without: Vec<_> = without.map(|module| (module.name, text(module))).collect();
    assert!(without.is_empty(), "{without:#?}");
    assert_eq!(derived.len(), declared_modules().count(), "{derived:?}");
    let (mut sources, mut declared) = (of_consumer(&with_sources), of_consumer(&with_declarations));
    let mut differing = String::new();
    for module in every_module() {
        let sources = sources.remove(module.name).unwrap_or_default();
        let declared = declared.remove(module.name).unwrap_or_default();
        let asks = module.consumer.contains("never");
        assert_eq!(!sources.is_empty(), asks || module.consumer.contains("import "), "{}", module.name);
        let missing: Vec<_> = sources.difference(&declared).collect();
        let more: Vec<_> = declared.difference(&sources).collect();
        if !missing.is_empty() || !more.is_empty() {
            let text = text(module).unwrap_or_default();
            differing.push_str(&format!("{}\n{text}\n{missing:#?}\n{more:#?}\n", module.name));
        }
    }
    assert!(differing.is_empty(), "{differing}");
}

/// What is kept of a module is known by the version of the projection: it is raised when the declarations of the same modules are
/// others.
#[test]
fn the_version_stands_for_these_declarations() {
    let mut all = String::new();
    for module in declared_modules() {
        all.push_str(&declarations(&path("p0/src/a.ts"), module.source).unwrap());
    }
    insta::assert_snapshot!(format!("{} {}", DECLARATIONS.name, Digest::of(all.as_bytes())), @"declarations v1 108453643cd862dfc7ed279c195ebafbaaf11eafbd57d91a43ab718075a8c448");
}
