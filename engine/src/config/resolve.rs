//! What holds between rules: profiles, references, cycles.

use std::sync::Arc;

use petgraph::algo::kosaraju_scc;
use petgraph::graph::{DiGraph, NodeIndex};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::config::kdl::quoted;
use crate::config::read::ProfileDraft;
use crate::config::report::{Report, listed, suggestion, there_are};
use crate::config::schema::{Absent, Constraint, Field, Language, PROFILE_OUT, Shape, Target};
use crate::config::value::{Fields, Place, Spanned, Value};
use crate::config::{Profile, Rule};
use crate::diagnostic::Diagnostic;
use crate::label::Label;

/// Resolves `extends`. A profile that is not there is a mistake only if the configuration is complete.
pub(super) fn profiles(
    drafts: Vec<ProfileDraft>,
    language: &Language,
    complete: bool,
    report: &mut Report,
) -> Vec<Profile> {
    let index: FxHashMap<Arc<str>, usize> =
        drafts.iter().enumerate().map(|(index, draft)| (draft.name.clone(), index)).collect();
    let schema: Vec<Field> = std::iter::once(&PROFILE_OUT).chain(language.profile).copied().collect();
    let mut parents = vec![None; drafts.len()];
    for (child, draft) in drafts.iter().enumerate() {
        let Some(extends) = &draft.extends else { continue };
        parents[child] = index.get(&extends.value).copied();
        if parents[child].is_none() && complete {
            unknown_profile(extends, drafts.iter().map(|draft| &*draft.name), report);
        }
    }
    // Every profile has at most one parent, so following parents either ends or runs in a circle.
    let mut reported: FxHashSet<usize> = FxHashSet::default();
    let mut broken: FxHashSet<usize> = FxHashSet::default();
    let mut state = vec![0_u8; drafts.len()];
    for start in 0..drafts.len() {
        let mut path = Vec::new();
        let mut at = Some(start);
        while let Some(current) = at.filter(|&current| state[current] == 0) {
            state[current] = 1;
            path.push(current);
            at = parents[current];
        }
        if let Some(entered) = at.filter(|&current| state[current] == 1) {
            let from = path.iter().position(|&member| member == entered).unwrap_or(0);
            let circle = &path[from..];
            broken.extend(circle);
            if reported.insert(entered) {
                profile_cycle(circle, &drafts, report);
            }
        }
        for member in path {
            state[member] = 2;
        }
    }
    // Parents come first; a circle is cut where it was found.
    let mut done: Vec<Option<Fields>> = vec![None; drafts.len()];
    // Whether it is known already why a field may be lacking.
    let mut excused = vec![false; drafts.len()];
    for start in 0..drafts.len() {
        let mut chain = vec![start];
        let mut at = start;
        while let Some(parent) = parents[at].filter(|parent| !broken.contains(parent) && done[*parent].is_none()) {
            chain.push(parent);
            at = parent;
        }
        for current in chain.into_iter().rev().filter(|&current| !broken.contains(&current)) {
            if done[current].is_some() {
                continue;
            }
            let draft = &drafts[current];
            let mut fields = parents[current].and_then(|parent| done[parent].clone()).unwrap_or_default();
            fields.patch(draft.fields.clone(), &schema, &[]);
            excused[current] = draft.faulty
                || match parents[current] {
                    Some(parent) => excused[parent] || broken.contains(&parent),
                    None => draft.extends.is_some(),
                };
            for field in schema.iter().filter(|field| field.required && !fields.is_attempted(field.name)) {
                if !excused[current] {
                    let message = format!("The profile `{}` lacks `{}`", draft.name, field.name);
                    let help = format!("Add {}, or `extends=` a profile that has it", super::read::example(field));
                    report.add(draft.place, Diagnostic::error("config::missing_field", message).help(help));
                }
                excused[current] = true;
            }
            done[current] = Some(fields);
        }
    }
    let profile = |(draft, fields): (ProfileDraft, Option<Fields>)| {
        let fields = fields.unwrap_or(draft.fields);
        Profile { name: draft.name, place: draft.place, fields }
    };
    drafts.into_iter().zip(done).map(profile).collect()
}

fn unknown_profile<'p>(name: &Spanned<Arc<str>>, known: impl Iterator<Item = &'p str> + Clone, report: &mut Report) {
    let near = report.nearest(name, known.clone());
    let help = suggestion(near, &format!("The profiles are {}", listed(known, "and")));
    let message = format!("There is no profile {}", quoted(name));
    report.add(name.place, Diagnostic::error("config::unknown_profile", message).help(help));
}

