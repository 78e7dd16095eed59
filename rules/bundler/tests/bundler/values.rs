//! What is linked computes what the source says, minified or not.

use webstir_bundler::{Request, bundle};

use crate::tools::{Tree, request, run};

/// What the expressions print, each in a module of its own that exports it, linked.
fn values(expressions: &[&str], minify: bool) -> (Vec<String>, String) {
    let mut files = Vec::new();
    let mut main = String::new();
    for (index, expression) in expressions.iter().enumerate() {
        files.push((format!("/src/m{index}.js"), format!("export const value = {expression};\n")));
        main.push_str(&format!("import {{ value as v{index} }} from './m{index}.js';\n"));
        // Used as a constant too, where nothing but the removal of dead code looks at it.
        main.push_str(&format!(
            "export const w{index} = [{expression}, `${{{expression}}}`, +({expression}), !({expression})];\n"
        ));
    }
    main.push_str("const show = value => typeof value === 'string' ? JSON.stringify(value) : Object.is(value, -0) ? '-0' : String(value);\n");
    for index in 0..expressions.len() {
        main.push_str(&format!("console.log([v{index}, ...w{index}].map(show).join(' '));\n"));
    }
    files.push(("/src/main.js".to_owned(), main));
    let files: Vec<_> = files.iter().map(|(id, text)| (id.as_str(), text.as_str())).collect();
    let request = Request { minify, ..request(&[("main", "/src/main.js")]) };
    let bundled = bundle(&request, &Tree::host(&files)).unwrap_or_else(|problems| panic!("{problems:#?}"));
    let code = bundled.chunks[0].code.clone();
    (run(&[("main.js", &code)], "main.js").lines().map(str::to_owned).collect(), code)
}

