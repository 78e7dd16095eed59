//! Output ownership: no two rules claim one path, and none overwrites a source.
//!
//! Only what is known without looking at files is checked: outputs without `{dir}` and `{name}`, and the directories that the others
//! write into.

use crate::config::report::{Report, listed};
use crate::config::schema::{Language, OutputShape, Shape, Source};
use crate::config::value::{Place, Value};
use crate::config::{Profile, Rule, glob};
use crate::diagnostic::Diagnostic;
use crate::label::Label;
use crate::path::RelPath;

/// Places that no output may touch, whatever the rules say.
const RESERVED: [&str; 6] = [".git", ".webstir", "node_modules", "package.json", "src", super::FILE_NAME];

/// More findings than this are never shown.
const ENOUGH: usize = 1000;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Hold {
    /// Read as source.
    Source,
    /// The path and everything below it is the output of one rule.
    Whole,
    /// A directory that outputs are put into.
    Inside,
}

#[derive(Debug, Clone)]
struct Claim<'r> {
    /// The path with `/` as the smallest character, so that what is below a path follows it directly.
    key: String,
    hold: Hold,
    path: RelPath,
    /// `None` for a reserved place.
    owner: Option<Owner<'r>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Owner<'r> {
    /// `None` for the output root of a profile.
    rule: Option<&'r Label>,
    name: &'r str,
    field: &'static str,
    place: Place,
}

impl<'r> Claim<'r> {
    fn new(path: RelPath, hold: Hold, owner: Option<Owner<'r>>) -> Self {
        let key = path.components().fold(String::new(), |key, part| key + part + "\0");
        Self { key, hold, path, owner }
    }

    fn holds(&self, other: &Self) -> bool {
        other.key.starts_with(&self.key)
    }
}

/// Checks every profile. A finding is reported once, for the first profile it is true in.
pub(super) fn check(rules: &[Rule], profiles: &[Profile], language: &Language, report: &mut Report) {
    let mut found: Vec<(Vec<Place>, Diagnostic)> = Vec::new();
    roots_apart(profiles, report, &mut found);
    for profile in profiles {
        let Some(out) = profile.fields.path("out") else { continue };
        let mut claims: Vec<Claim<'_>> = RESERVED
            .iter()
            .filter_map(|path| RelPath::new(path).ok())
            .map(|path| Claim::new(path, Hold::Source, None))
            .collect();
        let owner = Owner { rule: None, name: &profile.name, field: "out", place: out.place };
        let root = Claim::new(out.value.clone(), Hold::Inside, Some(owner));
        for rule in rules.iter().filter(|rule| rule.in_profile(&profile.name)) {
            let Some(schema) = language.kind(rule.label.kind()) else { continue };
            for source in schema.sources {
                sources(rule, *source, &mut claims);
            }
        }
        let before = found.len();
        sweep([claims.as_slice(), &[root]].concat(), &profile.name, language, report, &mut found);
        // Everything in a root that is wrong would be wrong as well.
        if found.len() > before || rejected(out.place, &found) {
            continue;
        }
        for rule in rules.iter().filter(|rule| rule.in_profile(&profile.name)) {
            let Some(schema) = language.kind(rule.label.kind()) else { continue };
            for entry in &rule.fields.entries {
                let Some(field) = schema.all_fields().find(|field| field.name == entry.name) else { continue };
                let shape = match field.shape {
                    Shape::Output(shape) => Some(shape),
                    _ => None,
                };
                if !written_in(rule, shape, &profile.name) {
                    continue;
                }
                let outputs = match &entry.value {
                    Value::Output(output) => std::slice::from_ref(output),
                    Value::Outputs(outputs) => outputs,
                    _ => continue,
                };
                for output in outputs {
                    // A path that leaves the workspace was reported where it was read.
                    let Ok((path, whole)) = output.extent(&out.value) else { continue };
                    let whole = whole && !shape.is_some_and(|shape| shape.directory);
                    let hold = if whole { Hold::Whole } else { Hold::Inside };
                    let owner = Owner {
                        rule: Some(&rule.label),
                        name: rule.label.name(),
                        field: entry.name,
                        place: output.place,
                    };
                    claims.push(Claim::new(path, hold, Some(owner)));
                }
            }
        }
        sweep(claims, &profile.name, language, report, &mut found);
    }
    for (_, diagnostic) in found {
        report.push(diagnostic);
    }
}

/// Whether the output root that is written there was found wrong, perhaps for another profile.
fn rejected(root: Place, found: &[(Vec<Place>, Diagnostic)]) -> bool {
    found.iter().any(|(places, _)| places.first() == Some(&root))
}

