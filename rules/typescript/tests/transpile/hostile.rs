//! Texts that are large, deep or not source at all.

use proptest::prelude::*;
use webstir_engine::codec;
use webstir_typescript::source::{Facts, ParsedModule};
use webstir_typescript::tsconfig::{Decorators, EmitOptions, Jsx, Target};

use crate::tools::{emit, emit_with, options, path};

/// Both ways through the crate, where an answer is all that counts.
fn answers(file: &str, text: &str) -> bool {
    let facts = Facts::of(&path(file), text);
    assert_eq!(codec::decode(&codec::encode(&facts)).as_ref(), Some(&facts));
    emit(file, text).is_ok()
}

#[test]
fn deep_sources_are_refused_or_done() {
    let repeat = |open: &str, middle: &str, close: &str, depth: usize| {
        format!("{}{middle}{}", open.repeat(depth), close.repeat(depth))
    };
    for (open, middle, close) in
        [("(", "1", ")"), ("[", "", "]"), ("{", "", "}"), ("f(", "1", ")"), ("`${", "1", "}`"), ("() => {", "", "}")]
    {
        assert!(!answers("a.ts", &repeat(open, middle, close, 10_000)), "{open}");
        assert!(answers("a.ts", &repeat(open, middle, close, 1_500)), "{open}");
        answers("a.ts", &repeat(open, middle, "", 10_000));
    }
    assert!(!answers("a.tsx", &repeat("<a>", "x", "</a>", 10_000)));
    assert!(answers("a.tsx", &repeat("<a>", "x", "</a>", 1_500)));
    assert!(!answers("a.json", &repeat("[", "", "]", 10_000)));
    assert!(!answers("a.json", &repeat("[", "", "]", 10_000_000)));
}

#[test]
fn long_chains_are_done() {
    for (part, end) in [
        ("a + ", "a"),
        ("!", "a"),
        ("a => ", "a"),
        ("a = ", "a"),
        ("a ? b : ", "c"),
        ("if (a) b; else ", "c"),
        ("if (a) { b } else ", "{}"),
        ("if (a) ", "b"),
        ("typeof ", "a"),
        ("a ** ", "a"),
        ("a ?? ", "a"),
        ("type A = ", "1"),
        ("x: y: ", "for(;;);"),
    ] {
        // Nested labels are compared with each other.
        let count = if part.starts_with("x:") { 300 } else { 10_000 };
        let text = format!("{}{end}", part.repeat(count));
        answers("a.ts", &text);
    }
    assert!(answers("a.ts", &format!("{}a", "a + ".repeat(10_000))));
    assert!(answers("a.ts", &format!("x{}", "\n  .then(f)".repeat(10_000))));
    assert!(answers("a.ts", &format!("{}{{}}", "if (a) { b } else ".repeat(10_000))));
    assert!(answers("a.ts", &format!("type A = {}1;", "A extends B ? C : ".repeat(3_000))));
}

#[test]
fn ten_megabytes_are_done() {
    let line =
        "export function name(value: string, other?: { a: number }): string { return `${value}` + (other?.a ?? 1) }\n";
    let text: String = (0..10_000_000 / line.len()).map(|index| line.replace("name", &format!("n{index}"))).collect();
    let emitted = emit("a.ts", &text).unwrap();
    assert!(emitted.code.len() > 5_000_000);
}

#[test]
fn a_parsed_module_can_be_dropped_and_sent() {
    let text = format!("const x = {}1{};", "(".repeat(1_500), ")".repeat(1_500));
    let module = ParsedModule::parse(&path("a.ts"), &text).unwrap();
    std::thread::spawn(move || drop(module)).join().unwrap();
    let module = ParsedModule::parse(&path("a.ts"), &text).unwrap();
    assert!(module.facts().imports.is_empty());
    let again = text.clone();
    std::thread::spawn(move || module.emit(&again, &options(EmitOptions::default())).unwrap()).join().unwrap();
}

