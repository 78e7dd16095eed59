//! Source text as the compiler counts it.
//!
//! The compiler counts positions in UTF-16 code units and does not count a byte-order mark; a [`Span`] counts bytes of the file.
//! A [`Text`] is one decoded file that converts between the two. An [`Edit`] is a replacement that only the compiler sees.

use std::borrow::Cow;
use std::ops::Range;

use webstir_engine::diagnostic::Span;

const MARK: char = '\u{feff}';

/// A replacement in the text that is sent to the compiler; its positions are mapped back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Edit {
    /// The replaced bytes of [`Text::content`].
    pub(super) range: Range<usize>,
    /// What stands there instead.
    pub(super) replacement: Cow<'static, str>,
}

/// One decoded file.
#[derive(Debug)]
pub(super) struct Text {
    /// The whole file; begins with the byte-order mark if the file does and is UTF-8.
    whole: String,
    /// The bytes of the byte-order mark in `whole`.
    mark: usize,
    /// Where in the content every so manyth code unit is; nothing where code units are bytes.
    steps: Option<Vec<Step>>,
    edit: Option<Edit>,
}

/// How many code units there are between two steps, about.
const STEP: usize = 4 << 10;

/// The start of a character.
#[derive(Debug, Clone, Copy)]
struct Step {
    units: usize,
    byte: usize,
}

impl Text {
    /// Decodes a file the way the compiler does: UTF-16 when a byte-order mark says so, UTF-8 otherwise. Bytes that are not UTF-8
    /// become replacement characters. Positions in a file that is not UTF-8 are positions in the decoded text.
    pub(super) fn decode(bytes: Vec<u8>) -> Self {
        let whole = match &*bytes {
            [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes),
            [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes),
            _ => {
                String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
            }
        };
        let mark = if whole.starts_with(MARK) { MARK.len_utf8() } else { 0 };
        let content = &whole[mark..];
        let steps = (!content.is_ascii()).then(|| steps(content));
        Self { whole, mark, steps, edit: None }
    }

    /// The same text with a replacement for the compiler's eyes.
    #[must_use]
    pub(super) fn edited(self, edit: Option<Edit>) -> Self {
        Self { edit, ..self }
    }

    /// The file without its byte-order mark.
    pub(super) fn content(&self) -> &str {
        &self.whole[self.mark..]
    }

