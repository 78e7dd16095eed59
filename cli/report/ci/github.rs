//! Annotations of a GitHub job: workflow commands.
//!
//! GitHub shows ten errors and ten warnings of a step, so errors come first.

use std::fmt::Write as _;

use webstir_engine::diagnostic::Severity;

use super::Story;
use super::located::Located;

/// A line for each of the first `most` findings of at least the weight `least`.
pub(super) fn annotations(story: &Story<'_>, least: Severity, most: usize) -> String {
    let mut found: Vec<_> = story.findings.iter().filter(|found| found.diagnostic.severity >= least).collect();
    found.sort_by_key(|found| std::cmp::Reverse(found.diagnostic.severity));
    found.into_iter().take(most).map(annotation).collect()
}

/// The line of a build that could not be done.
pub(super) fn failed(verb: &str) -> String {
    format!("::error title=webstir::{}\n", data(&format!("webstir {verb} could not be done; the log says why")))
}

fn annotation(found: &Located<'_>) -> String {
    let command = match found.diagnostic.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "notice",
    };
    let mut line = format!("::{command} ");
    if let Some(path) = &found.path {
        let _ = write!(line, "file={},", property(path));
    }
    if let Some(region) = found.region {
        let _ = write!(line, "line={},col={},", region.line, region.column);
        if let Some((end_line, end_column)) = region.end {
            let _ = write!(line, "endLine={end_line},");
            // Columns of two lines say nothing together.
            if end_line == region.line {
                let _ = write!(line, "endColumn={end_column},");
            }
        }
    }
    let _ = writeln!(line, "title={}::{}", property(&found.diagnostic.code), data(&found.text));
    line
}

/// A message, as the runner decodes it.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// The value of a property.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use webstir_engine::diagnostic::Diagnostic;

    use super::super::located::Region;
    use super::*;

    #[test]
    fn what_would_end_a_part_is_escaped() {
        let diagnostic = Diagnostic::error("typecheck::ts1109", "");
        let mut found = Located {
            diagnostic: &diagnostic,
            message: String::new(),
            text: "50%: a, b\r\n::error::c".to_owned(),
            path: Some("src/a,b:c%.ts".to_owned()),
            region: Some(Region { line: 2, column: 3, end: Some((2, 5)) }),
            fingerprint: String::new(),
        };
        assert_eq!(
            annotation(&found),
            "::error file=src/a%2Cb%3Ac%25.ts,line=2,col=3,endLine=2,endColumn=5,title=typecheck%3A%3Ats1109\
             ::50%25: a, b%0D%0A::error::c\n"
        );
        found.region = Some(Region { line: 2, column: 3, end: Some((4, 1)) });
        assert!(annotation(&found).contains(",line=2,col=3,endLine=4,title="), "{}", annotation(&found));
        (found.region, found.path) = (None, None);
        assert!(annotation(&found).starts_with("::error title=typecheck%3A%3Ats1109::50%25"), "{}", annotation(&found));
    }
}