fn profile_cycle(circle: &[usize], drafts: &[ProfileDraft], report: &mut Report) {
    let name = |member: usize| &drafts[member].name;
    let names: Vec<&str> = circle.iter().chain(&circle[..1]).map(|&member| &**name(member)).collect();
    let message = format!("Profiles extend each other in a circle: `{}`", names.join(" -> "));
    let mut diagnostic = Diagnostic::error("config::profile_cycle", message).help("Remove one `extends`");
    let places: Vec<(String, Place)> = circle
        .iter()
        .filter_map(|&member| drafts[member].extends.as_ref().map(|extends| (member, extends)))
        .map(|(member, extends)| (format!("`{}` extends `{}`", name(member), extends.value), extends.place))
        .collect();
    let at = places.iter().map(|(_, place)| *place).find(|place| place.is_written());
    for (message, place) in &places {
        diagnostic = report.anchor.relate(diagnostic, message.clone(), *place);
    }
    report.add(at.or(places.first().map(|(_, place)| *place)).unwrap_or(Place::Elsewhere), diagnostic);
}

/// Finds the profiles of every rule.
pub(super) fn memberships(
    rules: &mut [Rule],
    profiles: &[Profile],
    language: &Language,
    complete: bool,
    report: &mut Report,
) {
    let all: Arc<[Arc<str>]> = profiles.iter().map(|profile| profile.name.clone()).collect();
    let known: FxHashSet<&str> = profiles.iter().map(|profile| &*profile.name).collect();
    for rule in rules {
        let Some(schema) = language.kind(rule.label.kind()) else { continue };
        for entry in &rule.fields.entries {
            let Value::Texts(names) = &entry.value else { continue };
            if !schema.all_fields().any(|field| field.name == entry.name && matches!(field.shape, Shape::Profiles)) {
                continue;
            }
            for name in names.iter().filter(|name| complete && !known.contains(&*name.value)) {
                unknown_profile(name, profiles.iter().map(|profile| &*profile.name), report);
            }
        }
        rule.profiles = if rule.fields.has("profiles") {
            rule.fields
                .texts("profiles")
                .map(|name| name.value.clone())
                .filter(|name| known.contains(&**name))
                .collect()
        } else {
            all.clone()
        };
    }
}

/// Checks the constraints of every rule, and that its required fields are there.
pub(super) fn constraints(rules: &[Rule], faulty: &FxHashSet<Label>, language: &Language, report: &mut Report) {
    for rule in rules.iter().filter(|rule| !faulty.contains(&rule.label)) {
        let Some(schema) = language.kind(rule.label.kind()) else { continue };
        for field in schema.fields.iter().filter(|field| field.required && !rule.fields.is_attempted(field.name)) {
            lacks(rule, field, "", report);
        }
        for constraint in schema.constraints {
            match *constraint {
                Constraint::ExactlyOne(group) => {
                    let there: Vec<&str> =
                        group.iter().copied().filter(|field| rule.fields.is_attempted(field)).collect();
                    match there.as_slice() {
                        [_] => {}
                        [] => {
                            let message = format!("`{}` lacks one of {}", rule.label, listed(group, "and"));
                            let diagnostic = Diagnostic::error("config::missing_field", message);
                            let diagnostic = diagnostic.help(format!("Add {}", listed(group, "or")));
                            report.add_to(Some(&rule.label), rule.place, diagnostic);
                        }
                        [first, second, ..] => {
                            let message = format!("`{}` has both `{first}` and `{second}`", rule.label);
                            let diagnostic =
                                Diagnostic::error("config::contradiction", message).help("Keep one of them");
                            let first = rule.fields.place_of(first).unwrap_or(rule.place);
                            let diagnostic = report.anchor.relate(diagnostic, "The other one", first);
                            let place = rule.fields.place_of(second).unwrap_or(rule.place);
                            report.add_to(Some(&rule.label), place, diagnostic);
                        }
                    }
                }
                Constraint::RequiredUnless { field, unless, is } => {
                    let excused = rule.fields.boolean(unless).is_some_and(|value| value.value == is);
                    if excused || rule.fields.is_attempted(field) || rule.fields.invalid.contains(&unless) {
                        continue;
                    }
                    if let Some(field) = schema.fields.iter().find(|known| known.name == field) {
                        lacks(rule, field, &format!(", or `{unless} #{is}`"), report);
                    }
                }
            }
        }
    }
}

