//! Which profile extends which.

use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::config::Profile;
use crate::config::kdl::quoted;
use crate::config::read::ProfileDraft;
use crate::config::report::{Report, listed, suggestion};
use crate::config::schema::{Field, Language, PROFILE_OUT};
use crate::config::value::{Fields, Place, Spanned};
use crate::diagnostic::Diagnostic;

/// Resolves `extends`. A profile that is not there is a mistake only if the configuration is complete.
pub(in crate::config) fn profiles(
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
            excused[current] = match parents[current] {
                Some(parent) => excused[parent] || broken.contains(&parent),
                None => draft.extends.is_some(),
            };
            for field in schema.iter().filter(|field| field.required && !fields.is_attempted(field.name)) {
                if !excused[current] {
                    let message = format!("The profile `{}` lacks `{}`", draft.name, field.name);
                    let help =
                        format!("Add {}, or `extends=` a profile that has it", crate::config::read::example(field));
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

pub(super) fn unknown_profile<'p>(
    name: &Spanned<Arc<str>>,
    known: impl Iterator<Item = &'p str> + Clone,
    report: &mut Report,
) {
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
