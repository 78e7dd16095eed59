use std::fmt::Write;

use proptest::prelude::*;

use super::schema::{Constraint, Field, KindSchema, Language, Preset, Shape};
use super::*;
use crate::diagnostic::Span;

const KINDS: &[KindSchema] = &[KindSchema {
    kind: "task",
    doc: "A task",
    fields: &[
        Field::new("one", Shape::Text, "One"),
        Field::new("other", Shape::Text, "Other"),
        Field::new("after", Shape::References(AFTER), "Tasks before this one"),
    ],
    constraints: &[Constraint::ExactlyOne(&["one", "other"])],
    sources: &[],
}];

const AFTER: schema::Target = schema::Target { kinds: &["task"], absent: schema::Absent::Refused };

const LANGUAGE: Language = Language {
    kinds: KINDS,
    profile: &[],
    toolchain: &[],
    presets: &[
        Preset { name: "small", text: "profile build { out build }\ntask first { one \"a\" }" },
        Preset { name: "large", text: "" },
    ],
};

fn read(text: Option<&str>, mode: Option<&str>) -> (Config, Vec<Diagnostic>) {
    let span = Some(Span { start: 20, end: 25, line: 2, column: 10 });
    let package_mode = mode.map(|text| PackageMode { text, span });
    load(&Inputs { text, package_mode, language: &LANGUAGE })
}

/// `file:line:column code message / help` of each finding.
fn found(text: Option<&str>, mode: Option<&str>) -> Vec<String> {
    let shown = |diagnostic: &Diagnostic| {
        let file = diagnostic.file.as_ref().map(ToString::to_string).unwrap_or_default();
        let place = diagnostic.span.map(|span| format!(":{}:{}", span.line, span.column)).unwrap_or_default();
        let help = diagnostic.help.as_ref().map(|help| format!(" / {help}")).unwrap_or_default();
        format!("{file}{place} {} {}{help}", diagnostic.code, diagnostic.message)
    };
    read(text, mode).1.iter().map(shown).collect()
}

#[test]
fn the_mode_of_the_package_decides_without_a_file() {
    for mode in ["small", " Small\n", "SMALL"] {
        let (config, diagnostics) = read(None, Some(mode));
        assert_eq!(diagnostics, []);
        assert_eq!(&**config.workspace().mode.as_deref().unwrap(), "small");
        assert_eq!(config.rules().len(), 1);
    }
}

#[test]
fn a_wrong_mode_of_the_package_is_placed_there() {
    assert_eq!(
        found(None, Some("smal")),
        [
            "package.json:2:10 config::unknown_mode `webstir.mode` is `smal`, which is no mode / Set it to `small` or `large`"
        ]
    );
    assert_eq!(
        found(None, None),
        [
            "package.json config::missing_mode `webstir.mode` is missing in `package.json`, and there is no `webstir.kdl` / Set `webstir.mode` to `small` or `large`"
        ]
    );
}

#[test]
fn the_file_goes_before_the_package() {
    let (config, diagnostics) = read(Some("workspace { mode large }"), Some("nonsense"));
    assert_eq!(diagnostics, []);
    assert_eq!(&**config.workspace().mode.as_deref().unwrap(), "large");
    let (config, diagnostics) = read(Some("workspace { preset large }"), Some("small"));
    assert_eq!(diagnostics, []);
    assert_eq!(&**config.workspace().mode.as_deref().unwrap(), "small");
    assert_eq!(config.rules(), []);
    let (config, diagnostics) = read(Some(""), None);
    assert_eq!(diagnostics, []);
    assert_eq!(config.workspace().mode, None);
}

#[test]
fn what_is_wrong_with_a_preset_is_put_where_it_was_chosen() {
    let (config, diagnostics) = read(Some("workspace { mode small }"), None);
    assert_eq!(diagnostics, []);
    let rule = &config.rules()[0];
    let diagnostic = config.put(Diagnostic::error("x::y", "Wrong"), rule.place());
    assert_eq!(diagnostic.span.map(|span| (span.line, span.column)), Some((1, 18)));
    assert_eq!(diagnostic.notes, ["This is part of the preset `small`"]);
    let diagnostic = config.relate(diagnostic, "Here", rule.place());
    assert_eq!(diagnostic.related[0].message, "Here (in the preset `small`)");

    let (config, _) = read(None, Some("small"));
    let diagnostic = config.put(Diagnostic::error("x::y", "Wrong"), config.rules()[0].place());
    assert_eq!(diagnostic.file.unwrap().as_str(), "package.json");

    let (config, _) = read(Some("task first { one b }"), Some("small"));
    let diagnostic = config.put(Diagnostic::error("x::y", "Wrong"), config.rules()[0].place());
    assert_eq!(diagnostic.file.unwrap().as_str(), FILE_NAME);
}

