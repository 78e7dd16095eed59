//! The lines of an environment file: `NAME=value`, `#` comments, one pair of quotes around a value. No `export`, no escapes,
//! no expansion and no comments behind a value.

/// The variables of a file, in order; a name may come more than once.
pub(super) fn variables(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.split('\n').filter_map(variable)
}

fn variable(line: &str) -> Option<(&str, &str)> {
    let line = trim(line);
    if line.starts_with('#') {
        return None;
    }
    let (name, value) = line.split_once('=')?;
    let name = trim(name);
    // A NUL can stand neither in a name nor in a value of a process.
    if name.is_empty() || name.contains('\0') || value.contains('\0') {
        return None;
    }
    Some((name, unquoted(trim(value))))
}

/// Trims white space and the byte-order mark, which editors put before the first name.
fn trim(text: &str) -> &str {
    text.trim_matches(|character: char| character.is_whitespace() || character == '\u{feff}')
}

fn unquoted(value: &str) -> &str {
    ['"', '\''].into_iter().find_map(|quote| value.strip_prefix(quote)?.strip_suffix(quote)).unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::variables;
    use proptest::prelude::*;

    #[track_caller]
    fn check(text: &str, expected: &[(&str, &str)]) {
        assert_eq!(variables(text).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn reads_lines_as_described() {
        check("A=1\r\nB = two \n\n# C=3\n  #D=4\n", &[("A", "1"), ("B", "two")]);
        check("A=b=c\nno equals sign\n=nameless\nEMPTY=", &[("A", "b=c"), ("EMPTY", "")]);
        check("\u{feff}A=1", &[("A", "1")]);
        check("export A=1\nB=1 # kept", &[("export A", "1"), ("B", "1 # kept")]);
    }

    #[test]
    fn removes_one_pair_of_matching_quotes() {
        check("A=\"x\"\nB=' y '\nC=\"'z'\"", &[("A", "x"), ("B", " y "), ("C", "'z'")]);
        check("A=\"x'\nB=\"\nC='it''s'\nD=\"\\n\"", &[("A", "\"x'"), ("B", "\""), ("C", "it''s"), ("D", "\\n")]);
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in ".{0,200}") {
            for (name, value) in variables(&text) {
                prop_assert!(!name.is_empty() && !name.contains('=') && !value.contains('\n'));
            }
        }

        #[test]
        fn plain_values_come_back(name in "[A-Z_]{1,10}", value in "[a-zA-Z0-9=:/ .#]{0,30}") {
            let text = format!("{name}={value}\n");
            prop_assert_eq!(variables(&text).collect::<Vec<_>>(), vec![(name.as_str(), value.trim())]);
        }
    }
}
