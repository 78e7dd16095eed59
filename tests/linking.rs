//! What imports mean when modules are materialised and linked.

use crate::support::Case;

const PACKAGE: (&str, &str) =
    ("package.json", "{ \"name\": \"page\", \"type\": \"module\", \"webstir\": { \"mode\": \"api\" } }\n");

fn workspace(rules: &str, files: &[(&str, &str)]) -> Case {
    let case = Case::with(files);
    case.write(PACKAGE.0, PACKAGE.1);
    case.write(
        "webstir.kdl",
        &format!("workspace \"page\" {{ mode \"api\"; }}\ntypecheck backend remove=#true\n{rules}"),
    );
    case
}

#[test]
fn review_6_17_a_browser_has_no_builtins() {
    let case = workspace(
        "bundle backend { platform browser; packages bundle; }\n",
        &[
            ("node_modules/events/package.json", "{ \"name\": \"events\", \"main\": \"events.js\" }"),
            ("node_modules/events/events.js", "module.exports = { mine: 'the package' };"),
            (
                "src/backend/index.ts",
                "import events from 'events';\nimport path from 'path';\nconsole.log((events as any).mine, typeof path);\n",
            ),
        ],
    );
    assert_eq!(case.run(&["publish"]).code, Some(0));
    let text = case.read("dist/backend/index.js");
    assert!(
        text.contains("the package") && !text.contains("from\"events\"") && text.contains("from\"path\""),
        "{text}"
    );
    // Node brings it.
    case.replace("webstir.kdl", "platform browser; ", "");
    assert_eq!(case.run(&["publish"]).code, Some(0));
    assert!(!case.read("dist/backend/index.js").contains("the package"));
}

#[test]
fn review_6_18_imports_are_those_of_the_nearest_package() {
    let case = workspace(
        "",
        &[
            (
                "src/backend/index.ts",
                "import { word } from './inner/deep/use.js';\nimport { outer } from './outer.js';\nconsole.log(word, outer);\n",
            ),
            ("src/backend/outer.ts", "import { word } from '#word';\nexport const outer = word;\n"),
            (
                "src/backend/inner/package.json",
                "{ \"type\": \"module\", \"imports\": { \"#word\": \"./word.js\", \"#lib/*\": { \"node\": \"./lib/*.js\" } } }",
            ),
            ("src/backend/inner/word.ts", "export const word = 'inner';\n"),
            ("src/backend/inner/lib/a.ts", "export const a = 'a';\n"),
            (
                "src/backend/inner/deep/use.ts",
                "import { word as w } from '#word';\nimport { a } from '#lib/a';\nexport const word = w + a;\n",
            ),
            ("src/backend/word.ts", "export const word = 'root';\n"),
        ],
    );
    case.write(PACKAGE.0, "{ \"name\": \"page\", \"type\": \"module\", \"imports\": { \"#word\": \"./src/backend/word.js\" }, \"webstir\": { \"mode\": \"api\" } }\n");
    case.build_ok(&[]);
    assert_eq!(case.printed("build/backend/index.js"), "innera root");
    assert_eq!(case.run(&["publish"]).code, Some(0));
    assert_eq!(case.printed("dist/backend/index.js"), "innera root");
    // Without a file of its own it belongs to the one above.
    case.remove("src/backend/inner/package.json");
    case.replace("src/backend/inner/deep/use.ts", "import { a } from '#lib/a';", "const a = '';");
    case.build_ok(&[]);
    assert_eq!(case.printed("build/backend/index.js"), "root root");
}

#[test]
fn review_6_19_json_modules_export_their_names() {
    let case = workspace(
        "",
        &[
            (
                "src/backend/data.json",
                "{ \"version\": \"1.2\", \"class\": 1, \"a-b\": 2, \"list\": [1, 2], \"__proto__\": null, \"version\": \"1.3\", \"n\": 1.10 }",
            ),
            ("src/backend/text.json", "\"text\""),
            (
                "src/backend/index.ts",
                "import data, { version, list, n } from './data.json';\nimport text from './text.json';\nimport * as all from './data.json';\n\
                 console.log(version, list.length, n, data.version, data.list === list, data['a-b'], (data as any).class, text, Object.keys(all).join(), Object.keys(data).join());\n",
            ),
        ],
    );
    let right = "1.3 2 1.1 1.3 true 2 1 text default,list,n,version version,class,a-b,list,__proto__,n";
    case.build_ok(&[]);
    assert_eq!(case.printed("build/backend/index.js"), right);
    assert_eq!(case.run(&["publish"]).code, Some(0));
    assert_eq!(case.printed("dist/backend/index.js"), right);
}

#[test]
fn review_6_24_a_function_with_the_name_of_a_helper_is_the_users() {
    let case = workspace(
        "",
        &[
            ("src/backend/tsconfig.json", "{ \"compilerOptions\": { \"experimentalDecorators\": true } }"),
            (
                "src/backend/index.ts",
                "const seen: string[] = [];\nfunction _ts_decorate(_: unknown, __: unknown, name: string) { seen.push(name); }\nclass A {}\n\
                 _ts_decorate([], A, 'first'); _ts_decorate([], A.prototype, 'second');\nconst d = (): any => () => {};\nclass B { @d() m() {} }\nconsole.log(seen.join(), typeof B);\n",
            ),
        ],
    );
    case.build_ok(&[]);
    assert_eq!(case.printed("build/backend/index.js"), "first,second function");
}
