//! What was read: values that remember where they are written.
//!
//! A [`Spanned`] value has a [`Place`]. [`Fields`] are the contents of a rule, a profile or a [`Block`], in the order in which they
//! are written; a planner asks them by field name and gets what the schema of that field promises.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use crate::config::template::Template;
use crate::diagnostic::Span;
use crate::label::Label;
use crate::path::RelPath;

/// Where something is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Place {
    /// In `webstir.kdl`.
    Written(Span),
    /// In the text of the preset.
    Preset(Span),
    /// In no configuration: in `package.json`, or the place was taken off.
    Elsewhere,
}

impl Place {
    /// Whether the user wrote it into `webstir.kdl`.
    pub fn is_written(self) -> bool {
        matches!(self, Self::Written(_))
    }
}

/// A value and where it is written.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Its place.
    pub place: Place,
}

impl<T> Spanned<T> {
    /// Joins a value and a place.
    pub fn new(value: T, place: Place) -> Self {
        Self { value, place }
    }
}

impl<T> Deref for Spanned<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: fmt::Display> fmt::Display for Spanned<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}

/// The value of a pair.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Literal {
    /// A text.
    Text(Arc<str>),
    /// A whole number.
    Integer(i64),
    /// `#true` or `#false`.
    Boolean(bool),
}

impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Integer(number) => number.fmt(f),
            Self::Boolean(boolean) => boolean.fmt(f),
        }
    }
}

/// A name and its value.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Pair {
    /// The name.
    pub name: Spanned<Arc<str>>,
    /// The value.
    pub value: Spanned<Literal>,
}

/// A node with its own contents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    pub(super) name: Option<Spanned<Arc<str>>>,
    pub(super) place: Place,
    pub(super) fields: Fields,
    pub(super) removed: bool,
}

impl Block {
    /// Its name, when blocks of its field have names.
    pub fn name(&self) -> Option<&Spanned<Arc<str>>> {
        self.name.as_ref()
    }

    /// Where its head is written.
    pub fn place(&self) -> Place {
        self.place
    }
}

/// A block is asked for its fields directly.
impl Deref for Block {
    type Target = Fields;

    fn deref(&self) -> &Fields {
        &self.fields
    }
}

/// The value of one field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A text or a version.
    Text(Spanned<Arc<str>>),
    /// Texts, names of variables or of profiles.
    Texts(Vec<Spanned<Arc<str>>>),
    /// One glob or several.
    Globs(Vec<Spanned<Arc<str>>>),
    /// Names of variables, and pairs.
    Environment(Vec<Spanned<Arc<str>>>, Vec<Pair>),
    /// A path.
    Path(Spanned<RelPath>),
    /// One output.
    Output(Spanned<Template>),
    /// Several outputs.
    Outputs(Vec<Spanned<Template>>),
    /// A boolean.
    Boolean(Spanned<bool>),
    /// A whole number.
    Integer(Spanned<u64>),
    /// A duration.
    Duration(Spanned<Duration>),
    /// A number of bytes.
    Size(Spanned<u64>),
    /// One word of a choice.
    Choice(Spanned<&'static str>),
    /// Rules.
    References(Vec<Spanned<Label>>),
    /// One pair.
    Pair(Pair),
    /// A block.
    Block(Block),
}

/// How a field is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Position {
    /// As a node of its own.
    Child,
    /// As the arguments of a block.
    Arguments,
    /// As `name=value`.
    Property,
}

/// One field as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The name of the field.
    pub name: &'static str,
    /// Where the name is written.
    pub place: Place,
    /// Its value.
    pub value: Value,
    pub(super) position: Position,
}

/// The contents of a rule, a profile or a block.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Fields {
    pub(super) entries: Vec<Entry>,
    /// Fields that are there, but whose value cannot be used.
    pub(super) invalid: Vec<&'static str>,
}

