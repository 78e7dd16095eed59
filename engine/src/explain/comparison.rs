//! Two dumps, compared action by action.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use rustc_hash::FxHashMap;

use super::arguments::{Leaf, differences};
use super::planning::{Ground, differing};
use super::{ActionRecord, Cause, Change, Difference, KeyDump, Link, Part};
use crate::action::Origin;
use crate::digest::Digest;
use crate::event::Status;
use crate::label::ActionLabel;
use crate::path::RelPath;
use crate::system::PathKind;
use crate::view::{Observation, Question};

/// How far a change is followed up. Longer chains end with the action in between.
const DEEPEST: usize = 200;

/// Two dumps of one profile, with what is needed to follow a change from action to action.
pub struct Comparison<'a> {
    before: Option<&'a KeyDump>,
    after: &'a KeyDump,
    ground: Option<Ground<'a>>,
    makers: Makers<'a>,
    makers_before: Makers<'a>,
    known: RefCell<FxHashMap<ActionLabel, Rc<[Cause]>>>,
}

/// The action that made a file of these bytes.
type Makers<'a> = FxHashMap<(&'a RelPath, Digest), &'a ActionRecord>;

/// Causes in the order in which they are found, and those that are only likely.
#[derive(Default)]
struct Found {
    certain: Vec<Cause>,
    likely: Vec<Cause>,
}

impl Found {
    fn add(&mut self, change: Change) {
        self.certain.push(Cause { change, through: Vec::new() });
    }
}

impl<'a> Comparison<'a> {
    /// `before` is `None` when nothing is known of an earlier build.
    pub fn new(before: Option<&'a KeyDump>, after: &'a KeyDump) -> Self {
        Self {
            before,
            after,
            ground: before.map(|before| Ground::new(before, after)),
            makers: makers(after),
            makers_before: before.map(makers).unwrap_or_default(),
            known: RefCell::default(),
        }
    }

