//! Which comments reach the output: licences and annotations for later tools.

use rustc_hash::FxHashSet;
use swc_core::common::comments::{Comment, Comments, SingleThreadedComments};
use swc_core::common::{BytePos, Spanned};
use swc_core::ecma::ast::Program;

use crate::source::Parts;

/// Takes the comments out of `parts`.
pub(super) fn take(parts: &mut Parts) -> SingleThreadedComments {
    SingleThreadedComments::from_leading_and_trailing(
        std::rc::Rc::new(std::mem::take(&mut parts.leading).into()),
        std::rc::Rc::new(std::mem::take(&mut parts.trailing).into()),
    )
}

/// `/*! .. */`, `@license` and `@preserve`.
fn is_legal(comment: &Comment) -> bool {
    comment.text.starts_with('!') || comment.text.contains("@license") || comment.text.contains("@preserve")
}

/// `/* @__PURE__ */`, `/* #__NO_SIDE_EFFECTS__ */` and what bundlers read before a specifier.
fn is_annotation(comment: &Comment) -> bool {
    let text = comment.text.trim();
    let named = text.strip_prefix(['@', '#']).is_some_and(|name| name.starts_with("__") && name.ends_with("__"));
    named || text.starts_with("@vite-ignore") || text.starts_with("webpack")
}

/// Drops every other comment.
pub(super) fn keep_needed(comments: &SingleThreadedComments) {
    let (mut leading, mut trailing) = comments.borrow_all_mut();
    for side in [&mut *leading, &mut *trailing] {
        side.retain(|_, comments| {
            comments.retain(|comment| is_legal(comment) || is_annotation(comment));
            !comments.is_empty()
        });
    }
}

/// The licences before top-level statements, some of which may be elided.
pub(super) struct Legal(Vec<(BytePos, Vec<Comment>)>);

impl Legal {
    pub(super) fn of(program: &Program, comments: &SingleThreadedComments) -> Self {
        let mut legal = Vec::new();
        for position in positions(program) {
            let found: Vec<Comment> = comments.with_leading(position, |comments| {
                comments.iter().filter(|comment| is_legal(comment)).cloned().collect()
            });
            if !found.is_empty() {
                legal.push((position, found));
            }
        }
        Self(legal)
    }

    /// Moves those whose statement is gone before the first one that is left.
    pub(super) fn restore(self, program: &Program, comments: &SingleThreadedComments) {
        if self.0.is_empty() {
            return;
        }
        let kept: FxHashSet<BytePos> = positions(program).collect();
        let Some(first) = positions(program).find(|position| !position.is_dummy()) else { return };
        let lost: Vec<Comment> =
            self.0.into_iter().filter(|(position, _)| !kept.contains(position)).flat_map(|(_, lost)| lost).collect();
        if !lost.is_empty() {
            let own = comments.take_leading(first).unwrap_or_default();
            comments.add_leading_comments(first, lost.into_iter().chain(own).collect());
        }
    }
}

fn positions(program: &Program) -> impl Iterator<Item = BytePos> {
    let (module, script) = match program {
        Program::Module(module) => (module.body.as_slice(), [].as_slice()),
        Program::Script(script) => ([].as_slice(), script.body.as_slice()),
    };
    module.iter().map(Spanned::span_lo).chain(script.iter().map(Spanned::span_lo))
}