fn lacks(rule: &Rule, field: &Field, otherwise: &str, report: &mut Report) {
    let message = format!("`{}` lacks `{}`", rule.label, field.name);
    let help = format!("Add {}{otherwise}", super::read::example(field));
    report.add_to(Some(&rule.label), rule.place, Diagnostic::error("config::missing_field", message).help(help));
}

/// Turns every reference into the label of a rule; those that name none are reported and taken out.
pub(super) fn references(
    rules: &mut [Rule],
    removed: &FxHashMap<Label, Place>,
    language: &Language,
    complete: bool,
    report: &mut Report,
) {
    let mut by_name: FxHashMap<Arc<str>, Vec<Label>> = FxHashMap::default();
    let mut memberships: FxHashMap<Label, Membership> = FxHashMap::default();
    for rule in rules.iter() {
        by_name.entry(Arc::from(rule.label.name())).or_default().push(rule.label.clone());
        let membership = Membership { profiles: rule.profiles.clone(), chosen: rule.fields.place_of("profiles") };
        memberships.insert(rule.label.clone(), membership);
    }
    let labels: Vec<Label> = rules.iter().map(|rule| rule.label.clone()).collect();
    let index = Index { by_name, memberships, labels, removed, complete };
    for rule in rules {
        let Some(schema) = language.kind(rule.label.kind()) else { continue };
        let (label, profiles) = (&rule.label, &rule.profiles);
        for entry in &mut rule.fields.entries {
            let Value::References(references) = &mut entry.value else { continue };
            let Some(field) = schema.all_fields().find(|field| field.name == entry.name) else { continue };
            let (Shape::Reference(target) | Shape::References(target)) = field.shape else { continue };
            references.retain_mut(|reference| {
                let Some(found) = index.find(label, field.name, reference, target, report) else { return false };
                reference.value = found;
                index.check_profiles(label, profiles, reference, target, report);
                true
            });
            let mut seen: FxHashMap<Label, Place> = FxHashMap::default();
            references.retain(|reference| {
                let Some(first) = seen.insert(reference.value.clone(), reference.place) else { return true };
                let message = format!("`{}` is named twice in `{}`", reference.value, field.name);
                let diagnostic = Diagnostic::warning("config::duplicate_name", message).help("Keep one");
                let diagnostic = report.anchor.relate(diagnostic, "The first one", first);
                report.add_to(Some(label), reference.place, diagnostic);
                false
            });
        }
    }
}

/// Which profiles a rule is part of, and where that is written.
struct Membership {
    profiles: Arc<[Arc<str>]>,
    chosen: Option<Place>,
}

struct Index<'r> {
    by_name: FxHashMap<Arc<str>, Vec<Label>>,
    memberships: FxHashMap<Label, Membership>,
    labels: Vec<Label>,
    removed: &'r FxHashMap<Label, Place>,
    /// Whether every rule of the file could be read, so that one that is not found is not there.
    complete: bool,
}

