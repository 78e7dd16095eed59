//! A project of modules that depend on each other in many ways.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use crate::tools::STRICT;

/// One module: what it exports is `f`, `v` and `T` with its number.
#[derive(Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is an edit that is made and taken back")]
pub(crate) struct Module {
    pub(crate) kind: usize,
    pub(crate) imports: BTreeSet<usize>,
    pub(crate) body: usize,
    pub(crate) signature: usize,
    pub(crate) field: usize,
    pub(crate) hidden: usize,
    pub(crate) comment: usize,
    /// Its digits in base 3 are values.
    pub(crate) value: usize,
    pub(crate) wrong: bool,
    pub(crate) wrong_value: bool,
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

pub(crate) const KINDS: usize = 11;
/// Kinds of which no finding shows a union.
pub(crate) const PLAIN: usize = 7;
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
            value: 0,
            wrong: false,
            wrong_value: false,
            broken: false,
            renamed: false,
        }
    }

    /// Whether the function says what it returns.
    pub(crate) fn is_annotated(&self) -> bool {
        self.kind != 1
    }

    /// Whether nobody sees the values that it begins with.
    pub(crate) fn hides_values(&self) -> bool {
        self.kind == 8
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
            8..=10 => self.render_values(number, &mut text, &body, &name, kind),
            _ => writeln!(text, "export function {name}(x: number): {kind} {{\n{body}  void x;\n  return {value};\n}}\nexport const v{number}{annotation} = {{ value: {chained} }};"),
        }
        .unwrap();
        if self.broken {
            text += "export const = ;\n";
        }
        text
    }
}

impl Module {
    /// Kinds in which values stand beside written types.
    fn render_values(&self, number: usize, text: &mut String, body: &str, name: &str, kind: &str) -> std::fmt::Result {
        let digit = |place: u32| self.value / 3_usize.pow(place) % 3;
        let [value, second, third, fourth] = [0, 1, 2, 3].map(|place| VALUES[digit(place)]);
        let (initial, enumerated) = (self.value, digit(4));
        let wrong = if self.wrong_value { "null" } else { "1" };
        let fixed = VALUES[self.signature % 3];
        match self.kind {
            8 => writeln!(
                text,
                "export const list{number}: string[] = [{initial}, ({wrong}).toFixed()].map((x) => `${{x}}`);
const inner{number}: string | boolean | number = {value};
export class P{number} {{
  prop: string | boolean | number = {value};
  static shared: {kind} | number = {initial};
  constructor(private readonly held: string | number | boolean = {value}) {{ void this.held; }}
  method(x: number = {initial}): {kind} {{ void x; return {fixed}; }}
}}
export namespace V{number} {{ export const spaced: string | number | boolean = {value}; }}
export const call{number}: (x?: number) => {kind} | string | undefined = function (x = {initial}) {{
  void inner{number};
  return x > {initial} ? undefined : 's';
}};
export function {name}(x: number = {initial} + {wrong}): {kind} {{
{body}  void x; return {fixed};
}}
export const v{number}: {{ value: {kind}; more: unknown }} = {{ value: {fixed}, more: {value} }};
export {{ inner{number} as other{number} }};"
            ),
            9 => writeln!(
                text,
                "type U{number} = string | boolean | number;
export let union{number}: U{number} = {value};
const between{number}: U{number} = union{number};
export const late{number} = () => between{number};
export type Q{number} = typeof between{number};
export function optional{number}(x: string | undefined = {}) {{ return x; }}
export function {name}(x: number): {kind} {{
{body}  const q: Q{number} = {third}; void q; void optional{number}().length; void x; return {fixed};
}}
export const v{number} = {{ value: between{number} }};",
                if digit(1).is_multiple_of(2) { "'s'" } else { "undefined" },
            ),
            _ => writeln!(
                text,
                "export const key{number}: unique symbol = Symbol('{enumerated}');
export interface Keyed{number} {{ [key{number}]: {kind} }}
export const call{number}: {{ (): void; extra: string | number | boolean }} = () => {{}};
call{number}.extra = {value};
export function open{number}() {{}}
open{number}.more = {second};
const arrow{number} = (): void => {{ open{number}.more.toString(); }};
const fixed{number}: number = {initial};
export enum E{number} {{ A = fixed{number}, B = {enumerated} }}
const list{number} = [];
const pushed{number}: number = list{number}.push({third});
let once{number}: string | boolean | number = 1 as never;
const told{number}: number = ((): number => {{ once{number} = {fourth}; return pushed{number}; }})();
export const once2{number} = once{number};
export function {name}(x: number): E{number} {{
{body}  arrow{number}(); void told{number}; return x as E{number};
}}
export const v{number} = {{ value: list{number}[0]!, more: open{number}.more }};"
            ),
        }
    }
}

impl Model {
    /// A module that looks at what others make of values.
    fn values(&self) -> String {
        let mut text = String::new();
        for (number, module) in &self.modules {
            let looks: &[&str] = match module.kind {
                8 => &["list", "other", "call", "v"],
                9 => &["union", "late", "optional", "v"],
                10 => &["call", "open", "once2", "v"],
                _ => continue,
            };
            writeln!(text, "import * as m{number} from './m{number}.js';").unwrap();
            for look in looks {
                writeln!(text, "export const {look}{number}: () => null = m{number}.{look}{number};").unwrap();
            }
            let kind = match module.kind {
                8 => format!("InstanceType<typeof m{number}.P{number}>['prop'] | typeof m{number}.V{number}.spaced"),
                9 => format!("m{number}.Q{number}"),
                _ => format!("keyof m{number}.Keyed{number} | m{number}.E{number}.A"),
            };
            writeln!(text, "export const kind{number}: {kind} = null;").unwrap();
        }
        text
    }

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
        files.insert("src/values.ts".into(), self.values());
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
