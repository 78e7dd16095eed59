//! The output of `tsc --pretty false`.
//!
//! A [`Line`] is one diagnostic: `path(line,column): error TS2322: text`, the place absent for one about the whole program, and the
//! indented lines that follow it. The column counts UTF-16 code units from 1.

/// One diagnostic.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line<'a> {
    pub(super) at: Option<At<'a>>,
    /// `error`, `warning` or `message`.
    pub(super) category: &'a str,
    pub(super) code: u32,
    pub(super) message: &'a str,
    /// The lines below, without the indentation of the first level.
    pub(super) chain: Vec<&'a str>,
}

/// The place of a diagnostic, as the compiler names it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct At<'a> {
    pub(super) file: &'a str,
    pub(super) line: usize,
    pub(super) column: usize,
}

/// The diagnostics in an output; what is none is left out.
pub(super) fn parse(output: &str) -> Vec<Line<'_>> {
    let mut lines: Vec<Line<'_>> = Vec::new();
    for text in output.lines() {
        if let Some(rest) = text.strip_prefix("  ") {
            if let Some(line) = lines.last_mut() {
                line.chain.push(rest);
            }
        } else if let Some(line) = diagnostic(text) {
            lines.push(line);
        }
    }
    lines
}

fn diagnostic(text: &str) -> Option<Line<'_>> {
    if let Some((category, code, message)) = head(text) {
        return Some(Line { at: None, category, code, message, chain: Vec::new() });
    }
    // A file name may hold the separator: the first place that reads as one is it.
    text.match_indices("): ").find_map(|(end, separator)| {
        let (category, code, message) = head(&text[end + separator.len()..])?;
        let (file, place) = text[..end].rsplit_once('(')?;
        let (line, column) = place.split_once(',')?;
        let at = At { file, line: line.parse().ok()?, column: column.parse().ok()? };
        Some(Line { at: Some(at), category, code, message, chain: Vec::new() })
    })
}

/// `error TS2322: text`
fn head(text: &str) -> Option<(&str, u32, &str)> {
    let (category, rest) = text.split_once(" TS")?;
    let (code, message) = rest.split_once(": ")?;
    let is_known = matches!(category, "error" | "warning" | "message");
    is_known.then_some((category, code.parse().ok()?, message))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lines_of_the_compiler() {
        let output = "src/b.ts(5,12): error TS2352: Conversion (of): types.\n  The types of 'a.b'.\n    Type 'string'.\r\n\
                      error TS5083: Cannot read file 'x'.\n\nFound 2 errors.\na (1,2): error TS1: x/t.ts(1,14): warning TS7: y\n";
        let lines = parse(output);
        let shown: Vec<_> = lines
            .iter()
            .map(|line| {
                let at = line.at.as_ref().map(|at| (at.file, at.line, at.column));
                (at, line.category, line.code, line.message, line.chain.as_slice())
            })
            .collect();
        assert_eq!(
            shown,
            [
                (
                    Some(("src/b.ts", 5, 12)),
                    "error",
                    2352,
                    "Conversion (of): types.",
                    &["The types of 'a.b'.", "  Type 'string'."][..]
                ),
                (None, "error", 5083, "Cannot read file 'x'.", &[]),
                (Some(("a ", 1, 2)), "error", 1, "x/t.ts(1,14): warning TS7: y", &[]),
            ]
        );
    }

    proptest! {
        #[test]
        fn any_output_is_read_without_a_panic(output in "((a|\\()?[0-9,]{0,3}\\)?(: )?(error|warning)? ?(TS[0-9]{0,12})?(: )?\\PC{0,5}\n?){0,8}") {
            parse(&output);
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(output: Vec<u8>) {
            parse(&String::from_utf8_lossy(&output));
        }

        #[test]
        fn a_printed_diagnostic_is_read_back(file in "[a-z(), /.:]{1,20}", line: u32, column: u32, code in 0_u32..99999, message in "[^\r\n]{0,20}") {
            let text = format!("x{file}({line},{column}): error TS{code}: {message}");
            let read = parse(&text);
            prop_assert_eq!(read.len(), 1);
            prop_assert_eq!(read[0].code, code);
            prop_assert_eq!(read[0].message, message.as_str());
            let at = read[0].at.as_ref().unwrap();
            prop_assert_eq!(at.file, format!("x{file}"));
            prop_assert_eq!((at.line, at.column), (line as usize, column as usize));
        }
    }
}