    /// What the compiler is given.
    pub(super) fn sent(&self) -> Cow<'_, str> {
        let content = self.content();
        match &self.edit {
            None => Cow::Borrowed(content),
            Some(Edit { range, replacement }) => {
                Cow::Owned([&content[..range.start], replacement, &content[range.end..]].concat())
            }
        }
    }

    /// The span of a range of UTF-16 code units of [`Self::sent`].
    pub(super) fn span(&self, range: Range<usize>) -> Span {
        let start = self.byte(self.unedited(range.start));
        let end = self.byte(self.unedited(range.end)).max(start);
        Span::locate(&self.whole, self.mark + start, self.mark + end)
    }

    fn byte(&self, units: usize) -> usize {
        let content = self.content();
        let Some(steps) = &self.steps else { return units.min(content.len()) };
        let before = steps.partition_point(|step| step.units <= units).checked_sub(1);
        let from = before.map_or(Step { units: 0, byte: 0 }, |at| steps[at]);
        from.byte + byte_of_utf16(&content[from.byte..], units - from.units)
    }

    /// Maps a position in [`Self::sent`] to one in [`Self::content`], both in UTF-16 code units.
    fn unedited(&self, position: usize) -> usize {
        let Some(Edit { range, replacement }) = &self.edit else { return position };
        let content = self.content();
        let start = content[..range.start].encode_utf16().count();
        let removed = content[range.clone()].encode_utf16().count();
        let inserted = replacement.encode_utf16().count();
        if position <= start {
            position
        } else if position >= start + inserted {
            position - inserted + removed
        } else {
            start
        }
    }
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> String {
    let units = bytes.chunks_exact(2).map(|pair| unit([pair[0], pair[1]]));
    char::decode_utf16(units).map(|decoded| decoded.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}

fn steps(content: &str) -> Vec<Step> {
    let (mut steps, mut units) = (Vec::new(), 0);
    for (byte, character) in content.char_indices() {
        if units >= (steps.len() + 1) * STEP {
            steps.push(Step { units, byte });
        }
        units += character.len_utf16();
    }
    steps
}

/// The byte offset of a UTF-16 offset. One inside a character moves to its start, one past the end to the end.
fn byte_of_utf16(text: &str, units: usize) -> usize {
    let mut seen = 0;
    for (byte, character) in text.char_indices() {
        seen += character.len_utf16();
        if seen > units {
            return byte;
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(source: &str) -> Text {
        Text::decode(source.as_bytes().to_vec())
    }

    #[test]
    fn a_mark_is_not_counted() {
        let text = text("\u{feff}const ä = \"🙂\"; x");
        let x = text.span(16..17);
        assert_eq!((x.start, x.end, x.line, x.column), (22, 23, 1, 16));
        assert_eq!(text.sent().chars().next(), Some('c'));
    }

    #[test]
    fn positions_at_and_past_the_end() {
        let text = text("aß");
        assert_eq!((text.span(2..2).start, text.span(2..9).end), (3, 3));
    }

    #[test]
    fn positions_far_from_the_start() {
        let source = "a🙂ä".repeat(5_000);
        let text = text(&source);
        for units in [0, 1, 4_095, 4_096, 4_097, 8_193, 12_289, 19_998, 19_999, 20_000, 20_001] {
            assert_eq!(text.span(units..units).start as usize, naive(&source, units), "{units}");
        }
    }

    #[test]
    fn utf16_files_are_decoded() {
        let mut bytes = vec![0xff, 0xfe];
        bytes.extend("let ä".encode_utf16().flat_map(u16::to_le_bytes));
        assert_eq!(Text::decode(bytes).content(), "let ä");
        assert_eq!(Text::decode(vec![0xfe, 0xff, 0, b'a', 0]).content(), "a");
    }

    #[test]
    fn an_edit_is_mapped_back() {
        let edit = Edit { range: 4..6, replacement: Cow::Borrowed("äöü") };
        let text = text("ab🙂cdXY").edited(None);
        assert_eq!(text.content().get(6..8), Some("cd"));
        let text = text.edited(Some(Edit { range: 6..8, ..edit }));
        assert_eq!(text.sent(), "ab🙂äöüXY");
        let start = |position: usize| text.span(position..position).start;
        assert_eq!([start(3), start(4), start(5), start(6), start(7), start(8)], [2, 6, 6, 6, 8, 9]);
    }

    /// Counts one code unit after the other.
    fn naive(text: &str, units: usize) -> usize {
        let mut owners = Vec::new();
        for (byte, character) in text.char_indices() {
            owners.extend(std::iter::repeat_n(byte, character.len_utf16()));
        }
        owners.get(units).copied().unwrap_or(text.len())
    }

    proptest! {
        #[test]
        fn utf16_agrees_with_the_naive_model(source in "\u{feff}?(\\PC|[aä漢🙂\n]){0,40}", start in 0_usize..100, length in 0_usize..20) {
            let text = text(&source);
            let content = text.content();
            let span = text.span(start..start + length);
            prop_assert_eq!(span.start as usize, naive(content, start) + text.mark);
            prop_assert_eq!(span.end as usize, naive(content, start + length) + text.mark);
        }

        #[test]
        fn any_bytes_and_positions_have_a_span(bytes: Vec<u8>, start: u16, end: u16) {
            let text = Text::decode(bytes);
            let span = text.span(usize::from(start)..usize::from(end));
            prop_assert!(span.start <= span.end);
            prop_assert!(span.end as usize <= text.whole.len());
        }
    }
}
