//! Modules import in one direction.
//!
//! The *imports* of a crate are the paths from its root (`crate::a`, `super::a` that leads there, also in a `pub use`) in its sources
//! without comments and tests. They are taken between *modules*: what stands directly below the root, with everything in it; the root
//! is one itself. A module is *in a cycle* when its imports lead back to it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

mod scan;

use scan::paths;

/// Every crate: its name, the file of its root, and how many of its modules are in cycles. The number is lowered, never raised.
const CRATES: &[(&str, &str, usize)] = &[
    ("bundler", "rules/bundler/src/lib.rs", 5),
    ("cli", "cli/main.rs", 2),
    ("contract", "contract/src/lib.rs", 2),
    ("engine", "engine/src/lib.rs", 0),
    ("process", "process/src/lib.rs", 0),
    ("rules", "rules/src/lib.rs", 0),
    ("runtime", "runtime/src/lib.rs", 7),
    ("script", "script/src/lib.rs", 4),
    ("toolchain", "rules/toolchain/src/lib.rs", 5),
    ("typescript", "rules/typescript/src/lib.rs", 2),
];

/// The layers of the engine, the lowest first. A module imports from layers below its own and from nowhere else; ARCHITECTURE.md tells
/// what follows from it.
const ENGINE: &[&[&str]] = &[
    // Values.
    &["codec", "digest", "path"],
    // Names, and what answers: the workspace, the machine, blobs.
    &["blob", "clock", "label", "machine", "projection", "state_directory", "system"],
    // What was answered and what was found.
    &["diagnostic", "discovered", "environment"],
    // What there is to do, what the user wants, and what work sees.
    &["action", "config", "view"],
    // What is known of files and kept of work, how it is done, and where its files are materialised.
    &["event", "file", "run", "store", "tree"],
    &["execute", "fact", "watch"],
    // What queries see; whether what was seen is still so; the plan.
    &["db"],
    &["validity"],
    &["plan"],
    &["database"],
    // The loop.
    &["schedule"],
    // What is left of a build, and what is told of it.
    &["key_dump", "start"],
    &["fuzzing", "graph"],
    &["explain"],
];

/// What plans and what runs: the imports of the first do not lead to the second, as those of the second do not lead up to the first.
const PLANS: &str = "plan";
const RUNS: &[&str] = &["execute", "run", "view"];

/// What each module imports.
type Imports = BTreeMap<String, BTreeSet<String>>;

/// The imports of the crate with this root.
fn imports(root: &str) -> Imports {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(root);
    let directory = root.parent().unwrap();
    let top = root.file_stem().unwrap().to_str().unwrap();
    let mut files = Vec::new();
    sources(directory, &mut files);
    let mut imports = Imports::new();
    let mut named: Vec<(String, String)> = Vec::new();
    for file in files {
        let inner = file.strip_prefix(directory).unwrap().with_extension("");
        let place: Vec<&str> = inner.iter().map(|part| part.to_str().unwrap()).collect();
        let place = if place == [top] { &[][..] } else { &place };
        let module = place.first().map_or("crate", |module| *module).to_owned();
        imports.entry(module.clone()).or_default();
        let text = fs::read_to_string(&file).unwrap();
        named.extend(paths(&text, place).into_iter().map(|name| (module.clone(), name)));
    }
    for (module, name) in named {
        // What is no module is an item of the root, or something that the root names.
        let target = if imports.contains_key(&name) { name } else { "crate".to_owned() };
        if target != module {
            imports.get_mut(&module).unwrap().insert(target);
        }
    }
    imports
}

/// The sources below a directory without those of tests and of separate programs.
fn sources(directory: &Path, found: &mut Vec<std::path::PathBuf>) {
    let mut entries: Vec<_> = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() && !matches!(name, "tests" | "bin" | "notices") {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") && name != "tests.rs" {
            found.push(path);
        }
    }
}

/// What the imports of a module lead to.
fn reached<'a>(imports: &'a Imports, from: &str) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut open: Vec<&str> = imports[from].iter().map(String::as_str).collect();
    while let Some(module) = open.pop() {
        if reached.insert(module) {
            open.extend(imports[module].iter().map(String::as_str));
        }
    }
    reached
}