    /// The later dump.
    pub fn after(&self) -> &'a KeyDump {
        self.after
    }

    /// The actions whose key differs, and those that ran, by name.
    pub fn differing(&self) -> impl Iterator<Item = &'a ActionRecord> {
        self.after.actions.iter().filter(|action| {
            let old = self.before.and_then(|before| before.action(&action.label));
            action.ran() || old.is_none_or(|old| old.key != action.key)
        })
    }

    /// The causes of an action, the most direct first; none when it did not run and nothing differs.
    pub fn causes(&self, action: &ActionLabel) -> Vec<Cause> {
        self.follow(action, 0).to_vec()
    }

    fn follow(&self, label: &ActionLabel, depth: usize) -> Rc<[Cause]> {
        if let Some(known) = self.known.borrow().get(label) {
            return known.clone();
        }
        if depth > DEEPEST {
            return Rc::from([]);
        }
        // An action that waits for itself, in a dump that was made up, has no causes of its own.
        self.known.borrow_mut().insert(label.clone(), Rc::from([]));
        let causes: Rc<[Cause]> = Rc::from(self.find(label, depth));
        self.known.borrow_mut().insert(label.clone(), causes.clone());
        causes
    }

    fn find(&self, label: &ActionLabel, depth: usize) -> Vec<Cause> {
        let Some(after) = self.after.action(label) else { return Vec::new() };
        let mut found = Found::default();
        let before = self.before.and_then(|before| before.action(label));
        match (&self.ground, before) {
            (Some(ground), Some(before)) => self.compare(ground, before, after, &mut found, depth),
            (Some(ground), None) => self.first_time(ground, after, &mut found, depth),
            (None, _) => found.add(Change::NeverRan),
        }
        let Found { mut certain, likely } = found;
        // The sort is stable: what was found first stays first among what is as direct.
        certain.sort_by_key(|cause| cause.through.len());
        certain.extend(likely);
        let mut seen = std::collections::BTreeSet::new();
        certain.retain(|cause| seen.insert(cause.change.clone()));
        if certain.is_empty() && after.ran() {
            certain.push(Cause { change: unexplained(before, after), through: Vec::new() });
        }
        certain
    }

    fn compare(
        &self,
        ground: &Ground<'_>,
        before: &ActionRecord,
        after: &ActionRecord,
        found: &mut Found,
        depth: usize,
    ) {
        if before.key == after.key {
            return;
        }
        let node = after.label.rule.to_string();
        let leaves = differences(before, after);
        if let (Some(old), Some(new)) = (version(before), version(after))
            && old != new
        {
            found.add(Change::RuleVersion(old, new));
        }
        for (name, difference) in differing(&environment(before), &environment(after)) {
            found.add(environment_change(ground, &node, &name, difference));
        }
        if tool(before) != tool(after) {
            self.tool_changes(ground, &node, after, &leaves, found);
        }
        let shape = shape_changes(before, after);
        let explained = settings_in(ground, &node, &leaves, !shape.is_empty(), found);
        for (name, difference) in &ground.environment {
            if leaves.iter().any(|leaf| leaf.place.contains(&**name) || leaf.holds(&format!("${name}:"))) {
                found.add(environment_change(ground, &node, name, *difference));
            }
        }
        self.input_changes(ground, before, after, found, depth);
        observation_changes(before, after, found);
        if leaves.is_empty() && shape.is_empty() {
            return;
        }
        let nothing_yet = found.certain.is_empty();
        if !explained {
            for (path, difference) in &ground.files {
                found.likely.push(Cause { change: Change::File(*difference, path.clone()), through: Vec::new() });
            }
        }
        if nothing_yet {
            let changes = ground
                .rows_seen(&node)
                .map(|row| row.change(None))
                .chain(ground.environment.iter().map(|(name, how)| Change::Environment(*how, name.clone())));
            let before_files: Vec<_> = changes.map(|change| Cause { change, through: Vec::new() }).collect();
            found.likely.splice(0..0, before_files);
            let mentioned = self.mentioned(&leaves);
            found.likely.extend(mentioned);
            if found.likely.is_empty() {
                found.likely.extend(shape.into_iter().map(|change| Cause { change, through: Vec::new() }));
                found.likely.extend(leaves.into_iter().map(|leaf| Cause {
                    change: Change::Argument { name: leaf.place, before: leaf.before, after: leaf.after },
                    through: Vec::new(),
                }));
            }
        }
    }

    /// Files that came or went and that an argument names, for example where an import now leads.
    fn mentioned(&self, leaves: &[Leaf]) -> Vec<Cause> {
        let Some(before) = self.before else { return Vec::new() };
        let files = differing(&before.files, &self.after.files).into_iter();
        let stem = |path: &RelPath| path.as_str().rsplit_once('.').map_or(path.as_str(), |(stem, _)| stem).to_owned();
        files
            .filter(|(path, difference)| {
                let name = stem(path);
                let name = name.rsplit('/').next().unwrap_or_default();
                *difference != Difference::Changed && leaves.iter().any(|leaf| leaf.holds(name))
            })
            .map(|(path, difference)| Cause { change: Change::File(difference, path), through: Vec::new() })
            .collect()
    }

    fn tool_changes(&self, ground: &Ground<'_>, node: &str, after: &ActionRecord, leaves: &[Leaf], found: &mut Found) {
        let program = after.parts.iter().filter_map(|part| match part {
            Part::Argument(argument) => Some(argument),
            _ => None,
        });
        let program = program.into_iter().nth(1).cloned();
        let file = program.as_deref().and_then(|program| RelPath::new(program).ok());
        let of_workspace = file.filter(|path| path.as_str().contains('/') && self.after.file(path).is_some());
        let configured: Vec<Change> = ground
            .rows_seen(node)
            .filter(|row| row.node() == "toolchain" || (row.node() == node && row.field() == "run"))
            .map(|row| row.change(None))
            .collect();
        if !configured.is_empty() {
            configured.into_iter().for_each(|change| found.add(change));
        } else if let Some(path) = of_workspace {
            found.add(Change::File(Difference::Changed, path));
        } else if !leaves.is_empty() && !ground.files.is_empty() {
            // Another version of a compiler: asked for by a file that planning reads.
            for (path, difference) in &ground.files {
                found.add(Change::File(*difference, path.clone()));
            }
        } else {
            found.add(Change::Tool(program));
        }
    }

    fn input_changes(
        &self,
        ground: &Ground<'_>,
        before: &ActionRecord,
        after: &ActionRecord,
        found: &mut Found,
        depth: usize,
    ) {
        let inputs = |action: &ActionRecord| -> Vec<(RelPath, (Digest, Origin))> {
            action.inputs().map(|(path, digest, origin)| (path.clone(), (digest, origin))).collect()
        };
        let (old, new) = (inputs(before), inputs(after));
        let node = after.label.rule.to_string();
        let at = |inputs: &[(RelPath, (Digest, Origin))], path: &RelPath| {
            inputs.binary_search_by(|(input, _)| input.cmp(path)).ok().map(|index| inputs[index].1)
        };
        for (path, difference) in differing(&old, &new) {
            match (at(&old, &path), at(&new, &path)) {
                (_, Some((digest, Origin::Store))) => self.made(&path, digest, found, depth),
                (Some(_), Some((_, Origin::Workspace))) => found.add(Change::File(difference, path)),
                (Some((digest, Origin::Store)), None) => self.no_longer_made(ground, &path, digest, found, depth),
                (None, Some((_, Origin::Workspace))) | (Some((_, Origin::Workspace)), None) => {
                    ground.came_or_went(&node, &path, difference).into_iter().for_each(|change| found.add(change));
                }
                (None, None) => {}
            }
        }
    }

    /// Follows an input that another action makes.
    fn made(&self, path: &RelPath, digest: Digest, found: &mut Found, depth: usize) {
        let Some(maker) = self.makers.get(&(path, digest)) else { return };
        let link = Link { action: maker.label.clone(), output: path.clone() };
        let causes = self.follow(&maker.label, depth + 1);
        let is_known =
            |cause: &&Cause| !matches!(cause.change, Change::NotInStore | Change::NotKept | Change::FailedBefore);
        let before = found.certain.len();
        for cause in causes.iter().filter(is_known) {
            let mut through = cause.through.clone();
            through.push(link.clone());
            found.certain.push(Cause { change: cause.change.clone(), through });
        }
        if found.certain.len() == before {
            found
                .certain
                .push(Cause { change: Change::Upstream(link.action.clone(), path.clone()), through: vec![link] });
        }
    }

    /// Follows an input that is no longer made.
    fn no_longer_made(&self, ground: &Ground<'_>, path: &RelPath, digest: Digest, found: &mut Found, depth: usize) {
        let Some(maker) = self.makers_before.get(&(path, digest)) else { return };
        let link = Link { action: maker.label.clone(), output: path.clone() };
        let mut changes: Vec<Cause> = Vec::new();
        if self.after.action(&maker.label).is_some() {
            changes.extend(self.follow(&maker.label, depth + 1).iter().cloned());
        } else {
            let node = maker.label.rule.to_string();
            let changed = match (ground.node_row(&node), &maker.label.subject) {
                (Some(row), _) => vec![row.change(None)],
                (None, Some(subject)) if self.after.file(subject).is_none() => {
                    ground.came_or_went(&node, subject, Difference::Removed)
                }
                (None, Some(_)) => self.neighbours(&maker.label),
                (None, None) => Vec::new(),
            };
            changes.extend(changed.into_iter().map(|change| Cause { change, through: Vec::new() }));
        }
        if changes.is_empty() {
            changes.push(Cause { change: Change::Upstream(link.action.clone(), path.clone()), through: Vec::new() });
        }
        for mut cause in changes {
            cause.through.push(link.clone());
            found.certain.push(cause);
        }
    }

    /// Files of the same rule that differ: one of them decides whether others are reached.
    fn neighbours(&self, label: &ActionLabel) -> Vec<Change> {
        let Some(before) = self.before else { return Vec::new() };
        let sources = |dump: &KeyDump| {
            let actions = dump.actions.iter().filter(|action| action.label.rule == label.rule);
            let inputs = actions.flat_map(|action| {
                let subject = action.label.subject.as_ref();
                action
                    .inputs()
                    .filter(move |(path, ..)| Some(*path) == subject)
                    .map(|(path, digest, _)| (path.clone(), digest))
            });
            let mut sources: Vec<_> = inputs.collect();
            sources.sort();
            sources
        };
        let differing = differing(&sources(before), &sources(self.after)).into_iter();
        differing
            .filter(|(path, difference)| *difference == Difference::Changed && Some(path) != label.subject.as_ref())
            .map(|(path, difference)| Change::File(difference, path))
            .collect()
    }

    fn first_time(&self, ground: &Ground<'_>, after: &ActionRecord, found: &mut Found, depth: usize) {
        let node = after.label.rule.to_string();
        if let Some(row) = ground.node_row(&node) {
            return found.add(row.change(None));
        }
        let is_new = |path: &RelPath| self.before.is_none_or(|before| before.file(path).is_none());
        match &after.label.subject {
            Some(subject) if is_new(subject) => {
                ground.came_or_went(&node, subject, Difference::Added).into_iter().for_each(|change| found.add(change));
            }
            Some(subject) => {
                let configured = ground.came_or_went(&node, subject, Difference::Added);
                let edited = configured.into_iter().filter(|change| matches!(change, Change::Setting { .. }));
                edited.chain(self.neighbours(&after.label)).for_each(|change| found.add(change));
            }
            None => {
                for (path, digest, origin) in after.inputs() {
                    match origin {
                        Origin::Workspace if is_new(path) => {
                            let changes = ground.came_or_went(&node, path, Difference::Added);
                            changes.into_iter().for_each(|change| found.add(change));
                        }
                        Origin::Workspace => {}
                        Origin::Store => self.made(path, digest, found, depth),
                    }
                }
            }
        }
        if found.certain.is_empty() {
            ground.rows_seen(&node).for_each(|row| found.add(row.change(None)));
        }
        if found.certain.is_empty() {
            ground.environment.iter().for_each(|(name, how)| found.add(Change::Environment(*how, name.clone())));
            ground.files.iter().for_each(|(path, how)| found.add(Change::File(*how, path.clone())));
        }
        found.likely.push(Cause { change: Change::NeverRan, through: Vec::new() });
    }
}

