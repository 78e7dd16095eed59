//! What holds between rules: profiles, references, cycles.

mod cycles;
mod profiles;
mod references;

pub(super) use self::cycles::cycles;
pub(super) use self::profiles::profiles;
use self::profiles::unknown_profile;
pub(super) use self::references::references;

use std::sync::Arc;

use rustc_hash::FxHashSet;

use crate::config::report::{Report, listed};
use crate::config::schema::{Constraint, Field, Language, Shape};
use crate::config::value::Value;
use crate::config::{Profile, Rule};
use crate::diagnostic::Diagnostic;

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
pub(super) fn constraints(rules: &[Rule], language: &Language, report: &mut Report) {
    for rule in rules {
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
                Constraint::RequiredWith { field, with } => {
                    if !rule.fields.is_attempted(with) || rule.fields.is_attempted(field) {
                        continue;
                    }
                    if let Some(field) = schema.fields.iter().find(|known| known.name == field) {
                        lacks(rule, field, &format!(", or remove `{with}`"), report);
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
