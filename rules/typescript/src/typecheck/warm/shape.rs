//! What a file is to the other files of a program.
//!
//! A [`Shape`] follows from the text of one file. Files with equal [interfaces](Shape::interface) are the same to whoever imports
//! them: the [interface] is what the file declares where that can be told from it alone, and its whole text otherwise.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use swc_core::ecma::ast::{
    CallExpr, Callee, ExportAll, Expr, ExprOrSpread, ImportDecl, Lit, Module, ModuleItem, NamedExport, Program,
    TsExternalModuleRef, TsImportType, TsModuleDecl, TsModuleName, TsNamespaceExportDecl, UsingDecl,
};
use swc_core::ecma::visit::{Visit, VisitWith};
use webstir_engine::digest::{Digest, KeyHasher};
use webstir_engine::path::RelPath;

use crate::declarations::interface;
use crate::source::{Language, ParsedModule};

/// What a file is to others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Shape {
    /// Equal when the file is the same to its importers.
    pub(super) interface: Interface,
    /// Whether it may declare something that others see without importing it.
    pub(super) is_global: bool,
    /// Whether something in it is disposed of.
    pub(super) has_using: bool,
    /// Whether it has JSX by its name, and imports what that needs.
    pub(super) has_jsx: bool,
    /// What it imports; `None` when it may be anything.
    pub(super) imports: Option<BTreeSet<Box<str>>>,
}

/// What of a file matters to its importers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Interface {
    /// All types that it gives are said there.
    Declared(Digest),
    /// The whole text: some types are inferred.
    Inferred(Digest),
}

impl Shape {
    /// The shape of the file at `path`.
    pub(super) fn of(path: &RelPath, text: &str) -> Self {
        let whole = KeyHasher::new("webstir whole interface v1").text(text).finish();
        let opaque = Self {
            interface: Interface::Inferred(whole),
            is_global: true,
            has_using: true,
            has_jsx: false,
            imports: None,
        };
        match Language::of(path) {
            Some(Language::Json) => {
                return Self { is_global: false, has_using: false, imports: Some(BTreeSet::new()), ..opaque };
            }
            Some(language) if language.is_typescript() => {}
            // What a script exports and declares is found in its bodies too.
            _ => return opaque,
        }
        let Ok(module) = ParsedModule::parse_with_ambient(path, text) else { return opaque };
        // A script has none: all that it declares is global.
        let declared = interface(path, text);
        let declared = declared.map(|text| KeyHasher::new("webstir declared interface v2").text(&text).finish());
        // Whose JSX it is may be said in a comment.
        let is_told = !text.contains("@jsxImportSource");
        let has_jsx = Language::of(path).is_some_and(Language::has_jsx);
        module.consume(|parts| {
            let mut found = Found::default();
            parts.program.visit_with(&mut found);
            let is_script = match &parts.program {
                Program::Module(Module { body, .. }) => {
                    !body.iter().any(|item| matches!(item, ModuleItem::ModuleDecl(_)))
                }
                Program::Script(_) => true,
            };
            Self {
                interface: match declared {
                    Some(declared) => Interface::Declared(declared),
                    None if Language::of(path) == Some(Language::Declarations) => Interface::Declared(whole),
                    None => Interface::Inferred(whole),
                },
                is_global: is_script || found.is_global,
                has_using: found.has_using,
                has_jsx,
                imports: is_told.then_some(found.specifiers),
            }
        })
    }
}

/// Whether the file at `path` declares something that others see without importing it, as [`Shape::is_global`], and hardly ever parsed for that.
pub(super) fn is_global(path: &RelPath, text: &str) -> bool {
    let is_typescript = Language::of(path).is_some_and(Language::is_typescript);
    let declares = || text.contains("declare") && (text.contains("global") || text.contains("module"));
    let is_plain = is_typescript && begins_as_module(text) && !declares() && !text.contains("namespace");
    !is_plain && Shape::of(path, text).is_global
}

/// Whether the first thing in a text, comments apart, is certainly an import or an export.
fn begins_as_module(text: &str) -> bool {
    let mut rest = text.trim_start();
    loop {
        rest = match rest.as_bytes() {
            [b'/', b'/', ..] => rest.split_once('\n').map_or("", |(_, rest)| rest),
            [b'/', b'*', ..] => rest[2..].split_once("*/").map_or("", |(_, rest)| rest),
            _ => break,
        }
        .trim_start();
    }
    let is_followed = |word: &str, by: &[u8]| {
        let after = rest.strip_prefix(word).map(|after| (after, after.trim_start().as_bytes().first()));
        after.is_some_and(|(after, first)| {
            let is_word = after.starts_with(|next: char| next == '_' || next == '$' || next.is_alphanumeric());
            !is_word && first.is_some_and(|first| first.is_ascii_alphabetic() || by.contains(first))
        })
    };
    is_followed("import", b"{*\"'_$") || is_followed("export", b"{*@_$")
}

