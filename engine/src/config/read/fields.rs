//! The fields of a node and the blocks among them.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::{Reader, properties, words};
use crate::config::kdl::{self, Extent, Node, quoted};
use crate::config::report::{listed, suggestion};
use crate::config::schema::{BlockSchema, Field, Shape};
use crate::config::value::{Block, Entry, Fields, Pair, Position, Spanned, Value};
use crate::diagnostic::Diagnostic;

impl Reader<'_> {
    /// The fields that are written as nodes in the block of `node`.
    pub(super) fn children(&mut self, node: &Node, known: &[&'static Field], owner: &str) -> Fields {
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
            let help = format!("Write {}", words::example(field));
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
                    let help = format!("It has none; write {}", words::example(field));
                    self.say(written.at, Diagnostic::error("config::unknown_property", message).help(help));
                }
            }
        }
        if arguments.is_empty() {
            self.missing_value(node.name.at, field);
            return None;
        }
        if let Shape::Pair = field.shape {
            return self.pair(&arguments, field);
        }
        if !takes_several(field)
            && let Some(second) = arguments.get(1)
        {
            let message = format!("`{}` takes one value", field.name);
            let help = format!("Write {}", words::example(field));
            self.say(second.at, Diagnostic::error("config::unexpected_value", message).help(help));
            return None;
        }
        self.values(&arguments, field)
    }

    fn missing_value(&mut self, at: Extent, field: &Field) {
        let message = format!("`{}` has no value", field.name);
        let help = format!("Write {}", words::example(field));
        self.say(at, Diagnostic::error("config::missing_value", message).help(help));
    }

    fn pair(&mut self, arguments: &[&kdl::Entry], field: &'static Field) -> Option<Value> {
        let [name, value] = arguments else {
            let at = arguments.get(2).or(arguments.first()).map(|entry| entry.at)?;
            let code = if arguments.len() < 2 { "config::missing_value" } else { "config::unexpected_value" };
            let message = format!("`{}` takes a name and a value", field.name);
            self.say(at, Diagnostic::error(code, message).help(format!("Write {}", words::example(field))));
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
        if node.entries.is_empty() {
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
                    name = Some(self.name(entry, field.name, "a name", &words::example(field))?);
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
            let diagnostic = Diagnostic::error("config::missing_name", format!("This `{}` has no name", field.name));
            self.say(node.name.at, diagnostic.help(format!("Write {}", words::example(field))));
            return None;
        }
        self.arguments(&arguments, node, field, schema, removed, &mut fields)?;
        if schema.fields.is_empty() {
            if node.children.is_some() {
                let message = format!("`{}` takes no block", field.name);
                let help = format!("Write {}", words::example(field));
                self.say(node.block, Diagnostic::error("config::unexpected_value", message).help(help));
            }
        } else {
            let inner = self.children(node, &schema.fields.iter().collect::<Vec<_>>(), field.name);
            fields.entries.extend(inner.entries);
            fields.invalid.extend(inner.invalid);
        }
        if !removed {
            for required in schema.all_fields().filter(|inner| inner.required) {
                if !fields.is_attempted(required.name)
                    && schema.arguments.is_none_or(|field| field.name != required.name)
                {
                    let message = format!("`{}` lacks `{}`", field.name, required.name);
                    let help = if schema.properties.iter().any(|property| property.name == required.name) {
                        format!("Add {}", words::example_property(required))
                    } else {
                        format!("Add {}", words::example(required))
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
                let help = format!("Write {}", words::example(field));
                self.say(first.at, Diagnostic::error("config::unexpected_value", message).help(help));
            }
            (Some(inner), []) => {
                if inner.required && !removed {
                    self.missing_value(node.header(), field);
                    return None;
                }
            }
            (Some(inner), [_, second, ..]) if !takes_several(inner) => {
                let message = format!("`{}` takes one value", field.name);
                let help = format!("Write {}", words::example(field));
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
