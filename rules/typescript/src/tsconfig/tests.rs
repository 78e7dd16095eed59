use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

fn load_from(files: &[(&str, &str)]) -> (TsConfig, Vec<Diagnostic>) {
    let files: BTreeMap<&str, &str> = files.iter().copied().collect();
    let path = RelPath::new("src/backend/tsconfig.json").unwrap();
    load(&path, &mut |path| files.get(path.as_str()).map(|text| Arc::from(text.as_bytes())))
}

fn findings(found: &[Diagnostic]) -> Vec<String> {
    found
        .iter()
        .map(|finding| {
            let place = finding.span.map_or(String::new(), |span| format!("{}..{}", span.start, span.end));
            let file = finding.file.as_ref().map_or(String::new(), ToString::to_string);
            format!("{file}:{place} {} {}", finding.code, finding.message)
        })
        .collect()
}

#[test]
fn later_files_win_and_paths_are_relative_to_where_they_stand() {
    let (config, found) = load_from(&[
        (
            "src/backend/tsconfig.json",
            r#"{ // project
                "extends": ["../../base", "@tsconfig/node20/tsconfig.json"],
                "compilerOptions": { "target": "ES2021", "jsx": "react", "jsxFactory": "h", },
            }"#,
        ),
        (
            "base.json",
            "\u{feff}{\"compilerOptions\": {\"paths\": {\"@shared/*\": [\"src/shared/*\"]}, \"experimentalDecorators\": true, \"target\": \"es5\"}}",
        ),
        (
            "node_modules/@tsconfig/node20/tsconfig.json",
            r#"{"compilerOptions": {"module": "node16", "verbatimModuleSyntax": true, "customConditions": ["a", "b"]}}"#,
        ),
    ]);
    assert_eq!(findings(&found), Vec::<String>::new());
    assert_eq!(config.target, Some(Target::Es2021));
    assert_eq!(config.define_fields, Some(false));
    assert_eq!(config.custom_conditions.iter().map(|name| &**name).collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(config.paths[0].substitutions[0].as_str(), "src/shared/*");
    assert_eq!(
        config.files.iter().map(RelPath::as_str).collect::<Vec<_>>(),
        ["src/backend/tsconfig.json", "base.json", "node_modules/@tsconfig/node20/tsconfig.json"]
    );
    let emit = config.emit_options(None);
    assert!(matches!(emit.decorators, Decorators::Legacy { metadata: false, .. }));
    assert_eq!(emit.jsx, Jsx::Classic { factory: "h".into(), fragment: "React.Fragment".into() });
    assert!(emit.target == Target::Es2021 && !emit.define_fields && emit.verbatim);
    assert!(!config.emit_options(Some(Target::EsNext)).define_fields);
}

#[test]
fn base_url_comes_before_paths_wherever_it_stands() {
    let (config, found) = load_from(&[(
        "src/backend/tsconfig.json",
        r#"{"compilerOptions": {"paths": {"~/*": ["lib/*", "${configDir}/x/*"], "env": ["./env.ts"]}, "baseUrl": ".."}}"#,
    )]);
    assert!(found.is_empty(), "{found:?}");
    assert_eq!(config.base_url.as_ref().unwrap().as_str(), "src");
    let targets: Vec<_> = config.paths.iter().flat_map(|path| &path.substitutions).map(RelPath::as_str).collect();
    assert_eq!(targets, ["src/lib/*", "src/backend/x/*", "src/env.ts"]);
}

