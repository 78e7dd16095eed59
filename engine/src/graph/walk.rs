//! Walks over any graph whose edges lead from what is used to what uses it.

use std::collections::{BTreeSet, VecDeque};

use petgraph::Direction;
use petgraph::graph::{DiGraph, NodeIndex};
use rustc_hash::FxHashMap;

/// Every node that can be reached from `from` in one direction, without the nodes of `from` that cannot be reached from others.
pub(super) fn closure<N>(graph: &DiGraph<N, ()>, from: &[NodeIndex], direction: Direction) -> BTreeSet<NodeIndex> {
    let mut found = BTreeSet::new();
    let mut open: Vec<NodeIndex> = from.to_vec();
    while let Some(index) = open.pop() {
        for next in graph.neighbors_directed(index, direction) {
            if found.insert(next) {
                open.push(next);
            }
        }
    }
    found
}

/// A shortest way from one of `from` down to one of `to`, along what is used.
pub(super) fn path<N>(graph: &DiGraph<N, ()>, from: &[NodeIndex], to: &[NodeIndex]) -> Option<Vec<NodeIndex>> {
    let mut came: FxHashMap<NodeIndex, Option<NodeIndex>> = from.iter().map(|index| (*index, None)).collect();
    let mut open: VecDeque<NodeIndex> = from.iter().copied().collect();
    while let Some(index) = open.pop_front() {
        if to.contains(&index) {
            let mut path = vec![index];
            while let Some(Some(before)) = path.last().and_then(|last| came.get(last)) {
                path.push(*before);
            }
            path.reverse();
            return Some(path);
        }
        let mut below: Vec<_> = graph.neighbors_directed(index, Direction::Incoming).collect();
        below.sort();
        for next in below {
            came.entry(next).or_insert_with(|| {
                open.push_back(next);
                Some(index)
            });
        }
    }
    None
}
