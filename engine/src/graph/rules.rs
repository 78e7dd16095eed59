//! The rules and what leads from one to another.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use petgraph::Direction;
use petgraph::algo::toposort;
use petgraph::graph::{DiGraph, NodeIndex};

use super::{ActionGraph, walk};
use crate::config::settings::SettingValue;
use crate::event::Status;
use crate::key_dump::KeyDump;

/// One rule of the profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleNode {
    /// Its label; rules that plan no actions have one as well.
    pub label: String,
    /// How many of its actions got their result in which way.
    pub actions: BTreeMap<Status, usize>,
    /// How long they ran, added up.
    pub duration: Duration,
}

impl RuleNode {
    /// Its kind.
    pub fn kind(&self) -> &str {
        self.label.split_once(':').map_or(&*self.label, |(kind, _)| kind)
    }
}

/// The rules of one profile.
#[derive(Debug)]
pub struct RuleGraph(DiGraph<RuleNode, ()>);

impl RuleGraph {
    /// The rules of a build that is over.
    pub fn of_dump(dump: &KeyDump) -> Self {
        let mut graph = DiGraph::new();
        let mut indices: BTreeMap<String, NodeIndex> = BTreeMap::new();
        let mut index_of = |graph: &mut DiGraph<RuleNode, ()>, label: &str| {
            *indices.entry(label.to_owned()).or_insert_with(|| {
                graph.add_node(RuleNode { label: label.to_owned(), actions: BTreeMap::new(), duration: Duration::ZERO })
            })
        };
        let rules: BTreeSet<&str> = dump
            .settings
            .iter()
            .filter(|row| row.field.is_empty() && row.node.contains(':'))
            .map(|row| &*row.node)
            .collect();
        for rule in &rules {
            index_of(&mut graph, rule);
        }
        for row in dump.settings.iter().filter(|row| rules.contains(&*row.node)) {
            // A rule that is not part of the profile is not there.
            if let SettingValue::Reference(label) = &row.value
                && rules.contains(&**label)
            {
                let (from, to) = (index_of(&mut graph, label), index_of(&mut graph, &row.node));
                graph.update_edge(from, to, ());
            }
        }
        for action in &dump.actions {
            let index = index_of(&mut graph, &action.label.rule.to_string());
            *graph[index].actions.entry(action.status).or_default() += 1;
            graph[index].duration += action.duration;
        }
        let actions = ActionGraph::of_dump(dump);
        for edge in actions.0.edge_indices() {
            let Some((from, to)) = actions.0.edge_endpoints(edge) else { continue };
            let [from, to] = [from, to].map(|index| actions.0[index].label.rule.to_string());
            if from != to {
                let (from, to) = (index_of(&mut graph, &from), index_of(&mut graph, &to));
                graph.update_edge(from, to, ());
            }
        }
        Self(graph)
    }

    /// The rules, those that others build on first.
    pub fn nodes(&self) -> Vec<&RuleNode> {
        let mut levels: BTreeMap<NodeIndex, usize> = BTreeMap::new();
        // A configuration has no cycles; the rules of a made-up dump with one are sorted by label alone.
        for index in toposort(&self.0, None).unwrap_or_default() {
            let below = self.0.neighbors_directed(index, Direction::Incoming);
            let level = below.map(|below| levels[&below] + 1).max().unwrap_or(0);
            levels.insert(index, level);
        }
        let mut nodes: Vec<_> = self.0.node_indices().collect();
        nodes.sort_by_key(|index| (levels.get(index).copied(), &self.0[*index].label));
        nodes.into_iter().map(|index| &self.0[index]).collect()
    }

    /// What a rule builds on directly, sorted.
    pub fn uses(&self, label: &str) -> Vec<&str> {
        let index = self.index(label);
        let below = index.into_iter().flat_map(|index| self.0.neighbors_directed(index, Direction::Incoming));
        let mut labels: Vec<&str> = below.map(|index| &*self.0[index].label).collect();
        labels.sort_unstable();
        labels
    }

    /// Everything that `from` builds on, or with `Direction::Outgoing` everything that builds on it; sorted.
    pub fn closure(&self, from: &[String], direction: Direction) -> Vec<&str> {
        let from: Vec<_> = from.iter().filter_map(|label| self.index(label)).collect();
        let mut labels: Vec<&str> =
            walk::closure(&self.0, &from, direction).into_iter().map(|index| &*self.0[index].label).collect();
        labels.sort_unstable();
        labels
    }

    /// A shortest chain from one of `from` down to one of `to`, both ends included.
    pub fn path(&self, from: &[String], to: &[String]) -> Option<Vec<&str>> {
        let indices = |labels: &[String]| labels.iter().filter_map(|label| self.index(label)).collect::<Vec<_>>();
        let path = walk::path(&self.0, &indices(from), &indices(to))?;
        Some(path.into_iter().map(|index| &*self.0[index].label).collect())
    }

    fn index(&self, label: &str) -> Option<NodeIndex> {
        self.0.node_indices().find(|index| self.0[*index].label == label)
    }
}
