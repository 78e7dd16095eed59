//! Texts: quoted, raw, and over several lines.

use super::words::{NEWLINES, is_disallowed, is_space, newline};
use super::{Broken, Extent, Reader, Written, quoted};

impl Reader<'_> {
    /// A bare word or any of the quoted forms; `None` when something else stands here.
    pub(super) fn string(&mut self) -> Result<Option<Written>, Broken> {
        match self.peek() {
            Some('"') if self.looking_at("\"\"\"") => self.lines("\"\"\"", false).map(Some),
            Some('"') => self.line().map(Some),
            Some('#') => {
                let hashes = self.rest().len() - self.rest().trim_start_matches('#').len();
                if !self.rest()[hashes..].starts_with('"') {
                    return Ok(None);
                }
                let marks = &self.rest()[..hashes];
                if self.rest()[hashes..].starts_with("\"\"\"") {
                    return self.lines(&format!("\"\"\"{marks}"), true).map(Some);
                }
                let close = format!("\"{marks}");
                self.raw_line(hashes, &close).map(Some)
            }
            _ => self.word(),
        }
    }

    /// `"text"`.
    fn line(&mut self) -> Result<Written, Broken> {
        let start = self.at;
        self.at += 1;
        let mut text = String::new();
        loop {
            match self.peek() {
                Some('"') => {
                    self.at += 1;
                    break;
                }
                Some('\\') => {
                    if let Some(escaped) = self.escape() {
                        text.push(escaped);
                    }
                }
                Some(next) if !NEWLINES.contains(&next) => {
                    self.check_character(next);
                    text.push(next);
                    self.at += next.len_utf8();
                }
                _ => return Err(self.unclosed(start)),
            }
        }
        self.check_end()?;
        Ok(Written { text, at: Extent { start, end: self.at } })
    }

    /// `#"text"#`.
    fn raw_line(&mut self, hashes: usize, close: &str) -> Result<Written, Broken> {
        let start = self.at;
        self.at += hashes + 1;
        let body = self.at;
        while !self.looking_at(close) {
            match self.peek() {
                Some(next) if !NEWLINES.contains(&next) => {
                    self.check_character(next);
                    self.at += next.len_utf8();
                }
                _ => return Err(self.unclosed(start)),
            }
        }
        let text = self.text[body..self.at].to_owned();
        self.at += close.len();
        self.check_end()?;
        Ok(Written { text, at: Extent { start, end: self.at } })
    }

    fn unclosed(&mut self, start: usize) -> Broken {
        let at = Extent { start, end: self.at };
        self.fault(at, "This text is not closed on its line").help =
            Some("Add the closing `\"`; a text over several lines begins and ends with `\"\"\"`".to_owned());
        Broken
    }

    fn check_character(&mut self, character: char) {
        if is_disallowed(character) {
            let at = Extent { start: self.at, end: self.at + character.len_utf8() };
            let code = u32::from(character);
            self.fault(at, format!("The character U+{code:04X} cannot be written here")).help =
                Some(format!("Remove it, or write it as `\\u{{{code:x}}}`"));
        }
    }

    /// What follows a text must not touch it.
    fn check_end(&mut self) -> Result<(), Broken> {
        let touching = match self.peek() {
            None | Some(';' | '}' | '{' | '=' | ')' | '/' | '\\') => false,
            Some(next) => !is_space(next) && !NEWLINES.contains(&next),
        };
        if !touching {
            return Ok(());
        }
        let start = self.at;
        let at = self.stray();
        self.at = start;
        Err(self.space_missing(at))
    }

    /// One escape; `None` for escaped white space, which stands for nothing.
    fn escape(&mut self) -> Option<char> {
        let start = self.at;
        self.at += 1;
        let next = self.peek()?;
        if is_space(next) || NEWLINES.contains(&next) {
            while let Some(next) = self.peek().filter(|&next| is_space(next) || NEWLINES.contains(&next)) {
                self.at += next.len_utf8();
            }
            return None;
        }
        self.at += next.len_utf8();
        let mut escape = String::from(next);
        if next == 'u' {
            // No more than `{`, six digits and `}` belong to it.
            for expected in self.rest().chars().take(8) {
                escape.push(expected);
                if expected == '}' || !(expected == '{' || expected.is_ascii_hexdigit()) {
                    break;
                }
            }
        }
        match unescape(&escape) {
            Ok(character) => {
                self.at = start + 1 + escape.len();
                Some(character)
            }
            Err(help) => {
                let at = Extent { start, end: self.at };
                let message = format!("{} is not an escape", quoted(&self.text[at.range()]));
                self.fault(at, message).help = Some(help.to_owned());
                None
            }
        }
    }

    /// A text over several lines, ended by `close`. The margin before `close` is taken off every line.
    fn lines(&mut self, close: &str, raw: bool) -> Result<Written, Broken> {
        let start = self.at;
        self.at += close.len();
        let Some(first) = newline(self.rest()) else {
            let at = Extent { start, end: self.at };
            self.fault(at, "A text over several lines begins on the line after `\"\"\"`").help =
                Some("Break the line here, or write a text of one line between single `\"`".to_owned());
            return Err(Broken);
        };
        self.at += first;
        let body = self.at;
        while !self.looking_at(close) {
            match self.peek() {
                Some('\\') if !raw => {
                    self.at += 1;
                    self.at += self.peek().map_or(0, char::len_utf8);
                }
                Some(next) => {
                    self.check_character(next);
                    self.at += next.len_utf8();
                }
                None => {
                    self.runaway = true;
                    self.fault(Extent { start, end: start + close.len() }, "This text is never closed").help =
                        Some(format!("Add the closing `{close}` on a line of its own"));
                    return Err(Broken);
                }
            }
        }
        let content = &self.text[body..self.at];
        self.at += close.len();
        let at = Extent { start, end: self.at };
        match dedent(content, raw) {
            Ok(text) => {
                self.check_end()?;
                Ok(Written { text, at })
            }
            Err((message, help)) => {
                self.fault(at, message).help = Some(help.to_owned());
                Err(Broken)
            }
        }
    }
}

