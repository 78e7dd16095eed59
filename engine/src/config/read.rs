//! From nodes to typed fields, by the schema.

mod scalar;

pub(super) use self::scalar::example;

use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::config::kdl::{self, Extent, Node, Scalar, quoted};
use crate::config::report::{Lines, Report, listed, suggestion};
use crate::config::schema::{BlockSchema, Field, Language, PROFILE_OUT, Shape, WORKSPACE};
use crate::config::value::{Block, Entry, Fields, Pair, Place, Position, Spanned, Value};
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
    /// Whether part of it could not be read, so that what is missing may be there.
    pub(super) faulty: bool,
}

/// A profile as one file declares it.
#[derive(Debug, Clone)]
pub(super) struct ProfileDraft {
    pub(super) name: Arc<str>,
    pub(super) place: Place,
    pub(super) extends: Option<Spanned<Arc<str>>>,
    pub(super) fields: Fields,
    pub(super) removed: Option<Place>,
    pub(super) faulty: bool,
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
        Some(ProfileDraft {
            name: name.value,
            place: self.place(node.header()),
            extends,
            fields,
            removed,
            faulty: node.faulty,
        })
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
        Some(RuleDraft { label, place: self.place(node.header()), fields, removed, faulty: node.faulty })
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
        if !tried && !node.faulty {
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
        self.mistyped(field.name, &scalar::expected(field), &scalar::example(field), entry);
    }