impl Index<'_> {
    fn find(
        &self,
        rule: &Label,
        field: &str,
        reference: &Spanned<Label>,
        target: Target,
        report: &mut Report,
    ) -> Option<Label> {
        let wanted = |label: &&Label| target.kinds.is_empty() || target.kinds.contains(&label.kind());
        let same_name = self.by_name.get(reference.name()).map_or(&[][..], Vec::as_slice);
        let kind_given = !reference.kind().is_empty();
        let mut candidates: Vec<&Label> = same_name
            .iter()
            .filter(|label| if kind_given { label.kind() == reference.kind() } else { wanted(label) })
            .collect();
        // A rule that names its namesake means the other one.
        if candidates.len() > 1 {
            candidates.retain(|label| *label != rule);
        }
        let spelled = if kind_given { reference.value.to_string() } else { reference.name().to_owned() };
        match candidates.as_slice() {
            [only] if wanted(only) => Some((*only).clone()),
            [only] => {
                self.wrong_kind(rule, field, reference, &[only], target, report);
                None
            }
            [] => {
                if !kind_given && !same_name.is_empty() {
                    let found: Vec<&Label> = same_name.iter().collect();
                    self.wrong_kind(rule, field, reference, &found, target, report);
                } else if let Some(place) = self.removed_place(reference, target) {
                    // A list of the preset does without it.
                    if target.absent == Absent::Skipped && !reference.place.is_written() {
                        return None;
                    }
                    let message = format!("`{rule}` refers to `{spelled}`, which is removed");
                    let help = format!("Keep it, remove `{rule}` as well, or give `{rule}` another `{field}`");
                    let diagnostic = Diagnostic::error("config::unknown_reference", message).help(help);
                    let (at, diagnostic) = if reference.place.is_written() {
                        (reference.place, report.anchor.relate(diagnostic, "It is removed here", place))
                    } else {
                        (place, diagnostic)
                    };
                    report.add_to(Some(rule), at, diagnostic);
                } else if self.complete {
                    let all: Vec<(String, &Label)> = self
                        .labels
                        .iter()
                        .filter(wanted)
                        .map(|label| (if kind_given { label.to_string() } else { label.name().to_owned() }, label))
                        .collect();
                    let near = report.nearest(&spelled, all.iter().map(|(text, _)| text.as_str()));
                    let choice = if all.is_empty() {
                        format!("Declare {} of that name; there is none yet", kinds_with_article(target.kinds))
                    } else {
                        there_are(all.iter().take(12).map(|(_, label)| *label))
                    };
                    let message = format!("There is no rule {}", quoted(&spelled));
                    let diagnostic = Diagnostic::error("config::unknown_reference", message);
                    let diagnostic = diagnostic.help(suggestion(near, &choice));
                    report.add_to(Some(rule), reference.place, diagnostic);
                }
                None
            }
            several => {
                let message = format!("`{spelled}` may be any of {}", listed(several, "or"));
                let diagnostic = Diagnostic::error("config::ambiguous_reference", message);
                let help = format!("Write the kind as well, as in `{}`", several[0]);
                report.add_to(Some(rule), reference.place, diagnostic.help(help));
                None
            }
        }
    }

    /// Where the user removed the rule that the reference names.
    fn removed_place(&self, reference: &Label, target: Target) -> Option<Place> {
        if !reference.kind().is_empty() {
            return self.removed.get(reference).copied();
        }
        target.kinds.iter().find_map(|kind| self.removed.get(&Label::new(kind, reference.name())).copied())
    }

    fn wrong_kind(
        &self,
        rule: &Label,
        field: &str,
        reference: &Spanned<Label>,
        found: &[&Label],
        target: Target,
        report: &mut Report,
    ) {
        let message = format!(
            "`{field}` takes {}, not {}",
            kinds_with_article(target.kinds),
            listed(found.iter().copied(), "or")
        );
        let mut diagnostic = Diagnostic::error("config::wrong_reference_kind", message);
        let fitting: Vec<&Label> =
            self.labels.iter().filter(|label| target.kinds.contains(&label.kind())).take(12).collect();
        if !fitting.is_empty() {
            diagnostic = diagnostic.help(there_are(fitting));
        }
        report.add_to(Some(rule), reference.place, diagnostic);
    }

    fn check_profiles(
        &self,
        rule: &Label,
        profiles: &[Arc<str>],
        reference: &Spanned<Label>,
        target: Target,
        report: &mut Report,
    ) {
        let Some(theirs) = self.memberships.get(&reference.value) else { return };
        if target.absent == Absent::Skipped {
            return;
        }
        let lacking: Vec<&str> =
            profiles.iter().filter(|profile| !theirs.profiles.contains(profile)).map(|profile| &**profile).collect();
        if lacking.is_empty() {
            return;
        }
        let plural = if lacking.len() == 1 { "profile" } else { "profiles" };
        let message =
            format!("`{}` is not part of the {plural} {}, but `{rule}` is", reference.value, listed(&lacking, "and"));
        let help = format!("Add the {plural} to `{}`, or take `{rule}` out with `profiles`", reference.value);
        let diagnostic = Diagnostic::error("config::reference_not_in_profile", message).help(help);
        // What the user wrote is what can be changed: the reference, or else what narrowed one of the two rules.
        let own = self.memberships.get(rule).and_then(|membership| membership.chosen);
        let places = [Some(reference.place), theirs.chosen, own];
        let place = places.into_iter().flatten().find(|place| place.is_written()).unwrap_or(reference.place);
        report.add_to(Some(rule), place, diagnostic);
    }
}

fn kinds_with_article(kinds: &[&str]) -> String {
    match kinds {
        [] => "a rule".to_owned(),
        kinds => {
            let vowel = kinds[0].starts_with(['a', 'e', 'i', 'o', 'u']);
            format!("{} {}", if vowel { "an" } else { "a" }, listed(kinds, "or"))
        }
    }
}

/// Finds rules that wait for each other in some profile.
pub(super) fn cycles(rules: &[Rule], profiles: &[Profile], report: &mut Report) {
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