/// Pieces that make up something like source.
fn fragments() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "import ",
        "type ",
        "{",
        "}",
        "(",
        ")",
        "<",
        ">",
        "a",
        "b",
        "class ",
        "extends ",
        "@dec ",
        "=",
        "=>",
        "'x'",
        "from ",
        "export ",
        "default ",
        "enum ",
        "namespace ",
        "N",
        ".",
        ",",
        ";",
        "\n",
        "/*",
        "*/",
        "//",
        "`",
        "${",
        "async ",
        "await ",
        "function ",
        "using ",
        "const ",
        "#p",
        "static ",
        "?",
        ":",
        "...",
        "require('y')",
        "import('z')",
        "<a/>",
        "as ",
        "declare ",
        "abstract ",
        "accessor ",
        "satisfies ",
        "1",
        "/** @jsx h */",
        "\u{feff}",
        "é",
        "🙂",
        "\0",
        "\\u0061",
        "this.",
        "super(",
        "new ",
        "yield ",
        "[",
        "]",
        "if (a) ",
        "else ",
        "for (",
        "of ",
        "in ",
        "/",
        "!",
        "=>",
        "??=",
    ]);
    prop::collection::vec(piece, 0..30).prop_map(|pieces| pieces.concat())
}

fn any_options() -> impl Strategy<Value = EmitOptions> {
    let targets = vec![Target::Es2018, Target::Es2021, Target::Es2022, Target::EsNext];
    let decorators = vec![
        Decorators::Standard,
        Decorators::Legacy { metadata: false, strict_nulls: false },
        Decorators::Legacy { metadata: true, strict_nulls: false },
    ];
    let jsx = vec![
        Jsx::Preserve,
        Jsx::Classic { factory: "h".into(), fragment: "F.G".into() },
        Jsx::Automatic { import_source: "react".into(), development: false },
        Jsx::Automatic { import_source: "p".into(), development: true },
    ];
    let select = prop::sample::select::<Target>;
    (select(targets), prop::sample::select(decorators), any::<bool>(), prop::sample::select(jsx), any::<bool>())
        .prop_map(|(target, decorators, define_fields, jsx, verbatim)| EmitOptions {
            target,
            decorators,
            define_fields,
            jsx,
            verbatim,
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn any_text_has_an_answer(text in ".{0,80}") {
        for file in ["a.ts", "a.tsx", "a.js", "a.cjs", "a.json", "a.d.ts"] {
            answers(file, &text);
        }
    }

    #[test]
    fn facts_and_output_agree_on_anything_that_parses(text in fragments(), emit in any_options()) {
        for file in ["a.ts", "a.tsx", "a.jsx"] {
            let Ok(module) = ParsedModule::parse(&path(file), &text) else { continue };
            let facts = module.facts();
            let Ok(emitted) = module.emit(&text, &options(emit.clone())) else { continue };
            let mut linked: Vec<_> = facts.linked(&emit).into_iter().map(|link| link.specifier.into_string()).collect();
            let mut printed: Vec<_> = emitted.imports.into_iter().map(|import| import.specifier).collect();
            linked.sort();
            printed.sort();
            prop_assert_eq!(linked, printed, "{} {}\n{}", file, text, emitted.code);
        }
    }
}

#[test]
fn positions_of_any_error_lie_in_the_text() {
    for text in ["\u{feff}", "\u{feff}(", "'", "`", "/*", "é(", "@", "#", "\\", "<", "🙂"] {
        for file in ["a.ts", "a.tsx", "a.js", "a.json"] {
            for finding in emit(file, text).err().unwrap_or_default() {
                let span = finding.span.unwrap();
                assert!(text.get(span.start as usize..span.end as usize).is_some(), "{text:?} {span:?}");
            }
        }
    }
    let emitted = emit_with("a.ts", "", &options(EmitOptions::default()));
    assert_eq!(emitted.code, "");
}