/// The lines of a text that may say what else to load.
pub(super) fn references(text: &str) -> Vec<&str> {
    let lines = text.lines().map(str::trim);
    lines.filter(|line| line.starts_with("///") && line.contains('<')).collect()
}

#[derive(Default)]
struct Found {
    specifiers: BTreeSet<Box<str>>,
    is_global: bool,
    has_using: bool,
}

impl Found {
    fn specifier(&mut self, specifier: &swc_core::ecma::ast::Str) {
        self.specifiers.insert(specifier.value.to_string_lossy().into());
    }

    fn argument(&mut self, argument: Option<&ExprOrSpread>) {
        match argument.map(|argument| &*argument.expr) {
            Some(Expr::Lit(Lit::Str(literal))) => self.specifier(literal),
            Some(Expr::Tpl(template)) if template.exprs.is_empty() => {
                let cooked = template.quasis.iter().filter_map(|part| part.cooked.as_ref());
                self.specifiers.extend(cooked.map(|text| text.to_string_lossy().into()));
            }
            _ => {}
        }
    }
}

impl Visit for Found {
    fn visit_import_decl(&mut self, import: &ImportDecl) {
        self.specifier(&import.src);
    }

    fn visit_export_all(&mut self, export: &ExportAll) {
        self.specifier(&export.src);
    }

    fn visit_named_export(&mut self, export: &NamedExport) {
        if let Some(source) = &export.src {
            self.specifier(source);
        }
    }

    fn visit_ts_external_module_ref(&mut self, reference: &TsExternalModuleRef) {
        self.specifier(&reference.expr);
    }

    fn visit_ts_import_type(&mut self, import: &TsImportType) {
        self.specifier(&import.arg);
        import.visit_children_with(self);
    }

    fn visit_call_expr(&mut self, call: &CallExpr) {
        let is_request = match &call.callee {
            Callee::Import(_) => true,
            Callee::Expr(callee) => callee.as_ident().is_some_and(|name| name.sym == "require"),
            Callee::Super(_) => false,
        };
        if is_request {
            self.argument(call.args.first());
        }
        call.visit_children_with(self);
    }

    fn visit_ts_module_decl(&mut self, module: &TsModuleDecl) {
        self.is_global |= module.global || matches!(module.id, TsModuleName::Str(_));
        module.visit_children_with(self);
    }

    fn visit_using_decl(&mut self, using: &UsingDecl) {
        self.has_using = true;
        using.visit_children_with(self);
    }