/// The character that the escape without its backslash stands for, or what could be written instead.
fn unescape(escape: &str) -> Result<char, &'static str> {
    const KNOWN: &str = "The escapes are `\\n`, `\\r`, `\\t`, `\\\"`, `\\\\`, `\\b`, `\\f`, `\\s` and `\\u{1f600}`";
    let mut characters = escape.chars();
    Ok(match characters.next() {
        Some('n') => '\n',
        Some('r') => '\r',
        Some('t') => '\t',
        Some('b') => '\u{8}',
        Some('f') => '\u{c}',
        Some('s') => ' ',
        Some('"') => '"',
        Some('\\') => '\\',
        Some('u') => {
            const CODE: &str = "Write the code of a character as one to six hexadecimal digits, as in `\\u{1f600}`";
            let digits = escape[1..].strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).ok_or(CODE)?;
            if digits.is_empty() || digits.len() > 6 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
                return Err(CODE);
            }
            u32::from_str_radix(digits, 16).ok().and_then(char::from_u32).ok_or(CODE)?
        }
        _ => return Err(KNOWN),
    })
}

type Fault = (String, &'static str);

/// Takes the margin of the last line off every line, then resolves the escapes.
fn dedent(content: &str, raw: bool) -> Result<String, Fault> {
    const MARGIN: &str = "Every line of the text must begin with the same white space as its closing line";
    // Escaped white space goes first: it may join lines.
    let joined = if raw { content.to_owned() } else { join_lines(content) };
    let mut lines: Vec<&str> = Vec::new();
    let mut rest = joined.as_str();
    while let Some(end) = rest.find(NEWLINES) {
        lines.push(&rest[..end]);
        let length = newline(&rest[end..]).unwrap_or(1);
        rest = &rest[end + length..];
    }
    let margin = rest;
    if !margin.chars().all(is_space) {
        return Err((
            "The closing `\"\"\"` does not stand on a line of its own".to_owned(),
            "Break the line before it",
        ));
    }
    let mut text = String::with_capacity(joined.len());
    for (index, line) in lines.iter().enumerate() {
        if index > 0 {
            text.push('\n');
        }
        if line.chars().all(is_space) {
            continue;
        }
        let Some(line) = line.strip_prefix(margin) else {
            return Err((format!("{} stands outside the margin of its text", quoted(line.trim())), MARGIN));
        };
        if raw {
            text.push_str(line);
        } else {
            resolve(line, &mut text)?;
        }
    }
    Ok(text)
}

/// Removes each backslash that is followed by white space together with that white space.
fn join_lines(content: &str) -> String {
    let mut joined = String::with_capacity(content.len());
    let mut rest = content;
    while let Some(slash) = rest.find('\\') {
        joined.push_str(&rest[..slash]);
        let after = &rest[slash + 1..];
        let trimmed = after.trim_start_matches(|next| is_space(next) || NEWLINES.contains(&next));
        if trimmed.len() < after.len() {
            rest = trimmed;
        } else {
            let escaped = after.chars().next().map_or(0, char::len_utf8);
            joined.push_str(&rest[slash..slash + 1 + escaped]);
            rest = &after[escaped..];
        }
    }
    joined.push_str(rest);
    joined
}

fn resolve(line: &str, text: &mut String) -> Result<(), Fault> {
    let mut rest = line;
    while let Some(slash) = rest.find('\\') {
        text.push_str(&rest[..slash]);
        let after = &rest[slash + 1..];
        let length = match after.chars().next() {
            Some('u') => after.find('}').map_or(1, |end| end + 1),
            Some(next) => next.len_utf8(),
            None => 0,
        };
        match unescape(&after[..length]) {
            Ok(character) => text.push(character),
            Err(help) => return Err((format!("{} is not an escape", quoted(&rest[slash..=slash + length])), help)),
        }
        rest = &after[length..];
    }
    text.push_str(rest);
    Ok(())
}
