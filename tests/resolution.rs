//! What a `package.json` and a `tsconfig.json` say of specifiers: conditions, `#imports`, and what `require` gives.

use crate::support::{Case, Ran};

/// A workspace with `rules` beside those of its mode, and `fields` in its `package.json`.
fn workspace(rules: &str, fields: &str, files: &[(&str, &str)]) -> Case {
    let case = Case::with(files);
    case.write("package.json", &format!("{{ \"name\": \"page\", {fields}\"webstir\": {{ \"mode\": \"api\" }} }}\n"));
    case.write(
        "webstir.kdl",
        &format!("workspace \"page\" {{ mode \"api\"; }}\ntypecheck backend remove=#true\n{rules}"),
    );
    case
}

#[track_caller]
fn publish_ok(case: &Case) {
    let published = case.run(&["publish"]);
    assert_eq!(published.code, Some(0), "{}", published.stderr);
}

/// What the entry prints, materialised and linked.
#[track_caller]
fn prints(case: &Case, expected: &str) {
    case.build_ok(&[]);
    assert_eq!(case.printed("build/backend/index.js"), expected, "build");
    publish_ok(case);
    assert_eq!(case.printed("dist/backend/index.js"), expected, "publish");
}

/// It failed, and said so.
#[track_caller]
fn said(ran: &Ran, message: &str) {
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    let document = ran.json();
    let errors = document["diagnostics"].as_array().unwrap().iter().filter(|found| found["severity"] == "error");
    assert_eq!(errors.filter_map(|found| found["message"].as_str()).collect::<Vec<_>>(), [message]);
}

const MODULE: &str = "\"type\": \"module\", ";

#[test]
fn review_6_17_custom_conditions_hold_for_imports_and_for_packages() {
    let imports = "\"type\": \"module\", \"imports\": { \"#word\": { \"ours\": \"./src/backend/ours.js\", \"default\": \"./src/backend/theirs.js\" } }, ";
    let package = |name: &str| {
        format!(
            "{{ \"name\": \"{name}\", \"type\": \"module\", \"exports\": {{ \"ours\": \"./ours.js\", \"default\": \"./theirs.js\" }} }}"
        )
    };
    let case = workspace(
        "bundle backend { packages bundle; }\n",
        imports,
        &[
            (
                "src/backend/tsconfig.json",
                "{ \"extends\": \"./base.json\", \"compilerOptions\": { \"module\": \"esnext\", \"moduleResolution\": \"bundler\" } }",
            ),
            ("src/backend/base.json", "{ \"compilerOptions\": { \"customConditions\": [\"ours\"] } }"),
            (
                "src/backend/index.ts",
                "import { word } from '#word';\nimport { outer } from 'outer';\nconsole.log(word, outer);\n",
            ),
            ("src/backend/ours.ts", "export const word = 'ours';\n"),
            ("src/backend/theirs.ts", "export const word = 'theirs';\n"),
            ("node_modules/outer/package.json", &package("outer")),
            ("node_modules/outer/ours.js", "import { inner } from 'inner';\nexport const outer = 'ours ' + inner;\n"),
            ("node_modules/outer/theirs.js", "export const outer = 'theirs';\n"),
            ("node_modules/inner/package.json", &package("inner")),
            ("node_modules/inner/ours.js", "export const inner = 'ours';\n"),
            ("node_modules/inner/theirs.js", "export const inner = 'theirs';\n"),
        ],
    );
    publish_ok(&case);
    assert_eq!(case.printed("dist/backend/index.js"), "ours ours ours");
    case.build_ok(&[]);
    // Packages are Node's here, which has no such condition.
    assert_eq!(case.printed("build/backend/index.js"), "ours theirs");
    case.replace("src/backend/base.json", "[\"ours\"]", "[]");
    prints(&case, "theirs theirs");
    case.replace("src/backend/base.json", "[]", "\"ours\"");
    said(&case.build(&[]), "`customConditions` must be a list of strings");
}

