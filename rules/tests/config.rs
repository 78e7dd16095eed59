//! The language of `webstir.kdl` from a user's side: the example and the presets are clean, and each file in `config/bad` gives the
//! findings in the text file beside it. `UPDATE_EXPECT=1` writes those anew.

#![expect(clippy::disallowed_methods, reason = "tests prepare real directories")]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use webstir_engine::config::{Config, Inputs, PackageMode, load};
use webstir_engine::diagnostic::{Diagnostic, Span};
use webstir_engine::label::Label;
use webstir_rules::schema::LANGUAGE;

fn read(text: Option<&str>, mode: Option<&str>) -> (Config, Vec<Diagnostic>) {
    let package_mode = mode.map(|text| PackageMode { text, span: None });
    load(&Inputs { text, package_mode, language: &LANGUAGE })
}

fn clean(text: Option<&str>, mode: Option<&str>) -> Config {
    let (config, diagnostics) = read(text, mode);
    assert_eq!(render(text.unwrap_or(""), &diagnostics), "");
    config
}

/// The findings as a terminal could show them.
fn render(text: &str, diagnostics: &[Diagnostic]) -> String {
    let mut shown = String::new();
    show(&mut shown, text, diagnostics).expect("a `String` takes everything");
    shown
}

fn show(shown: &mut String, text: &str, diagnostics: &[Diagnostic]) -> std::fmt::Result {
    let lines: Vec<&str> = text.split('\n').collect();
    let place = |shown: &mut String, indent: &str, file: Option<String>, span: Option<Span>| -> std::fmt::Result {
        let Some(span) = span else {
            if let Some(file) = file {
                writeln!(shown, "{indent}--> {file}")?;
            }
            return Ok(());
        };
        let file = file.unwrap_or_default();
        writeln!(shown, "{indent}--> {file}:{}:{}", span.line, span.column)?;
        let Some(line) = lines.get(span.line as usize - 1).filter(|_| file == "webstir.kdl") else { return Ok(()) };
        let line =
            line.trim_end_matches('\r').trim_start_matches('\u{feff}').replace('\t', " ").replace('\0', "\u{fffd}");
        let column = span.column as usize - 1;
        let spelled = &text[span.start as usize..span.end as usize];
        let width = spelled.split('\n').next().unwrap_or("").trim_end_matches('\r').chars().count().max(1);
        let hidden = if column + width > 110 { column.saturating_sub(40) } else { 0 };
        let shorten = |text: String| -> String { text.chars().skip(hidden).take(120).collect() };
        writeln!(shown, "{indent} | {}", shorten(line))?;
        writeln!(shown, "{indent} | {}", shorten(format!("{}{}", " ".repeat(column), "^".repeat(width))))
    };
    for diagnostic in diagnostics {
        let severity = diagnostic.severity.as_str();
        writeln!(shown, "{severity}[{}]: {}", diagnostic.code, diagnostic.message)?;
        place(shown, " ", diagnostic.file.as_ref().map(ToString::to_string), diagnostic.span)?;
        for note in &diagnostic.notes {
            writeln!(shown, "  note: {note}")?;
        }
        for related in &diagnostic.related {
            writeln!(shown, "  {}", related.message)?;
            place(shown, "   ", related.file.as_ref().map(ToString::to_string), related.span)?;
        }
        if let Some(help) = &diagnostic.help {
            writeln!(shown, "  help: {help}")?;
        }
        writeln!(shown)?;
    }
    Ok(())
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/config/bad")
}