/// The modules that are in a cycle.
fn cyclic(imports: &Imports) -> BTreeSet<&str> {
    imports.keys().map(String::as_str).filter(|module| reached(imports, module).contains(module)).collect()
}

#[test]
fn no_crate_has_more_modules_in_cycles_than_before() {
    let mut wrong = Vec::new();
    for (name, root, most) in CRATES {
        let imports = imports(root);
        let cyclic = cyclic(&imports);
        println!("{name}: {} of {} modules are in cycles: {cyclic:?}", cyclic.len(), imports.len());
        if cyclic.len() != *most {
            wrong.push(format!("{name}: {} modules are in cycles, not {most}: {cyclic:?}", cyclic.len()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_module_of_the_engine_imports_from_layers_below() {
    let imports = imports("engine/src/lib.rs");
    let level_of = |module: &str| ENGINE.iter().position(|modules| modules.contains(&module));
    let mut wrong = Vec::new();
    for (module, targets) in imports.iter().filter(|(module, _)| *module != "crate") {
        let Some(level) = level_of(module) else {
            wrong.push(format!("`{module}` is in no layer"));
            continue;
        };
        let upward = targets.iter().filter(|target| level_of(target).is_none_or(|below| below >= level));
        wrong.extend(upward.map(|target| format!("`{module}` imports `{target}`, which is not below it")));
    }
    let listed = ENGINE.iter().copied().flatten();
    wrong.extend(
        listed.filter(|module| !imports.contains_key(**module)).map(|module| format!("There is no `{module}`")),
    );
    let planning = reached(&imports, PLANS);
    wrong.extend(
        RUNS.iter().filter(|runs| planning.contains(**runs)).map(|runs| format!("`{PLANS}` leads to `{runs}`")),
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_is_imported_is_found_in_every_form() {
    let of = |text: &str, place: &[&str]| paths(text, place).into_iter().collect::<Vec<_>>();
    let text = r#"
        //! [a link](crate::comment::A)
        use crate::a::{b, c};
        pub use crate::{d::{x, y}, e, self as root};
        use super::f;
        pub(crate) use super::super::g::h;
        pub(in crate::private) fn i() -> crate::j::K<'static> { let _ = ("crate::text", RAW, '"'); $crate::l!() }
        /* crate::block /* nested */ */
        #[cfg(test)]
        mod tests { use crate::n; mod inner { use crate::o; } }
        #[cfg(test)] use crate::p;
        #[cfg(not(test))] use crate::q;
        mod own { use super::super::r; use super::s; }
    "#;
    let text = &text.replace("RAW", "r#\"crate::raw \"x\"\"#");
    // In `x.rs`, `super` is the root and `super::super` is beyond it.
    assert_eq!(of(text, &["x"]), ["a", "d", "e", "f", "j", "l", "private", "q", "r"]);
    // In `x/y.rs`, `super` is `x`.
    assert_eq!(of(text, &["x", "y"]), ["a", "d", "e", "g", "j", "l", "private", "q"]);
    assert_eq!(of("use crate::*; use super::*;", &["x"]), ["*"]);
    // The root names its modules without more ado, as it does other crates.
    assert_eq!(of("mod a; pub use a::B; pub use self::c::D; use std::io;", &[]), ["a", "c", "std"]);
}

#[test]
fn modules_that_lead_back_to_themselves_are_in_a_cycle() {
    let of = |edges: &[(&str, &str)]| {
        let mut imports = Imports::new();
        for (from, to) in edges {
            imports.entry((*from).to_owned()).or_default().insert((*to).to_owned());
            imports.entry((*to).to_owned()).or_default();
        }
        cyclic(&imports).into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(of(&[("a", "b"), ("b", "c"), ("a", "c")]), [""; 0]);
    assert_eq!(of(&[("a", "b"), ("b", "c"), ("c", "b"), ("c", "d")]), ["b", "c"]);
}
