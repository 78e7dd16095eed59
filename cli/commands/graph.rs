//! `webstir graph`: the rules and actions of the last build.

use crate::Exit;
use crate::args::{Global, Graph, GraphFormat};
use crate::compose::{Failure, workspace_root};
use crate::report;
use crate::report::graph::Shown;

use super::why::opened;

pub(super) fn run(global: &Global, graph: &Graph) -> Result<Exit, Failure> {
    let root = workspace_root(global)?;
    let explanation = opened(&root, &graph.profile)?;
    let shown = Shown::new(&explanation, graph.kind.as_deref());
    if shown.is_empty() {
        let kind = graph.kind.as_deref().unwrap_or_default();
        return Err(Failure::new(format!("No rule of the profile `{}` is of the kind `{kind}`", graph.profile))
            .with_help("`webstir graph` shows all of them"));
    }
    let format = if global.json { GraphFormat::Json } else { graph.format };
    report::result(&match format {
        GraphFormat::Text => shown.text(global.verbose),
        GraphFormat::Dot => shown.dot(),
        GraphFormat::Json => report::json::document(&shown.document()),
        GraphFormat::Html => shown.page(),
    });
    Ok(Exit::Done)
}
