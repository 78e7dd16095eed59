//! The action graph: which action uses what which other one made.
//!
//! An [`ActionGraph`] is made from a finished or unfinished [`Run`], or from what a build left in a
//! [`KeyDump`]; it is a value to look at and holds no state. An edge leads from the action that made a file to the one that reads it.
//! A [`RuleGraph`] has the rules of the configuration as its nodes; an edge leads from a rule to one that refers to it, or that uses
//! what it made.

mod rules;
mod walk;

pub use self::rules::{RuleGraph, RuleNode};

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

pub use petgraph::Direction;
use petgraph::algo::toposort;
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::EdgeRef as _;
use rustc_hash::FxHashMap;

use crate::action::{Origin, SharedResult};
use crate::digest::Digest;
use crate::event::Status;
use crate::key_dump::KeyDump;
use crate::label::ActionLabel;
use crate::path::RelPath;
use crate::schedule::Run;

/// One action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Its name.
    pub label: ActionLabel,
    /// How it got its result.
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
            let artifacts = step.result.iter().flat_map(|result: &SharedResult| result.artifacts.iter());
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

    /// The graph of the actions of a build that is over.
    pub fn of_dump(dump: &KeyDump) -> Self {
        let mut graph = DiGraph::with_capacity(dump.actions.len(), dump.actions.len());
        let mut makers: FxHashMap<(&RelPath, Digest), NodeIndex> = FxHashMap::default();
        let mut indices = Vec::with_capacity(dump.actions.len());
        for action in &dump.actions {
            let node = Node { label: action.label.clone(), status: action.status, duration: action.duration };
            let index = graph.add_node(node);
            indices.push(index);
            makers.extend(action.artifacts.iter().map(|(path, digest)| ((path, *digest), index)));
        }
        for (action, &reader) in dump.actions.iter().zip(&indices) {
            let made = action.inputs().filter(|(.., origin)| *origin == Origin::Store);
            let makers: BTreeSet<NodeIndex> =
                made.filter_map(|(path, content, _)| makers.get(&(path, content.digest)).copied()).collect();
            // What a made-up dump has an action read of itself is no edge.
            for maker in makers.into_iter().filter(|maker| *maker != reader) {
                graph.add_edge(maker, reader, ());
            }
        }
        Self(graph)
    }

    /// The actions, sorted by label.
    pub fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.0.node_weights()
    }

    /// What an action uses, each directly, sorted by label.
    pub fn uses(&self, label: &ActionLabel) -> Vec<&ActionLabel> {
        let index = self.index(label);
        let below = index.into_iter().flat_map(|index| self.0.neighbors_directed(index, Direction::Incoming));
        let mut labels: Vec<_> = below.map(|index| &self.0[index].label).collect();
        labels.sort();
        labels
    }

    /// Everything that `from` uses, however indirectly, or with `Direction::Outgoing` everything that uses it; sorted by label.
    pub fn closure(&self, from: &[ActionLabel], direction: Direction) -> Vec<&ActionLabel> {
        let from: Vec<_> = from.iter().filter_map(|label| self.index(label)).collect();
        let mut labels: Vec<_> =
            walk::closure(&self.0, &from, direction).into_iter().map(|index| &self.0[index].label).collect();
        labels.sort();
        labels
    }

    /// A shortest chain of uses from one of `from` down to one of `to`, both ends included.
    pub fn path(&self, from: &[ActionLabel], to: &[ActionLabel]) -> Option<Vec<&ActionLabel>> {
        let indices = |labels: &[ActionLabel]| labels.iter().filter_map(|label| self.index(label)).collect::<Vec<_>>();
        let path = walk::path(&self.0, &indices(from), &indices(to))?;
        Some(path.into_iter().map(|index| &self.0[index].label).collect())
    }

    fn index(&self, label: &ActionLabel) -> Option<NodeIndex> {
        // Nodes are added in the order of their labels.
        let found = self.0.raw_nodes().binary_search_by(|node| node.weight.label.cmp(label));
        found.ok().map(NodeIndex::new)
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