#[test]
fn bad_files_are_explained() {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "kdl"))
        .collect();
    files.sort();
    assert!(files.len() >= 60, "only {} files", files.len());
    let mut wrong = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let (_, diagnostics) = read(Some(&text), None);
        assert_ne!(diagnostics, [], "{} has nothing wrong", file.display());
        for diagnostic in &diagnostics {
            assert!(diagnostic.code.starts_with("config::"));
            assert!(!diagnostic.message.ends_with('.'), "{}", diagnostic.message);
            assert_eq!(diagnostic.file.as_ref().map(ToString::to_string).as_deref(), Some("webstir.kdl"));
        }
        let shown = render(&text, &diagnostics);
        let expected = file.with_extension("txt");
        if std::env::var_os("UPDATE_EXPECT").is_some() {
            std::fs::write(&expected, &shown).unwrap();
        } else if std::fs::read_to_string(&expected).unwrap_or_default() != shown {
            wrong.push(format!("{}:\n{shown}", file.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_expectation_has_its_file() {
    for entry in std::fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        assert!(path.with_extension("kdl").exists(), "{} is left over", path.display());
    }
}

const EXAMPLE: &str = include_str!("../../webstir.kdl.example");

#[test]
fn the_example_is_clean_and_complete() {
    let config = clean(Some(EXAMPLE), None);
    for kind in LANGUAGE.kinds {
        let rules: Vec<_> = config.rules().iter().filter(|rule| rule.label().kind() == kind.kind).collect();
        assert_ne!(rules.len(), 0, "`{}` is not shown", kind.kind);
        for field in kind.fields {
            assert!(rules.iter().any(|rule| rule.has(field.name)), "`{}` of `{}` is not shown", field.name, kind.kind);
        }
    }
    for field in LANGUAGE.profile {
        assert!(config.profiles().iter().any(|profile| profile.has(field.name)), "`{}` is not shown", field.name);
    }
    for field in LANGUAGE.toolchain {
        assert!(config.toolchain().has(field.name), "`{}` is not shown", field.name);
    }
}

#[test]
fn presets_are_clean() {
    for preset in LANGUAGE.presets {
        let config = clean(None, Some(preset.name));
        assert_eq!(&**config.workspace().mode.as_deref().unwrap(), preset.name);
        for (profile, out) in [("build", "build"), ("test", "build"), ("publish", "dist")] {
            assert_eq!(config.profile(profile).unwrap().path("out").unwrap().as_str(), out);
        }
        assert!(preset.text.starts_with(&format!("// preset {}, version 1\n", preset.name)));
    }
}

#[test]
fn full_has_the_backend_of_api() {
    let api = clean(None, Some("api")).without_places();
    let full = clean(None, Some("full")).without_places();
    assert_eq!(api.rules(), full.rules());
    assert_eq!(clean(None, Some("ssg")).rules(), []);
}

#[test]
fn expanded_reads_back_equal() {
    for (text, mode) in [
        (None, Some("api")),
        (None, Some("ssg")),
        (Some(EXAMPLE), None),
        (Some("workspace \"a \\\"b\\\" \\n\" { mode full }\ntypecheck backend remove=#true"), None),
    ] {
        let config = clean(text, mode);
        let expanded = config.expanded();
        let again = clean(Some(&expanded), None);
        assert_eq!(again.expanded(), expanded);
        assert_eq!(again.without_places(), config.without_places());
    }
}

#[test]
fn the_preset_says_what_it_should() {
    let config = clean(None, Some("api"));
    let rule = |kind: &str, name: &str| config.rule(&Label::new(kind, name)).unwrap();
    let transpile = rule("transpile", "backend");
    assert!(transpile.in_profile("publish"));
    assert!(!transpile.names_profile("emit", "publish"));
    assert!(transpile.names_profile("emit", "test"));
    let (build, dist) = ("build".to_owned(), "dist".to_owned());
    let output = |out: &str, source: &str| {
        let path = |text: &str| webstir_engine::path::RelPath::new(text).unwrap();
        let template = transpile.output("out").unwrap();
        template.for_source(&path(out), transpile.path("root").unwrap(), &path(source)).unwrap().to_string()
    };
    assert_eq!(output(&build, "src/backend/index.ts"), "build/backend/index.js");
    assert_eq!(output(&dist, "src/backend/functions/hello/index.ts"), "dist/backend/functions/hello/index.js");
    assert_eq!(output(&build, "src/shared/a.ts"), "build/backend/_.._/shared/a.js");
    assert!(!rule("bundle", "backend").in_profile("build"));
    let buckets: Vec<_> =
        rule("entries", "backend").blocks("bucket").map(|bucket| bucket.name().unwrap().to_string()).collect();
    assert_eq!(buckets, ["server", "functions", "jobs", "migrations", "tools"]);
    let of: Vec<_> = rule("artifacts", "backend").references("of").map(ToString::to_string).collect();
    assert_eq!(of, ["transpile:backend", "bundle:backend", "bundle:tasks", "bundle:module", "manifest:backend"]);
    let limits = rule("manifest", "backend").block("limits").unwrap();
    assert_eq!(limits.duration("cpu").unwrap().as_secs(), 2);
    assert_eq!(**limits.size("memory").unwrap(), 256 << 20);
}

#[test]
fn a_patch_changes_what_it_gives() {
    let config = clean(
        Some(
            "workspace { mode api }
             profile publish { sourcemap linked; define A 1 }
             typecheck backend remove=#true
             entries backend { bucket jobs remove=#true; bucket functions \"fn/*.ts\" max=3; bucket pages \"pages/*.ts\" }
             manifest backend { limits { memory \"64MiB\" } }
             bundle backend { target esnext }",
        ),
        Some("ssg"),
    );
    assert_eq!(&**config.workspace().mode.as_deref().unwrap(), "api");
    assert!(config.rule(&Label::new("typecheck", "backend")).is_none());
    let entries = config.rule(&Label::new("entries", "backend")).unwrap();
    let buckets: Vec<_> = entries.blocks("bucket").map(|bucket| bucket.name().unwrap().to_string()).collect();
    assert_eq!(buckets, ["server", "functions", "migrations", "tools", "pages"]);
    let functions = entries.blocks("bucket").nth(1).unwrap();
    assert_eq!(**functions.integer("max").unwrap(), 3);
    assert!(!functions.has("optional"));
    let limits = config.rule(&Label::new("manifest", "backend")).unwrap().block("limits").unwrap();
    assert_eq!(limits.duration("cpu").unwrap().as_secs(), 2);
    assert_eq!(**limits.size("memory").unwrap(), 64 << 20);
    let bundle = config.rule(&Label::new("bundle", "backend")).unwrap();
    assert_eq!(**bundle.choice("target").unwrap(), "esnext");
    assert_eq!(**bundle.choice("packages").unwrap(), "external");
    assert!(bundle.place().is_written());
    let publish = config.profile("publish").unwrap();
    assert_eq!(**publish.choice("sourcemap").unwrap(), "linked");
    assert_eq!(publish.pairs("define").count(), 2);
    assert!(**publish.boolean("minify").unwrap());
}

/// Pieces of files that are nearly right.
fn piece() -> impl Strategy<Value = String> {
    let lines: Vec<String> = EXAMPLE.lines().map(|line| format!("{line}\n")).collect();
    prop_oneof![
        8 => prop::sample::select(lines),
        1 => any::<String>(),
        1 => prop::sample::select(vec!["{", "}", "\"", "remove=#true", "\n", "/-", " 1 ", "ä", "\u{feff}", "\0", "..", "$"])
            .prop_map(str::to_owned),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_that_is_written_panics(
        pieces in prop::collection::vec(piece(), 0..60),
        mode in prop::option::of(prop::sample::select(vec!["api", "full", "ssg", "x"])),
    ) {
        let text = pieces.concat();
        let (config, diagnostics) = read(Some(&text), mode);
        for diagnostic in &diagnostics {
            let related = diagnostic.related.iter().map(|related| (&related.file, related.span));
            for (file, span) in std::iter::once((&diagnostic.file, diagnostic.span)).chain(related) {
                if let (Some(span), Some("webstir.kdl")) = (span, file.as_ref().map(AsRef::as_ref)) {
                    prop_assert!(text.get(span.start as usize..span.end as usize).is_some(), "{:?}", diagnostic);
                    prop_assert_eq!(Span::locate(&text, span.start as usize, span.end as usize), span);
                }
            }
        }
        if !diagnostics.iter().any(Diagnostic::is_error) {
            let (again, found) = read(Some(&config.expanded()), None);
            prop_assert_eq!(found, vec![]);
            prop_assert_eq!(again.without_places(), config.without_places());
        }
    }
}
