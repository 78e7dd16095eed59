//! What one module says about itself: its imports, its exports, its syntax errors.
//!
//! [`Facts`] follow from the text and the file name alone, so they are kept by content digest; [`Facts::linked`] applies the
//! [`EmitOptions`] and gives exactly the imports that the transpiled module will have. A [`ParsedModule`] is one parse that
//! gives the facts and can then be transpiled.

mod collect;
mod globals;
pub(crate) mod json;
mod jsx;
mod names;
mod nesting;
mod parse;
mod usage;

use serde::{Deserialize, Serialize};
use webstir_engine::diagnostic::{Diagnostic, Span};
use webstir_engine::path::RelPath;

use crate::tsconfig::{EmitOptions, Jsx};

pub(crate) use globals::ambient_names;
pub use names::{Name, Names};
pub(crate) use parse::{Collector, Parts, tidy};
pub use parse::{Language, ParsedModule, is_common_js};

/// How a module asks for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ImportKind {
    /// `import .. from "x"` and `import "x"`.
    Static,
    /// `export .. from "x"`.
    ExportFrom,
    /// `import("x")`.
    Dynamic,
    /// `require("x")` and `import x = require("x")`.
    Require,
    /// `import(expression)`: nobody knows before it runs.
    Unknown,
}

/// What the bindings of an import are used for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Usage {
    /// At least one is used as a value, or there are none.
    Value,
    /// `import type` or `export type`: never emitted.
    TypeOnly,
    /// Every binding is marked `type`; only `verbatimModuleSyntax` keeps the import, without bindings.
    InlineTypes,
    /// No binding is used as a value.
    Unused {
        /// The local names, which a JSX factory may refer to.
        locals: Box<[Box<str>]>,
        /// One is used by the types that `emitDecoratorMetadata` turns into values.
        metadata: bool,
    },
}

/// One request for another module.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Import {
    /// First byte of the specifier literal, its quote included; of the expression for [`ImportKind::Unknown`].
    pub start: u32,
    /// One past its last byte.
    pub end: u32,
    /// The text of the specifier; empty for [`ImportKind::Unknown`].
    pub specifier: Box<str>,
    /// How it asks.
    pub kind: ImportKind,
    /// What it needs it for.
    pub usage: Usage,
    /// What it asks for there.
    pub names: Names,
}

impl Import {
    /// Whether the import says that it is for types only.
    pub fn is_type_only(&self) -> bool {
        matches!(self.usage, Usage::TypeOnly | Usage::InlineTypes)
    }
}

/// What JSX in a module needs at run time.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct JsxFacts {
    /// There is an element or a fragment that the automatic runtime creates with `jsx` or `jsxs`.
    pub runtime: bool,
    /// There is an element with `key` after a spread, which the automatic runtime creates with `createElement`.
    pub create_element: bool,
    /// There is a fragment.
    pub fragments: bool,
    /// `@jsxRuntime classic` or `@jsxRuntime automatic`: whether it is the automatic one.
    pub automatic: Option<bool>,
    /// `@jsxImportSource`.
    pub import_source: Option<Box<str>>,
    /// The root name of `@jsx`.
    pub factory: Option<Box<str>>,
    /// The root name of `@jsxFrag`.
    pub fragment: Option<Box<str>>,
}

/// A place where the text is not a module.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SyntaxFault {
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
    /// One sentence, no final period.
    pub message: Box<str>,
}

impl SyntaxFault {
    /// The finding, placed in `text`, which must be the text that was parsed.
    pub fn diagnostic(&self, path: &RelPath, text: &str) -> Diagnostic {
        Diagnostic::error("transpile::syntax", &*self.message)
            .at(path, Span::locate(text, self.start as usize, self.end as usize))
    }
}

/// Everything that planning needs to know about one module.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// In the order of the text.
    pub imports: Box<[Import]>,
    /// Names of exported values, `default` included, sorted. Names behind `export * from` are not among them.
    pub exports: Box<[Box<str>]>,
    /// The globals that it uses and the embedded engine has not, sorted: `WebSocket`, `Bun.serve`.
    pub foreign: Box<[Box<str>]>,
    /// What JSX needs; `None` without JSX. A file that may hold JSX always has it: `preserve` keeps its factory.
    pub jsx: Option<JsxFacts>,
    /// Why it cannot be transpiled, in the order of the text; the other fields are then what could be read.
    pub syntax_errors: Box<[SyntaxFault]>,
}

/// An import of the transpiled module.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Link {
    /// The specifier as written.
    pub specifier: Box<str>,
    /// How it asks; never [`ImportKind::Unknown`].
    pub kind: ImportKind,
    /// The place of the literal in the source, in bytes; `None` for what JSX adds.
    pub place: Option<(u32, u32)>,
    /// The exports that it asks for, in any order; `None` for all of them.
    pub names: Option<Vec<Box<str>>>,
}

impl Facts {
    /// Reads the facts of one file. `text` is the file as it lies on disk, byte-order mark included.
    pub fn of(path: &RelPath, text: &str) -> Self {
        match ParsedModule::parse(path, text) {
            Ok(module) => module.facts(),
            Err(faults) => Self { syntax_errors: faults.into_boxed_slice(), ..Self::default() },
        }
    }

