//! Whether names have to be made distinct.
//!
//! The hygiene pass renames what later passes introduced or moved so that it means the right thing again. It is the dearest of
//! all passes, more than linear in the number of names, and most modules do not need it: what the author wrote is distinct.

use swc_core::common::{Mark, SyntaxContext};
use swc_core::ecma::ast::{BreakStmt, ContinueStmt, Ident, LabeledStmt, Program};
use swc_core::ecma::visit::{Visit, VisitWith, noop_visit_type};

/// A point in the sequence of passes.
#[derive(Clone, Copy)]
pub(super) struct Watermark(u32);

impl Watermark {
    /// Now: names made from here on are foreign.
    pub(super) fn new() -> Self {
        Self(Mark::new().as_u32())
    }

    /// Whether there is a name in `program` that some pass made.
    pub(super) fn has_foreign_names(self, program: &Program) -> bool {
        let mut search = Search { watermark: self.0, found: false };
        program.visit_with(&mut search);
        search.found
    }
}

struct Search {
    watermark: u32,
    found: bool,
}

impl Visit for Search {
    noop_visit_type!();

    fn visit_ident(&mut self, name: &Ident) {
        self.found |= name.ctxt == SyntaxContext::empty() || name.ctxt.outer().as_u32() > self.watermark;
    }

    // Labels are names of their own, which nothing renames.
    fn visit_labeled_stmt(&mut self, statement: &LabeledStmt) {
        statement.body.visit_with(self);
    }

    fn visit_break_stmt(&mut self, _: &BreakStmt) {}

    fn visit_continue_stmt(&mut self, _: &ContinueStmt) {}
}
