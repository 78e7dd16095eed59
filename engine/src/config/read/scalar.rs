//! Single values, by shape.

use std::sync::Arc;

use super::Reader;
use super::words::example;
use crate::config::glob;
use crate::config::kdl::{Entry, Extent, Scalar, quoted};
use crate::config::quantity;
use crate::config::report::{listed, suggestion};
use crate::config::schema::{Field, OutputShape, Shape};
use crate::config::template::{Template, TemplateFault};
use crate::config::value::{Literal, Spanned, Value};
use crate::diagnostic::Diagnostic;
use crate::label::Label;
use crate::path::{PathError, RelPath};

/// Outputs of shape outputs know the profile's root and nothing else.
const SEVERAL: OutputShape = OutputShape { placeholders: &["out"], required: &[], directory: false, only: None };

const LONGEST_NAME: usize = 64;

impl Reader<'_> {
    /// The values of a field that is no block, from at least one argument.
    pub(super) fn values(&mut self, arguments: &[&Entry], field: &'static Field) -> Option<Value> {
        let first = arguments.first()?;
        let place = self.place(first.at);
        let name = field.name;
        let value = match field.shape {
            Shape::Text => Value::Text(Spanned::new(self.text(first, field)?, place)),
            Shape::Version => Value::Text(Spanned::new(self.version(first, field)?, place)),
            Shape::Glob => Value::Globs(vec![Spanned::new(self.glob(first, field)?, place)]),
            Shape::Path => Value::Path(Spanned::new(self.path(first, field)?, place)),
            Shape::Output(shape) => Value::Output(Spanned::new(self.output(first, field, shape)?, place)),
            Shape::Duration => {
                let text = self.text(first, field)?;
                let Some(duration) = quantity::duration(&text) else {
                    let message = format!("{} is not a duration", quoted(&text));
                    let help =
                        "Write a whole number and `ms`, `s`, `m` or `h`, from `\"1ms\"` to a day, such as `\"2s\"`";
                    self.say(first.at, Diagnostic::error("config::bad_duration", message).help(help));
                    return None;
                };
                Value::Duration(Spanned::new(duration, place))
            }
            Shape::Size => {
                let text = self.text(first, field)?;
                let Some(size) = quantity::size(&text) else {
                    let message = format!("{} is not a size", quoted(&text));
                    let help =
                        "Write a whole number and `B`, `KiB`, `MiB` or `GiB`, at most 1024 GiB, such as `\"256MiB\"`";
                    self.say(first.at, Diagnostic::error("config::bad_size", message).help(help));
                    return None;
                };
                Value::Size(Spanned::new(size, place))
            }
            Shape::Boolean => {
                let Scalar::Boolean(boolean) = first.value else {
                    self.wrong_type(field, first);
                    return None;
                };
                Value::Boolean(Spanned::new(boolean, place))
            }
            Shape::Integer(least, most) => {
                let Scalar::Integer(number) = first.value else {
                    self.wrong_type(field, first);
                    return None;
                };
                let Some(number) = u64::try_from(number).ok().filter(|number| (least..=most).contains(number)) else {
                    let message = format!("`{number}` is out of range for `{name}`");
                    let help = format!("Write a number from {least} to {most}");
                    self.say(first.at, Diagnostic::error("config::bad_number", message).help(help));
                    return None;
                };
                Value::Integer(Spanned::new(number, place))
            }
            Shape::Choice(words) => {
                let text = self.text(first, field)?;
                let Some(word) = words.iter().find(|word| ***word == *text) else {
                    let near = self.report.nearest(&text, words.iter().copied());
                    let help = suggestion(near, &format!("Write {}", listed(words, "or")));
                    let message = format!("{} is not a value of `{name}`", quoted(&text));
                    self.say(first.at, Diagnostic::error("config::bad_choice", message).help(help));
                    return None;
                };
                Value::Choice(Spanned::new(*word, place))
            }
            Shape::Texts => Value::Texts(self.all(arguments, |reader, entry| match &entry.value {
                // An argument of a process may be empty.
                Scalar::Text(text) => Some(Arc::from(text.as_str())),
                _ => reader.text(entry, field),
            })?),
            Shape::Names => Value::Texts(self.all(arguments, |reader, entry| reader.variable(entry, field))?),
            Shape::Profiles => Value::Texts(self.all(arguments, |reader, entry| {
                Some(reader.name(entry, name, "the name of a profile", &example(field))?.value)
            })?),
            Shape::Globs => Value::Globs(self.all(arguments, |reader, entry| reader.glob(entry, field))?),
            Shape::Outputs => {
                Value::Outputs(self.all(arguments, |reader, entry| reader.output(entry, field, SEVERAL))?)
            }
            Shape::Reference(_) | Shape::References(_) => {
                Value::References(self.all(arguments, |reader, entry| reader.label(entry, field))?)
            }
            // Read by their own functions.
            Shape::Pair | Shape::Environment | Shape::Block(_) => return None,
        };
        Some(value)
    }

    /// Every argument; those that cannot be used are reported and left out. `None` when nothing is left.
    fn all<T>(
        &mut self,
        arguments: &[&Entry],
        mut read: impl FnMut(&mut Self, &Entry) -> Option<T>,
    ) -> Option<Vec<Spanned<T>>> {
        let mut values = Vec::with_capacity(arguments.len());
        for entry in arguments {
            if let Some(value) = read(self, entry) {
                values.push(Spanned::new(value, self.place(entry.at)));
            }
        }
        (values.len() == arguments.len()).then_some(values)
    }

    /// A text that is not empty.
    pub(super) fn text(&mut self, entry: &Entry, field: &'static Field) -> Option<Arc<str>> {
        let Scalar::Text(text) = &entry.value else {
            self.wrong_type(field, entry);
            return None;
        };
        let field = field.name;
        if text.is_empty() {
            let diagnostic = Diagnostic::error("config::bad_text", format!("`{field}` is empty"));
            self.say(entry.at, diagnostic.help("Write a value, or leave the field out"));
            return None;
        }
        if text.contains('\0') {
            // One that is not escaped was reported where the text was read.
            if self.is_spelled_with(entry, '\0') {
                return None;
            }
            let diagnostic = Diagnostic::error("config::bad_text", format!("`{field}` holds a NUL character"));
            self.say(entry.at, diagnostic.help("Remove `\\u{0}`"));
            return None;
        }
        Some(Arc::from(text.as_str()))
    }

    fn is_spelled_with(&self, entry: &Entry, character: char) -> bool {
        self.lines.text().get(entry.at.start..entry.at.end).is_some_and(|spelled| spelled.contains(character))
    }

    pub(super) fn literal(&mut self, entry: &Entry, field: &'static Field) -> Option<Literal> {
        match &entry.value {
            Scalar::Text(text) => Some(Literal::Text(Arc::from(text.as_str()))),
            Scalar::Boolean(boolean) => Some(Literal::Boolean(*boolean)),
            Scalar::Integer(number) if i64::try_from(*number).is_ok() => {
                i64::try_from(*number).ok().map(Literal::Integer)
            }
            _ => {
                self.wrong_type(field, entry);
                None
            }
        }
    }

    /// The name of a rule, a profile or a block.
    pub(super) fn name(
        &mut self,
        entry: &Entry,
        owner: &str,
        expected: &str,
        example: &str,
    ) -> Option<Spanned<Arc<str>>> {
        let Scalar::Text(text) = &entry.value else {
            self.mistyped(owner, expected, example, entry);
            return None;
        };
        let valid = |next: char| next.is_ascii_alphanumeric() || matches!(next, '-' | '_' | '.');
        let begins = text.starts_with(|first: char| first.is_ascii_alphanumeric());
        if !begins || !text.chars().all(valid) || text.len() > LONGEST_NAME {
            let message = format!("{} cannot be a name", quoted(text));
            let help = format!(
                "Names are made of letters, digits, `-`, `_` and `.`, begin with a letter or a digit, and have at most {LONGEST_NAME} characters"
            );
            self.say(entry.at, Diagnostic::error("config::bad_name", message).help(help));
            return None;
        }
        Some(Spanned::new(Arc::from(text.as_str()), self.place(entry.at)))
    }

    /// A rule that is referred to: `name` or `kind:name`. The kind is empty as long as it is not known.
    fn label(&mut self, entry: &Entry, field: &'static Field) -> Option<Label> {
        let text = self.text(entry, field)?;
        let (kind, name) = text.split_once(':').unwrap_or(("", &text));
        if text.starts_with(':') || name.is_empty() || name.contains(':') {
            let message = format!("{} does not name a rule", quoted(&text));
            let help = "Write the name of a rule, or its kind and name as in `bundle:backend`";
            self.say(entry.at, Diagnostic::error("config::bad_name", message).help(help));
            return None;
        }
        Some(Label::new(kind, name))
    }

    /// The name of an environment variable.
    pub(super) fn variable(&mut self, entry: &Entry, field: &'static Field) -> Option<Arc<str>> {
        let text = self.text(entry, field)?;
        let pairs = matches!(field.shape, Shape::Environment);
        self.check_variable(&text, entry.at, pairs).then_some(text)
    }

    pub(super) fn check_variable(&mut self, text: &str, at: Extent, pairs: bool) -> bool {
        let valid = text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
            && text.chars().all(|next| next.is_ascii_alphanumeric() || next == '_');
        if !valid {
            let message = format!("{} cannot be the name of an environment variable", quoted(text));
            let help = match text.split_once('=') {
                Some((name, _)) if !pairs => format!("Write only the name: `\"{name}\"`"),
                Some((name, value)) => format!("To set it, write `{name}=\"{value}\"` without quotes around the whole"),
                None => "Such names are made of letters, digits and `_`, and do not begin with a digit".to_owned(),
            };
            self.say(at, Diagnostic::error("config::bad_name", message).help(help));
        }
        valid
    }

    fn version(&mut self, entry: &Entry, field: &'static Field) -> Option<Arc<str>> {
        let text = self.text(entry, field)?;
        let field = field.name;
        if quantity::is_version(&text) {
            return Some(text);
        }
        let message = format!("{} is not an exact version", quoted(&text));
        let bare = text.trim_start_matches(['^', '~', '=', 'v', '>', ' ']);
        let help = if quantity::is_version(bare) {
            format!("Write `{field} \"{bare}\"`: the same version is used on every machine")
        } else {
            format!("Write all three numbers, as in `{field} \"7.0.2\"`: the same version is used on every machine")
        };
        self.say(entry.at, Diagnostic::error("config::bad_version", message).help(help));
        None
    }

    fn glob(&mut self, entry: &Entry, field: &'static Field) -> Option<Arc<str>> {
        let text = self.text(entry, field)?;
        match glob::check(&text) {
            Ok(()) => Some(text),
            Err(invalid) => {
                let message = format!("{} is not a glob: {invalid}", quoted(&text));
                self.say(entry.at, Diagnostic::error("config::bad_glob", message).help(invalid.help));
                None
            }
        }
    }

    fn path(&mut self, entry: &Entry, field: &'static Field) -> Option<RelPath> {
        let text = self.text(entry, field)?;
        match RelPath::new(&text) {
            Ok(path) => Some(path),
            Err(error) => {
                self.bad_path(entry.at, "config::bad_path", &text, &error);
                None
            }
        }
    }

    fn bad_path(&mut self, at: Extent, code: &'static str, text: &str, error: &PathError) {
        let (message, help) = match error {
            PathError::Absolute(_) => (
                format!("{} is absolute", quoted(text)),
                "Write the path as seen from the directory of `webstir.kdl`".to_owned(),
            ),
            PathError::Escapes(_) => (
                format!("{} leads out of the workspace", quoted(text)),
                "Everything that is built is inside the directory of `webstir.kdl`".to_owned(),
            ),
            PathError::Character(_) if text.contains('\\') => {
                (format!("{} holds a backslash", quoted(text)), format!("Write `{}`", text.replace('\\', "/")))
            }
            PathError::Character(_) => (
                format!("{} holds a control character", quoted(text)),
                "A backslash begins an escape such as `\\t`; directories are separated by `/`".to_owned(),
            ),
        };
        self.say(at, Diagnostic::error(code, message).help(help));
    }

    fn output(&mut self, entry: &Entry, field: &'static Field, shape: OutputShape) -> Option<Template> {
        let text = self.text(entry, field)?;
        let field = field.name;
        let bad = |message: String| Diagnostic::error("config::bad_template", message);
        let template = match Template::parse(&text, shape.placeholders) {
            Ok(template) => template,
            Err(TemplateFault::Unknown { name, start, end }) => {
                let near = self.report.nearest(&name, shape.placeholders.iter().copied());
                let choice = shape.placeholders.iter().map(|placeholder| format!("{{{placeholder}}}"));
                let near = near.map(|near| format!("{{{near}}}"));
                let help = suggestion(near.as_deref(), &format!("`{field}` knows {}", listed(choice, "and")));
                let message = format!("Unknown placeholder `{}` in `{field}`", &text[start..end]);
                self.say(Self::within(entry, start, end), bad(message).help(help));
                return None;
            }
            Err(TemplateFault::Brace(offset)) => {
                let brace = &text[offset..=offset];
                let at = Self::within(entry, offset, offset + 1);
                let diagnostic = bad(format!("A `{brace}` in `{field}` has no partner"));
                self.say(at, diagnostic.help("Placeholders are written as `{out}`; paths cannot hold braces"));
                return None;
            }
        };
        // Any value will do: what is looked for is in the text between the placeholders.
        if let Err(error) = template.expand(&[("out", "o"), ("dir", "d"), ("name", "n")]) {
            self.bad_path(entry.at, "config::output_outside", &text, &error);
            return None;
        }
        // `{out}/../x` stays inside the workspace, but not inside the output root.
        if text.split('/').any(|part| part == "..") {
            let message = format!("{} holds `..`", quoted(&text));
            let help = "Write the path that is meant";
            self.say(entry.at, Diagnostic::error("config::output_outside", message).help(help));
            return None;
        }
        if let Some(lacking) = shape.required.iter().find(|placeholder| !template.uses(placeholder)) {
            let message = format!("`{field}` does not use `{{{lacking}}}`, so several outputs would have one path");
            let braced = shape.required.iter().map(|placeholder| format!("{{{placeholder}}}"));
            let help = format!("Use {}, as in `\"{{out}}/backend/{{dir}}/{{name}}.js\"`", listed(braced, "and"));
            self.say(entry.at, bad(message).help(help));
            return None;
        }
        Some(template)
    }

    /// The bytes `start..end` of a text, where it is written without escapes; the whole value otherwise.
    fn within(entry: &Entry, start: usize, end: usize) -> Extent {
        let Scalar::Text(text) = &entry.value else { return entry.at };
        let quotes = entry.at.end - entry.at.start - text.len().min(entry.at.end - entry.at.start);
        match quotes {
            2 => Extent { start: entry.at.start + 1 + start, end: entry.at.start + 1 + end },
            0 => Extent { start: entry.at.start + start, end: entry.at.start + end },
            _ => entry.at,
        }
    }
}