#[test]
fn faults_have_places() {
    let (_, found) = load_from(&[(
        "src/backend/tsconfig.json",
        r#"{"extends": "./none", "compilerOptions": {"target": "es1", "jsx": 1, "customConditions": [1], "moduleResolution": "x", "allowJs": 0, "paths": {"a": ["../../../x"], "*/*": []}}}"#,
    )]);
    insta::assert_snapshot!(findings(&found).join("\n"), @r"
    src/backend/tsconfig.json:12..20 tsconfig::extends There is no configuration `./none` to extend
    src/backend/tsconfig.json:52..57 tsconfig::option `target` must be a version of ECMAScript, for example `es2022`
    src/backend/tsconfig.json:66..67 tsconfig::option `jsx` must be a string
    src/backend/tsconfig.json:89..92 tsconfig::option `customConditions` must be a list of strings
    src/backend/tsconfig.json:114..117 tsconfig::option `moduleResolution` must be `bundler`, `node16` or `nodenext`
    src/backend/tsconfig.json:130..131 tsconfig::option `allowJs` must be `true` or `false`
    src/backend/tsconfig.json:149..161 tsconfig::path `../../../x` leads out of the workspace
    src/backend/tsconfig.json:164..169 tsconfig::option `*/*` may hold at most one `*`
    ");
    let (_, found) = load_from(&[("src/backend/tsconfig.json", "\u{feff}{\n  \"a\" 1 }")]);
    insta::assert_snapshot!(findings(&found).join("\n"), @"src/backend/tsconfig.json:11..12 tsconfig::syntax Expected colon after the string or word in object property");
    let (_, found) = load_from(&[]);
    insta::assert_snapshot!(findings(&found).join("\n"), @": tsconfig::missing There is no file `src/backend/tsconfig.json`");
}

/// Each file extends the next one twice, or the next one once: the first asks for more files than there are, the second is deep.
#[test]
fn what_is_extended_is_bounded() {
    for (times, most) in [(2, 1_000), (1, 65)] {
        let text = |number: usize| {
            let next = format!("\"./{}.json\",", number + 1).repeat(times);
            format!("{{ \"extends\": [{}] }}", next.trim_end_matches(','))
        };
        let mut read = |path: &RelPath| {
            let number = path.file_name().strip_suffix(".json").and_then(|name| name.parse().ok()).unwrap_or(0);
            (number < 200).then(|| Arc::from(text(number).as_bytes()))
        };
        let (config, found) = load(&RelPath::new("tsconfig.json").unwrap(), &mut read);
        assert!(config.files.len() <= most, "{} files", config.files.len());
        let found: Vec<&str> = found.iter().map(|finding| &*finding.message).collect();
        assert_eq!(found, ["At most 1000 configurations may be extended, 64 deep"]);
    }
}

#[test]
fn cycles_are_reported_once_and_end() {
    let (config, found) = load_from(&[
        ("src/backend/tsconfig.json", r#"{"extends": "./b.json", "compilerOptions": {"target": "es2020"}}"#),
        ("src/backend/b.json", r#"{"extends": "./tsconfig.json", "compilerOptions": {"verbatimModuleSyntax": true}}"#),
    ]);
    assert!(config.verbatim);
    assert_eq!(config.target, Some(Target::Es2020));
    assert_eq!(findings(&found), ["src/backend/b.json:12..29 tsconfig::cycle A configuration extends itself"]);
    assert_eq!(
        found[0].notes,
        ["`src/backend/tsconfig.json` extends `src/backend/b.json` extends `src/backend/tsconfig.json`"]
    );
}

#[test]
fn packages_say_which_file_they_mean() {
    let (config, found) = load_from(&[
        ("src/backend/tsconfig.json", r#"{"extends": ["tools/strict", "@a/b"]}"#),
        ("src/node_modules/tools/package.json", r#"{"exports": {"./strict": {"default": "./deep/strict.json"}}}"#),
        ("src/node_modules/tools/deep/strict.json", r#"{"compilerOptions": {"isolatedDeclarations": true}}"#),
        ("node_modules/@a/b/package.json", r#"{"tsconfig": "base.json"}"#),
        ("node_modules/@a/b/base.json", r#"{"compilerOptions": {"verbatimModuleSyntax": true}}"#),
    ]);
    assert!(found.is_empty(), "{found:?}");
    assert!(config.isolated_declarations && config.verbatim);
}

proptest! {
    #[test]
    fn any_text_gives_an_answer(text in r#"[{}\[\]",:a-z/* \n\\é$]{0,60}"#) {
        load_from(&[("src/backend/tsconfig.json", &text)]);
    }
}