/// No output root lies in another one: what a profile writes would be below the tree of the other, which a build, a `publish` of all of
/// it, or whoever removes that tree takes for theirs. Profiles may share one root.
fn roots_apart(profiles: &[Profile], report: &Report, found: &mut Vec<(Vec<Place>, Diagnostic)>) {
    let mut roots: Vec<(Claim<'_>, Owner<'_>)> = Vec::new();
    for profile in profiles {
        // The workspace itself is refused by itself.
        if let Some(out) = profile.fields.path("out").filter(|out| !out.value.is_root()) {
            let owner = Owner { rule: None, name: &profile.name, field: "out", place: out.place };
            roots.push((Claim::new(out.value.clone(), Hold::Inside, Some(owner)), owner));
        }
    }
    roots.sort_by(|a, b| a.0.key.cmp(&b.0.key));
    let mut above: Vec<&(Claim<'_>, Owner<'_>)> = Vec::new();
    for root in &roots {
        while above.last().is_some_and(|(outer, _)| !outer.holds(&root.0)) {
            above.pop();
        }
        let (claim, owner) = root;
        if let Some((outer, holder)) = above.iter().rev().find(|(outer, _)| outer.path != claim.path)
            && found.len() < ENOUGH
            && !found.iter().any(|(places, _)| *places == [owner.place, holder.place])
        {
            let message = format!(
                "{} is `{}`, which lies in `{}`, {}",
                describe(*owner),
                claim.path,
                outer.path,
                describe(*holder)
            );
            let diagnostic = Diagnostic::error("config::output_conflict", message)
                .help("Give each a directory of its own, such as `build` and `dist`");
            found.push(finish(*owner, Some((*holder, "The output root around it")), diagnostic, report));
        }
        // Of several that share a root, the first stands for all.
        if above.last().is_none_or(|(outer, _)| outer.path != claim.path) {
            above.push(root);
        }
    }
}

fn written_in(rule: &Rule, shape: Option<OutputShape>, profile: &str) -> bool {
    match shape.and_then(|shape| shape.only) {
        Some(only) if rule.fields.has(only) => rule.fields.texts(only).any(|name| &*name.value == profile),
        _ => true,
    }
}

fn sources<'r>(rule: &'r Rule, source: Source, claims: &mut Vec<Claim<'r>>) {
    let owner = |field: &'static str, place: Place| {
        Some(Owner { rule: Some(&rule.label), name: rule.label.name(), field, place })
    };
    match source {
        Source::Directory(field) => {
            if let Some(path) = rule.fields.path(field).filter(|path| !path.is_root()) {
                claims.push(Claim::new(path.value.clone(), Hold::Source, owner(field, path.place)));
            }
        }
        Source::Globs { globs, base } => {
            let base =
                base.and_then(|base| rule.fields.path(base)).map_or_else(RelPath::root, |base| base.value.clone());
            for text in rule.fields.texts(globs) {
                if let Ok(path) = base.join(glob::literal_prefix(text))
                    && !path.is_root()
                {
                    claims.push(Claim::new(path, Hold::Source, owner(globs, text.place)));
                }
            }
        }
    }
}

/// Walks the claims from the outside in. `above` are the claims that hold the current one.
fn sweep(
    mut claims: Vec<Claim<'_>>,
    profile: &str,
    language: &Language,
    report: &Report,
    found: &mut Vec<(Vec<Place>, Diagnostic)>,
) {
    claims.sort_by(|a, b| (&a.key, a.hold).cmp(&(&b.key, b.hold)));
    let mut above: Vec<&Claim<'_>> = Vec::new();
    for claim in &claims {
        while above.last().is_some_and(|last| !last.holds(claim)) {
            above.pop();
        }
        if claim.path.is_root() && claim.hold != Hold::Source {
            if let Some(owner) = claim.owner {
                let diagnostic = Diagnostic::error(
                    "config::output_overwrites_source",
                    format!("{} is the workspace itself", describe(owner)),
                );
                let diagnostic = diagnostic.help("Write into a directory of its own, such as `build`");
                push(found, vec![owner.place], owner, diagnostic, report);
            }
            continue;
        }
        // The nearest one says most.
        let other = above.iter().rev().find(|other| match (claim.hold, other.hold) {
            (Hold::Source, Hold::Source) => false,
            (Hold::Source, other) => other == Hold::Whole,
            (_, other) => other != Hold::Inside,
        });
        if let Some((places, diagnostic)) = other.and_then(|other| conflict(claim, other, profile, language, report))
            && found.len() < ENOUGH
            && !found.iter().any(|(known, _)| *known == places)
        {
            found.push((places, diagnostic));
        }
        above.push(claim);
    }
}

fn describe(owner: Owner<'_>) -> String {
    match owner.rule {
        Some(rule) => format!("`{}` of `{rule}`", owner.field),
        None => format!("`{}` of the profile `{}`", owner.field, owner.name),
    }
}

