//! Planning inputs: the configuration, the environment, and files that are no declared inputs.
//!
//! A [`PlanningDiff`] knows how these differ between two dumps, and which rows of the configuration a rule can see: its own, those of the
//! sets and entries that it refers to, those of its profile and of the workspace.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;
use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use super::{Change, Difference};
use crate::config::glob::Globs;
use crate::config::settings::{Setting, SettingValue, profile_node};
use crate::key_dump::KeyDump;
use crate::path::RelPath;

/// A row that differs.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) before: Option<Setting>,
    pub(super) after: Option<Setting>,
}

impl Row {
    fn setting(&self) -> &Setting {
        self.after.as_ref().or(self.before.as_ref()).expect("a row that differs is somewhere")
    }

    pub(super) fn node(&self) -> &str {
        &self.setting().node
    }

    pub(super) fn field(&self) -> &str {
        &self.setting().field
    }

    /// Whether one of its values is this text.
    pub(super) fn says(&self, text: &str) -> bool {
        let says = |setting: &Setting| match &setting.value {
            SettingValue::Text(value) | SettingValue::Glob(value) => **value == *text,
            SettingValue::Reference(_) | SettingValue::Secret(_) => false,
        };
        self.before.iter().chain(&self.after).any(says)
    }

    /// The change, on account of `file` when there is one.
    pub(super) fn change(&self, file: Option<&RelPath>) -> Change {
        let difference = match (&self.before, &self.after) {
            (None, _) => Difference::Added,
            (_, None) => Difference::Removed,
            _ => Difference::Changed,
        };
        Change::Setting { difference, before: self.before.clone(), after: self.after.clone(), file: file.cloned() }
    }
}

pub(super) struct PlanningDiff<'a> {
    before: &'a KeyDump,
    after: &'a KeyDump,
    pub(super) rows: Vec<Row>,
    pub(super) environment: BTreeMap<Arc<str>, Difference>,
    /// Files that planning read for itself.
    pub(super) files: Vec<(RelPath, Difference)>,
    /// Rules that plan actions: what is configured there reaches others through outputs.
    acting: FxHashSet<String>,
    profile: String,
    visible: RefCell<FxHashMap<String, Rc<[String]>>>,
}

impl<'a> PlanningDiff<'a> {
    pub(super) fn new(before: &'a KeyDump, after: &'a KeyDump) -> Self {
        let actions = || before.actions.iter().chain(&after.actions);
        let acting = actions().map(|action| &action.label.rule).collect::<BTreeSet<_>>();
        let acting = acting.into_iter().map(ToString::to_string).collect();
        let declared: FxHashSet<&RelPath> =
            actions().flat_map(|action| action.inputs().map(|(path, ..)| path)).collect();
        let files = differing(&before.files, &after.files);
        Self {
            before,
            after,
            rows: rows(&before.settings, &after.settings),
            environment: differing(&before.environment, &after.environment).into_iter().collect(),
            files: files.into_iter().filter(|(path, _)| !declared.contains(path)).collect(),
            acting,
            profile: profile_node(&after.profile),
            visible: RefCell::default(),
        }
    }

    /// The nodes that `node` sees, itself first.
    fn visible(&self, node: &str) -> Rc<[String]> {
        if let Some(known) = self.visible.borrow().get(node) {
            return known.clone();
        }
        let mut nodes = vec![node.to_owned()];
        let mut open: VecDeque<String> = VecDeque::from(nodes.clone());
        while let Some(next) = open.pop_front() {
            let rows = rows_of(self.after, &next).iter().chain(rows_of(self.before, &next));
            for row in rows {
                if let SettingValue::Reference(label) = &row.value
                    && !self.acting.contains(&**label)
                    && !nodes.iter().any(|node| **node == **label)
                {
                    nodes.push(label.to_string());
                    open.push_back(label.to_string());
                }
            }
        }
        nodes.extend([self.profile.clone(), "workspace".to_owned(), "toolchain".to_owned()]);
        let nodes: Rc<[String]> = Rc::from(nodes);
        self.visible.borrow_mut().insert(node.to_owned(), nodes.clone());
        nodes
    }

    /// The rows that differ and that `node` sees, the nearest first.
    pub(super) fn rows_seen(&self, node: &str) -> impl Iterator<Item = &Row> {
        let visible = self.visible(node);
        let mut seen: Vec<(usize, &Row)> = self
            .rows
            .iter()
            .filter_map(|row| Some((visible.iter().position(|name| **name == *row.node())?, row)))
            .collect();
        seen.sort_by_key(|(distance, _)| *distance);
        seen.into_iter().map(|(_, row)| row)
    }

    /// Whether the whole node came or went.
    pub(super) fn node_row(&self, node: &str) -> Option<&Row> {
        self.rows.iter().find(|row| row.node() == node && row.field().is_empty())
    }