fn makers(dump: &KeyDump) -> Makers<'_> {
    let made = |action| {
        let action: &ActionRecord = action;
        action.artifacts.iter().map(move |(path, digest)| ((path, *digest), action))
    };
    dump.actions.iter().flat_map(made).collect()
}

fn version(action: &ActionRecord) -> Option<u32> {
    action.parts.iter().find_map(|part| match part {
        Part::Version(version) => Some(*version),
        _ => None,
    })
}

fn tool(action: &ActionRecord) -> Option<Digest> {
    action.parts.iter().find_map(|part| match part {
        Part::Tool(tool) => *tool,
        _ => None,
    })
}

fn environment(action: &ActionRecord) -> Vec<(std::sync::Arc<str>, Digest)> {
    let values = action.parts.iter().filter_map(|part| match part {
        Part::Environment(name, digest) => Some((name.clone(), *digest)),
        _ => None,
    });
    values.collect()
}

/// The configuration goes before the environment: what a rule sets, or no longer lets through, is the rule's doing.
fn environment_change(ground: &Ground<'_>, node: &str, name: &str, difference: Difference) -> Change {
    let own = format!("environment.{name}");
    let mut rows = ground.rows_seen(node).filter(|row| match row.field() {
        field if field == own => row.node() == node,
        "environment" => row.says(name),
        // The one value that a rule sets by itself is the output root of the profile.
        "out" => name == "WEBSTIR_OUT" && row.node().starts_with("profile "),
        _ => false,
    });
    rows.next().map_or_else(|| Change::Environment(difference, std::sync::Arc::from(name)), |row| row.change(None))
}

