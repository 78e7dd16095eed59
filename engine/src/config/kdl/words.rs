//! The words of KDL: white space, comments, bare words, keywords and numbers.

use super::{Broken, Extent, Reader, Scalar, Written, quoted};

/// Every character that ends a line.
pub(super) const NEWLINES: [char; 7] = ['\n', '\r', '\u{85}', '\u{b}', '\u{c}', '\u{2028}', '\u{2029}'];

/// The length of the line end that `rest` begins with; CR LF is one.
pub(super) fn newline(rest: &str) -> Option<usize> {
    if rest.starts_with("\r\n") {
        return Some(2);
    }
    rest.chars().next().filter(|next| NEWLINES.contains(next)).map(char::len_utf8)
}

pub(super) fn is_space(character: char) -> bool {
    matches!(
        character,
        '\t' | ' ' | '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}'
    )
}

/// Whether KDL forbids the character everywhere, comments and texts included.
pub(super) fn is_disallowed(character: char) -> bool {
    matches!(character, '\0'..='\u{8}' | '\u{e}'..='\u{1f}' | '\u{7f}' | '\u{200e}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

fn is_word(character: char) -> bool {
    !matches!(character, '(' | ')' | '{' | '}' | '[' | ']' | '/' | '\\' | '"' | '#' | ';' | '=')
        && !is_space(character)
        && !NEWLINES.contains(&character)
        && !is_disallowed(character)
}

/// Whether `text` means the same with and without quotes.
pub(in crate::config) fn is_bare(text: &str) -> bool {
    !text.is_empty()
        && text.chars().all(is_word)
        && !begins_number(text)
        && !matches!(text, "true" | "false" | "null" | "inf" | "-inf" | "nan")
}

/// Whether the character can be written in a text only as an escape.
pub(in crate::config) fn needs_escape(character: char) -> bool {
    is_disallowed(character) || NEWLINES.contains(&character)
}

fn begins_number(text: &str) -> bool {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let digits = digits.strip_prefix('.').unwrap_or(digits);
    digits.starts_with(|first: char| first.is_ascii_digit())
}

impl Reader<'_> {
    /// White space, line ends and comments.
    pub(super) fn skip_line_space(&mut self) {
        loop {
            self.skip_node_space();
            if let Some(length) = newline(self.rest()) {
                self.at += length;
            } else if self.looking_at("//") {
                self.skip_comment();
            } else {
                return;
            }
        }
    }

    /// White space, comments and escaped line ends inside a node; whether there was any.
    pub(super) fn skip_node_space(&mut self) -> bool {
        let start = self.at;
        loop {
            match self.peek() {
                Some(next) if is_space(next) => self.at += next.len_utf8(),
                Some('/') if self.looking_at("/*") => self.skip_comment(),
                Some('\\') if self.skip_escaped_line() => {}
                _ => return self.at > start,
            }
        }
    }

    /// A backslash, white space, perhaps a comment, and the line end.
    fn skip_escaped_line(&mut self) -> bool {
        let start = self.at;
        self.at += 1;
        loop {
            match self.peek() {
                None => return true,
                Some(next) if is_space(next) => self.at += next.len_utf8(),
                Some('/') if self.looking_at("/*") => self.skip_comment(),
                Some('/') if self.looking_at("//") => self.skip_comment(),
                Some(_) => {
                    if let Some(length) = newline(self.rest()) {
                        self.at += length;
                        return true;
                    }
                    self.at = start;
                    return false;
                }
            }
        }
    }

    /// The comment that begins here. A line comment leaves the line end, a block comment may hold others.
    pub(super) fn skip_comment(&mut self) {
        let start = self.at;
        if self.take("//") {
            while self.peek().is_some() && newline(self.rest()).is_none() {
                self.step_over();
            }
            return;
        }
        self.at += 2;
        let mut open = 1_usize;
        while open > 0 {
            if self.take("/*") {
                open += 1;
            } else if self.take("*/") {
                open -= 1;
            } else if self.peek().is_some() {
                self.step_over();
            } else {
                self.runaway = true;
                let within_word = self.text[..start].ends_with(is_word);
                let fault = self.fault(Extent::new(start, start + 2), "This `/*` begins a comment that never ends");
                fault.help = Some(if within_word {
                    "A glob such as `\"**/*.ts\"` must be quoted".to_owned()
                } else {
                    "Add the `*/` that ends it".to_owned()
                });
                return;
            }
        }
    }

    /// Moves past one character of a comment.
    fn step_over(&mut self) {
        let Some(next) = self.peek() else { return };
        if is_disallowed(next) {
            let at = Extent::new(self.at, self.at + next.len_utf8());
            let message = format!("The character U+{:04X} cannot be written here", u32::from(next));
            // One fault for a file full of them.
            if self.faults.last().is_none_or(|fault| fault.message != message) {
                self.fault(at, message).help = Some("Remove it".to_owned());
            }
        }
        self.at += next.len_utf8();
    }

    /// Moves past the terminator of a node.
    pub(super) fn end_of_line(&mut self) {
        if self.looking_at("//") {
            self.skip_comment();
        }
        if let Some(length) = newline(self.rest()) {
            self.at += length;
        } else {
            self.take(";");
        }
    }

    /// A number or a keyword with everything that touches it, up to a comment or an escaped line end.
    fn token(&mut self) -> Extent {
        let stray = self.stray();
        let spelled = &self.text[stray.range()];
        let comment = ["//", "/*", "/-", "\\"].into_iter().filter_map(|mark| spelled.find(mark)).min();
        self.at = comment.map_or(stray.end, |length| stray.start + length);
        Extent { start: stray.start, end: self.at }
    }

    /// Moves past what cannot be read: up to the next white space, `;` or brace, and at least one character.
    pub(super) fn stray(&mut self) -> Extent {
        let start = self.at;
        if let Some(first) = self.peek() {
            self.at += first.len_utf8();
        }
        while let Some(next) = self.peek() {
            if is_space(next) || NEWLINES.contains(&next) || matches!(next, ';' | '{' | '}') {
                break;
            }
            self.at += next.len_utf8();
        }
        Extent { start, end: self.at }
    }

    /// A bare word; `None` when something else stands here.
    pub(super) fn word(&mut self) -> Result<Option<Written>, Broken> {
        let start = self.at;
        let length = self.rest().find(|next| !is_word(next)).unwrap_or(self.rest().len());
        let word = &self.rest()[..length];
        if word.is_empty() || begins_number(word) {
            return Ok(None);
        }
        self.at += length;
        let at = Extent::new(start, self.at);
        if let Some(keyword) = ["true", "false", "null", "inf", "-inf", "nan"].into_iter().find(|&bare| bare == word) {
            self.fault(at, format!("`{keyword}` must be written `#{keyword}`")).help =
                Some(format!("Write `#{keyword}`, or quote it if a text is meant"));
            return Err(Broken);
        }
        let comment = self.looking_at("//") || self.looking_at("/*") || self.looking_at("/-");
        match self.peek() {
            Some('/' | '[' | ']' | '"' | '#' | '(' | '\\') if !comment && !self.escaped_line_follows() => {
                Err(self.needs_quotes(start))
            }
            _ => Ok(Some(Written { text: word.to_owned(), at })),
        }
    }

    fn escaped_line_follows(&mut self) -> bool {
        let start = self.at;
        let faults = self.faults.len();
        let follows = self.peek() == Some('\\') && self.skip_escaped_line();
        self.at = start;
        self.faults.truncate(faults);
        follows
    }

    /// The text from `start` holds characters that only a quoted text may hold.
    fn needs_quotes(&mut self, start: usize) -> Broken {
        self.at = start;
        let at = self.stray();
        let spelled = &self.text[at.range()];
        let message = format!("{} must be quoted", quoted(spelled));
        let bare = spelled.trim_matches('"');
        let help = (!bare.contains(['"', '\\'])).then(|| format!("Write `\"{bare}\"`"));
        self.fault(at, message).help = help;
        Broken
    }

    /// A keyword, a number or a text; `None` when something else stands here.
    pub(super) fn scalar(&mut self) -> Result<Option<(Scalar, Extent)>, Broken> {
        if let Some(written) = self.string()? {
            return Ok(Some((Scalar::Text(written.text), written.at)));
        }
        if self.peek() == Some('#') {
            return self.keyword().map(Some);
        }
        if begins_number(self.rest()) {
            return self.number().map(Some);
        }
        Ok(None)
    }

    fn keyword(&mut self) -> Result<(Scalar, Extent), Broken> {
        let at = self.token();
        let value = match &self.text[at.range()] {
            "#true" => Scalar::Boolean(true),
            "#false" => Scalar::Boolean(false),
            "#null" => Scalar::Null,
            "#inf" => Scalar::Float(f64::INFINITY),
            "#-inf" => Scalar::Float(f64::NEG_INFINITY),
            "#nan" => Scalar::Float(f64::NAN),
            other => {
                let message = format!("{} is not a keyword", quoted(other));
                self.fault(at, message).help = Some("The keywords are `#true`, `#false` and `#null`".to_owned());
                return Err(Broken);
            }
        };
        Ok((value, at))
    }

    fn number(&mut self) -> Result<(Scalar, Extent), Broken> {
        let at = self.token();
        let spelled = &self.text[at.range()];
        if let Some(value) = parse_number(spelled) {
            return Ok((value, at));
        }
        let message = format!("{} is neither a number nor a bare word", quoted(spelled));
        let help = (!spelled.contains(['"', '\\'])).then(|| format!("If a text is meant, write `\"{spelled}\"`"));
        self.fault(at, message).help = help;
        Err(Broken)
    }
}

/// The number in KDL's notation: decimal with `_`, fraction and exponent, or `0x`, `0o`, `0b`.
fn parse_number(spelled: &str) -> Option<Scalar> {
    let (sign, digits) = match spelled.as_bytes().first()? {
        b'-' => (-1, &spelled[1..]),
        b'+' => (1, &spelled[1..]),
        _ => (1, spelled),
    };
    let clean: String = digits.chars().filter(|&digit| digit != '_').collect();
    for (prefix, radix) in [("0x", 16), ("0o", 8), ("0b", 2)] {
        if let Some(body) = digits.strip_prefix(prefix) {
            if !body.starts_with(|first: char| first.is_digit(radix)) {
                return None;
            }
            if !body.chars().all(|digit| digit == '_' || digit.is_digit(radix)) {
                return None;
            }
            return i128::from_str_radix(&clean[2..], radix).ok().map(|number| Scalar::Integer(sign * number));
        }
    }
    let (mantissa, exponent) = match digits.find(['e', 'E']) {
        Some(mark) => (&digits[..mark], Some(&digits[mark + 1..])),
        None => (digits, None),
    };
    let exponent_digits = exponent.map(|exponent| exponent.strip_prefix(['+', '-']).unwrap_or(exponent));
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    let decimal = |part: &str| {
        part.starts_with(|first: char| first.is_ascii_digit())
            && part.bytes().all(|digit| digit == b'_' || digit.is_ascii_digit())
    };
    if !decimal(whole) || !fraction.is_none_or(decimal) || !exponent_digits.is_none_or(decimal) {
        return None;
    }
    if fraction.is_none()
        && exponent.is_none()
        && let Ok(number) = clean.parse::<i128>()
    {
        return Some(Scalar::Integer(sign * number));
    }
    let number: f64 = clean.parse().ok()?;
    Some(Scalar::Float(if sign < 0 { -number } else { number }))
}