    /// Why `file` is now, or is no longer, one that the rule `node` looks at.
    pub(super) fn came_or_went(&self, node: &str, file: &RelPath, difference: Difference) -> Vec<Change> {
        let dump = if difference == Difference::Removed { self.before } else { self.after };
        let is_exclusion = |setting: &Setting| setting.field.ends_with("exclude");
        let matches = |setting: &Setting, dump: &KeyDump| glob_matches(dump, setting, file);
        // A glob that was edited is the cause when it alone decides.
        let edited: Vec<Change> = self
            .rows_seen(node)
            .filter(|row| {
                let before = row.before.as_ref().map(|row| (is_exclusion(row), matches(row, self.before)));
                let after = row.after.as_ref().map(|row| (is_exclusion(row), matches(row, self.after)));
                before.is_some_and(|(_, matches)| matches) != after.is_some_and(|(_, matches)| matches)
            })
            .map(|row| row.change(Some(file)))
            .collect();
        if !edited.is_empty() {
            return edited;
        }
        let visible = self.visible(node);
        let mut rows = visible.iter().flat_map(|node| rows_of(dump, node));
        let found = rows.find(|row| !is_exclusion(row) && matches(row, dump));
        match found {
            Some(glob) => vec![Change::Glob { difference, file: file.clone(), glob: glob.clone() }],
            None => vec![Change::File(difference, file.clone())],
        }
    }
}

/// The rows of a node.
fn rows_of<'d>(dump: &'d KeyDump, node: &str) -> &'d [Setting] {
    let start = dump.settings.partition_point(|row| *row.node < *node);
    let length = dump.settings[start..].partition_point(|row| *row.node == *node);
    &dump.settings[start..start + length]
}

/// Whether a row is a glob that matches `file`, seen from any of the directories that its node names.
fn glob_matches(dump: &KeyDump, row: &Setting, file: &RelPath) -> bool {
    let SettingValue::Glob(text) = &row.value else { return false };
    // Files are searched by the globs of these fields; others choose among what was found.
    let searches = matches!(&*row.field, "include" | "inputs");
    let globs = if searches { Globs::of_search([&**text]) } else { Globs::new([&**text]) };
    let own = rows_of(dump, &row.node);
    let from = own.iter().filter_map(|row| match &row.value {
        SettingValue::Reference(label) => Some(rows_of(dump, label)),
        _ => None,
    });
    let directories = std::iter::once(own).chain(from).flatten().filter_map(|row| match &row.value {
        SettingValue::Text(text) if matches!(&*row.field, "base" | "root") => RelPath::new(text).ok(),
        _ => None,
    });
    let mut directories = directories.chain([RelPath::root()]);
    directories.any(|directory| file.strip_prefix(&directory).is_some_and(|below| globs.is_match(below)))
}

/// The keys whose values differ.
pub(super) fn differing<K: Ord + Clone, V: PartialEq>(before: &[(K, V)], after: &[(K, V)]) -> Vec<(K, Difference)> {
    let mut found = Vec::new();
    let (mut old, mut new) = (before.iter().peekable(), after.iter().peekable());
    loop {
        let order = match (old.peek(), new.peek()) {
            (None, None) => return found,
            (Some(_), None) => std::cmp::Ordering::Less,
            (None, Some(_)) => std::cmp::Ordering::Greater,
            (Some((old, _)), Some((new, _))) => old.cmp(new),
        };
        let old = if order.is_gt() { None } else { old.next() };
        let new = if order.is_lt() { None } else { new.next() };
        let difference = Difference::of(old.map(|(_, value)| value), new.map(|(_, value)| value));
        if let (Some(difference), Some((key, _))) = (difference, old.or(new)) {
            found.push((key.clone(), difference));
        }
    }
}

/// The rows that differ, whatever their places. Rows of one field are paired.
fn rows(before: &[Setting], after: &[Setting]) -> Vec<Row> {
    type Sides<'a> = (Vec<&'a Setting>, Vec<&'a Setting>);
    let mut fields: BTreeMap<(&str, &str), Sides<'_>> = BTreeMap::new();
    for row in before {
        fields.entry((&row.node, &row.field)).or_default().0.push(row);
    }
    for row in after {
        fields.entry((&row.node, &row.field)).or_default().1.push(row);
    }
    let whole: BTreeSet<&str> = fields
        .iter()
        .filter(|((_, field), (before, after))| field.is_empty() && before.is_empty() != after.is_empty())
        .map(|((node, _), _)| *node)
        .collect();
    let mut rows = Vec::new();
    for ((node, field), (before, after)) in &fields {
        // The fields of a node that came or went say nothing more.
        if whole.contains(node) && !field.is_empty() {
            continue;
        }
        let lacks = |rows: &[&Setting], row: &Setting| !rows.iter().any(|other| other.value == row.value);
        let mut gone = before.iter().filter(|row| lacks(after, row)).map(|row| (*row).clone());
        let mut came = after.iter().filter(|row| lacks(before, row)).map(|row| (*row).clone());
        loop {
            let (before, after) = (gone.next(), came.next());
            if before.is_none() && after.is_none() {
                break;
            }
            rows.push(Row { before, after });
        }
    }
    rows
}
