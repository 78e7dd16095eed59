//! Inputs that differ: files of the workspace, and what other actions make, followed down.

use super::{Comparison, Found};
use crate::action::Origin;
use crate::digest::Digest;
use crate::explain::planning::{PlanningDiff, differing};
use crate::explain::{Cause, Change, Difference, Link};
use crate::key_dump::ActionRecord;
use crate::path::RelPath;
use crate::system::FileContent;

impl Comparison<'_> {
    pub(super) fn input_changes(
        &self,
        planning: &PlanningDiff<'_>,
        before: &ActionRecord,
        after: &ActionRecord,
        found: &mut Found,
        depth: usize,
    ) {
        let inputs = |action: &ActionRecord| -> Vec<(RelPath, (FileContent, Origin))> {
            action.inputs().map(|(path, content, origin)| (path.clone(), (content, origin))).collect()
        };
        let (old, new) = (inputs(before), inputs(after));
        let node = after.label.rule.to_string();
        let at = |inputs: &[(RelPath, (FileContent, Origin))], path: &RelPath| {
            inputs.binary_search_by(|(input, _)| input.cmp(path)).ok().map(|index| inputs[index].1)
        };
        for (path, difference) in differing(&old, &new) {
            match (at(&old, &path), at(&new, &path)) {
                (_, Some((content, Origin::Store))) => self.made(&path, content.digest, found, depth),
                (Some((old, Origin::Workspace)), Some((new, Origin::Workspace))) if old.digest == new.digest => {
                    found.add(Change::Executable(new.executable, path));
                }
                (Some(_), Some((_, Origin::Workspace))) => found.add(Change::File(difference, path)),
                (Some((content, Origin::Store)), None) => {
                    self.no_longer_made(planning, &path, content.digest, found, depth);
                }
                (None, Some((_, Origin::Workspace))) | (Some((_, Origin::Workspace)), None) => {
                    found.extend(planning.came_or_went(&node, &path, difference));
                }
                (None, None) => {}
            }
        }
    }

    /// Follows an input that another action makes.
    pub(super) fn made(&self, path: &RelPath, digest: Digest, found: &mut Found, depth: usize) {
        let Some(maker) = self.makers.get(&(path, digest)) else { return };
        let link = Link { action: maker.label.clone(), output: path.clone() };
        let causes = self.follow(&maker.label, depth + 1);
        let is_known = |cause: &&Cause| {
            !matches!(
                cause.change,
                Change::NotInStore
                    | Change::NotKept
                    | Change::FailedBefore
                    | Change::ProvisionalBefore
                    | Change::Sandbox(_)
            )
        };
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
    fn no_longer_made(
        &self,
        planning: &PlanningDiff<'_>,
        path: &RelPath,
        digest: Digest,
        found: &mut Found,
        depth: usize,
    ) {
        let Some(maker) = self.makers_before.get(&(path, digest)) else { return };
        let link = Link { action: maker.label.clone(), output: path.clone() };
        let mut changes: Vec<Cause> = Vec::new();
        if self.after.action(&maker.label).is_some() {
            changes.extend(self.follow(&maker.label, depth + 1).iter().cloned());
        } else {
            let node = maker.label.rule.to_string();
            let direct = match (planning.node_row(&node), &maker.label.subject) {
                (Some(row), _) => vec![row.change(None)],
                (None, Some(subject)) if self.after.file(subject).is_none() => {
                    planning.came_or_went(&node, subject, Difference::Removed)
                }
                (None, Some(_)) => self.neighbours(&maker.label),
                (None, None) => Vec::new(),
            };
            changes.extend(direct.into_iter().map(|change| Cause { change, through: Vec::new() }));
        }
        if changes.is_empty() {
            changes.push(Cause { change: Change::Upstream(link.action.clone(), path.clone()), through: Vec::new() });
        }
        for mut cause in changes {
            cause.through.push(link.clone());
            found.certain.push(cause);
        }
    }
}