fn push(
    found: &mut Vec<(Vec<Place>, Diagnostic)>,
    places: Vec<Place>,
    owner: Owner<'_>,
    diagnostic: Diagnostic,
    report: &Report,
) {
    if !found.iter().any(|(known, _)| *known == places) {
        let diagnostic = match owner.rule {
            Some(rule) => diagnostic.of_rule(rule),
            None => diagnostic,
        };
        found.push((places, report.anchor.put(diagnostic, owner.place)));
    }
}

fn conflict(
    claim: &Claim<'_>,
    other: &Claim<'_>,
    profile: &str,
    language: &Language,
    report: &Report,
) -> Option<(Vec<Place>, Diagnostic)> {
    // The output is what the finding is about; of two outputs, the one that the user wrote last.
    let (output, against) = match (claim.hold, other.hold) {
        (Hold::Source, _) => (other, claim),
        (_, Hold::Source) => (claim, other),
        _ => {
            let written = |claim: &Claim<'_>| match claim.owner.map(|owner| owner.place) {
                Some(Place::Written(span)) => Some(span),
                _ => None,
            };
            if written(claim) >= written(other) { (claim, other) } else { (other, claim) }
        }
    };
    let owner = output.owner?;
    let Some(holder) = against.owner else {
        let message = if output.path == against.path || against.holds(output) {
            format!("{} is in `{}`, which nothing may write to", describe(owner), against.path)
        } else {
            format!("{} holds `{}`, which nothing may write to", describe(owner), against.path)
        };
        let diagnostic = Diagnostic::error("config::output_overwrites_source", message)
            .help("Write below `{out}`, as in `\"{out}/generated\"`");
        let diagnostic = if owner.rule.is_none() {
            Diagnostic { help: Some("Write into a directory of its own, such as `build`".to_owned()), ..diagnostic }
        } else {
            diagnostic
        };
        return Some(finish(owner, None, diagnostic, report));
    };
    if owner == holder {
        return None;
    }
    if against.hold == Hold::Source {
        let message =
            format!("{} writes to `{}`, which `{}` reads as source", describe(owner), output.path, rule_name(holder));
        let help = match (owner.rule, holder.rule) {
            (Some(rule), Some(reader)) if rule != reader && can_refer(reader, rule, language) => {
                format!("Write somewhere else; to use what is written, let `{reader}` refer to `{rule}`")
            }
            (Some(_), _) => "Write below `{out}`, as in `\"{out}/generated\"`".to_owned(),
            (None, _) => "Write into a directory of its own, such as `build`".to_owned(),
        };
        let diagnostic = Diagnostic::error("config::output_overwrites_source", message).help(help);
        return Some(finish(owner, Some((holder, "It is read here")), diagnostic, report));
    }
    let message = if owner.rule == holder.rule {
        format!("{} claims `{}` twice in the profile `{profile}`", describe(owner), inner(output, against))
    } else if output.path == against.path {
        let both = listed([rule_name(holder), rule_name(owner)], "and");
        format!("{both} both write `{}` in the profile `{profile}`", output.path)
    } else {
        let (outer, within) = if output.holds(against) { (output, against) } else { (against, output) };
        let (Some(outer_owner), Some(inner_owner)) = (outer.owner, within.owner) else { return None };
        format!(
            "`{}` writes into `{}`, which belongs to `{}` as a whole, in the profile `{profile}`",
            rule_name(inner_owner),
            outer.path,
            rule_name(outer_owner),
        )
    };
    let diagnostic = Diagnostic::error("config::output_conflict", message)
        .help("Give one of them another path, or keep them apart with `profiles`");
    Some(finish(owner, Some((holder, "The other output")), diagnostic, report))
}

/// Whether a rule has a field, besides the common ones, that can name the other beside what it reads already.
fn can_refer(rule: &Label, other: &Label, language: &Language) -> bool {
    let fields = language.kind(rule.kind()).map_or(&[][..], |schema| schema.fields);
    fields.iter().any(|field| match field.shape {
        Shape::References(target) => target.kinds.contains(&other.kind()),
        _ => false,
    })
}

fn inner<'c>(a: &'c Claim<'_>, b: &'c Claim<'_>) -> &'c RelPath {
    if a.holds(b) { &b.path } else { &a.path }
}

fn rule_name(owner: Owner<'_>) -> String {
    owner.rule.map_or_else(|| format!("profile {}", owner.name), ToString::to_string)
}

fn finish(
    owner: Owner<'_>,
    other: Option<(Owner<'_>, &str)>,
    diagnostic: Diagnostic,
    report: &Report,
) -> (Vec<Place>, Diagnostic) {
    let mut places = vec![owner.place];
    let mut diagnostic = match owner.rule {
        Some(rule) => diagnostic.of_rule(rule),
        None => diagnostic,
    };
    if let Some((other, message)) = other {
        places.push(other.place);
        diagnostic = report.anchor.relate(diagnostic, message, other.place);
    }
    (places, report.anchor.put(diagnostic, owner.place))
}
