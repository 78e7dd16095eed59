//! From nodes to typed fields, by the schema.

mod fields;
mod scalar;
mod words;

pub(super) use self::words::example;

use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::config::kdl::{self, Extent, Node, Scalar, quoted};
use crate::config::report::{Lines, Report, listed, suggestion};
use crate::config::schema::{Field, Language, PROFILE_OUT, WORKSPACE};
use crate::config::value::{Fields, Place, Spanned};
use crate::diagnostic::Diagnostic;
use crate::label::Label;

/// A rule as one file declares it: not yet joined with the preset, references not yet resolved.
#[derive(Debug, Clone)]
pub(super) struct RuleDraft {
    pub(super) label: Label,
    pub(super) place: Place,
    pub(super) fields: Fields,
    /// Where `remove=#true` is written.
    pub(super) removed: Option<Place>,
}

/// A profile as one file declares it.
#[derive(Debug, Clone)]
pub(super) struct ProfileDraft {
    pub(super) name: Arc<str>,
    pub(super) place: Place,
    pub(super) extends: Option<Spanned<Arc<str>>>,
    pub(super) fields: Fields,
    pub(super) removed: Option<Place>,
}

const RENAME: &str = "Rename one of them, or join the two into one";

/// The workspace as one file declares it.
#[derive(Debug, Clone, Default)]
pub(super) struct WorkspaceDraft {
    pub(super) name: Option<Spanned<Arc<str>>>,
    pub(super) fields: Fields,
}

/// Everything that one file declares.
#[derive(Debug, Default)]
pub(super) struct Draft {
    pub(super) workspace: Option<WorkspaceDraft>,
    pub(super) toolchain: Fields,
    pub(super) profiles: Vec<ProfileDraft>,
    pub(super) rules: Vec<RuleDraft>,
}

