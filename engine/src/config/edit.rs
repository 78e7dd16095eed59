//! Changes `webstir.kdl` and leaves all else in it as it is written: comments, blank lines, the order and the style of nodes.

use kdl::{KdlDocument, KdlEntry, KdlEntryFormat, KdlIdentifier, KdlNode, KdlNodeFormat, KdlValue};

use super::print::quote;
use crate::label::Label;

/// Arguments that a field of a rule is to have besides those that it has.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Addition {
    /// The rule.
    pub rule: Label,
    /// The field, which takes texts.
    pub field: &'static str,
    /// What to add, in this order.
    pub texts: Vec<String>,
}

/// Why a text cannot be changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// It is no KDL.
    #[error("`webstir.kdl` has mistakes")]
    NotSound,
    /// The rule comes from a preset.
    #[error("`{0}` is not written in `webstir.kdl`")]
    NotWritten(Label),
}

/// The text with all additions. It is one that [`load`](super::load) finds sound.
pub fn add(text: &str, additions: &[Addition]) -> Result<String, EditError> {
    let mut document = KdlDocument::parse(text).map_err(|_| EditError::NotSound)?;
    for Addition { rule, field, texts } in additions {
        let found = document.nodes_mut().iter_mut().find(|node| is_rule(node, rule));
        let node = found.ok_or_else(|| EditError::NotWritten(rule.clone()))?;
        add_to(node, field, texts);
    }
    Ok(document.to_string())
}

fn is_rule(node: &KdlNode, rule: &Label) -> bool {
    let name = node.entries().iter().find(|entry| entry.name().is_none());
    node.name().value() == rule.kind() && name.and_then(|name| name.value().as_string()) == Some(rule.name())
}

fn add_to(rule: &mut KdlNode, field: &str, texts: &[String]) {
    let has_block = rule.children().is_some();
    let children = rule.ensure_children();
    let entries = texts.iter().map(|text| {
        let mut entry = KdlEntry::new(KdlValue::String(text.clone()));
        let value_repr = quote(text);
        entry.set_format(KdlEntryFormat { value_repr, leading: " ".to_owned(), ..KdlEntryFormat::default() });
        entry
    });
    if let Some(node) = children.nodes_mut().iter_mut().rev().find(|node| node.name().value() == field) {
        entries.for_each(|entry| node.push(entry));
        return;
    }
    let mut node = KdlNode::new(KdlIdentifier::from(field));
    entries.for_each(|entry| node.push(entry));
    // As its neighbour before it is written.
    let before = children.nodes_mut().last_mut().and_then(|last| {
        let format = last.format_mut()?;
        let leading = indentation(&format.leading);
        // The last one in a block on one line may have nothing after it; what is before the brace stays there.
        if format.terminator.is_empty() {
            ";".clone_into(&mut format.terminator);
            let before_terminator = std::mem::take(&mut format.before_terminator);
            let trailing = std::mem::take(&mut format.trailing);
            let leading = " ".to_owned();
            return Some(KdlNodeFormat { leading, before_terminator, trailing, ..KdlNodeFormat::default() });
        }
        Some(KdlNodeFormat { leading, terminator: format.terminator.clone(), ..KdlNodeFormat::default() })
    });
    let format = before.unwrap_or_else(|| KdlNodeFormat {
        leading: "    ".to_owned(),
        terminator: "\n".to_owned(),
        ..KdlNodeFormat::default()
    });
    node.set_format(format);
    children.nodes_mut().push(node);
    if !has_block {
        if let Some(format) = rule.format_mut() {
            " ".clone_into(&mut format.before_children);
        }
        if let Some(format) = rule.children_mut().as_mut().and_then(KdlDocument::format_mut) {
            "\n".clone_into(&mut format.leading);
        }
    }
}

/// The white space before a node on its line: what is above it are comments and lines that belong to it alone.
fn indentation(leading: &str) -> String {
    let line = leading.rsplit('\n').next().unwrap_or_default();
    line.chars().take_while(|character| character.is_whitespace()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn added(text: &str, field: &'static str, texts: &[&str]) -> String {
        let texts = texts.iter().map(|text| (*text).to_owned()).collect();
        add(text, &[Addition { rule: Label::new("command", "x"), field, texts }]).unwrap()
    }

    #[test]
    fn a_field_that_is_there_gets_more() {
        let text = "// above\ncommand x { // beside\n    run \"sh\"   \"a.sh\"\n    // of inputs\n    inputs \"a\" // those\n    outputs \"{out}/x\"\n}\n\ncommand y\n";
        let expected = text.replace("inputs \"a\" // those", "inputs \"a\" \"b c\" \"d\\\"e\" // those");
        assert_eq!(added(text, "inputs", &["b c", "d\"e"]), expected);
    }

    #[test]
    fn a_field_that_is_not_there_is_written_as_those_that_are() {
        let text = "command \"x\" {\n\n  // runs\n  run \"sh\"\n}\n";
        assert_eq!(added(text, "inputs", &["a"]), "command \"x\" {\n\n  // runs\n  run \"sh\"\n  inputs \"a\"\n}\n");
        for (text, expected) in [
            ("command x { run \"sh\"; }\n", "command x { run \"sh\"; inputs \"a\"; }\n"),
            ("command x { run \"sh\" }\n", "command x { run \"sh\"; inputs \"a\" }\n"),
            ("command x\ncommand y\n", "command x {\n    inputs \"a\"\n}\ncommand y\n"),
        ] {
            let changed = added(text, "inputs", &["a"]);
            assert_eq!(changed, expected);
            assert!(KdlDocument::parse(&changed).is_ok(), "{changed}");
        }
    }

    #[test]
    fn what_is_not_written_is_told() {
        let addition = Addition { rule: Label::new("command", "x"), field: "inputs", texts: vec!["a".to_owned()] };
        assert_eq!(
            add("command y", std::slice::from_ref(&addition)),
            Err(EditError::NotWritten(addition.rule.clone()))
        );
        assert_eq!(add("command x {", &[addition]), Err(EditError::NotSound));
    }
}