const VALUES: &[(&str, &str)] = &[
    (r"'\ufeff x'.trim()", r#""x" "x" "x" NaN false"#),
    (r"'\x85x'.trim()", "\"\u{85}x\" \"\u{85}x\" \"\u{85}x\" NaN false"),
    ("'a😀b'.indexOf('b')", r#"3 3 "3" 3 false"#),
    ("'a😀b'.lastIndexOf('b')", r#"3 3 "3" 3 false"#),
    ("'a😀b'.slice(0, 2).length", r#"2 2 "2" 2 false"#),
    ("'a😀b'.substring(3)", r#""b" "b" "b" NaN false"#),
    ("'a😀b'.charCodeAt(3)", r#"98 98 "98" 98 false"#),
    ("'a😀b'.charAt(3)", r#""b" "b" "b" NaN false"#),
    ("'a😀b'['charAt'](3)", r#""b" "b" "b" NaN false"#),
    ("'abc'.indexOf('', 10)", r#"3 3 "3" 3 false"#),
    ("'abc'?.indexOf('', 10)", r#"3 3 "3" 3 false"#),
    ("Math.round(0.49999999999999994)", r#"0 0 "0" 0 true"#),
    ("Math.round(-0.2)", r#"-0 -0 "0" -0 true"#),
    (r"parseInt('  \ufeff7')", r#"7 7 "7" 7 false"#),
    (r"parseFloat('\u30007.5')", r#"7.5 7.5 "7.5" 7.5 false"#),
    (r"Number('\v12\v')", r#"12 12 "12" 12 false"#),
    (r"Number('\n1 ')", r#"1 1 "1" 1 false"#),
    ("Number('0x+5')", r#"NaN NaN "NaN" NaN true"#),
    ("('1' + ' ') * 2", r#"2 2 "2" 2 false"#),
    ("+`${1} `", r#"1 1 "1" 1 false"#),
    ("'1 ' == 1", r#"true true "true" 1 false"#),
    ("'12\\t' - 2", r#"10 10 "10" 10 false"#),
    (r"'\ud83d'[0]", r#""\ud83d" "\ud83d" "\ud83d" NaN false"#),
    (r"'\ud83d'.concat('\ude00')", r#""😀" "😀" "😀" NaN false"#),
    (r"'\ud83d' + 'x'", r#""\ud83dx" "\ud83dx" "\ud83dx" NaN false"#),
    (r"`\ud83d${'x'}`", r#""\ud83dx" "\ud83dx" "\ud83dx" NaN false"#),
    (r"'\ud83d'.length", r#"1 1 "1" 1 false"#),
    (r"String.fromCharCode(0xd83d, 0xde00)", r#""😀" "😀" "😀" NaN false"#),
    ("Number.isInteger(1.0000000000000002)", r#"false false "false" 0 true"#),
    ("(25).toString(36)", r#""p" "p" "p" NaN false"#),
    ("({ '1 ': 1 })['1 ']", r#"1 1 "1" 1 false"#),
    ("decodeURIComponent('%41')", r#""A" "A" "A" NaN false"#),
];

#[test]
fn publish_2_constants_keep_their_values() {
    let expressions: Vec<_> = VALUES.iter().map(|(expression, _)| *expression).collect();
    for minify in [false, true] {
        let (values, code) = values(&expressions, minify);
        let wrong: Vec<_> = VALUES.iter().zip(&values).filter(|((_, right), value)| right != value).collect();
        assert!(wrong.is_empty(), "minify {minify}: {wrong:#?}\n{code}");
    }
}

#[test]
fn publish_2_what_may_throw_stays_where_it_is() {
    let main = r"
        const seen = [];
        const attempt = (name, work) => { try { work(); seen.push(name + ' ran'); } catch (error) { seen.push(name + ' ' + error.name); } };
        attempt('decode', () => { decodeURIComponent('%'); });
        attempt('decode unused', () => { const unused = decodeURIComponent('%'); });
        attempt('decode of', () => { decodeURI(['%'][0]); });
        attempt('encode', () => { encodeURIComponent('\ud800'); });
        attempt('optional', () => { decodeURIComponent?.('%'); });
        try { decodeURIComponent('%') } catch { seen.push('caught'); }
        try { parseInt(Symbol()) } catch { seen.push('symbol'); }
        try { isNaN(1n) } catch { seen.push('bigint'); }
        function own(parseInt) { return parseInt('7'); }
        seen.push(own(function (text) { return [this, text].join(); }));
        console.log(seen.join('\n'));
    ";
    let right = "decode URIError\ndecode unused URIError\ndecode of URIError\nencode URIError\noptional URIError\ncaught\n\
                 symbol\nbigint\n,7\n";
    for minify in [false, true] {
        let request = Request { minify, ..request(&[("main", "/src/main.js")]) };
        let bundled = bundle(&request, &Tree::host(&[("/src/main.js", main)])).unwrap();
        assert_eq!(run(&[("main.js", &bundled.chunks[0].code)], "main.js"), right, "minify {minify}");
    }
}

#[test]
fn publish_2_what_follows_a_throw_keeps_its_exports() {
    for thrown in [
        "throw new Error('no');",
        "if (true) { throw new Error('no'); } else { throw 1; }",
        "{ { throw new Error('no'); } }",
    ] {
        let files = [
            (
                "/src/main.js",
                "import { after, Late } from './other.js';\nexport { after, Late };\n\
                 import('./late.js').then(() => console.log('loaded'), error => console.log(error.message, after, new Late().x));\n",
            ),
            ("/src/other.js", "export const after = 'after';\nexport class Late { x = 1; }\n"),
            (
                "/src/late.js",
                "import { v } from './broken.js';\nexport { f } from './broken.js';\nconsole.log('never', v);\n",
            ),
            (
                "/src/broken.js",
                &*format!("import './side.js';\n{thrown}\nexport const v = 1;\nexport function f() {{}}\n"),
            ),
            ("/src/side.js", "console.log('side');"),
        ];
        for minify in [false, true] {
            let request = Request {
                minify,
                splitting: true,
                ..request(&[("main", "/src/main.js"), ("broken", "/src/broken.js")])
            };
            let bundled = bundle(&request, &Tree::host(&files)).unwrap_or_else(|problems| panic!("{problems:#?}"));
            let broken = bundled.chunks.iter().find(|chunk| chunk.entry.as_deref() == Some("broken")).unwrap();
            assert_eq!(broken.exports, ["f", "v"], "{thrown} minify {minify}");
            let one = Request { splitting: false, entries: vec![request.entries[0].clone()], ..request };
            let bundled = bundle(&one, &Tree::host(&files)).unwrap_or_else(|problems| panic!("{problems:#?}"));
            let code = &bundled.chunks[0].code;
            assert_eq!(run(&[("main.js", code)], "main.js"), "side\nno after 1\n", "{thrown} minify {minify}\n{code}");
        }
    }
}

#[test]
fn publish_2_names_are_kept_when_asked_for() {
    let main = "export function first() {}\nclass Second {}\nconst third = () => {};\n\
                console.log(first.name, Second.name, third.name, new Second().constructor.name);\n";
    let linked = |minify, keep_names| {
        let request = Request { minify, keep_names, ..request(&[("main", "/src/main.js")]) };
        bundle(&request, &Tree::host(&[("/src/main.js", main)])).unwrap().chunks[0].code.clone()
    };
    let (short, kept) = (linked(true, false), linked(true, true));
    assert!(short.len() < kept.len() && !short.contains("Second"), "{short}\n{kept}");
    for code in [linked(false, false), linked(false, true), kept] {
        assert_eq!(run(&[("main.js", &code)], "main.js"), "first Second third Second\n");
    }
}

#[test]
fn publish_2_a_throw_while_loading_is_what_an_importer_sees() {
    for thrown in [
        "throw new Error('no');",
        "if (true) { throw new Error('no'); } else { throw 1; }",
        "{ { throw new Error('no'); } }",
    ] {
        let broken = format!(
            "export {{ w, C, f }};\n{thrown}\nexport const v = 1;\nconst w = 2;\nclass C {{}}\nfunction f() {{ return w; }}\n"
        );
        let files = [
            (
                "/src/main.js",
                "import { v, w, C, f } from './broken.js';\nimport { after, Late } from './other.js';\nexport { after, Late, v, w, C, f };\n",
            ),
            ("/src/other.js", "export const after = 'after';\nexport class Late { x = 1; }\n"),
            ("/src/broken.js", broken.as_str()),
        ];
        for minify in [false, true] {
            let request = Request { minify, ..request(&[("main", "/src/main.js")]) };
            let bundled = bundle(&request, &Tree::host(&files)).unwrap_or_else(|problems| panic!("{problems:#?}"));
            let code = &bundled.chunks[0].code;
            let importer = "import('./main.js').catch(error => console.log(`${error}`));";
            let said = run(&[("main.js", code), ("importer.js", importer)], "importer.js");
            assert_eq!(said, "Error: no\n", "{thrown} minify {minify}\n{code}");
        }
    }
}
