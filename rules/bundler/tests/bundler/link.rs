use std::collections::BTreeMap;

use oxc_sourcemap::SourceMap;
use webstir_bundler::{Bundled, Platform, Request, SharedHost, SourceMaps, bundle};

use crate::tools::{Tree, request, run};

fn linked(request: &Request, host: &SharedHost) -> Bundled {
    bundle(request, host).unwrap_or_else(|problems| panic!("{problems:#?}"))
}

fn app() -> SharedHost {
    Tree::host(&[
        (
            "/src/main.ts",
            "import { add } from './lib/math.js';\nimport data from './data.json';\nimport legacy from './legacy.cjs';\n\
             import { basename } from 'node:path';\nimport { unused } from './pure.js';\nimport type { T } from './types-only.js';\n\
             const t: T = 1;\nconsole.log(add(1, 2), data.list.length, legacy.tag, basename('/a/b'), t);\n\
             const late = await import('./late.js');\nconsole.log(late.default(), late.shared === add);\n\
             export function handler(): string { return 'handled'; }\nconsole.log(handler.name);\n",
        ),
        (
            "/src/lib/math.ts",
            "/*! legal */\nexport const add = (a: number, b: number) => a + b;\nexport const gone = 'TREE SHAKEN';\n",
        ),
        ("/src/data.json", "{\"list\": [1, 2, 3], \"__proto__\": null}"),
        ("/src/legacy.cjs", "exports.tag = 'cjs'; exports.path = require('node:path').sep; exports.__esModule = true;"),
        ("/src/pure.ts", "console.log('NEVER RUNS'); export const unused = 1;"),
        ("/src/late.ts", "export { add as shared } from './lib/math.js'; export default () => 'late';"),
        ("/src/other.ts", "import { add } from './lib/math.js'; console.log('other', add(2, 2));"),
    ])
}

#[test]
fn one_file_an_entry() {
    let bundled = linked(&request(&[("main", "/src/main.ts"), ("jobs/other", "/src/other.ts")]), &app());
    let names: Vec<_> = bundled.chunks.iter().map(|chunk| chunk.file_name.as_str()).collect();
    assert_eq!(names, ["jobs/other.js", "main.js"]);
    let main = &bundled.chunks[1];
    assert_eq!(main.entry.as_deref(), Some("main"));
    assert_eq!(main.exports, ["handler"]);
    assert_eq!((main.dynamic_imports.as_slice(), &main.map), ([].as_slice(), &None));
    assert!(main.imports.iter().any(|import| import == "node:path"), "{:?}", main.imports);
    assert!(main.module_ids.contains(&"/src/lib/math.ts".to_owned()));
    assert!(!main.code.contains("NEVER RUNS") && !main.code.contains("TREE SHAKEN") && !main.code.contains("#region"));
    assert!(main.code.contains("/*! legal */"));
    let files: Vec<_> = bundled.chunks.iter().map(|chunk| (chunk.file_name.as_str(), chunk.code.as_str())).collect();
    assert_eq!(run(&files, "jobs/other.js"), "other 4\n");
    // The importer is an ES module of Node: its default import of CommonJS is all of `exports`.
    assert_eq!(run(&files, "main.js"), "3 3 cjs b 1\nlate true\nhandler\n");
}

#[test]
fn splitting_shares_modules() {
    let request = Request { splitting: true, ..request(&[("main", "/src/main.ts"), ("other", "/src/other.ts")]) };
    let bundled = linked(&request, &app());
    assert!(bundled.chunks.len() > 2, "{:#?}", bundled.chunks);
    let shared = bundled.chunks.iter().filter(|chunk| chunk.module_ids.contains(&"/src/lib/math.ts".to_owned()));
    assert_eq!(shared.count(), 1);
    let files: Vec<_> = bundled.chunks.iter().map(|chunk| (chunk.file_name.as_str(), chunk.code.as_str())).collect();
    assert_eq!(run(&files, "main.js"), "3 3 cjs b 1\nlate true\nhandler\n");
}

#[test]
fn minified_output_behaves_the_same() {
    let readable = linked(&request(&[("main", "/src/main.ts")]), &app());
    let request =
        Request { minify: true, keep_names: true, legal_comments: false, ..request(&[("main", "/src/main.ts")]) };
    let minified = linked(&request, &app());
    let code = &minified.chunks[0].code;
    assert!(code.len() < readable.chunks[0].code.len());
    assert!(!code.contains("legal") && !code.contains("#region"), "{code}");
    assert_eq!(run(&[("main.js", code)], "main.js"), "3 3 cjs b 1\nlate true\nhandler\n");
}

#[test]
fn definitions_reach_every_module() {
    let host = Tree::host(&[(
        "/a.js",
        "if (process.env.NODE_ENV !== 'production') console.log('dev'); else console.log('prod');",
    )]);
    let define = BTreeMap::from([("process.env.NODE_ENV".to_owned(), "\"production\"".to_owned())]);
    let bundled = linked(&Request { define, ..request(&[("a", "/a.js")]) }, &host);
    assert!(!bundled.chunks[0].code.contains("dev"), "{}", bundled.chunks[0].code);
    assert_eq!(run(&[("a.js", &bundled.chunks[0].code)], "a.js"), "prod\n");
}

/// Where `needle` stands, as line and UTF-16 column from 0.
fn position(text: &str, needle: &str) -> (u32, u32) {
    let offset = text.find(needle).unwrap_or_else(|| panic!("`{needle}` in {text}"));
    let before = &text[..offset];
    let line = before.matches('\n').count();
    let column = before[before.rfind('\n').map_or(0, |newline| newline + 1)..].encode_utf16().count();
    (u32::try_from(line).unwrap(), u32::try_from(column).unwrap())
}

