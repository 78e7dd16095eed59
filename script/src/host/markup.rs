//! Escaping for HTML text and quoted attribute values.

/// With `&#39;` for the apostrophe, as the package writes it.
pub(super) fn escape(text: String) -> String {
    let is_special = |byte: &u8| matches!(byte, b'&' | b'<' | b'>' | b'"' | b'\'');
    let Some(first) = text.as_bytes().iter().position(is_special) else {
        return text;
    };
    let mut escaped = String::with_capacity(text.len() + text.len() / 4);
    escaped.push_str(&text[..first]);
    for character in text[first..].chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn five_characters_are_escaped() {
        assert_eq!(escape("a<b & 'c' > \"é\"".to_owned()), "a&lt;b &amp; &#39;c&#39; &gt; &quot;é&quot;");
    }

    proptest! {
        #[test]
        fn nothing_special_is_left(text in "\\PC{0,40}[&<>\"']{0,4}\\PC{0,10}") {
            let escaped = escape(text.clone());
            prop_assert!(!escaped.contains(['<', '>', '"', '\'']));
            let back = escaped.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&#39;", "'");
            prop_assert_eq!(back.replace("&amp;", "&"), text);
        }
    }
}
