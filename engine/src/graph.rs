//! The action graph: which action uses what which other one made.
//!
//! An [`ActionGraph`] is made from a finished or unfinished [`Run`](crate::schedule::Run); it is a value to look at and holds no
//! state. An edge leads from the action that made a file to the one that reads it.

use std::collections::BTreeMap;
use std::time::Duration;

use petgraph::algo::toposort;
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::EdgeRef as _;

use crate::action::{Origin, SharedOutcome};
use crate::digest::Digest;
use crate::event::Status;
use crate::label::ActionLabel;
use crate::schedule::Run;

/// One action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Its name.
    pub label: ActionLabel,
    /// How it got its outcome.
    pub status: Status,
    /// How long it ran.
    pub duration: Duration,
}

/// Actions and what flows between them.
#[derive(Debug)]
pub struct ActionGraph(DiGraph<Node, ()>);

impl ActionGraph {
    /// The graph of all actions of a run.
    pub fn new(run: &Run) -> Self {
        let mut graph = DiGraph::new();
        let mut nodes: BTreeMap<&ActionLabel, NodeIndex> = BTreeMap::new();
        for report in &run.reports {
            let node = Node { label: report.label.clone(), status: report.status, duration: report.duration };
            nodes.insert(&report.label, graph.add_node(node));
        }
        let steps = || run.plans.values().flat_map(|plan| plan.steps.iter());
        let mut makers: BTreeMap<(&str, Digest), NodeIndex> = BTreeMap::new();
        for step in steps() {
            let artifacts = step.outcome.iter().flat_map(|outcome: &SharedOutcome| outcome.artifacts.iter());
            for artifact in artifacts {
                makers.insert((artifact.path.as_str(), artifact.digest), nodes[&step.action.label]);
            }
        }
        for step in steps() {
            let reader = nodes[&step.action.label];
            for input in step.action.inputs.iter().filter(|input| input.origin == Origin::Store) {
                if let Some(&maker) = makers.get(&(input.path.as_str(), input.digest)) {
                    graph.update_edge(maker, reader, ());
                }
            }
        }
        Self(graph)
    }

    /// The chain of actions that took longest, from the first to the last, without those that took no time.
    pub fn critical_path(&self) -> Vec<&Node> {
        let Ok(order) = toposort(&self.0, None) else { return Vec::new() };
        let mut longest: BTreeMap<NodeIndex, (Duration, Option<NodeIndex>)> = BTreeMap::new();
        for &index in &order {
            let before = self
                .0
                .edges_directed(index, petgraph::Direction::Incoming)
                .map(|edge| (longest[&edge.source()].0, edge.source()))
                .max();
            let (until, previous) = before.map_or((Duration::ZERO, None), |(until, source)| (until, Some(source)));
            longest.insert(index, (until + self.0[index].duration, previous));
        }
        let mut path = Vec::new();
        let mut next = order.iter().copied().max_by_key(|index| longest[index].0);
        while let Some(index) = next {
            if self.0[index].duration > Duration::ZERO {
                path.push(&self.0[index]);
            }
            next = longest[&index].1;
        }
        path.reverse();
        path
    }
}