/// Adds the rows of the configuration that say what differs in the arguments. Returns whether there are any.
fn settings_in(ground: &Ground<'_>, node: &str, leaves: &[Leaf], shape: bool, found: &mut Found) -> bool {
    let before = found.certain.len();
    for row in ground.rows_seen(node) {
        let own = row.node() == node;
        let field = row.field();
        let is_process_argument =
            own && field == "run" && leaves.iter().any(|leaf| leaf.place.parse::<usize>().is_ok());
        let is_shape =
            shape && own && matches!(field, "outputs" | "out" | "to" | "directory") || shape && field == "out";
        if is_process_argument || is_shape || leaves.iter().any(|leaf| names(field, &leaf.place)) {
            found.add(row.change(None));
        }
    }
    found.certain.len() > before
}

/// Whether a field of the configuration and a place in the arguments are about one thing: `tree-shake` and `tree_shake`,
/// `limits.cpu` and `cpu_ms`, `sourcemap` and `map.link`, `define.X` and `define.X`.
fn names(field: &str, place: &str) -> bool {
    if field.is_empty() {
        return false;
    }
    if place == field {
        return true;
    }
    let (head, rest) = field.split_once('.').unwrap_or((field, ""));
    if head == "define" {
        return place.strip_prefix("define.").is_some_and(|name| name == rest);
    }
    let last = field.rsplit('.').next().unwrap_or(field).replace('-', "_");
    let is_alike = |part: &str| part.len() >= 3 && (part.starts_with(&last) || last.ends_with(part));
    place.split('.').any(|part| is_alike(part) || (part.len() >= 4 && part.trim_end_matches('s') == last))
}

