use std::sync::Arc;

use webstir_bundler::{BundleProblem, Format, Host, Loaded, ProblemKind, RequestKind, Resolved, bundle};

use crate::tools::{Tree, request};

fn problems(files: &[(&str, &str)]) -> Vec<BundleProblem> {
    bundle(&request(&[("main", "/main.ts")]), &Tree::host(files)).unwrap_err()
}

fn word(problem: &BundleProblem, code: &str) -> String {
    let place = problem.place.unwrap();
    code[place.start as usize..place.end as usize].to_owned()
}

#[test]
fn everything_that_is_missing_comes_at_once() {
    let found = problems(&[
        ("/main.ts", "import './none.js'; import { b } from './b.js'; console.log(b); export * from './neither.js';"),
        ("/b.ts", "export const b = 1; import('./lazy-none.js');"),
    ]);
    let specifiers: Vec<_> = found
        .iter()
        .map(|problem| match &problem.kind {
            ProblemKind::Unresolved { specifier } => (problem.module.as_deref().unwrap(), specifier.as_str()),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(specifiers, [("/b.ts", "./lazy-none.js"), ("/main.ts", "./neither.js"), ("/main.ts", "./none.js")]);
    assert_eq!(found[0].message, "There is no module `./lazy-none.js`");
}

#[test]
fn a_name_that_is_not_exported_is_placed_in_the_source() {
    let source = "type T = string;\n/* é */ import { wrong } from './b.js';\nconst t: T = wrong;\nconsole.log(t);\n";
    let found = problems(&[("/main.ts", source), ("/b.ts", "export const right = 1;")]);
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!(found[0].kind, ProblemKind::Link("MISSING_EXPORT".into()));
    assert_eq!(found[0].module.as_deref(), Some("/main.ts"));
    assert!(found[0].message.contains("wrong"), "{}", found[0].message);
    let loaded = crate::tools::transpiled("/main.ts", source).unwrap();
    assert_eq!(word(&found[0], &loaded.code), "wrong");
    assert_eq!(found[0].place.unwrap().original, Some((1, 17)));
}

#[test]
fn text_that_is_not_javascript_is_placed() {
    let code = "const ä = 'ü';\nconst ö = ;\n";
    let found = problems(&[("/main.ts", "import './broken.mjs';"), ("/broken.mjs", code)]);
    assert_eq!(found[0].kind, ProblemKind::Link("PARSE_ERROR".into()));
    assert_eq!(found[0].module.as_deref(), Some("/broken.mjs"));
    let place = found[0].place.unwrap();
    assert_eq!(&code[place.start as usize..], ";\n");
}

#[test]
fn code_that_would_stay_untransformed_is_an_error() {
    let found = problems(&[("/main.ts", "import './a.json';"), ("/a.json", "{\"a\": }")]);
    assert!(matches!(&found[0].kind, ProblemKind::Link(_)), "{found:#?}");
    assert_eq!(found[0].module.as_deref(), Some("/a.json"));
}

#[test]
fn a_file_that_cannot_be_loaded_is_named() {
    let found = problems(&[("/main.ts", "import './gone.js'; let x: = 1;")]);
    assert_eq!(found[0].kind, ProblemKind::Load);
    assert_eq!(found[0].module.as_deref(), Some("/main.ts"));
}

/// A host that fails in ways of its own.
struct Hostile;

impl Host for Hostile {
    fn resolve(&self, specifier: &str, _: Option<&str>, _: RequestKind) -> Resolved {
        assert!(specifier != "panic", "asked for it");
        Resolved::Module { id: specifier.to_owned(), side_effects: None, format: Format::Unknown }
    }

    fn load(&self, id: &str) -> Result<Loaded, String> {
        Ok(Loaded {
            code: "import 'panic';".to_owned(),
            map_json: Some(if id == "/map" { "{" } else { "{}" }.to_owned()),
            kind: webstir_bundler::LoadedKind::Js,
        })
    }
}

#[test]
fn panics_and_broken_maps_are_problems() {
    let host: webstir_bundler::SharedHost = Arc::new(Hostile);
    let found = bundle(&request(&[("main", "/map")]), &host).unwrap_err();
    assert!(found.iter().any(|problem| problem.kind == ProblemKind::Load), "{found:#?}");
    let found = bundle(&request(&[("main", "panic")]), &host).unwrap_err();
    assert!(found.iter().any(|problem| problem.kind == ProblemKind::Internal), "{found:#?}");
}