/// Which file `#word` is, by who asks.
const BY_PLATFORM: &str = "\"type\": \"module\", \"imports\": { \"#word\": { \"browser\": \"./src/backend/browser.js\", \"default\": \"./src/backend/node.js\" } }, ";

#[test]
fn review_6_18_imports_of_a_browser_are_a_browsers() {
    let case = workspace(
        "profile publish { minify #false; }\nbundle backend { platform browser; }\nbundle tasks remove=#true\nbundle module remove=#true\nmanifest backend remove=#true\nartifacts backend remove=#true\n",
        BY_PLATFORM,
        &[
            ("src/backend/index.ts", "import { word } from '#word';\nconsole.log(word);\n"),
            ("src/backend/browser.ts", "export const word = 'of a browser';\n"),
            ("src/backend/node.ts", "export const word = 'of Node';\n"),
        ],
    );
    publish_ok(&case);
    assert_eq!(case.printed("dist/backend/index.js"), "of a browser");
    // What is materialised is run by Node.
    case.build_ok(&[]);
    assert_eq!(case.printed("build/backend/index.js"), "of Node");
    case.replace("webstir.kdl", "platform browser; ", "");
    publish_ok(&case);
    assert_eq!(case.printed("dist/backend/index.js"), "of Node");
}

#[test]
fn review_6_18_what_differs_for_two_platforms_is_not_linked_for_both() {
    let case = workspace(
        "entries web { of files:backend; include \"web.ts\"; }\n",
        BY_PLATFORM,
        &[
            ("src/backend/index.ts", "import { word } from '#word';\nconsole.log(word);\n"),
            ("src/backend/browser.ts", "export const word = 'of a browser';\n"),
            ("src/backend/node.ts", "export const word = 'of Node';\n"),
        ],
    );
    case.write("webstir.kdl", "workspace \"page\" { mode \"api\"; }\ntypecheck backend remove=#true\nbundle web { profiles publish; modules backend; entries backend; platform browser; out \"{out}/web/{dir}/{name}.js\"; }\n");
    let published = case.run(&["publish", "--json"]);
    said(&published, "`#word` leads to `src/backend/browser.ts` in a browser and to `src/backend/node.ts` in Node");
    assert!(published.findings().contains(&"resolve::differs src/backend/index.ts:1:22".to_owned()));
    // What does not reach it is linked.
    case.write("src/backend/index.ts", "console.log('nothing');\n");
    publish_ok(&case);
    assert_eq!(case.printed("dist/web/index.js"), "nothing");
}

#[test]
fn review_6_18_require_asks_by_its_own_conditions() {
    let imports = "\"imports\": { \"#word\": { \"require\": \"./src/backend/required.cjs\", \"default\": \"./src/backend/imported.js\" }, \"#same\": { \"import\": \"./src/backend/imported.js\", \"require\": \"package\" } }, ";
    for kind in [MODULE, ""] {
        let case = workspace(
            "",
            &format!("{kind}{imports}"),
            &[
                (
                    "src/backend/index.ts",
                    "import { word } from '#word';\nimport other = require('#word');\nimport inner from './inner.cjs';\nimport { word as same } from '#same';\nimport of = require('#same');\n\
                     console.log(word, other.word, inner, same, of);\n",
                ),
                ("src/backend/imported.ts", "export const word = 'imported';\n"),
                ("src/backend/required.cts", "export const word = 'required';\n"),
                ("src/backend/inner.cjs", "module.exports = 'inner ' + require('#word').word;\n"),
                ("node_modules/package/package.json", "{ \"name\": \"package\" }"),
                ("node_modules/package/index.js", "module.exports = 'of a package';\n"),
            ],
        );
        prints(&case, "imported required inner required imported of a package");
    }
}

