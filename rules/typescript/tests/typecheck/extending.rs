//! What `extends` and `null` come to, beside the compiler itself (`tsc --showConfig`).

use std::fs;
use std::process::Command;
use std::sync::Arc;

use serde_json::Value;
use webstir_typescript::tsconfig::{Decorators, Jsx, Target, load};

use crate::tools::{installed, native_executable, path, workspace};

const ES2020: &str = r#"{"compilerOptions": {"target": "es2020"}}"#;
const ES2021: &str = r#"{"compilerOptions": {"target": "es2021"}}"#;

/// Everything that is read here, as the base of another file.
const ALL: &str = r#"{"compilerOptions": {"target": "es2020", "module": "nodenext", "jsx": "react-jsx", "jsxImportSource": "p",
    "experimentalDecorators": true, "emitDecoratorMetadata": true, "verbatimModuleSyntax": true, "useDefineForClassFields": true,
    "paths": {"a": ["./b"]}, "allowJs": true, "declaration": true, "isolatedDeclarations": true, "isolatedModules": true, "customConditions": ["a", "b"],
    "resolveJsonModule": false}}"#;

type Case = (&'static str, &'static [(&'static str, &'static str)]);

const PACKAGE: &str = "node_modules/cfg/package.json";

const CASES: &[Case] = &[
    ("all", &[("tsconfig.json", r#"{"extends": "./base.json", "files": ["a.ts"]}"#), ("base.json", ALL)]),
    (
        "nothing is left of what is null",
        &[
            (
                "tsconfig.json",
                r#"{"extends": "./base.json", "files": ["a.ts"], "compilerOptions": {"target": null, "module": null, "jsx": null,
                    "jsxImportSource": null, "experimentalDecorators": null, "emitDecoratorMetadata": null, "verbatimModuleSyntax": null,
                    "useDefineForClassFields": null, "paths": null, "allowJs": null, "isolatedDeclarations": null,
                    "isolatedModules": null, "resolveJsonModule": null, "customConditions": null}}"#,
            ),
            ("base.json", ALL),
        ],
    ),
    (
        "null in a later base",
        &[
            ("tsconfig.json", r#"{"extends": ["./base.json", "./nulls.json"], "files": ["a.ts"]}"#),
            ("base.json", ES2020),
            ("nulls.json", r#"{"compilerOptions": {"target": null}}"#),
        ],
    ),
    (
        "no options",
        &[
            ("tsconfig.json", r#"{"extends": "./base.json", "compilerOptions": null, "files": ["a.ts"]}"#),
            ("base.json", ES2020),
        ],
    ),
    (
        "exports in a text",
        &[
            ("tsconfig.json", r#"{"extends": "cfg", "files": ["a.ts"]}"#),
            (PACKAGE, r#"{"exports": "./x.json"}"#),
            ("node_modules/cfg/x.json", ES2020),
            ("node_modules/cfg/tsconfig.json", ES2021),
        ],
    ),
    (
        "conditions of the package itself",
        &[
            ("tsconfig.json", r#"{"extends": "cfg", "files": ["a.ts"]}"#),
            (PACKAGE, r#"{"exports": {"import": "./i.json", "require": "./r.json", "default": "./i.json"}}"#),
            ("node_modules/cfg/r.json", ES2020),
            ("node_modules/cfg/i.json", ES2021),
        ],
    ),
    (
        "conditions in their order",
        &[
            ("tsconfig.json", r#"{"extends": "cfg/base", "files": ["a.ts"]}"#),
            (PACKAGE, r#"{"exports": {"./base": {"types": "./t.json", "node": "./n.json"}}}"#),
            ("node_modules/cfg/t.json", ES2020),
            ("node_modules/cfg/n.json", ES2021),
        ],
    ),
    (
        "a list",
        &[
            ("tsconfig.json", r#"{"extends": "cfg", "files": ["a.ts"]}"#),
            (PACKAGE, r#"{"exports": [{"other": "./q.json"}, "./x.json"]}"#),
            ("node_modules/cfg/x.json", ES2020),
        ],
    ),
    (
        "a pattern",
        &[
            ("tsconfig.json", r#"{"extends": "cfg/strict", "files": ["a.ts"]}"#),
            (PACKAGE, r#"{"exports": {"./*": "./configs/*.json"}}"#),
            ("node_modules/cfg/configs/strict.json", ES2020),
        ],
    ),
    (
        "the closest pattern",
        &[
            ("tsconfig.json", r#"{"extends": "cfg/strict.json", "files": ["a.ts"]}"#),
            (PACKAGE, r#"{"exports": {"./*": "./other/*", "./*.json": "./configs/*.json"}}"#),
            ("node_modules/cfg/configs/strict.json", ES2020),
            ("node_modules/cfg/other/strict.json", ES2021),
        ],
    ),
    (
        "exports say it with its extension",
        &[
            ("tsconfig.json", r#"{"extends": "cfg/base", "files": ["a.ts"]}"#),
            (PACKAGE, r#"{"exports": {"./base.json": "./base.json"}}"#),
            ("node_modules/cfg/base.json", ES2020),
        ],
    ),
    (
        "what is not exported",
        &[
            ("tsconfig.json", r#"{"extends": "cfg/hidden.json", "files": ["a.ts"]}"#),
            (PACKAGE, r#"{"exports": {".": "./x.json"}}"#),
            ("node_modules/cfg/hidden.json", ES2020),
        ],
    ),
    (
        "exports before the field",
        &[
            ("tsconfig.json", r#"{"extends": "cfg", "files": ["a.ts"]}"#),
            (PACKAGE, r#"{"exports": {"./x": "./x.json"}, "tsconfig": "./x.json"}"#),
            ("node_modules/cfg/x.json", ES2020),
        ],
    ),
    (
        "the field",
        &[
            ("tsconfig.json", r#"{"extends": "cfg", "files": ["a.ts"]}"#),
            (PACKAGE, r#"{"tsconfig": "./x.json", "main": "./m.json"}"#),
            ("node_modules/cfg/x.json", ES2020),
            ("node_modules/cfg/m.json", ES2021),
        ],
    ),
    (
        "no field",
        &[
            ("tsconfig.json", r#"{"extends": "cfg", "files": ["a.ts"]}"#),
            (PACKAGE, r#"{"main": "./m.json"}"#),
            ("node_modules/cfg/m.json", ES2021),
            ("node_modules/cfg/tsconfig.json", ES2020),
        ],
    ),
    (
        "a directory of a package",
        &[
            ("tsconfig.json", r#"{"extends": "cfg/sub", "files": ["a.ts"]}"#),
            ("node_modules/cfg/sub/tsconfig.json", ES2020),
        ],
    ),
    (
        "a file beside packages",
        &[("tsconfig.json", r#"{"extends": "cfg", "files": ["a.ts"]}"#), ("node_modules/cfg.json", ES2020)],
    ),
    (
        "a directory by its path",
        &[("tsconfig.json", r#"{"extends": "./conf", "files": ["a.ts"]}"#), ("conf/tsconfig.json", ES2020)],
    ),
    ("a file by its path", &[("tsconfig.json", r#"{"extends": "./conf", "files": ["a.ts"]}"#), ("conf.json", ES2020)]),
];

/// The options as one text, from what the compiler shows.
fn shown(options: &Value) -> String {
    let flag = |name: &str| options[name] == true;
    let jsx = match options["jsx"].as_str() {
        None => "none".to_owned(),
        Some("react-jsx") => format!("automatic {}", options["jsxImportSource"].as_str().unwrap_or("react")),
        Some(other) => other.to_owned(),
    };
    let decorators = match (flag("experimentalDecorators"), flag("emitDecoratorMetadata")) {
        (false, _) => "standard",
        (true, false) => "legacy",
        (true, true) => "legacy with metadata",
    };
    let paths = options["paths"].as_object().map_or(0, serde_json::Map::len);
    format!(
        "target {} jsx {jsx} decorators {decorators} verbatim {} declarations {} conditions {:?} paths {paths}",
        options["target"].as_str().and_then(Target::parse).map_or("none".to_owned(), |target| format!("{target:?}")),
        flag("verbatimModuleSyntax"),
        flag("isolatedDeclarations"),
        options["customConditions"].as_array().into_iter().flatten().filter_map(Value::as_str).collect::<Vec<_>>(),
    )
}

#[test]
fn review_6_20_options_are_those_of_the_compiler() {
    let script = installed("5.9.3").join("typescript/bin/tsc");
    let mut wrong = Vec::new();
    for (name, files) in CASES {
        let root = workspace(files);
        fs::write(root.path().join("a.ts"), "export {};\n").unwrap();
        let show = |program: &mut Command| {
            let output =
                program.args(["--showConfig", "-p", "tsconfig.json"]).current_dir(root.path()).output().unwrap();
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            serde_json::from_str::<Value>(&text).map(|shown| shown["compilerOptions"].clone()).map_err(|_| text)
        };
        let (config, findings) =
            load(&path("tsconfig.json"), &mut |path| fs::read(root.path().join(path.as_str())).ok().map(Arc::from));
        let ours = format!(
            "target {} jsx {} decorators {} verbatim {} declarations {} conditions {:?} paths {}",
            config.target.map_or("none".to_owned(), |target| format!("{target:?}")),
            match &config.jsx {
                None => "none".to_owned(),
                Some(Jsx::Automatic { import_source, .. }) => format!("automatic {import_source}"),
                Some(other) => format!("{other:?}"),
            },
            match config.decorators {
                None => "standard".to_owned(),
                Some(Decorators::Legacy { metadata: false, .. }) => "legacy".to_owned(),
                Some(Decorators::Legacy { metadata: true, .. }) => "legacy with metadata".to_owned(),
                Some(other) => format!("{other:?}"),
            },
            config.verbatim,
            config.isolated_declarations,
            config.custom_conditions,
            config.paths.len(),
        );
        match show(Command::new("node").arg(&script)) {
            Ok(options) if findings.is_empty() && shown(&options) == ours => {}
            Err(_) if !findings.is_empty() => {}
            theirs => wrong.push(format!("{name}: {theirs:?}\n  {ours}\n  {findings:?}")),
        }
        // The native compiler shows what it could read.
        match show(&mut Command::new(native_executable())) {
            Ok(options) if !findings.is_empty() && options.as_object().is_none_or(serde_json::Map::is_empty) => {}
            Ok(options) if shown(&options) == ours => {}
            theirs => wrong.push(format!("{name} (native): {theirs:?}\n  {ours}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