#[test]
fn maps_lead_to_typescript() {
    let source = "interface Gone { a: string }\n\nexport function first(value: string): string {\n  const ü = '🙂'; globalThis.mark?.(\"token-one\");\n  return value + ü;\n}\n";
    let main = "import { first } from './deep/first.js';\nclass C<T> { constructor(readonly t: T) {} }\nconsole.log(first(new C('token-two').t), 'token-three');\n";
    let host = Tree::host(&[("/app/src/deep/first.ts", source), ("/app/src/main.ts", main)]);
    for minify in [false, true] {
        let request = Request {
            source_maps: SourceMaps::Linked,
            minify,
            out_dir: "/app/dist/backend".to_owned(),
            ..request(&[("jobs/main", "/app/src/main.ts")])
        };
        let bundled = linked(&request, &host);
        let chunk = &bundled.chunks[0];
        assert!(chunk.code.ends_with("//# sourceMappingURL=main.js.map\n"), "{}", chunk.code);
        let json = chunk.map.as_ref().unwrap();
        let map = SourceMap::from_json_string(json).unwrap();
        let mut sources: Vec<_> = map.get_sources().collect();
        sources.sort_unstable();
        assert_eq!(sources, ["../../../src/deep/first.ts", "../../../src/main.ts"]);
        let table = map.generate_lookup_table();
        for (needle, text, name) in
            [("token-one", source, "first.ts"), ("token-two", main, "main.ts"), ("token-three", main, "main.ts")]
        {
            let quote = |text: &str| {
                ['"', '\'', '`']
                    .into_iter()
                    .find_map(|quote| {
                        let quoted = format!("{quote}{needle}");
                        text.contains(&quoted).then_some(quoted)
                    })
                    .unwrap_or_else(|| panic!("{needle} in {text}"))
            };
            let (line, column) = position(&chunk.code, &quote(&chunk.code));
            let token = map.lookup_source_view_token(&table, line, column).unwrap();
            assert_eq!(
                (token.get_src_line(), token.get_src_col()),
                position(text, &quote(text)),
                "{needle}, minify {minify}"
            );
            assert!(token.get_source().unwrap().ends_with(name));
            assert_eq!(token.get_source_content(), Some(text));
        }
    }
}

#[test]
fn bytes_do_not_depend_on_threads() {
    let request = Request {
        source_maps: SourceMaps::Hidden,
        splitting: true,
        ..request(&[("main", "/src/main.ts"), ("other", "/src/other.ts")])
    };
    let expected = linked(&request, &app());
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..6).map(|_| scope.spawn(|| linked(&request, &app()))).collect();
        for thread in threads {
            assert_eq!(thread.join().unwrap(), expected);
        }
    });
}

#[test]
fn a_runtime_around_it_does_no_harm() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let bundled = runtime.block_on(async { linked(&request(&[("other", "/src/other.ts")]), &app()) });
    assert_eq!(bundled.chunks.len(), 1);
}

#[test]
fn the_disk_is_not_looked_at() {
    let decoys = crate::tools::scratch();
    let root = decoys.path().canonicalize().unwrap();
    std::fs::write(root.join("package.json"), r#"{"type": "commonjs", "sideEffects": false}"#).unwrap();
    std::fs::write(root.join("tsconfig.json"), "not even JSON").unwrap();
    std::fs::write(root.join("main.js"), "console.log('DISK')").unwrap();
    std::fs::write(root.join("only-on-disk.js"), "console.log('DISK')").unwrap();
    let id = |name: &str| root.join(name).to_str().unwrap().to_owned();
    let host = Tree::host(&[
        (&id("main.js"), "import './effect.js'; console.log('virtual');"),
        (&id("effect.js"), "console.log('effect');"),
    ]);
    let bundled = linked(&request(&[("main", &id("main.js"))]), &host);
    assert_eq!(run(&[("main.js", &bundled.chunks[0].code)], "main.js"), "effect\nvirtual\n");
    let host = Tree::host(&[(&id("main.js"), "import './only-on-disk.js';")]);
    assert_eq!(bundle(&request(&[("main", &id("main.js"))]), &host).unwrap_err().len(), 1);
}

#[test]
fn common_js_knows_its_file() {
    let names = "[typeof __filename, typeof __dirname].join()";
    let tree = Tree::host(&[
        (
            "/src/main.js",
            &format!(
                "import k from './k.cjs';\nimport f from './f.cjs';\nimport e from './e.js';\nimport './script.js';\nconsole.log(k, f, e, {names});\n"
            ),
        ),
        ("/src/k.cjs", &format!("'use strict';\nmodule.exports = {names} + typeof (__filename => __filename)(1);\n")),
        ("/src/f.cjs", "module.exports = __filename();\nfunction __filename() { return 'own'; }\n"),
        ("/src/e.js", &format!("exports.names = {names};\n")),
        ("/src/script.js", &format!("console.log({names});\n")),
    ]);
    let output = |platform| {
        let bundled = linked(&Request { platform, ..request(&[("main", "/src/main.js")]) }, &tree);
        run(&[("main.js", &bundled.chunks[0].code)], "main.js")
    };
    let none = "undefined,undefined";
    let found = output(Platform::Node);
    assert_eq!(found, format!("{none}\nstring,stringnumber own {{ names: 'string,string' }} {none}\n"));
    // A browser has no files.
    assert_eq!(output(Platform::Browser), format!("{none}\n{none}number own {{ names: '{none}' }} {none}\n"));
}