#[test]
fn review_6_18_nested_imports_have_all_conditions() {
    let case = workspace(
        "",
        MODULE,
        &[
            ("src/backend/tsconfig.json", "{ \"compilerOptions\": { \"customConditions\": [\"ours\"] } }"),
            ("src/backend/index.ts", "import { word } from './inner/use.js';\nconsole.log(word);\n"),
            (
                "src/backend/inner/package.json",
                "{ \"type\": \"module\", \"exports\": 1, \"imports\": { \"#a\": { \"browser\": \"./wrong.js\", \"ours\": { \"import\": \"./a.js\" } }, \"#lib/*.js\": [\"../lib/*.js\", \"./lib/*.js\"], \"#lib/hidden.js\": null } }",
            ),
            ("src/backend/inner/a.ts", "export const a = 'a';\n"),
            ("src/backend/inner/lib/b.js", "export const b = 'b';\n"),
            ("src/backend/inner/lib/hidden.ts", "export const b = 'hidden';\n"),
            (
                "src/backend/inner/use.ts",
                "import { a } from '#a';\nimport { b } from '#lib/b.js';\nexport const word = a + b;\n",
            ),
        ],
    );
    prints(&case, "ab");
    // What is looked for is seen when it comes.
    case.write("src/backend/inner/lib/b.ts", "export const b = 'source';\n");
    prints(&case, "asource");
    case.replace("src/backend/inner/use.ts", "#lib/b.js", "#lib/hidden.js");
    said(&case.build(&[]), "`#lib/hidden.js` leads to no file");
}

#[test]
fn review_6_19_what_is_required_of_json_is_its_value() {
    for kind in [MODULE, ""] {
        let case = workspace(
            "",
            kind,
            &[
                ("src/backend/data.json", "{ \"version\": \"1.2\", \"class\": 1, \"__proto__\": 2, \"default\": 3 }"),
                ("src/backend/list.json", "[1, 2]"),
                (
                    "src/backend/index.ts",
                    "import data = require('./data.json');\nimport list = require('./list.json');\nimport same, { version } from './data.json';\nimport inner from './inner.cjs';\n\
                     console.log(data.version, Object.keys(data).join(), Array.isArray(list), same.version, version, inner.join());\n",
                ),
                (
                    "src/backend/inner.cjs",
                    "const data = require('./data.json');\nmodule.exports = [require('./list.json').length, Object.keys(data).length, data.version];\n",
                ),
            ],
        );
        prints(&case, "1.2 version,class,__proto__,default true 1.2 1.2 2,4,1.2");
    }
}

#[test]
fn review_6_21_a_linked_common_js_module_knows_its_file() {
    let names = "const path = require('node:path');\nfunction inner(__dirname) { return __dirname; }\n\
                 module.exports = [typeof __filename, path.basename(__filename), path.relative(__dirname, __filename), inner('own')].join();\n";
    let case = workspace(
        "bundle backend { packages bundle; }\n",
        MODULE,
        &[
            (
                "src/backend/index.ts",
                "import names from './k.cjs';\nimport of from 'of';\nimport declared from './declared.cjs';\nconsole.log(names, of, declared, typeof __filename);\n",
            ),
            ("src/backend/k.cjs", names),
            ("src/backend/declared.cjs", "var __filename = 'own';\nmodule.exports = __filename;\n"),
            ("node_modules/of/package.json", "{ \"name\": \"of\" }"),
            ("node_modules/of/index.js", names),
        ],
    );
    case.build_ok(&[]);
    let materialised = "string,k.cjs,k.cjs,own string,index.js,index.js,own own undefined";
    assert_eq!(case.printed("build/backend/index.js"), materialised);
    // Linked it is in the file that all of it is in, as `import.meta.filename` says.
    publish_ok(&case);
    let linked = "string,index.js,index.js,own string,index.js,index.js,own own undefined";
    assert_eq!(case.printed("dist/backend/index.js"), linked);
}
