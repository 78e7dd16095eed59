//! The forms in which a value may stand in a text: as it is, line by line, in JSON, in URLs, and in base64.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};

/// A shorter line of a value is not looked for by itself.
const LONG_LINE: usize = 8;

/// What is shorter in base64 is not looked for: it stands in other texts, too.
const LONG_BASE64: usize = 5;

/// Where the program `base64` breaks lines.
const BASE64_LINE: usize = 76;

/// What RFC 3986 reserves.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// What `encodeURIComponent` encodes.
const COMPONENT: &AsciiSet = &RESERVED.remove(b'!').remove(b'\'').remove(b'(').remove(b')').remove(b'*');

/// What `encodeURI` encodes.
const WHOLE: &AsciiSet = &COMPONENT
    .remove(b';')
    .remove(b',')
    .remove(b'/')
    .remove(b'?')
    .remove(b':')
    .remove(b'@')
    .remove(b'&')
    .remove(b'=')
    .remove(b'+')
    .remove(b'$')
    .remove(b'#');

/// Every form of a value.
pub(super) fn of(value: &[u8]) -> BTreeSet<Vec<u8>> {
    let mut forms = BTreeSet::new();
    let trimmed = value.trim_ascii();
    let lines = value.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).filter(|line| line.len() >= LONG_LINE);
    for part in [value, trimmed].into_iter().chain(lines).filter(|part| !part.is_empty()) {
        forms.insert(part.to_vec());
        forms.extend(in_json(part));
        for set in [RESERVED, COMPONENT, WHOLE] {
            let encoded = percent_encode(part, set).to_string();
            forms.insert(with_lower_digits(&encoded));
            forms.insert(encoded.replace("%20", "+").into_bytes());
            forms.insert(encoded.into_bytes());
        }
    }
    for part in [value, trimmed] {
        forms.extend(in_base64(part).into_iter().filter(|form| form.len() >= LONG_BASE64).map(String::into_bytes));
    }
    forms
}

/// As it stands in JSON, without the quotes.
fn in_json(value: &[u8]) -> Option<Vec<u8>> {
    let quoted = serde_json::Value::from(std::str::from_utf8(value).ok()?).to_string();
    Some(quoted.as_bytes()[1..quoted.len() - 1].to_vec())
}

/// `%c3` for `%C3`.
fn with_lower_digits(encoded: &str) -> Vec<u8> {
    let mut bytes = encoded.as_bytes().to_vec();
    for at in 0..bytes.len() {
        if encoded.as_bytes()[at] == b'%' {
            bytes[at + 1..at + 3].make_ascii_lowercase();
        }
    }
    bytes
}

/// By itself, in lines, and what is always there where it is part of a longer text: how that begins decides which of three it is.
fn in_base64(value: &[u8]) -> Vec<String> {
    let mut forms = Vec::new();
    for engine in [STANDARD, URL_SAFE] {
        let alone = engine.encode(value);
        forms.push(alone.trim_end_matches('=').to_owned());
        if alone.len() > BASE64_LINE {
            let whole = alone.len() - alone.len() % BASE64_LINE;
            forms.extend((0..whole).step_by(BASE64_LINE).map(|start| alone[start..start + BASE64_LINE].to_owned()));
            // What follows the value changes the last four characters.
            forms.push(alone[whole..alone.len().saturating_sub(4).max(whole)].to_owned());
        }
        forms.push(alone);
        for before in 0..3 {
            let encoded = engine.encode([&[0; 2][..before], value].concat());
            let encoded = encoded.trim_end_matches('=');
            // The characters that hold bits of what stands before or after.
            let start = [0, 2, 3][before];
            let end = encoded.len() - usize::from(!(before + value.len()).is_multiple_of(3));
            forms.extend(encoded.get(start..end).map(str::to_owned));
        }
    }
    forms
}
