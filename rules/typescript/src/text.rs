//! Places in text, as other tools count them.

/// The byte at which a line (from 0) and a column in UTF-16 units (from 0) lie; the end of the line or of the text when the
/// place is beyond it.
pub fn utf16_offset(text: &str, line: usize, column: usize) -> usize {
    let mut start = 0;
    for _ in 0..line {
        match text[start..].find('\n') {
            Some(newline) => start += newline + 1,
            None => return text.len(),
        }
    }
    let mut units = 0;
    for (offset, character) in text[start..].char_indices() {
        if units >= column || character == '\n' {
            return start + offset;
        }
        units += character.len_utf16();
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_utf16_units() {
        let text = "a\nä🙂b\n";
        assert_eq!(utf16_offset(text, 0, 0), 0);
        assert_eq!(utf16_offset(text, 1, 1), 4);
        assert_eq!(utf16_offset(text, 1, 3), 8);
        assert_eq!(utf16_offset(text, 1, 99), 9);
        assert_eq!(utf16_offset(text, 9, 0), text.len());
    }
}
