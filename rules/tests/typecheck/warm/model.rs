//! A project of modules that depend on each other in many ways.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use crate::tools::STRICT;

/// One module: what it exports is `f`, `v` and `T` with its number.
#[derive(Clone)]
pub(crate) struct Module {
    pub(crate) kind: usize,
    pub(crate) imports: BTreeSet<usize>,
    pub(crate) body: usize,
    pub(crate) signature: usize,
    pub(crate) field: usize,
    pub(crate) hidden: usize,
    pub(crate) comment: usize,
    pub(crate) wrong: bool,
    pub(crate) broken: bool,
    pub(crate) renamed: bool,
}

#[derive(Clone)]
pub(crate) struct Model {
    pub(crate) modules: BTreeMap<usize, Module>,
    pub(crate) isolated: bool,
    pub(crate) strict: bool,
    pub(crate) ambient: usize,
    pub(crate) global: usize,
    pub(crate) augmentation: usize,
}

pub(crate) const KINDS: usize = 8;
const TYPES: [&str; 3] = ["number", "string", "boolean"];
const VALUES: [&str; 3] = ["1", "\"s\"", "true"];

impl Module {
    pub(crate) fn new(kind: usize, imports: BTreeSet<usize>) -> Self {
        Self {
            kind,
            imports,
            body: 0,
            signature: 0,
            field: 0,
            hidden: 0,
            comment: 0,
            wrong: false,
            broken: false,
            renamed: false,
        }
    }

    /// Whether the function says what it returns.
    pub(crate) fn is_annotated(&self) -> bool {
        self.kind != 1
    }

    fn render(&self, number: usize, isolated: bool) -> String {
        let mut text = String::new();
        for line in 0..self.comment {
            writeln!(text, "// line {line}").unwrap();
        }
        for import in &self.imports {
            let line = match self.kind {
                6 => format!("import type {{ T{import} }} from './m{import}.js';"),
                5 => format!(
                    "export * from './m{import}.js';\nimport {{ v{import}, type T{import} }} from './m{import}.js';"
                ),
                _ => format!("import {{ f{import}, v{import}, type T{import} }} from './m{import}.js';"),
            };
            writeln!(text, "{line}").unwrap();
        }
        let (kind, value) = (TYPES[self.signature % 3], VALUES[self.signature % 3]);
        let name = if self.renamed { format!("renamed{number}") } else { format!("f{number}") };
        let field = if self.field.is_multiple_of(2) { "name" } else { "title" };
        let hidden = TYPES[self.hidden % 3];
        let mut below = String::new();
        for import in &self.imports {
            write!(below, "; from{import}: T{import}").unwrap();
        }
        writeln!(text, "export interface T{number} {{ {field}: {kind}{below} }}").unwrap();
        let mut body = format!("  const local = {};\n", self.body);
        if self.wrong {
            body += "  const wrong: string = 1;\n";
        }
        if self.kind != 6 {
            for import in &self.imports {
                if self.kind != 5 {
                    writeln!(body, "  f{import}({import});").unwrap();
                }
                writeln!(body, "  const n{import}: number = v{import}.value; void n{import};").unwrap();
                writeln!(body, "  const t{import}: T{import} = {{ name: 1 }} as never; void t{import}.name;").unwrap();
            }
        }
        body += "  void local;\n";
        let first = self.imports.first().filter(|_| self.kind != 6);
        let chained = first.map_or(value.to_owned(), |import| format!("v{import}.value"));
        let annotation = if isolated { format!(": {{ value: {kind} }}") } else { String::new() };
        let chained = if isolated { value.to_owned() } else { chained };
        match self.kind {
            1 if !isolated => writeln!(text, "export function {name}(x: number) {{\n{body}  return {{ x, deep: {chained} }};\n}}\nexport const v{number} = {{ value: {name}(1).deep }};"),
            2 => writeln!(text, "export enum E{number} {{ A = {}, B }}\nexport const enum C{number} {{ X = {} }}\nexport function {name}(x: number): E{number} {{\n{body}  return x as E{number};\n}}\nexport const v{number}{annotation} = {{ value: {value} }};", self.signature, self.signature),
            3 => writeln!(text, "export class G{number}<T> {{\n  private hidden?: (x: T) => {hidden};\n  open!: {kind};\n  constructor(readonly item: T) {{\n    void this.hidden;\n  }}\n  method(): {kind} {{\n{body}    return this.open;\n  }}\n}}\nexport function {name}(x: number): G{number}<number> {{\n{body}  return new G{number}(x);\n}}\nexport const v{number}{annotation} = {{ value: {value} }};"),
            4 => writeln!(text, "export namespace N{number} {{\n  export const inner: {kind} = {value};\n  export type Inner = {kind};\n  export function make(): Inner {{\n{body}    return inner;\n  }}\n}}\nexport function {name}(x: number): N{number}.Inner {{\n{body}  void x;\n  return N{number}.make();\n}}\nexport const v{number}{annotation} = {{ value: {value} }};"),
            7 => writeln!(text, "export let state{number}: string | {kind} = {value};\nexport const arrow{number} = (x: number): {kind} => {{\n{body}  void x;\n  return {value};\n}};\nexport function {name}<K extends keyof T{number}>(x: number, key?: K): T{number}[K] | undefined {{\n  state{number} = 'again';\n{body}  void x; void key;\n  return undefined;\n}}\nexport const v{number}{annotation} = {{ value: arrow{number}(1) }};\nexport declare const web: Shared;\nexport const shared{number}: number = web.amount + ambientValue;"),
            _ => writeln!(text, "export function {name}(x: number): {kind} {{\n{body}  void x;\n  return {value};\n}}\nexport const v{number}{annotation} = {{ value: {chained} }};"),
        }
        .unwrap();
        if self.broken {
            text += "export const = ;\n";
        }
        text
    }
}

impl Model {
    pub(crate) fn files(&self) -> BTreeMap<String, String> {
        let mut files: BTreeMap<String, String> = self
            .modules
            .iter()
            .map(|(number, module)| (format!("src/m{number}.ts"), module.render(*number, self.isolated)))
            .collect();
        let mut config = STRICT.to_owned();
        if !self.strict {
            config = config.replace("\"strict\": true", "\"strict\": true, \"noUnusedLocals\": true");
        }
        if self.isolated {
            config = config
                .replace("\"strict\": true", "\"strict\": true, \"declaration\": true, \"isolatedDeclarations\": true");
        }
        files.insert("tsconfig.json".into(), config);
        files.insert("package.json".into(), r#"{"type": "module"}"#.into());
        files.insert(
            "src/ambient.d.ts".into(),
            format!("declare const ambientValue: {};\ninterface Legacy {{ x: number }}\n", TYPES[self.ambient % 3]),
        );
        files.insert(
            "src/global.ts".into(),
            format!(
                "import type {{ T0 }} from './m0.js';\ndeclare global {{\n  interface Shared {{ amount: {}; first: T0 }}\n}}\nexport {{}};\n",
                TYPES[self.global % 2]
            ),
        );
        files.insert(
            "src/augment.ts".into(),
            format!(
                "import './m1.js';\ndeclare module './m1.js' {{\n  interface T1 {{ extra?: {} }}\n}}\nexport const use = (t: Shared): string => t.first.name;\n",
                TYPES[self.augmentation % 3]
            ),
        );
        files
    }
}