/// Picks the value of one variant.
macro_rules! one {
    ($(#[$doc:meta])* $name:ident, $variant:ident, $type:ty) => {
        $(#[$doc])*
        pub fn $name(&self, field: &str) -> Option<&Spanned<$type>> {
            self.named(field).find_map(|entry| match &entry.value {
                Value::$variant(value) => Some(value),
                _ => None,
            })
        }
    };
}

impl Fields {
    /// Every field in the order in which it is written.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    fn named(&self, field: &str) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(move |entry| entry.name == field)
    }

    /// Whether the field is there.
    pub fn has(&self, field: &str) -> bool {
        self.named(field).next().is_some()
    }

    /// Where the field is written, when it is there.
    pub fn place_of(&self, field: &str) -> Option<Place> {
        self.named(field).next().map(|entry| entry.place)
    }

    one!(
        /// The value of a field of shape text, glob or version.
        text, Text, Arc<str>
    );
    one!(
        /// The value of a field of shape path.
        path, Path, RelPath
    );
    one!(
        /// The value of a field of shape output.
        output, Output, Template
    );
    one!(
        /// The value of a field of shape boolean.
        boolean, Boolean, bool
    );
    one!(
        /// The value of a field of shape integer.
        integer, Integer, u64
    );
    one!(
        /// The value of a field of shape duration.
        duration, Duration, Duration
    );
    one!(
        /// The value of a field of shape size, in bytes.
        size, Size, u64
    );
    one!(
        /// The value of a field of shape choice.
        choice, Choice, &'static str
    );

    /// The values of a field of shape texts, globs, names, environment (its names), profiles, text or glob.
    pub fn texts(&self, field: &str) -> impl Iterator<Item = &Spanned<Arc<str>>> {
        self.named(field).flat_map(|entry| match &entry.value {
            Value::Text(text) => std::slice::from_ref(text),
            Value::Texts(texts) | Value::Globs(texts) | Value::Environment(texts, _) => texts,
            _ => &[],
        })
    }

    /// The values of a field of shape outputs or output.
    pub fn outputs(&self, field: &str) -> impl Iterator<Item = &Spanned<Template>> {
        self.named(field).flat_map(|entry| match &entry.value {
            Value::Output(output) => std::slice::from_ref(output),
            Value::Outputs(outputs) => outputs,
            _ => &[],
        })
    }

    /// The only value of a field of shape reference.
    pub fn reference(&self, field: &str) -> Option<&Spanned<Label>> {
        self.references(field).next()
    }

    /// The values of a field of shape references or reference. Every label names a rule of the configuration.
    pub fn references(&self, field: &str) -> impl Iterator<Item = &Spanned<Label>> {
        self.named(field).flat_map(|entry| match &entry.value {
            Value::References(labels) => labels.as_slice(),
            _ => &[],
        })
    }

    /// The pairs of a field of shape pair or environment.
    pub fn pairs(&self, field: &str) -> impl Iterator<Item = &Pair> {
        self.named(field).flat_map(|entry| match &entry.value {
            Value::Pair(pair) => std::slice::from_ref(pair),
            Value::Environment(_, pairs) => pairs,
            _ => &[],
        })
    }

    /// The only block of a field.
    pub fn block(&self, field: &str) -> Option<&Block> {
        self.blocks(field).next()
    }

    /// The blocks of a field.
    pub fn blocks(&self, field: &str) -> impl Iterator<Item = &Block> {
        self.named(field).filter_map(|entry| match &entry.value {
            Value::Block(block) => Some(block),
            _ => None,
        })
    }

    /// Whether the field is there, usable or not.
    pub(super) fn is_attempted(&self, field: &str) -> bool {
        self.has(field) || self.invalid.contains(&field)
    }

    /// Takes all places off.
    pub(super) fn forget_places(&mut self) {
        fn off<T>(value: &mut Spanned<T>) {
            value.place = Place::Elsewhere;
        }
        fn pair_off(pair: &mut Pair) {
            off(&mut pair.name);
            off(&mut pair.value);
        }
        for entry in &mut self.entries {
            entry.place = Place::Elsewhere;
            match &mut entry.value {
                Value::Text(value) => off(value),
                Value::Texts(values) | Value::Globs(values) => values.iter_mut().for_each(off),
                Value::Environment(names, pairs) => {
                    names.iter_mut().for_each(off);
                    pairs.iter_mut().for_each(pair_off);
                }
                Value::Path(value) => off(value),
                Value::Output(value) => off(value),
                Value::Outputs(values) => values.iter_mut().for_each(off),
                Value::Boolean(value) => off(value),
                Value::Integer(value) | Value::Size(value) => off(value),
                Value::Duration(value) => off(value),
                Value::Choice(value) => off(value),
                Value::References(values) => values.iter_mut().for_each(off),
                Value::Pair(pair) => pair_off(pair),
                Value::Block(block) => {
                    block.place = Place::Elsewhere;
                    block.name.iter_mut().for_each(off);
                    block.fields.forget_places();
                }
            }
        }
    }
}