    fn visit_ts_namespace_export_decl(&mut self, _: &TsNamespaceExportDecl) {
        self.is_global = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(name: &str, text: &str) -> Shape {
        Shape::of(&RelPath::new(name).unwrap(), text)
    }

    /// Whether an importer sees a difference.
    fn differ(before: &str, after: &str) -> bool {
        shape("a.ts", before).interface != shape("a.ts", after).interface
    }

    #[test]
    fn what_no_importer_sees() {
        for (before, after) in [
            ("export function f(): number { return 1 }", "export function f(): number { const a = 1; return a }"),
            ("export const f = (): number => 1;", "export const f = (): number => 2;"),
            (
                "export class A { m(): void {} set s(v: 1) {} }",
                "export class A { m(): void { f() } set s(v: 1) { g(v) } }",
            ),
            (
                "export class A { a: 1; constructor(a: 1) { this.a = a }}",
                "export class A { a: 1; constructor(a: 1) { let b = a; this.a = b }}",
            ),
            ("// one\nexport const a = 1; // two\n", "\n\n  export const a = 1;\n/* three */"),
            (
                "export function f(): void { let a; a = 1 }",
                "export function f(): void { let b; [b] = [1]; for (b of []) {} }",
            ),
            ("export function f(): void { const o = {}; o.a = 1 }", "export function f(): void {}"),
            ("export function f(): void { process.title = '' }", "export function f(): void {}"),
            (
                "export class A { private a = new Map<1, 1>(); private b(): 1 { return 1 } #c = 1; d(): void { this.b() }}",
                "export class A { private a = new Map<1, 1>(); private b(): 1 { this.a; return 1 } #c = 2; d(): void {}}",
            ),
        ] {
            assert!(!differ(before, after), "{before}");
        }
    }

    #[test]
    fn what_an_importer_may_see() {
        for (before, after) in [
            ("export function f() { return 1 }", "export function f() { return '' }"),
            ("export const a = 1;", "export const a = 2;"),
            ("export const a = ` `;", "export const a = `  `;"),
            ("export const a = ' // ';", "export const a = ' ';"),
            ("export class A { private a = 1 }", "export class A { private a = '' }"),
            ("export class A { a; constructor() { this.a = 1 }}", "export class A { a; constructor() { this.a = '' }}"),
            ("export enum E { A = 1 }", "export enum E { A = 2 }"),
            ("export class A { private a = 1 }", "export class A { protected a = 1 }"),
            ("export class A { private a = 1 }", "export class A { a = 1 }"),
            ("export class A { private a(): 1 { return 1 } }", "export class A { private a(): 2 { return 2 } }"),
            ("export class A { private constructor(a: 1) {} }", "export class A { private constructor(a: 2) {} }"),
            ("export class A { constructor(private a: 1) {} }", "export class A { constructor(private a: 2) {} }"),
            ("export class A { private a = new Map<1, 1>() }", "export class A { private a = new Map<1, 2>() }"),
            ("const b = 1; export class A { private a = [b] }", "const b = 2; export class A { private a = [b] }"),
            ("export class A { #b = 1; private a = [this.#b] }", "export class A { #b = ''; private a = [this.#b] }"),
            (
                "namespace N { const b = 1; export class A { private a = [b] } } export import B = N.A",
                "namespace N { const b = ''; export class A { private a = [b] } } export import B = N.A",
            ),
            // What nobody wrote is inferred, from whatever stands there.
            ("export const a = f((): void => { this.b });", "export const a = f((): void => {});"),
            (
                "let a = d(); function b(): void { a = 1 } export const c = () => a;",
                "let a = d(); function b(): void {} export const c = () => a;",
            ),
            (
                "let a = d(); function b(): void { [a] = [1] } export const c = () => a;",
                "let a = d(); function b(): void {} export const c = () => a;",
            ),
            (
                "let a = d(); function b(): void { for (a of d()) {} } export const c = () => a;",
                "let a = d(); function b(): void {} export const c = () => a;",
            ),
            (
                "let a = d(); function b(): void { a!++ } export const c = () => a;",
                "let a = d(); function b(): void {} export const c = () => a;",
            ),
            // Properties of functions are part of their types.
            (
                "export function f() {} function g(): void { f.a = 1 }",
                "export function f() {} function g(): void { f.a = '' }",
            ),
            ("/// <reference types='a' />\nexport const a = 1;", "export const a = 1;"),
            // A script becomes a module by what stands in a body.
            ("function f(): void {}", "function f(): void { import.meta }"),
            ("export const a = 1", "export const a = "),
        ] {
            assert!(differ(before, after), "{before}");
        }
    }

    #[test]
    fn what_a_file_imports_and_whether_it_is_global() {
        let found = shape("a.tsx", "import './a'; import type B from 'b'; export * from './c';");
        assert_eq!(found.imports.as_ref().map(BTreeSet::len), Some(3));
        assert!(found.has_jsx && !found.is_global);
        let text = "export { d } from 'd'; import e = require('e'); type F = import('f').F; void import('g'); require(`h`); function i(): void { import('j') }";
        let names: Vec<_> = shape("a.ts", text).imports.unwrap().into_iter().map(String::from).collect();
        assert_eq!(names, ["d", "e", "f", "g", "h", "j"]);
        for text in [
            "const a = 1;",
            "export {}; declare global {}",
            "export {}; declare module 'a' {}",
            "export as namespace A; export {};",
        ] {
            assert!(shape("a.d.ts", text).is_global, "{text}");
        }
        assert!(!shape("a.d.ts", "export declare namespace N {}").is_global);
        assert_eq!(shape("a.ts", "export const = 1").imports, None);
        assert_eq!(shape("a.js", "export const a = 1").imports, None);
        assert_eq!(shape("a.tsx", "/** @jsxImportSource a */ export {}").imports, None);
        assert_eq!(shape("a.json", "{}").imports, Some(BTreeSet::new()));
    }

    #[test]
    fn what_is_global_is_told_without_parsing_where_it_can_be() {
        for text in [
            "import a from 'a'",
            "// a\n/* b */ export * from 'a'",
            "import{a}from 'a'",
            "import 'a'",
            "export default 1",
            "importA()",
            "import('a')",
            "import.meta.url",
            "/* export {} */",
            "export = a",
            "import a = require('a')",
            "'use strict'; export {}",
            "export {}; declare global {}",
            "import 'a'; declare module 'b' {}",
            "export as namespace A",
            "export as namespace A; export {}",
        ] {
            let path = RelPath::new("a.d.ts").unwrap();
            assert_eq!(is_global(&path, text), Shape::of(&path, text).is_global, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_has_a_shape(text in "(export |function f\\(\\): void |[{}()=;`$/*'\" \n]|this|//x\n|\\PC){0,30}") {
            shape("a.ts", &text);
        }
    }
}
