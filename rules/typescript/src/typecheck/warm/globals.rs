//! The global types without which the compiler reports something that has no place.
//!
//! Asking for such findings checks every file. When all types are there that the compiler of this protocol may miss, it can find
//! nothing, whatever is written in modules.

use serde::{Deserialize, Serialize};

use super::super::TypecheckError;
use super::super::session::{Meaning, Session};

/// What the compiler looks for when it needs it, and complains about: the resolvers with `reportErrors` in its checker.
const NEEDED: [&str; 31] = [
    "AsyncGenerator",
    "AsyncIterable",
    "AsyncIterableIterator",
    "AsyncIterator",
    "AsyncIteratorObject",
    "Awaited",
    "ClassAccessorDecoratorContext",
    "ClassAccessorDecoratorResult",
    "ClassAccessorDecoratorTarget",
    "ClassDecoratorContext",
    "ClassFieldDecoratorContext",
    "ClassGetterDecoratorContext",
    "ClassMethodDecoratorContext",
    "ClassSetterDecoratorContext",
    "Extract",
    "Generator",
    "ImportAttributes",
    "ImportCallOptions",
    "ImportMeta",
    "Iterable",
    "IterableIterator",
    "Iterator",
    "IteratorObject",
    "IteratorReturnResult",
    "IteratorYieldResult",
    "Omit",
    "Promise",
    "PromiseLike",
    "Record",
    "TemplateStringsArray",
    "TypedPropertyDescriptor",
];
/// What it looks for only where something is disposed of.
const DISPOSAL: [&str; 2] = ["AsyncDisposable", "Disposable"];

/// What a program has of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Globals {
    is_complete: bool,
    has_disposal: bool,
}

impl Globals {
    /// Asks for each of them, unless there are findings already.
    pub(super) fn ask(session: &mut Session<'_>, has_findings: bool) -> Result<Self, TypecheckError> {
        if has_findings {
            return Ok(Self { is_complete: false, has_disposal: false });
        }
        let mut has_all = |names: &[&str]| {
            for name in names {
                if !session.is_known(name, Meaning::Type)? {
                    return Ok(false);
                }
            }
            Ok(true)
        };
        let (types, has_disposal) = (has_all(&NEEDED)?, has_all(&DISPOSAL)?);
        Ok(Self { is_complete: types && session.is_known("Promise", Meaning::Value)?, has_disposal })
    }

    /// Whether nothing can be missing in a program whose global declarations are the same; `has_using` when something is disposed of.
    pub(super) fn finds_nothing(self, has_using: bool) -> bool {
        self.is_complete && (self.has_disposal || !has_using)
    }
}
