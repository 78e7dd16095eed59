//! CommonJS among the modules of a workspace: what its files are called, and what they mean to those that import them.

use crate::support::Case;

/// What `package.json` says of `.js` files.
const TYPES: [&str; 2] = ["\"type\": \"module\", ", ""];

fn workspace(kind: &str, files: &[(&str, &str)]) -> Case {
    let case = Case::with(files);
    case.write("package.json", &format!("{{ \"name\": \"page\", {kind}\"webstir\": {{ \"mode\": \"api\" }} }}\n"));
    case.write("webstir.kdl", "workspace \"page\" { mode \"api\"; }\ntypecheck backend remove=#true\n");
    case
}

#[track_caller]
fn prints(kind: &str, files: &[(&str, &str)], expected: &str) {
    let case = workspace(kind, files);
    case.build_ok(&[]);
    assert_eq!(case.printed("build/backend/index.js"), expected, "build, {kind}");
    let published = case.run(&["publish"]);
    assert_eq!(published.code, Some(0), "{}", published.stderr);
    // Apart from the workspace: a published file needs nothing beside it.
    assert_eq!(case.printed("dist/backend/index.js"), expected, "publish, {kind}");
}

#[test]
fn review_6_21_common_js_is_written_as_common_js() {
    for kind in TYPES {
        prints(
            kind,
            &[
                (
                    "src/backend/index.ts",
                    "import all, { one } from './k.cjs';\nimport k = require('./k.cjs');\nimport { createRequire } from 'node:module';\n\
                     console.log(one, all.one, k.one, typeof createRequire, (await import('./k.cjs')).one);\n",
                ),
                ("src/backend/k.cjs", "exports.one = 1;\nexports.two = require('./deep/l.cjs');\nthis.three = 3;\n"),
                ("src/backend/deep/l.cjs", "module.exports = typeof require('../k.cjs');\n"),
            ],
            "1 1 1 function 1",
        );
    }
}

#[test]
fn review_6_21_a_cts_source_is_common_js() {
    for kind in TYPES {
        prints(
            kind,
            &[
                (
                    "src/backend/index.ts",
                    "import all, { one, deep, up } from './k.cjs';\nimport k = require('./k.cjs');\nimport l from './l.cjs';\n\
                     up();\n\
                     console.log(one, all.one, k.one, all.default, deep, l.five, all.count);\n",
                ),
                (
                    "src/backend/k.cts",
                    "import { type Unused, deep } from './m.cjs';\nimport l = require('./l.cjs');\n\
                     export const one: number = l.five - 4;\nexport default 'the default';\nexport { deep };\n\
                     export let count = 0;\nexport function up() { count += 1; }\n",
                ),
                ("src/backend/l.cts", "class Five { five = 5 }\nexport = new Five();\n"),
                ("src/backend/m.cts", "export interface Unused { a: 1 }\nexport const deep = 'deep' as const;\n"),
            ],
            "1 1 1 the default deep 5 1",
        );
    }
}

#[test]
fn review_6_21_top_level_await_makes_a_module() {
    for kind in TYPES {
        prints(
            kind,
            &[
                ("src/backend/index.js", "const { two } = await import('./two.js');\nconsole.log(two, typeof this);\n"),
                (
                    "src/backend/two.js",
                    "for await (const two of [2]) globalThis.two = two;\nexport const { two } = globalThis;\n",
                ),
                ("src/backend/env.js", "console.log(await 3);\n"),
            ],
            "2 undefined",
        );
    }
}

#[test]
fn review_6_21_a_js_source_is_what_package_json_says() {
    prints(
        "",
        &[
            ("src/backend/index.ts", "import all, { one } from './k.js';\nconsole.log(one, all.one);\n"),
            ("src/backend/k.js", "exports.one = require('./l.js');\n"),
            ("src/backend/l.js", "module.exports = 1;\n"),
        ],
        "1 1",
    );
}
