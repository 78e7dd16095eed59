//! The configuration as rows, for telling two configurations apart.
//!
//! A [`Setting`] is one value of one field with its place. Lists give one row for each element, blocks give the rows of their
//! fields, so that a change of one glob is one row more and one row less.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::print::value;
use super::value::{Entry, Fields, Pair, Place, Value};
use super::{Config, Rule};
use crate::diagnostic::Span;
use crate::digest::{Digest, KeyHasher};

/// The value of a [`Setting`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum SettingValue {
    /// As it is written, without quotes.
    Text(Arc<str>),
    /// A glob, as it is written, without quotes.
    Glob(Arc<str>),
    /// The label of another rule.
    Reference(Arc<str>),
    /// The value of an environment variable: only its digest is kept.
    Secret(Digest),
}

/// One value of one field.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Setting {
    /// `workspace`, `toolchain`, `profile build`, or the label of a rule.
    pub node: Arc<str>,
    /// The field, with the blocks that it stands in: `limits.cpu`. Empty for the node itself.
    pub field: Arc<str>,
    /// Its value.
    pub value: SettingValue,
    /// Where it is written in `webstir.kdl`; `None` when it comes from a preset.
    pub span: Option<Span>,
}

/// The digest that stands for an environment value wherever one would be kept.
pub fn conceal(value: &str) -> Digest {
    KeyHasher::new("webstir environment value v1").text(value).finish()
}

/// The name of a profile's rows.
pub fn profile_node(profile: &str) -> String {
    format!("profile {profile}")
}

impl Config {
    /// Every setting that can matter to a profile, sorted.
    pub fn settings(&self, profile: &str) -> Vec<Setting> {
        let mut rows = Rows { node: Arc::from("workspace"), rows: Vec::new() };
        for (field, name) in [("name", &self.workspace.name), ("mode", &self.workspace.mode)] {
            if let Some(name) = name {
                rows.add(field, SettingValue::Text(name.value.clone()), name.place);
            }
        }
        for name in &self.workspace.environment {
            rows.add("environment", SettingValue::Text(name.value.clone()), name.place);
        }
        rows.node = Arc::from("toolchain");
        rows.fields("", &self.toolchain);
        if let Some(profile) = self.profile(profile) {
            rows.node = Arc::from(profile_node(profile.name()));
            rows.add("", SettingValue::Text(Arc::from("")), profile.place());
            rows.fields("", profile);
        }
        for rule in self.rules_in(profile) {
            rows.node = Arc::from(rule.label().to_string());
            rows.add("", SettingValue::Text(Arc::from("")), Rule::place(rule));
            rows.fields("", rule);
        }
        rows.rows.sort();
        rows.rows
    }
}

struct Rows {
    node: Arc<str>,
    rows: Vec<Setting>,
}

impl Rows {
    fn add(&mut self, field: &str, value: SettingValue, place: Place) {
        let span = match place {
            Place::Written(span) => Some(span),
            Place::Preset(_) | Place::Elsewhere => None,
        };
        self.rows.push(Setting { node: self.node.clone(), field: Arc::from(field), value, span });
    }

    fn fields(&mut self, prefix: &str, fields: &Fields) {
        for entry in fields.entries() {
            self.entry(prefix, entry);
        }
    }

    fn entry(&mut self, prefix: &str, entry: &Entry) {
        let field = join(prefix, entry.name);
        match &entry.value {
            Value::Text(text) => self.add(&field, SettingValue::Text(text.value.clone()), text.place),
            Value::Texts(texts) => {
                for text in texts {
                    self.add(&field, SettingValue::Text(text.value.clone()), text.place);
                }
            }
            Value::Globs(globs) => {
                for glob in globs {
                    self.add(&field, SettingValue::Glob(glob.value.clone()), glob.place);
                }
            }
            Value::Environment(names, pairs) => {
                for name in names {
                    self.add(&field, SettingValue::Text(name.value.clone()), name.place);
                }
                for Pair { name, value } in pairs {
                    let secret = conceal(&value.value.to_string());
                    self.add(&join(&field, &name.value), SettingValue::Secret(secret), value.place);
                }
            }
            Value::References(labels) => {
                for label in labels {
                    let label_text = Arc::from(label.value.to_string());
                    self.add(&field, SettingValue::Reference(label_text), label.place);
                }
            }
            Value::Pair(Pair { name, value }) => {
                let text = SettingValue::Text(Arc::from(value.value.to_string()));
                self.add(&join(&field, &name.value), text, value.place);
            }
            Value::Block(block) => {
                let field = block.name().map_or_else(|| field.clone(), |name| join(&field, &name.value));
                self.add(&field, SettingValue::Text(Arc::from("")), block.place());
                self.fields(&field, block);
            }
            Value::Path(path) => self.add(&field, SettingValue::Text(Arc::from(path.value.as_str())), path.place),
            Value::Output(output) => {
                self.add(&field, SettingValue::Text(Arc::from(output.value.as_str())), output.place);
            }
            Value::Outputs(outputs) => {
                for output in outputs {
                    self.add(&field, SettingValue::Text(Arc::from(output.value.as_str())), output.place);
                }
            }
            other => {
                // Durations and sizes are printed as texts.
                let printed = value(other);
                self.add(&field, SettingValue::Text(Arc::from(printed.trim_matches('"'))), entry.place);
            }
        }
    }
}

fn join(prefix: &str, name: &str) -> String {
    if prefix.is_empty() { name.to_owned() } else { format!("{prefix}.{name}") }
}
