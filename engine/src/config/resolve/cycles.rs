//! Rules that wait for each other.

use petgraph::algo::kosaraju_scc;
use petgraph::graph::{DiGraph, NodeIndex};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::config::report::Report;
use crate::config::value::{Place, Value};
use crate::config::{Profile, Rule};
use crate::diagnostic::Diagnostic;
use crate::label::Label;

/// Finds rules that wait for each other in some profile.
pub(in crate::config) fn cycles(rules: &[Rule], profiles: &[Profile], report: &mut Report) {
    let index: FxHashMap<&Label, usize> = rules.iter().enumerate().map(|(index, rule)| (&rule.label, index)).collect();
    let mut edges: Vec<(usize, usize, Place)> = Vec::new();
    for (from, rule) in rules.iter().enumerate() {
        for entry in &rule.fields.entries {
            let Value::References(references) = &entry.value else { continue };
            edges.extend(references.iter().filter_map(|to| Some((from, *index.get(&to.value)?, to.place))));
        }
    }
    let mut known: FxHashSet<Vec<usize>> = FxHashSet::default();
    for profile in profiles {
        let member: Vec<bool> = rules.iter().map(|rule| rule.in_profile(&profile.name)).collect();
        let mut graph: DiGraph<usize, Place> = DiGraph::with_capacity(rules.len(), edges.len());
        for rule in 0..rules.len() {
            graph.add_node(rule);
        }
        for &(from, to, place) in edges.iter().filter(|(from, to, _)| member[*from] && member[*to]) {
            graph.add_edge(NodeIndex::new(from), NodeIndex::new(to), place);
        }
        for mut component in kosaraju_scc(&graph) {
            component.sort();
            if let Some(circle) = shortest_circle(&graph, &component) {
                let mut members: Vec<usize> = circle.iter().map(|(from, _)| graph[*from]).collect();
                members.sort_unstable();
                if known.insert(members) {
                    let steps: Vec<(&Label, Place)> =
                        circle.iter().map(|(from, place)| (&rules[graph[*from]].label, *place)).collect();
                    cycle(&steps, report);
                }
            }
        }
    }
}

/// The shortest way from the first member of a strongly connected component back to itself, as edges.
fn shortest_circle(graph: &DiGraph<usize, Place>, component: &[NodeIndex]) -> Option<Vec<(NodeIndex, Place)>> {
    let start = *component.first()?;
    let mut reached: FxHashMap<NodeIndex, (NodeIndex, Place)> = FxHashMap::default();
    let mut queue = std::collections::VecDeque::from([start]);
    while let Some(from) = queue.pop_front() {
        let mut next: Vec<(NodeIndex, Place)> = Vec::new();
        let mut walk = graph.neighbors(from).detach();
        while let Some((edge, to)) = walk.next(graph) {
            next.push((to, graph[edge]));
        }
        // Edges come newest first.
        for (to, place) in next.into_iter().rev() {
            if component.binary_search(&to).is_err() {
                continue;
            }
            if to == start {
                let mut circle = vec![(from, place)];
                let mut at = from;
                while let Some((before, place)) = reached.get(&at).filter(|_| at != start) {
                    circle.push((*before, *place));
                    at = *before;
                }
                circle.reverse();
                return Some(circle);
            }
            if let std::collections::hash_map::Entry::Vacant(entry) = reached.entry(to) {
                entry.insert((from, place));
                queue.push_back(to);
            }
        }
    }
    None
}

fn cycle(steps: &[(&Label, Place)], report: &mut Report) {
    let names: Vec<String> = steps.iter().chain(steps.first()).map(|(label, _)| label.to_string()).collect();
    let message = if let [only] = steps {
        format!("`{}` refers to itself", only.0)
    } else {
        format!("Rules wait for each other in a circle: `{}`", names.join(" -> "))
    };
    let mut diagnostic = Diagnostic::error("config::cycle", message).help("Remove one of these references");
    if steps.len() > 1 {
        for (index, (label, place)) in steps.iter().enumerate() {
            let (to, _) = steps[(index + 1) % steps.len()];
            diagnostic = report.anchor.relate(diagnostic, format!("`{label}` refers to `{to}`"), *place);
        }
    }
    let written = steps.iter().map(|(_, place)| *place).find(|place| place.is_written());
    let place = written.or(steps.first().map(|(_, place)| *place)).unwrap_or(Place::Elsewhere);
    report.add_to(steps.first().map(|(label, _)| *label), place, diagnostic);
}
