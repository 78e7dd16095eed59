//! Which rule refers to which.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::config::Rule;
use crate::config::kdl::quoted;
use crate::config::report::{Report, listed, suggestion, there_are};
use crate::config::schema::{Absent, Language, Shape, Target};
use crate::config::value::{Place, Spanned, Value};
use crate::diagnostic::Diagnostic;
use crate::label::Label;

/// Turns every reference into the label of a rule; those that name none are reported and taken out.
pub(in crate::config) fn references(
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