#[test]
fn a_patch_displaces_what_it_excludes() {
    let (config, diagnostics) = read(Some("workspace { mode small }\ntask first { other b }"), None);
    assert_eq!(diagnostics, []);
    assert!(!config.rules()[0].has("one"));
    assert_eq!(&*config.rules()[0].text("other").unwrap().value, "b");
}

#[test]
fn profiles_inherit() {
    let text = "workspace { preset none }\nprofile c extends=b { }\nprofile b extends=a { }\nprofile a { out x }";
    let (config, diagnostics) = read(Some(text), None);
    assert_eq!(diagnostics, []);
    assert_eq!(config.profile("c").unwrap().path("out").unwrap().as_str(), "x");
    assert_eq!(config.profile("d"), None);
}

#[test]
fn large_files_are_refused_whole() {
    let text = "// \n".repeat(LARGEST_FILE / 4) + "\n";
    assert_eq!(
        found(Some(&text), None),
        [
            "webstir.kdl:1:1 config::too_large `webstir.kdl` is larger than 1 MiB / Nothing of it was read; a configuration has a few hundred lines at most"
        ]
    );
    assert_eq!(found(Some(&text[4..]), None), [""; 0]);
}

#[test]
fn bytes_that_are_no_text_are_placed() {
    assert_eq!(decode("ä".as_bytes()), Ok("ä"));
    let diagnostic = decode(b"\xc3\xa4\na \xff").unwrap_err();
    assert_eq!(diagnostic.span, Some(Span { start: 5, end: 5, line: 2, column: 3 }));
}

#[test]
fn findings_are_bounded() {
    let text = "x\n".repeat(50_000);
    let found = found(Some(&text), Some("small"));
    assert_eq!(found.len(), 101);
    assert_eq!(found[100], "webstir.kdl config::too_many 49900 more findings are not shown");
}

/// A file of the largest size that makes every check work.
fn large() -> String {
    let mut text = String::from("workspace { mode small }\n");
    let mut index = 0;
    while text.len() < LARGEST_FILE - 60 {
        let before: usize = index;
        index += 1;
        let after = before.saturating_sub(before % 3).max(1);
        writeln!(text, "task t{index} {{ one a; after t{after} }}").unwrap();
    }
    text
}

#[test]
fn large_files_are_read_on_a_small_stack() {
    let work = || {
        let (config, diagnostics) = read(Some(&large()), None);
        assert!(config.rules().len() > 20_000);
        assert!(diagnostics.iter().all(|diagnostic| diagnostic.code == "config::cycle"), "{diagnostics:?}");
        let (mut circle, mut chain) = (String::new(), String::new());
        for index in 0..5000 {
            writeln!(circle, "task t{index} {{ one a; after t{} }}", (index + 1) % 5000).unwrap();
            writeln!(chain, "profile p{index} extends=p{}", index + 1).unwrap();
        }
        assert_eq!(read(Some(&circle), Some("small")).1.len(), 1);
        let (_, diagnostics) = read(Some(&chain), Some("small"));
        assert_eq!(diagnostics.len(), 1);
        assert_eq!(diagnostics[0].code, "config::unknown_profile");
    };
    std::thread::scope(|scope| {
        std::thread::Builder::new().stack_size(512 << 10).spawn_scoped(scope, work).unwrap().join().unwrap();
    });
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_loads(text in any::<String>(), mode in proptest::option::of(any::<String>())) {
        let (_, diagnostics) = read(Some(&text), mode.as_deref());
        for diagnostic in diagnostics {
            if let (Some(span), Some(FILE_NAME)) = (diagnostic.span, diagnostic.file.as_ref().map(AsRef::as_ref)) {
                prop_assert!(text.get(span.start as usize..span.end as usize).is_some());
            }
        }
    }

    #[test]
    fn names_and_texts_survive_printing(name in any::<String>(), text in any::<String>()) {
        let quote = |text: &str| print::quote(text);
        let source = format!("workspace {} {{ mode small }}\ntask a {{ one {} }}", quote(&name), quote(&text));
        let (config, _) = read(Some(&source), None);
        let (again, _) = read(Some(&config.expanded()), None);
        prop_assert_eq!(again.without_places(), config.without_places());
    }
}
