//! Two dumps, compared action by action.

mod inputs;
mod parts;

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;

use rustc_hash::FxHashMap;

use self::parts::{
    discovered_input_changes, environment, environment_change, implementation, program_part, settings_in,
    shape_changes, tool,
};
use super::arguments::{Leaf, differences};
use super::planning::{PlanningDiff, differing};
use super::{Cause, Change, Difference};
use crate::action::Origin;
use crate::digest::Digest;
use crate::event::Status;
use crate::key_dump::{ActionRecord, Keeping, KeyDump, Part};
use crate::label::ActionLabel;
use crate::path::RelPath;

/// How far a change is followed up. Longer chains end with the action in between.
const DEEPEST: usize = 200;

/// Two dumps of one profile, with what is needed to follow a change from action to action.
pub struct Comparison<'a> {
    before: Option<&'a KeyDump>,
    after: &'a KeyDump,
    planning: Option<PlanningDiff<'a>>,
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

    fn extend(&mut self, changes: impl IntoIterator<Item = Change>) {
        self.certain.extend(changes.into_iter().map(|change| Cause { change, through: Vec::new() }));
    }
}

impl<'a> Comparison<'a> {
    /// `before` is `None` when nothing is known of an earlier build.
    pub fn new(before: Option<&'a KeyDump>, after: &'a KeyDump) -> Self {
        Self {
            before,
            after,
            planning: before.map(|before| PlanningDiff::new(before, after)),
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
        match (&self.planning, before) {
            (Some(planning), Some(before)) => self.compare(planning, before, after, &mut found, depth),
            (Some(planning), None) => self.first_time(planning, after, &mut found, depth),
            (None, _) => found.add(Change::NeverRan),
        }
        let Found { mut certain, likely } = found;
        // The sort is stable: what was found first stays first among what is as direct.
        certain.sort_by_key(|cause| cause.through.len());
        certain.extend(likely);
        let mut seen = BTreeSet::new();
        certain.retain(|cause| seen.insert(cause.change.clone()));
        if certain.is_empty() && after.ran() {
            certain.push(Cause { change: unexplained(before, after), through: Vec::new() });
        }
        certain
    }

    fn compare(
        &self,
        planning: &PlanningDiff<'_>,
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
        if implementation(before) != implementation(after) {
            found.add(Change::Implementation);
        }
        for (name, difference) in differing(&environment(before), &environment(after)) {
            found.add(environment_change(planning, &node, &name, difference));
        }
        if tool(before) != tool(after) {
            self.tool_changes(planning, &node, (before, after), &leaves, found);
        }
        let shape = shape_changes(before, after);
        let explained = settings_in(planning, &node, &leaves, !shape.is_empty(), found);
        for (name, difference) in &planning.environment {
            if leaves.iter().any(|leaf| leaf.place.contains(&**name) || leaf.holds(&format!("${name}:"))) {
                found.add(environment_change(planning, &node, name, *difference));
            }
        }
        self.input_changes(planning, before, after, found, depth);
        let is_same = |path: &RelPath| {
            self.before.and_then(|before| before.file(path)).is_some_and(|file| self.after.file(path) == Some(file))
        };
        discovered_input_changes(before, after, &is_same, found);
        if leaves.is_empty() && shape.is_empty() {
            return;
        }
        let nothing_yet = found.certain.is_empty();
        if !explained {
            for (path, difference) in &planning.files {
                found.likely.push(Cause { change: Change::File(*difference, path.clone()), through: Vec::new() });
            }
        }
        if nothing_yet {
            let changes = planning
                .rows_seen(&node)
                .map(|row| row.change(None))
                .chain(planning.environment.iter().map(|(name, how)| Change::Environment(*how, name.clone())));
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

    fn tool_changes(
        &self,
        planning: &PlanningDiff<'_>,
        node: &str,
        (before, after): (&ActionRecord, &ActionRecord),
        leaves: &[Leaf],
        found: &mut Found,
    ) {
        let program = after.parts.iter().find_map(|part| match part {
            Part::Program { name, .. } => Some(name.clone()),
            _ => None,
        });
        let file = program.as_deref().and_then(|program| RelPath::new(program).ok());
        let of_workspace = file.filter(|path| path.as_str().contains('/') && self.after.file(path).is_some());
        let configured: Vec<Change> = planning
            .rows_seen(node)
            .filter(|row| row.node() == "toolchain" || (row.node() == node && row.field() == "run"))
            .map(|row| row.change(None))
            .collect();
        if !configured.is_empty() {
            found.extend(configured);
        } else if let Some(path) = of_workspace {
            found.add(Change::File(Difference::Changed, path));
        } else if !leaves.is_empty() && !planning.files.is_empty() {
            // Another version of a compiler: asked for by a file that planning reads.
            for (path, difference) in &planning.files {
                found.add(Change::File(*difference, path.clone()));
            }
        } else {
            found.add(Change::Tool(program, program_part(before, after)));
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
                    .map(|(path, content, _)| (path.clone(), content))
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

    fn first_time(&self, planning: &PlanningDiff<'_>, after: &ActionRecord, found: &mut Found, depth: usize) {
        let node = after.label.rule.to_string();
        if let Some(row) = planning.node_row(&node) {
            return found.add(row.change(None));
        }
        let is_new = |path: &RelPath| self.before.is_none_or(|before| before.file(path).is_none());
        match &after.label.subject {
            Some(subject) if is_new(subject) => {
                found.extend(planning.came_or_went(&node, subject, Difference::Added));
            }
            Some(subject) => {
                let configured = planning.came_or_went(&node, subject, Difference::Added);
                let edited = configured.into_iter().filter(|change| matches!(change, Change::Setting { .. }));
                found.extend(edited.chain(self.neighbours(&after.label)));
            }
            None => {
                for (path, content, origin) in after.inputs() {
                    match origin {
                        Origin::Workspace if is_new(path) => {
                            found.extend(planning.came_or_went(&node, path, Difference::Added));
                        }
                        Origin::Workspace => {}
                        Origin::Store => self.made(path, content.digest, found, depth),
                    }
                }
            }
        }
        if found.certain.is_empty() {
            found.extend(planning.rows_seen(&node).map(|row| row.change(None)));
        }
        if found.certain.is_empty() {
            found.extend(planning.environment.iter().map(|(name, how)| Change::Environment(*how, name.clone())));
            found.extend(planning.files.iter().map(|(path, how)| Change::File(*how, path.clone())));
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

fn unexplained(before: Option<&ActionRecord>, after: &ActionRecord) -> Change {
    match before {
        None => Change::NeverRan,
        Some(_) if after.keeping == Keeping::Never => Change::NotKept,
        Some(before) if before.status == Status::Failed => Change::FailedBefore,
        Some(before) if before.keeping == Keeping::Provisional => Change::ProvisionalBefore,
        Some(before) => match (&before.sandbox, &after.sandbox) {
            (Some(made_in), Some(now)) if made_in != now => Change::Sandbox(made_in.clone()),
            _ => Change::NotInStore,
        },
    }
}
