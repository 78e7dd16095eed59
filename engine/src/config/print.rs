//! The expanded configuration as text.

use std::fmt::Write;

use crate::config::Config;
use crate::config::kdl::is_bare;
use crate::config::quantity;
use crate::config::value::{Block, Entry, Fields, Literal, Pair, Position, Value};

/// Prints a whole configuration. It names no preset, so that reading it back adds nothing.
pub(super) fn print(config: &Config) -> String {
    let mut printer = Printer { text: String::new(), depth: 0 };
    printer.open(&match &config.workspace.name {
        Some(name) => format!("workspace {}", quote(name)),
        None => "workspace".to_owned(),
    });
    if let Some(mode) = &config.workspace.mode {
        printer.line(&format!("mode {}", word(mode)));
    }
    printer.line("preset none");
    if !config.workspace.environment.is_empty() {
        let names: Vec<String> = config.workspace.environment.iter().map(|name| quote(name)).collect();
        printer.line(&format!("environment {}", names.join(" ")));
    }
    printer.close();
    if !config.toolchain.entries.is_empty() {
        printer.node("toolchain", &config.toolchain);
    }
    for profile in &config.profiles {
        printer.node(&format!("profile {}", word(&profile.name)), &profile.fields);
    }
    for rule in &config.rules {
        printer.node(&format!("{} {}", word(rule.label.kind()), word(rule.label.name())), &rule.fields);
    }
    printer.text
}

struct Printer {
    text: String,
    depth: usize,
}

impl Printer {
    fn line(&mut self, line: &str) {
        for _ in 0..self.depth {
            self.text.push_str("    ");
        }
        self.text.push_str(line);
        self.text.push('\n');
    }

    fn open(&mut self, head: &str) {
        if self.depth == 0 && !self.text.is_empty() {
            self.text.push('\n');
        }
        self.line(&format!("{head} {{"));
        self.depth += 1;
    }

    fn close(&mut self) {
        self.depth -= 1;
        self.line("}");
    }

    fn node(&mut self, head: &str, fields: &Fields) {
        self.open(head);
        for entry in &fields.entries {
            self.entry(entry);
        }
        self.close();
    }

    fn entry(&mut self, entry: &Entry) {
        let Value::Block(block) = &entry.value else {
            self.line(&format!("{} {}", word(entry.name), value(&entry.value)));
            return;
        };
        let head = block_head(entry.name, block);
        let children: Vec<&Entry> =
            block.fields.entries.iter().filter(|entry| entry.position == Position::Child).collect();
        if children.is_empty() {
            self.line(&head);
            return;
        }
        self.open(&head);
        for child in children {
            self.entry(child);
        }
        self.close();
    }
}

fn block_head(name: &str, block: &Block) -> String {
    let mut head = word(name);
    if let Some(name) = &block.name {
        let _ = write!(head, " {}", word(name));
    }
    for entry in &block.fields.entries {
        let _ = match entry.position {
            Position::Arguments => write!(head, " {}", value(&entry.value)),
            Position::Property => write!(head, " {}={}", word(entry.name), value(&entry.value)),
            Position::Child => Ok(()),
        };
    }
    head
}

pub(super) fn value(value: &Value) -> String {
    fn joined<T>(values: &[T], print: impl Fn(&T) -> String) -> String {
        values.iter().map(print).collect::<Vec<_>>().join(" ")
    }
    match value {
        Value::Text(text) => quote(text),
        Value::Texts(texts) | Value::Globs(texts) => joined(texts, |text| quote(text)),
        Value::Environment(names, pairs) => {
            let names = names.iter().map(|name| quote(name));
            let pairs = pairs.iter().map(|pair| format!("{}={}", word(&pair.name), literal(&pair.value)));
            names.chain(pairs).collect::<Vec<_>>().join(" ")
        }
        Value::Path(path) => quote(if path.is_root() { "." } else { path.as_str() }),
        Value::Output(output) => quote(output.as_str()),
        Value::Outputs(outputs) => joined(outputs, |output| quote(output.as_str())),
        Value::Boolean(boolean) => format!("#{}", boolean.value),
        Value::Integer(number) => number.to_string(),
        Value::Duration(duration) => quote(&quantity::print_duration(duration.value)),
        Value::Size(size) => quote(&quantity::print_size(size.value)),
        Value::Choice(choice) => word(choice.value),
        Value::References(labels) => joined(labels, |label| word(&label.to_string())),
        Value::Pair(Pair { name, value }) => format!("{} {}", quote(name), literal(value)),
        // Blocks have lines of their own.
        Value::Block(_) => String::new(),
    }
}

fn literal(literal: &Literal) -> String {
    match literal {
        Literal::Text(text) => quote(text),
        Literal::Integer(number) => number.to_string(),
        Literal::Boolean(boolean) => format!("#{boolean}"),
    }
}

fn word(text: &str) -> String {
    if is_bare(text) { text.to_owned() } else { quote(text) }
}

pub(super) fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        match character {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            character if crate::config::kdl::needs_escape(character) => {
                let _ = write!(quoted, "\\u{{{:x}}}", u32::from(character));
            }
            character => quoted.push(character),
        }
    }
    quoted.push('"');
    quoted
}