    /// Whether `name` is exported as a value.
    pub fn exports(&self, name: &str) -> bool {
        self.exports.binary_search_by(|export| (**export).cmp(name)).is_ok()
    }

    /// The imports that the module has once it is transpiled with `options`: what JSX adds first, then in the order of the text.
    pub fn linked(&self, options: &EmitOptions) -> Vec<Link> {
        let mut links = self.jsx_links(options);
        let factories = self.factories(options);
        links.extend(self.imports.iter().filter(|import| is_linked(import, options, &factories)).map(|import| {
            let names = import.names.emitted(options.verbatim, &factories);
            Link {
                specifier: import.specifier.clone(),
                kind: import.kind,
                place: Some((import.start, import.end)),
                names: names.map(|names| names.into_iter().map(Box::from).collect()),
            }
        }));
        links
    }

    /// The names that stand for a JSX factory.
    fn factories<'a>(&'a self, options: &'a EmitOptions) -> Vec<&'a str> {
        let Some(jsx) = &self.jsx else { return Vec::new() };
        let root = |name: &'a str| name.split('.').next().unwrap_or(name);
        let (factory, fragment) = match &options.jsx {
            Jsx::Classic { factory, fragment } => (root(factory), root(fragment)),
            _ => ("React", "React"),
        };
        let factory = jsx.factory.as_deref().unwrap_or(factory);
        let fragment = jsx.fragment.as_deref().unwrap_or(fragment);
        if matches!(options.jsx, Jsx::Preserve) {
            return vec![factory, fragment];
        }
        if jsx.is_automatic(options) || !(jsx.runtime || jsx.create_element) {
            return Vec::new();
        }
        if jsx.fragments { vec![factory, fragment] } else { vec![factory] }
    }

    fn jsx_links(&self, options: &EmitOptions) -> Vec<Link> {
        let Some(jsx) = &self.jsx else { return Vec::new() };
        if matches!(options.jsx, Jsx::Preserve) || !jsx.is_automatic(options) {
            return Vec::new();
        }
        let (source, development) = match &options.jsx {
            Jsx::Automatic { import_source, development } => (&**import_source, *development),
            _ => ("react", false),
        };
        let source = jsx.import_source.as_deref().unwrap_or(source);
        let link = |specifier: String, names: &[&str]| Link {
            specifier: specifier.into(),
            kind: ImportKind::Static,
            place: None,
            names: Some(names.iter().copied().map(Box::from).collect()),
        };
        let (runtime, names): (_, &[&str]) = if development {
            ("jsx-dev-runtime", &["Fragment", "jsxDEV"])
        } else {
            ("jsx-runtime", &["Fragment", "jsx", "jsxs"])
        };
        let mut links = Vec::new();
        if jsx.runtime {
            links.push(link(format!("{source}/{runtime}"), names));
        }
        if jsx.create_element {
            links.push(link(source.to_owned(), &["createElement"]));
        }
        links
    }
}

fn is_linked(import: &Import, options: &EmitOptions, factories: &[&str]) -> bool {
    if import.kind == ImportKind::Unknown {
        return false;
    }
    match &import.usage {
        Usage::Value => true,
        Usage::TypeOnly => false,
        Usage::InlineTypes => options.verbatim,
        Usage::Unused { locals, metadata } => {
            options.verbatim
                || *metadata && options.decorators.emits_metadata()
                || locals.iter().any(|local| factories.contains(&&**local))
        }
    }
}

impl JsxFacts {
    fn is_automatic(&self, options: &EmitOptions) -> bool {
        self.import_source.is_some() || self.automatic.unwrap_or(matches!(options.jsx, Jsx::Automatic { .. }))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use webstir_engine::codec;

    use super::*;

    const TEXT: &str = "import type { A } from './a.js'; import b, { c as d } from 'b'; import * as all from 'c';\n\
        export * from './e.js'; export { d as f }; const g = await import('g'); require('h'); import(process.argv[2]);\n\
        new WebSocket(b); export default <all.X key={...[]}><></></all.X>; export type { A };";

    #[test]
    fn facts_are_in_bytes_what_they_were() {
        for (name, text) in [("x.tsx", TEXT), ("x.ts", "export const = ;"), ("x.d.ts", "export * from './a.js';")] {
            let facts = Facts::of(&RelPath::new(name).unwrap(), text);
            assert_eq!(codec::decode::<Facts>(&codec::encode(&facts)), Some(facts));
        }
    }

    proptest! {
        #[test]
        fn damage_never_panics(at in any::<prop::sample::Index>(), byte: u8, bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut damaged = codec::encode(&Facts::of(&RelPath::new("x.tsx").unwrap(), TEXT));
            let at = at.index(damaged.len());
            damaged[at] = byte;
            let _ = codec::decode::<Facts>(&damaged);
            prop_assert_eq!(codec::decode::<Facts>(&damaged[..at]).map(|_| at), None);
            let _ = codec::decode::<Facts>(&bytes);
        }
    }
}
