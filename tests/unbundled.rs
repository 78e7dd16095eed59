//! Module definitions that are loaded from the files of their modules, and when they are linked after all.

use serde_json::{Value, json};

use crate::support::Case;

const PACKAGE: (&str, &str) =
    ("package.json", "{ \"name\": \"page\", \"type\": \"module\", \"webstir\": { \"mode\": \"api\" } }\n");

/// Packages of every kind; two of them share a third.
const PACKAGES: &[(&str, &str)] = &[
    (
        "node_modules/esm/package.json",
        r#"{ "name": "esm", "type": "module", "exports": { ".": "./index.js", "./sub": "./sub.js" } }"#,
    ),
    (
        "node_modules/esm/index.js",
        "import { tick } from 'shared-state';\nexport const named = 'named'; export default 'default'; export let ticks = 0;\n\
         export const count = () => { ticks = tick(); }; export const unused = 'left out';\n",
    ),
    ("node_modules/esm/sub.js", "import { tick } from 'shared-state';\nexport const again = () => tick();\n"),
    ("node_modules/shared-state/package.json", r#"{ "name": "shared-state", "type": "module", "main": "index.js" }"#),
    ("node_modules/shared-state/index.js", "let n = 0;\nexport const tick = () => (n += 1);\n"),
    ("node_modules/cjs/package.json", r#"{ "name": "cjs", "main": "index.js" }"#),
    ("node_modules/cjs/index.js", "exports.parse = (text) => `parsed ${text}`; exports.version = 3;\n"),
    ("node_modules/@scope/pkg/package.json", r#"{ "name": "@scope/pkg", "type": "module", "main": "index.js" }"#),
    ("node_modules/@scope/pkg/index.js", "export const which = 'scoped';\n"),
    ("node_modules/scope-pkg/package.json", r#"{ "name": "scope-pkg", "type": "module", "main": "index.js" }"#),
    ("node_modules/scope-pkg/index.js", "export const which = 'plain';\n"),
    ("node_modules/effect/package.json", r#"{ "name": "effect", "type": "module", "main": "index.js" }"#),
    ("node_modules/effect/index.js", "globalThis.effected = 'effected';\n"),
    ("node_modules/socket/package.json", r#"{ "name": "socket", "type": "module", "main": "index.js" }"#),
    ("node_modules/socket/index.js", "export const open = () => new WebSocket('ws://x');\n"),
];

/// A workspace whose definition imports `imports` and is called what `name` evaluates to.
fn workspace(imports: &str, name: &str) -> Case {
    let module = format!(
        "{imports}\nexport const module = {{ manifest: {{ contractVersion: \"1.0.0\", name: {name}, version: \"1.0.0\", kind: \"backend\" }} }};\n"
    );
    let case = Case::with(PACKAGES);
    case.write(PACKAGE.0, PACKAGE.1);
    case.write("src/backend/lib/word.ts", "export const word: string = 'word';\n");
    case.write("src/backend/module.ts", &module);
    case
}

fn index(case: &Case) -> Value {
    serde_json::from_str(&case.read("build/backend/artifacts.json")).unwrap()
}

/// Builds; gives the name of the manifest and the module of the index.
fn built(case: &Case) -> (Value, Value) {
    let document = case.build_ok(&[]).json();
    (document["manifest"]["name"].clone(), index(case)["module"].clone())
}

#[test]
fn packages_are_linked_once_and_found_through_the_import_map() {
    let imports = "import standard, { named, ticks, count } from 'esm';\nimport { again } from 'esm/sub';\n\
        import cjs, { parse } from 'cjs';\nimport * as scoped from '@scope/pkg';\nimport { which } from 'scope-pkg';\n\
        import 'effect';\nimport { word } from './lib/word.js';\n\
        count(); const tick = again(); const late = await import('scope-pkg');";
    let name = "[standard, named, ticks, tick, cjs.version, parse('x'), scoped.which, which, late.which, globalThis.effected, word].join(' ')";
    let case = workspace(imports, name);
    let (manifest, module) = built(&case);
    assert_eq!(manifest, "default named 1 2 3 parsed x scoped plain plain effected word");
    let packages = |name: &str| format!("module.packages/{name}.js");
    assert_eq!(
        module["imports"],
        json!({
            "@scope/pkg": packages("scope-pkg"), "cjs": packages("cjs"), "effect": packages("effect"), "esm": packages("esm"),
            "esm/sub": packages("esm-sub"), "scope-pkg": packages("scope-pkg-2"),
        })
    );
    assert_eq!((&module["engine"], &module["hermetic"]), (&json!("embedded"), &json!(true)));
    let modules: Vec<&str> = module["modules"].as_array().unwrap().iter().map(|path| path.as_str().unwrap()).collect();
    assert!(modules.contains(&"lib/word.js") && modules.iter().any(|path| path.contains("/shared-")), "{modules:?}");
    assert!(!case.read("build/backend/module.packages/esm.js").contains("left out"));

    // An edit leaves packages alone; another name that is asked for links them again.
    case.write("src/backend/lib/word.ts", "export const word: string = 'other';\n");
    let again = case.build_ok(&[]);
    let ran = ["artifacts:backend", "manifest:backend", "transpile:backend(src/backend/lib/word.ts)"];
    assert_eq!(again.actions(&["ran"]), ran);
    case.write("src/backend/lib/word.ts", "import { unused } from 'esm';\nexport const word: string = unused;\n");
    let again = case.build_ok(&[]);
    assert!(again.actions(&["ran"]).contains(&"bundle:module(build/backend/module.packages)".to_owned()));
    assert!(again.json()["manifest"]["name"].as_str().unwrap().ends_with(" left out"));
    // A package that changed is linked again.
    case.write("node_modules/cjs/index.js", "exports.parse = (text) => `read ${text}`; exports.version = 4;\n");
    let again = case.build_ok(&[]);
    assert!(again.json()["manifest"]["name"].as_str().unwrap().contains(" 4 read x "), "{}", again.stdout);

    // Published, everything is in one file and says the same.
    assert_eq!(case.run(&["publish"]).code, Some(0));
    let text = case.read("dist/backend/module.js");
    assert!(!text.contains("from \"") && !text.contains("from\""), "{text}");
    let published: Value = serde_json::from_str(&case.read("dist/backend/artifacts.json")).unwrap();
    assert_eq!((&published["module"]["modules"], &published["module"]["imports"]), (&Value::Null, &Value::Null));
}

#[test]
fn what_cannot_be_loaded_from_its_files_is_linked() {
    let name = "String(typeof value)";
    for (imports, engine) in [
        // Nobody knows what CommonJS exports before it runs.
        ("import * as value from 'cjs';", "embedded"),
        ("const value = await import('cjs');", "embedded"),
        ("import { open as value } from 'socket';", "worker"),
        ("const value = () => new WebSocket('ws://x');", "worker"),
        ("declare const WebAssembly: object;\nconst value = () => WebAssembly;", "worker"),
        ("import { createServer } from 'node:http';\nconst value = () => createServer();", "worker"),
    ] {
        let case = workspace(imports, name);
        let (_, module) = built(&case);
        assert_eq!((&module["modules"], &module["imports"]), (&Value::Null, &Value::Null), "{imports}");
        assert_eq!(module["engine"], engine, "{imports}");
    }
    // What only asks whether something is there, and names of its own, are fine.
    let case = workspace(
        "import { word } from './lib/word.js';\nconst require = (name: string) => name + typeof WebSocket;\n\
         type Socket = WebSocket; const value = (socket: Socket) => require(word) + socket;",
        name,
    );
    let (manifest, module) = built(&case);
    assert_eq!((manifest, &module["modules"]), (json!("function"), &json!(["lib/word.js"])));
}

#[test]
fn a_specifier_that_leads_elsewhere_from_another_directory_is_linked() {
    let case =
        workspace("import { parse } from 'cjs';\nimport { parsed } from './lib/parsed.js';", "parse('x') + parsed");
    case.write(
        "src/backend/lib/parsed.ts",
        "import { parse } from 'cjs';\nexport const parsed: string = parse('y');\n",
    );
    let (manifest, module) = built(&case);
    assert_eq!(
        (manifest, &module["imports"]),
        (json!("parsed xparsed y"), &json!({ "cjs": "module.packages/cjs.js" }))
    );
    case.write("src/backend/lib/node_modules/cjs/package.json", r#"{ "name": "cjs", "main": "index.js" }"#);
    case.write("src/backend/lib/node_modules/cjs/index.js", "exports.parse = (text) => `own ${text}`;\n");
    let (manifest, module) = built(&case);
    assert_eq!((manifest, &module["imports"]), (json!("parsed xown y"), &Value::Null));
    assert!(!case.exists("build/backend/module.packages/cjs.js"));
}

#[test]
fn what_packages_lack_is_said_as_of_any_bundle() {
    for (imports, code) in [
        ("import { value } from 'not-installed';", "bundle::unresolved src/backend/module.ts:1:23"),
        ("import { value } from 'esm';", "bundle::missing_export src/backend/module.ts:1:10"),
    ] {
        let case = workspace(imports, "String(value)");
        let build = case.build(&[]);
        assert_eq!(build.code, Some(1), "{imports}");
        assert!(build.findings().contains(&code.to_owned()), "{:?}", build.findings());
        assert!(!case.exists("build/backend/module.js"));
    }
}

#[test]
fn an_error_is_told_at_its_source_with_and_without_maps() {
    for maps in ["linked", "none"] {
        let case = workspace("import { fail } from './lib/fail.js';", "fail()");
        case.write(
            "webstir.kdl",
            &format!("workspace w {{\n  mode api\n}}\nprofile build {{\n  sourcemap {maps}\n}}\n"),
        );
        case.write(
            "src/backend/lib/fail.ts",
            "interface Unused { a: 1 }\nexport function fail(): string {\n  throw new Error('no luck');\n}\n",
        );
        let findings = case.build(&[]).findings();
        let expected = "manifest::load_failed src/backend/lib/fail.ts:3:13";
        assert!(findings.contains(&expected.to_owned()), "{maps}: {findings:?}");
    }
}