    fn mistyped(&mut self, name: &str, expected: &str, example: &str, entry: &kdl::Entry) {
        let message = format!("`{name}` takes {expected}, not {}", scalar::describe(&entry.value));
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

    /// The fields that are written as nodes in the block of `node`.
    fn children(&mut self, node: &Node, known: &[&'static Field], owner: &str) -> Fields {
        let mut fields = Fields::default();
        let mut seen: FxHashMap<&'static str, Extent> = FxHashMap::default();
        let mut names: FxHashMap<(&'static str, String), Extent> = FxHashMap::default();
        for child in node.children.iter().flatten() {
            self.no_annotation(child.annotation);
            let written = &child.name;
            let Some(&field) = known.iter().find(|field| field.name == written.text) else {
                self.unknown_field(&written.text, written.at, known, owner);
                continue;
            };
            if !field.repeated
                && let Some(first) = seen.get(field.name)
            {
                let diagnostic =
                    Diagnostic::error("config::duplicate_field", format!("`{}` is there twice", field.name))
                        .help(if takes_several(field) { "Write all values after the first one" } else { "Keep one" });
                let place = self.place(*first);
                let diagnostic = self.report.anchor.relate(diagnostic, "The first one", place);
                self.say(written.at, diagnostic);
                continue;
            }
            seen.insert(field.name, written.at);
            let Some(value) = self.field(child, field) else {
                fields.invalid.push(field.name);
                continue;
            };
            if let Some((name, at)) = name_of(&value, child)
                && let Some(first) = names.insert((field.name, name.clone()), at)
            {
                let message = format!("{} is there twice", quoted(&format!("{} {name}", field.name)));
                self.duplicate(at, first, &message, "Keep one");
                names.insert((field.name, name), first);
                continue;
            }
            let place = self.place(written.at);
            fields.entries.push(Entry { name: field.name, place, value, position: Position::Child });
        }
        fields
    }

    fn unknown_field(&mut self, name: &str, at: Extent, known: &[&'static Field], owner: &str) {
        let near = self.report.nearest(name, known.iter().map(|field| field.name));
        let help = if near.is_none() && self.language.kind(name).is_some() {
            format!("`{name}` is a rule of its own: write it outside of `{owner}`")
        } else {
            let names = listed(known.iter().map(|field| field.name), "and");
            suggestion(
                near,
                &if known.len() == 1 {
                    format!("Its only field is {names}")
                } else {
                    format!("Its fields are {names}")
                },
            )
        };
        let message = format!("Unknown field {} in `{owner}`", quoted(name));
        self.say(at, Diagnostic::error("config::unknown_field", message).help(help));
    }

    /// The value of one field.
    fn field(&mut self, node: &Node, field: &'static Field) -> Option<Value> {
        if let Shape::Block(schema) = field.shape {
            return self.block(node, field, schema).map(Value::Block);
        }
        if node.children.is_some() {
            let message = format!("`{}` takes no block", field.name);
            let help = format!("Write {}", scalar::example(field));
            self.say(node.block, Diagnostic::error("config::unexpected_value", message).help(help));
            return None;
        }
        if let Shape::Environment = field.shape {
            return self.environment(node, field);
        }
        let mut arguments = Vec::new();
        for entry in &node.entries {
            self.no_annotation(entry.annotation);
            match &entry.name {
                None => arguments.push(entry),
                Some(written) => {
                    let message = format!("Unknown property {} of `{}`", quoted(&written.text), field.name);
                    let help = format!("It has none; write {}", scalar::example(field));
                    self.say(written.at, Diagnostic::error("config::unknown_property", message).help(help));
                }
            }
        }
        if arguments.is_empty() {
            if !node.faulty {
                self.missing_value(node.name.at, field);
            }
            return None;
        }
        if let Shape::Pair = field.shape {
            return self.pair(&arguments, field);
        }
        if !takes_several(field)
            && let Some(second) = arguments.get(1)
        {
            let message = format!("`{}` takes one value", field.name);
            let help = format!("Write {}", scalar::example(field));
            self.say(second.at, Diagnostic::error("config::unexpected_value", message).help(help));
            return None;
        }
        self.values(&arguments, field)
    }

    fn missing_value(&mut self, at: Extent, field: &Field) {
        let message = format!("`{}` has no value", field.name);
        let help = format!("Write {}", scalar::example(field));
        self.say(at, Diagnostic::error("config::missing_value", message).help(help));
    }

    fn pair(&mut self, arguments: &[&kdl::Entry], field: &'static Field) -> Option<Value> {
        let [name, value] = arguments else {
            let at = arguments.get(2).or(arguments.first()).map(|entry| entry.at)?;
            let code = if arguments.len() < 2 { "config::missing_value" } else { "config::unexpected_value" };
            let message = format!("`{}` takes a name and a value", field.name);
            self.say(at, Diagnostic::error(code, message).help(format!("Write {}", scalar::example(field))));
            return None;
        };
        let text = self.text(name, field)?;
        let literal = self.literal(value, field)?;
        let name = Spanned::new(text, self.place(name.at));
        Some(Value::Pair(Pair { name, value: Spanned::new(literal, self.place(value.at)) }))
    }

    fn environment(&mut self, node: &Node, field: &'static Field) -> Option<Value> {
        let mut names = Vec::new();
        let mut pairs: Vec<Pair> = Vec::new();
        for entry in &node.entries {
            self.no_annotation(entry.annotation);
            match &entry.name {
                None => {
                    if let Some(name) = self.variable(entry, field) {
                        names.push(Spanned::new(name, self.place(entry.at)));
                    }
                }
                Some(written) => {
                    if !self.check_variable(&written.text, written.at, true) {
                        continue;
                    }
                    if let Some(first) = pairs.iter().find(|pair| *pair.name.value == *written.text) {
                        let message = format!("The variable `{}` is set twice", written.text);
                        let diagnostic = Diagnostic::error("config::duplicate_name", message).help("Keep one");
                        let diagnostic = self.report.anchor.relate(diagnostic, "The first one", first.name.place);
                        self.say(written.at, diagnostic);
                        continue;
                    }
                    if let Some(value) = self.literal(entry, field) {
                        let name = Spanned::new(Arc::from(written.text.as_str()), self.place(written.at));
                        pairs.push(Pair { name, value: Spanned::new(value, self.place(entry.at)) });
                    }
                }
            }
        }
        if node.entries.is_empty() && !node.faulty {
            self.missing_value(node.name.at, field);
        }
        (!names.is_empty() || !pairs.is_empty()).then_some(Value::Environment(names, pairs))
    }

    fn block(&mut self, node: &Node, field: &'static Field, schema: &'static BlockSchema) -> Option<Block> {
        let mut fields = Fields::default();
        let mut name = None;
        let mut removed = false;
        let mut arguments = Vec::new();
        let mut named = !schema.named;
        for entry in &node.entries {
            self.no_annotation(entry.annotation);
            let Some(written) = &entry.name else {
                if named {
                    arguments.push(entry);
                } else {
                    named = true;
                    name = Some(self.name(entry, field.name, "a name", &scalar::example(field))?);
                }
                continue;
            };
            if schema.named && written.text == "remove" {
                removed = self.removal(entry).is_some();
                continue;
            }
            let Some(property) = schema.properties.iter().find(|property| property.name == written.text) else {
                let known: Vec<&str> = schema.properties.iter().map(|property| property.name).collect();
                let near = self.report.nearest(&written.text, known.iter().copied());
                let help = suggestion(near, &format!("`{}` has {}", field.name, properties(&known)));
                let message = format!("Unknown property {} of `{}`", quoted(&written.text), field.name);
                self.say(written.at, Diagnostic::error("config::unknown_property", message).help(help));
                continue;
            };
            if fields.is_attempted(property.name) {
                let message = format!("The property `{}` is there twice", property.name);
                self.say(written.at, Diagnostic::error("config::duplicate_field", message).help("Keep one"));
                continue;
            }
            match self.values(&[entry], property) {
                Some(value) => {
                    let place = self.place(written.at);
                    fields.entries.push(Entry { name: property.name, place, value, position: Position::Property });
                }
                None => fields.invalid.push(property.name),
            }
        }
        if !named {
            if !node.faulty {
                let diagnostic =
                    Diagnostic::error("config::missing_name", format!("This `{}` has no name", field.name));
                self.say(node.name.at, diagnostic.help(format!("Write {}", scalar::example(field))));
            }
            return None;
        }
        self.arguments(&arguments, node, field, schema, removed, &mut fields)?;
        if schema.fields.is_empty() {
            if node.children.is_some() {
                let message = format!("`{}` takes no block", field.name);
                let help = format!("Write {}", scalar::example(field));
                self.say(node.block, Diagnostic::error("config::unexpected_value", message).help(help));
            }
        } else {
            let inner = self.children(node, &schema.fields.iter().collect::<Vec<_>>(), field.name);
            fields.entries.extend(inner.entries);
            fields.invalid.extend(inner.invalid);
        }
        if !node.faulty && !removed {
            for required in schema.all_fields().filter(|inner| inner.required) {
                if !fields.is_attempted(required.name)
                    && schema.arguments.is_none_or(|field| field.name != required.name)
                {
                    let message = format!("`{}` lacks `{}`", field.name, required.name);
                    let help = if schema.properties.iter().any(|property| property.name == required.name) {
                        format!("Add {}", scalar::example_property(required))
                    } else {
                        format!("Add {}", scalar::example(required))
                    };
                    self.say(node.header(), Diagnostic::error("config::missing_field", message).help(help));
                }
            }
        }
        Some(Block { name, place: self.place(node.header()), fields, removed })
    }

    /// The arguments of a block besides its name.
    fn arguments(
        &mut self,
        arguments: &[&kdl::Entry],
        node: &Node,
        field: &'static Field,
        schema: &'static BlockSchema,
        removed: bool,
        fields: &mut Fields,
    ) -> Option<()> {
        match (schema.arguments, arguments) {
            (None, []) => {}
            (None, [first, ..]) => {
                let message = format!("`{}` takes no further values", field.name);
                let help = format!("Write {}", scalar::example(field));
                self.say(first.at, Diagnostic::error("config::unexpected_value", message).help(help));
            }
            (Some(inner), []) => {
                if inner.required && !removed && !node.faulty {
                    self.missing_value(node.header(), field);
                    return None;
                }
            }
            (Some(inner), [_, second, ..]) if !takes_several(inner) => {
                let message = format!("`{}` takes one value", field.name);
                let help = format!("Write {}", scalar::example(field));
                self.say(second.at, Diagnostic::error("config::unexpected_value", message).help(help));
                return None;
            }
            (Some(inner), [first, ..]) => match self.values(arguments, inner) {
                Some(value) => {
                    let place = self.place(first.at);
                    fields.entries.push(Entry { name: inner.name, place, value, position: Position::Arguments });
                }
                None => fields.invalid.push(inner.name),
            },
        }
        Some(())
    }
}

fn properties(known: &[&str]) -> String {
    match known {
        [] => "no properties".to_owned(),
        [only] => format!("only the property `{only}`"),
        several => format!("the properties {}", listed(several, "and")),
    }
}

/// Whether more than one argument is taken.
fn takes_several(field: &Field) -> bool {
    matches!(
        field.shape,
        Shape::Texts
            | Shape::Names
            | Shape::Environment
            | Shape::Globs
            | Shape::Outputs
            | Shape::References(_)
            | Shape::Profiles
            | Shape::Pair
    )
}

/// What tells a repeated field from its like: the name of a block or of a pair.
fn name_of(value: &Value, node: &Node) -> Option<(String, Extent)> {
    let name = match value {
        Value::Block(block) => block.name.as_ref()?.value.to_string(),
        Value::Pair(pair) => pair.name.value.to_string(),
        _ => return None,
    };
    let at = node.entries.iter().find(|entry| entry.name.is_none())?.at;
    Some((name, at))
}