/// Reads one file.
pub(super) struct Reader<'a> {
    pub(super) lines: Lines<'a>,
    pub(super) language: &'a Language,
    pub(super) report: &'a mut Report,
    /// Whether this is the text of a preset.
    pub(super) preset: bool,
    /// The rule that is being read.
    rule: Option<Label>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a str, language: &'a Language, report: &'a mut Report, preset: bool) -> Self {
        Self { lines: Lines::new(text), language, report, preset, rule: None }
    }

    fn place(&self, at: Extent) -> Place {
        let span = self.lines.span(at);
        if self.preset { Place::Preset(span) } else { Place::Written(span) }
    }

    fn say(&mut self, at: Extent, diagnostic: Diagnostic) {
        let place = self.place(at);
        self.report.add_to(self.rule.as_ref(), place, diagnostic);
    }

    /// Reports what is no KDL.
    pub(super) fn faults(&mut self, faults: &[kdl::Fault]) {
        for fault in faults {
            let code = match fault.kind {
                kdl::FaultKind::Syntax => "config::syntax",
                kdl::FaultKind::Depth => "config::too_deep",
            };
            let mut diagnostic = Diagnostic::error(code, fault.message.clone());
            diagnostic.help.clone_from(&fault.help);
            if let Some((message, at)) = &fault.related {
                let place = self.place(*at);
                diagnostic = self.report.anchor.relate(diagnostic, message.clone(), place);
            }
            self.say(fault.at, diagnostic);
        }
    }

    /// Reads every top-level node.
    pub(super) fn document(&mut self, nodes: &[Node]) -> Draft {
        let mut draft = Draft::default();
        let mut toolchain: Option<Extent> = None;
        let mut workspace: Option<Extent> = None;
        let mut rules: FxHashMap<Label, Extent> = FxHashMap::default();
        let mut profiles: FxHashMap<Arc<str>, Extent> = FxHashMap::default();
        for node in nodes {
            self.no_annotation(node.annotation);
            match node.name.text.as_str() {
                "workspace" => {
                    if self.first(&mut workspace, node) {
                        draft.workspace = Some(self.workspace(node));
                    }
                }
                "toolchain" => {
                    if self.first(&mut toolchain, node) {
                        self.no_entries(node, "toolchain");
                        let known: Vec<&Field> = self.language.toolchain.iter().collect();
                        draft.toolchain = self.children(node, &known, "toolchain");
                    }
                }
                "profile" => {
                    let Some(profile) = self.profile(node) else { continue };
                    let name = profile.name.clone();
                    if let Some(first) = profiles.get(&name) {
                        self.duplicate(
                            node.entries[0].at,
                            *first,
                            &format!("The profile `{name}` is declared twice"),
                            RENAME,
                        );
                    } else {
                        profiles.insert(name, node.header());
                        draft.profiles.push(profile);
                    }
                }
                kind => {
                    if self.language.kind(kind).is_none() {
                        self.unknown_node(node);
                        continue;
                    }
                    let Some(rule) = self.rule(node) else { continue };
                    if let Some(first) = rules.get(&rule.label) {
                        let message = format!("The rule `{}` is declared twice", rule.label);
                        self.duplicate(node.entries[0].at, *first, &message, RENAME);
                    } else {
                        rules.insert(rule.label.clone(), node.header());
                        draft.rules.push(rule);
                    }
                }
            }
        }
        draft
    }

    fn unknown_node(&mut self, node: &Node) {
        let name = &node.name.text;
        let known = ["workspace", "toolchain", "profile"];
        let known = || known.into_iter().chain(self.language.kinds.iter().map(|kind| kind.kind));
        let near = self.report.nearest(name, known());
        let top_level_field = WORKSPACE.iter().find(|field| field.name == name);
        let help = match (near, top_level_field) {
            (None, Some(field)) => format!("`{}` belongs in `workspace {{ .. }}`", field.name),
            _ => suggestion(near, &format!("The nodes of this file are {}", listed(known(), "and"))),
        };
        let message = format!("Unknown node {}", quoted(name));
        self.say(node.name.at, Diagnostic::error("config::unknown_node", message).help(help));
    }

    fn first(&mut self, seen: &mut Option<Extent>, node: &Node) -> bool {
        if let Some(first) = *seen {
            self.duplicate(
                node.name.at,
                first,
                &format!("`{}` is there twice", node.name.text),
                "Join the two into one",
            );
            return false;
        }
        *seen = Some(node.header());
        true
    }

    fn duplicate(&mut self, at: Extent, first: Extent, message: &str, help: &str) {
        let diagnostic = Diagnostic::error("config::duplicate_name", message).help(help);
        let place = self.place(first);
        let diagnostic = self.report.anchor.relate(diagnostic, "The first one", place);
        self.say(at, diagnostic);
    }

    fn no_annotation(&mut self, annotation: Option<Extent>) {
        if let Some(at) = annotation {
            let diagnostic = Diagnostic::error("config::unexpected_value", "Type annotations have no meaning here");
            self.say(at, diagnostic.help("Remove it"));
        }
    }

    fn no_entries(&mut self, node: &Node, what: &str) {
        if let Some(entry) = node.entries.first() {
            let message = format!("`{what}` takes nothing but a block");
            let help = format!("Write `{what} {{ .. }}`");
            self.say(entry.at, Diagnostic::error("config::unexpected_value", message).help(help));
        }
    }

    fn workspace(&mut self, node: &Node) -> WorkspaceDraft {
        let mut name = None;
        for (index, entry) in node.entries.iter().enumerate() {
            match (&entry.name, &entry.value) {
                (None, Scalar::Text(text)) if index == 0 && !text.trim().is_empty() => {
                    name = Some(Spanned::new(Arc::from(text.as_str()), self.place(entry.at)));
                }
                _ => {
                    let diagnostic =
                        Diagnostic::error("config::unexpected_value", "`workspace` takes one name and a block");
                    self.say(entry.at, diagnostic.help("Write `workspace \"name\" { .. }`"));
                }
            }
        }
        let known: Vec<&Field> = WORKSPACE.iter().collect();
        WorkspaceDraft { name, fields: self.children(node, &known, "workspace") }
    }

    fn profile(&mut self, node: &Node) -> Option<ProfileDraft> {
        let mut extends = None;
        let mut removed = None;
        let name = self.head(node, "profile", |reader, property, entry| match property {
            "extends" => {
                extends = reader.name(entry, "extends", "the name of a profile", "`extends=build`");
                true
            }
            "remove" => {
                removed = reader.removal(entry);
                true
            }
            _ => false,
        })?;
        let language = self.language;
        let owner = format!("profile {}", name.value);
        let known: Vec<&Field> = std::iter::once(&PROFILE_OUT).chain(language.profile).collect();
        let fields = self.children(node, &known, &owner);
        Some(ProfileDraft { name: name.value, place: self.place(node.header()), extends, fields, removed })
    }

    fn rule(&mut self, node: &Node) -> Option<RuleDraft> {
        let schema = self.language.kind(&node.name.text)?;
        let mut removed = None;
        let name = self.head(node, schema.kind, |reader, property, entry| {
            let known = property == "remove";
            if known {
                removed = reader.removal(entry);
            }
            known
        })?;
        let label = Label::new(schema.kind, &name);
        self.rule = Some(label.clone());
        if removed.is_some()
            && let Some(child) = node.children.iter().flatten().next()
        {
            let message = format!("`{label}` is removed, so nothing about it can be changed");
            self.say(child.name.at, Diagnostic::error("config::unexpected_value", message).help("Remove the block"));
        }
        let known: Vec<&Field> = schema.all_fields().collect();
        let fields = self.children(node, &known, &format!("{} {}", schema.kind, name.value));
        self.rule = None;
        Some(RuleDraft { label, place: self.place(node.header()), fields, removed })
    }

    /// The name of a rule or profile; its properties go to `property`, which says whether it knows them.
    fn head(
        &mut self,
        node: &Node,
        kind: &str,
        mut property: impl FnMut(&mut Self, &str, &kdl::Entry) -> bool,
    ) -> Option<Spanned<Arc<str>>> {
        let mut name = None;
        let mut tried = false;
        for entry in &node.entries {
            self.no_annotation(entry.annotation);
            if let Some(written) = &entry.name {
                if !property(self, &written.text, entry) {
                    let known = if kind == "profile" { vec!["extends", "remove"] } else { vec!["remove"] };
                    let near = self.report.nearest(&written.text, known.iter().copied());
                    let is_field = self.field_names(kind).any(|field| field == written.text);
                    let help = match near {
                        None if is_field => {
                            format!("Write it into the block: `{kind} <name> {{ {} .. }}`", written.text)
                        }
                        near => suggestion(near, &format!("`{kind}` has {}", properties(&known))),
                    };
                    let message = format!("Unknown property {} of `{kind}`", quoted(&written.text));
                    self.say(written.at, Diagnostic::error("config::unknown_property", message).help(help));
                }
            } else if tried {
                let message = format!("`{kind}` takes one name");
                let help = format!("Write `{kind} <name> {{ .. }}`");
                self.say(entry.at, Diagnostic::error("config::unexpected_value", message).help(help));
            } else {
                tried = true;
                name = self.name(entry, kind, "a name", &format!("`{kind} <name> {{ .. }}`"));
            }
        }
        if !tried {
            let diagnostic = Diagnostic::error("config::missing_name", format!("This `{kind}` has no name"));
            self.say(node.name.at, diagnostic.help(format!("Write `{kind} <name> {{ .. }}`")));
        }
        name
    }

    fn field_names(&self, kind: &str) -> impl Iterator<Item = &'static str> + use<> {
        let is_profile = kind == "profile";
        let profile = if is_profile { self.language.profile } else { &[] };
        let out = is_profile.then_some(PROFILE_OUT.name);
        let rule = self.language.kind(kind).into_iter().flat_map(super::schema::KindSchema::all_fields);
        profile.iter().chain(rule).map(|field| field.name).chain(out)
    }

    fn removal(&mut self, entry: &kdl::Entry) -> Option<Place> {
        if entry.value == Scalar::Boolean(true) {
            return Some(self.place(entry.at));
        }
        self.mistyped("remove", "`#true`", "`remove=#true`", entry);
        None
    }

    fn wrong_type(&mut self, field: &'static Field, entry: &kdl::Entry) {
        self.mistyped(field.name, &words::expected(field), &words::example(field), entry);
    }

    fn mistyped(&mut self, name: &str, expected: &str, example: &str, entry: &kdl::Entry) {
        let message = format!("`{name}` takes {expected}, not {}", words::describe(&entry.value));
        let help = match &entry.value {
            Scalar::Text(text) if expected.contains("#true") => match text.to_lowercase().as_str() {
                "true" | "yes" | "on" => "Write `#true`".to_owned(),
                "false" | "no" | "off" => "Write `#false`".to_owned(),
                _ => format!("Write {example}"),
            },
            Scalar::Text(text) if expected.contains("number") && text.parse::<i64>().is_ok() => {
                format!("Write `{text}` without quotes")
            }
            Scalar::Integer(_) | Scalar::Float(_) if expected == "a text" => "Quote it".to_owned(),
            _ if expected.contains("` or `") && !expected.contains("#true") => "Write one of these words".to_owned(),
            _ => format!("Write {example}"),
        };
        self.say(entry.at, Diagnostic::error("config::wrong_type", message).help(help));
    }
}

fn properties(known: &[&str]) -> String {
    match known {
        [] => "no properties".to_owned(),
        [only] => format!("only the property `{only}`"),
        several => format!("the properties {}", listed(several, "and")),
    }
}
