//! As much of XML as a report of tests has: enough to fail where it is not well-formed.

/// An element.
#[derive(Debug)]
pub(super) struct Element {
    pub(super) name: String,
    attributes: Vec<(String, String)>,
    pub(super) children: Vec<Element>,
    pub(super) text: String,
}

impl Element {
    #[track_caller]
    pub(super) fn get(&self, attribute: &str) -> &str {
        let found = self.attributes.iter().find(|(name, _)| name == attribute);
        found.map_or_else(|| panic!("{} has no {attribute}", self.name), |(_, value)| value)
    }

    pub(super) fn names(&self) -> Vec<&str> {
        self.attributes.iter().map(|(name, _)| name.as_str()).collect()
    }

    pub(super) fn all<'e>(&'e self, name: &'e str) -> impl Iterator<Item = &'e Element> {
        self.children.iter().filter(move |child| child.name == name)
    }
}

/// The root of a document.
#[track_caller]
pub(super) fn read(text: &str) -> Element {
    let is_allowed = |c: char| matches!(c, '\t' | '\n' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
    assert!(text.chars().all(is_allowed), "a character that XML 1.0 does not have");
    let mut rest = text.strip_prefix("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n").unwrap();
    let root = element(&mut rest);
    assert_eq!(rest.trim(), "");
    root
}

fn element(rest: &mut &str) -> Element {
    let (tag, after) = rest.strip_prefix('<').unwrap().split_once('>').unwrap();
    *rest = after;
    let (tag, is_empty) = tag.strip_suffix('/').map_or((tag, false), |tag| (tag, true));
    let (name, mut left) = tag.split_once(' ').unwrap_or((tag, ""));
    let mut attributes = Vec::new();
    while let Some((attribute, after)) = left.split_once("=\"") {
        let (value, after) = after.split_once('"').unwrap();
        attributes.push((attribute.trim().to_owned(), unescaped(value)));
        left = after;
    }
    assert_eq!(left.trim(), "");
    let mut element = Element { name: name.to_owned(), attributes, children: Vec::new(), text: String::new() };
    if is_empty {
        return element;
    }
    loop {
        let (text, after) = rest.split_at(rest.find('<').unwrap());
        element.text += &unescaped(text);
        *rest = after;
        if let Some(after) = rest.strip_prefix("</") {
            *rest = after.strip_prefix(name).unwrap().strip_prefix('>').unwrap();
            return element;
        }
        element.children.push(self::element(rest));
    }
}

fn unescaped(text: &str) -> String {
    let mut parts = text.split('&');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (name, rest) = part.split_once(';').unwrap_or_else(|| panic!("a bare & in {text}"));
        out += match name {
            "amp" => "&",
            "lt" => "<",
            "gt" => ">",
            "quot" => "\"",
            "apos" => "'",
            "#13" => "\r",
            other => panic!("{other}"),
        };
        out += rest;
    }
    assert!(!text.contains('>'), "{text}");
    out
}