/// The declared outputs and the directory.
fn shape_changes(before: &ActionRecord, after: &ActionRecord) -> Vec<Change> {
    let outputs = |action: &ActionRecord| -> Vec<(RelPath, ())> {
        let outputs = action.parts.iter().filter_map(|part| match part {
            Part::Output(path) => Some((path.clone(), ())),
            _ => None,
        });
        outputs.collect()
    };
    let directory = |action: &ActionRecord| {
        action.parts.iter().find_map(|part| match part {
            Part::Directory(path) => Some(path.clone()),
            _ => None,
        })
    };
    let mut changes: Vec<Change> =
        differing(&outputs(before), &outputs(after)).into_iter().map(|(path, how)| Change::Output(how, path)).collect();
    if directory(before) != directory(after) {
        changes.push(Change::Directory);
    }
    changes
}

/// Only questions that were asked both times count: new ones follow from another answer.
fn observation_changes(before: &ActionRecord, after: &ActionRecord, found: &mut Found) {
    type Answers<'a> = BTreeMap<(&'a RelPath, Question), &'a Observation>;
    let answers = |action| -> Answers<'_> {
        let action: &ActionRecord = action;
        action.observations().map(|(path, observation)| ((path, observation.question()), observation)).collect()
    };
    let (old, new): (Answers<'_>, Answers<'_>) = (answers(before), answers(after));
    let mut directories = Vec::new();
    for (&(path, question), &was) in &old {
        let Some(&is) = new.get(&(path, question)) else { continue };
        if was == is {
            continue;
        }
        let difference = match (is_there(was), is_there(is)) {
            (false, true) => Difference::Added,
            (true, false) => Difference::Removed,
            _ => Difference::Changed,
        };
        match question {
            Question::Kind | Question::Content => found.add(Change::File(difference, path.clone())),
            Question::RealPath => directories.push(Change::Answer(difference, path.clone(), question)),
            Question::Entries => {
                // The entries are known by digest only; what else was asked below tells which came or went.
                let below = |answers: &Answers<'_>, path: &RelPath| -> Vec<(RelPath, ())> {
                    let there = answers.iter().filter(|(_, answer)| is_there(answer)).map(|((path, _), _)| *path);
                    let mut below: Vec<_> = there
                        .filter(|entry| entry.parent().as_ref() == Some(path))
                        .map(|entry| (entry.clone(), ()))
                        .collect();
                    below.dedup();
                    below
                };
                let entries = differing(&below(&old, path), &below(&new, path));
                if entries.is_empty() {
                    directories.push(Change::Answer(difference, path.clone(), question));
                }
                entries.into_iter().for_each(|(entry, how)| found.add(Change::File(how, entry)));
            }
        }
    }
    if found.certain.is_empty() {
        directories.into_iter().for_each(|change| found.add(change));
    }
}

fn is_there(observation: &Observation) -> bool {
    match observation {
        Observation::Kind(kind) => *kind != PathKind::Absent,
        Observation::Content(digest) | Observation::Entries(digest) => digest.is_some(),
        Observation::RealPath(path) => path.is_some(),
    }
}

fn unexplained(before: Option<&ActionRecord>, after: &ActionRecord) -> Change {
    match before {
        None => Change::NeverRan,
        Some(_) if !after.cacheable => Change::NotKept,
        Some(before) if before.status == Status::Failed => Change::FailedBefore,
        Some(_) => Change::NotInStore,
    }
}
