//! Projects in which something is wrong.

use crate::tools::STRICT;

pub(crate) type Project = (&'static str, &'static [(&'static str, &'static str)]);

const LOOSE: &str = r#"{"compilerOptions": {"types": ["gone"], "lib": ["es2022"], "strict": true}, "files": ["a.ts"]}"#;

/// Projects of which all compilers say the same.
pub(crate) const COMMON: &[Project] = &[
    (
        "types",
        &[
            ("tsconfig.json", STRICT),
            (
                "src/a.ts",
                "\u{feff}const ä = '🙂'; export const n: number = ä;\nfunction f(x: string): void;\nfunction f(x: number): void;\nfunction f(x: any) {}\nf(true);\n",
            ),
            (
                "src/b.ts",
                "import { a } from './a.js';\nexport default class { x = 1; x = '2'; private y = this.z }\nlabel: label: for (;;) {}\n",
            ),
            (
                "src/c.cts",
                "export = { a: 1 };\nlet a: typeof import('./b.ts', {with: {'resolution-mode': 'import'}}) = 1; with (a) {}\n",
            ),
        ],
    ),
    ("types that are gone", &[("tsconfig.json", LOOSE), ("a.ts", "export const a: number = '';\n")]),
    (
        "scripts and declarations",
        &[
            (
                "tsconfig.json",
                "{\"compilerOptions\": {\"allowJs\": true, \"checkJs\": true, \"declaration\": true, \"isolatedDeclarations\": false, \"types\": [], \"lib\": [\"es2022\"], \"outDir\": \"out\", \"rootDir\": \".\",},\n \"exclude\": [\"out\"], \"nope\": true, /* ü */ \"compileOnSave\": 1 }",
            ),
            (
                "a.js",
                "/** @type {number} */\nexport const x = 'é';\nexport const y = new (class { #p = 1; get q() { return this.#r } })();\n",
            ),
            (
                "b.ts",
                "import { x } from './a.js';\nexport const z: string = x; interface I { a: I2 }\nexport const { ...rest } = { a: 1 as unknown as I };\n",
            ),
        ],
    ),
    (
        "no library",
        &[
            ("tsconfig.json", r#"{"compilerOptions": {"noLib": true, "types": []}}"#),
            (
                "lib.ts",
                "interface Array<T> {} interface Boolean {} interface CallableFunction {} interface Function {} interface IArguments {} interface NewableFunction {} interface Number {} interface Object {} interface RegExp {} interface String {}\nfunction* g() { yield 1; }\n",
            ),
            ("user.ts", "const z: number = '';\n"),
        ],
    ),
    (
        "an absent base",
        &[
            ("tsconfig.json", r#"{"extends": "./absent.json", "compilerOptions": {"types": [], "lib": ["es2022"]}}"#),
            ("a.ts", "export const a: number = '';\n"),
        ],
    ),
    (
        "an absent base and no library",
        &[
            ("tsconfig.json", r#"{"extends": "./absent.json", "compilerOptions": {"noLib": true}}"#),
            ("a.ts", "export const a: number = '';\n"),
        ],
    ),
    (
        "syntax",
        &[
            ("tsconfig.json", STRICT),
            ("src/a.ts", "export const a = `${;\nlet let = 1\n"),
            ("src/b.ts", "const x: number = '';"),
        ],
    ),
    (
        "isolated declarations",
        &[
            (
                "tsconfig.json",
                r#"{"compilerOptions": {"composite": true, "isolatedDeclarations": true, "types": [], "lib": ["es2022"]}}"#,
            ),
            ("a.ts", "export const a = f();\nfunction f() { return 1 }\n"),
        ],
    ),
];

/// Projects of which compilers before TypeScript 7 say things of their own.
pub(crate) const OLDER: &[Project] = &[
    (
        "a configuration that is none",
        &[
            ("tsconfig.json", "{ \"compilerOptions\": { \"strict\": tru, }, [ }"),
            ("a.ts", "export const a: number = '';\n"),
        ],
    ),
    ("an empty configuration", &[("tsconfig.json", ""), ("a.ts", "export const a: number = '';\n")]),
    (
        "no files",
        &[
            ("tsconfig.json", r#"{"include": ["src"], "compilerOptions": {"target": "es1", "module": 5}}"#),
            ("a.ts", ""),
        ],
    ),
    (
        "options against each other",
        &[
            (
                "tsconfig.json",
                r#"{"compilerOptions": {"isolatedModules": true, "preserveConstEnums": false, "types": [], "emitDeclarationOnly": true, "allowImportingTsExtensions": true, "tsBuildInfoFile": "x", "outFile": "y.js", "module": "commonjs", "lib": ["es2022"]}, "files": ["a.ts", "absent.ts"]}"#,
            ),
            ("a.ts", "export const a: number = '';\n"),
        ],
    ),
    (
        "missing global types in two files",
        &[
            (
                "tsconfig.json",
                r#"{"compilerOptions": {"types": [], "lib": ["es5"], "target": "es2022", "strict": true}}"#,
            ),
            ("a.ts", "export async function a() { using x = null; await x; }\n"),
            ("b.ts", "export async function* b() { await using y = null; yield y; }\nexport const n: number = '';\n"),
        ],
    ),
    (
        "unions",
        &[
            ("tsconfig.json", STRICT),
            (
                "src/a.ts",
                "import type { U } from './c.js';\nexport const a: U = 1 as never as { k: 'z' | 'b' | 'a' };\nexport type V = 'q' | 'a';\n",
            ),
            (
                "src/b.ts",
                "import type { V } from './a.js';\nexport const b: V | 'z' = 1;\nexport function f(x: { a: 'b' | 'a' | V }): 'z' { return x.a }\n",
            ),
            (
                "src/c.ts",
                "export type U = 'b' | 'a' | 'q' | { k: 'q' | 'z' };\nexport const u: Record<'x' | 'a', U> = { x: 'b' };\n",
            ),
        ],
    ),
    (
        "ambient files and duplicates",
        &[
            ("tsconfig.json", STRICT),
            (
                "src/a.d.ts",
                "declare module 'shim' { export const s: number }\ndeclare const ambient: number;\ninterface Same { x: number }\n",
            ),
            ("src/b.ts", "const ambient = 's';\ninterface Same { x: string }\nlet once: Missing;\n"),
            (
                "src/c.ts",
                "import { s, t } from 'shim';\nexport const c: string = s;\ndeclare global { interface Same { y: Absent } }\nlet once = 1;\nexport { once, t };\n",
            ),
            ("src/d.ts", "let once = 2; class Same {}\n"),
        ],
    ),
    (
        "JSON, paths, JSX and scripts",
        &[
            (
                "tsconfig.json",
                r#"{"compilerOptions": {"strict": true, "module": "esnext", "moduleResolution": "bundler", "target": "es2022", "lib": ["es2022", "dom"], "types": [], "jsx": "react-jsx", "jsxImportSource": "ui", "resolveJsonModule": true, "allowJs": true, "checkJs": true, "declaration": true, "outDir": "out", "paths": {"@/*": ["./src/*"]}}, "include": ["src"]}"#,
            ),
            ("src/data.json", r#"{"n": 1, "deep": {"list": ["a", 2]}}"#),
            ("src/lib/low.ts", "export const low = 1;\n"),
            (
                "src/view.tsx",
                "import data from '@/data.json';\nimport { low } from '@/lib/low';\nexport const v = <div id={low} />;\nexport const n: string = data.n;\nexport const w = <Nope />;\nexport const l: string = data.deep.list[0];\n",
            ),
            (
                "src/plain.js",
                "import { low } from '@/lib/low';\n/** @param {string} x @returns {number} */\nexport function p(x) { return x + low }\nmodule.exports.q = p(1);\n",
            ),
            (
                "node_modules/ui/package.json",
                r#"{"name": "ui", "exports": {"./jsx-runtime": {"types": "./jsx.d.ts"}}}"#,
            ),
            (
                "node_modules/ui/jsx.d.ts",
                "export namespace JSX { interface IntrinsicElements { div: { id?: string } } interface Element { e: 1 } }\nexport declare function jsx(): JSX.Element;\n",
            ),
        ],
    ),
    (
        "declarations alone",
        &[
            (
                "tsconfig.json",
                r#"{"compilerOptions": {"strict": true, "declaration": true, "types": [], "lib": ["es2022"], "target": "es2022", "module": "esnext", "moduleResolution": "bundler", "resolveJsonModule": true, "incremental": true}}"#,
            ),
            ("data.json", r#"{"n": 1}"#),
            (
                "a.ts",
                "import data from './data.json';\nclass Hidden { private x = data.n }\nexport const a = class { private p = 1; protected q = new Hidden() };\nexport default class extends a {}\n",
            ),
            (
                "b.ts",
                "import { a } from './a';\nexport const b = new a();\nexport function f() { class Inner { #x = 1; private y = 2 } return Inner }\nexport const { ...g } = { f };\n",
            ),
        ],
    ),
    (
        "references",
        &[
            (
                "tsconfig.json",
                r#"{"compilerOptions": {"composite": true, "types": [], "lib": ["es2022"], "outDir": "out", "rootDir": "."}, "files": ["a.ts"], "references": [{"path": "./built"}, {"path": "./unbuilt"}, {"path": "./gone"}, {"path": "./loose/tsconfig.loose.json"}]}"#,
            ),
            (
                "a.ts",
                "import { b } from './built/b';\nimport { u } from './unbuilt/u';\nimport { l } from './loose/l';\nexport const a: string = b;\nexport { u, l };\n",
            ),
            (
                "built/tsconfig.json",
                r#"{"compilerOptions": {"composite": true, "types": [], "lib": ["es2022"], "outDir": "out"}, "files": ["b.ts"], "references": [{"path": ".."}]}"#,
            ),
            ("built/b.ts", "export const b = 'text';\n"),
            ("built/out/b.d.ts", "export declare const b = 1;\n"),
            ("unbuilt/tsconfig.json", r#"{"compilerOptions": {"composite": true, "types": []}, "files": ["u.ts"]}"#),
            ("unbuilt/u.ts", "export const u = 1;\n"),
            ("loose/tsconfig.loose.json", r#"{"compilerOptions": {"types": []}, "files": ["l.ts"]}"#),
            ("loose/l.ts", "export const l = 1;\n"),
        ],
    ),
    (
        "packages, types and what extends them",
        &[
            (
                "tsconfig.json",
                r#"{"extends": ["@base/cfg", "./more.json"], "compilerOptions": {"moduleResolution": "node10", "module": "commonjs", "ignoreDeprecations": "6.0"}, "include": ["src/**/*"], "exclude": ["src/out"]}"#,
            ),
            ("more.json", r#"{"compilerOptions": {"noUnusedLocals": true, "lib": ["es2022"]}}"#),
            ("node_modules/@base/cfg/tsconfig.json", r#"{"compilerOptions": {"strict": true}}"#),
            ("node_modules/@base/cfg/package.json", r#"{"name": "@base/cfg"}"#),
            ("node_modules/@types/auto/index.d.ts", "declare const auto: number;\n"),
            ("node_modules/@types/untyped/index.d.ts", "export declare function call(x: number): string;\n"),
            ("node_modules/untyped/index.js", "exports.call = () => {};\n"),
            ("node_modules/bare/package.json", r#"{"name": "bare", "version": "1.0.0", "main": "x.js"}"#),
            ("node_modules/bare/x.js", "exports.x = 1;\n"),
            (
                "src/a.ts",
                "import { call } from 'untyped';\nimport { x } from 'bare';\nimport gone from 'gone';\nconst unused = 1;\nexport const a: number = call(auto);\n// @ts-expect-error\nexport { x, gone };\n",
            ),
            ("src/out/skipped.ts", "const skipped: number = '';\n"),
            ("src/.hidden/h.ts", "const hidden: number = '';\n"),
        ],
    ),
    (
        "classic",
        &[
            (
                "tsconfig.json",
                r#"{"compilerOptions": {"moduleResolution": "classic", "module": "es2015", "target": "es2017", "types": [], "lib": ["es2017"], "baseUrl": ".", "ignoreDeprecations": "6.0"}}"#,
            ),
            ("up.ts", "export const up = 1;\n"),
            (
                "deep/er/a.ts",
                "import { up } from 'up';\nexport const a: string = up;\nimport { no } from 'no';\nexport { no };\n",
            ),
        ],
    ),
];
