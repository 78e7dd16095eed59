//! Which of the variants of an asset a client takes: `Accept-Encoding`, RFC 9110 section 12.5.3.

use http::HeaderMap;
use http::header::ACCEPT_ENCODING;

/// How a variant is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ContentEncoding {
    Brotli,
    Zstandard,
    Gzip,
}

impl ContentEncoding {
    /// What saves most comes first.
    pub(super) const ALL: [Self; 3] = [Self::Brotli, Self::Zstandard, Self::Gzip];

    /// Of the file, without the dot.
    pub(super) fn extension(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Zstandard => "zst",
            Self::Gzip => "gz",
        }
    }

    /// In headers.
    pub(super) fn token(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Zstandard => "zstd",
            Self::Gzip => "gzip",
        }
    }
}

/// How much a client wants each encoding, in thousandths; none where it does not say.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct AcceptedEncodings {
    named: [Option<u16>; 3],
    identity: Option<u16>,
    others: Option<u16>,
}

impl AcceptedEncodings {
    /// What cannot be read is passed over.
    pub(super) fn read(headers: &HeaderMap) -> Self {
        let mut accepted = Self::default();
        let values = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
        for element in values.flat_map(|value| value.split(',')) {
            let mut parts = element.split(';').map(str::trim);
            let token = parts.next().unwrap_or_default().to_ascii_lowercase();
            let Some(weight) = parts.next().map_or(Some(1000), weight) else { continue };
            let slot = match token.as_str() {
                "br" => &mut accepted.named[0],
                "zstd" => &mut accepted.named[1],
                "gzip" | "x-gzip" => &mut accepted.named[2],
                "identity" => &mut accepted.identity,
                "*" => &mut accepted.others,
                _ => continue,
            };
            *slot = Some(weight);
        }
        accepted
    }

    /// The one of `offered` that is wanted most; none when the plain bytes are wanted more, or nothing else at all.
    pub(super) fn choose(&self, offered: impl Iterator<Item = ContentEncoding>) -> Option<ContentEncoding> {
        let mut chosen = None;
        let mut most = self.identity.unwrap_or(0);
        for encoding in offered {
            let weight = self.named[encoding as usize].or(self.others).unwrap_or(0);
            let is_better = if chosen.is_none() { weight >= most } else { weight > most };
            if weight > 0 && is_better {
                (chosen, most) = (Some(encoding), weight);
            }
        }
        chosen
    }
}

/// Reads `q=0.5` as 500.
fn weight(parameter: &str) -> Option<u16> {
    let value = parameter.strip_prefix("q=").or_else(|| parameter.strip_prefix("Q="))?;
    let (whole, fraction) = value.split_once('.').unwrap_or((value, ""));
    if fraction.len() > 3 || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let thousandths: u16 = format!("{fraction:0<3}").parse().ok()?;
    match whole {
        "0" => Some(thousandths),
        "1" if thousandths == 0 => Some(1000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn read(value: &str) -> AcceptedEncodings {
        AcceptedEncodings::read(&HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_str(value).unwrap())]))
    }

    fn choose(value: &str) -> Option<&'static str> {
        read(value).choose(ContentEncoding::ALL.into_iter()).map(ContentEncoding::token)
    }

    #[test]
    fn weights_decide_then_size() {
        for (value, chosen) in [
            ("gzip, deflate, br, zstd", Some("br")),
            ("gzip, zstd", Some("zstd")),
            ("gzip;q=1.0, br;q=0.9", Some("gzip")),
            ("GZIP", Some("gzip")),
            ("x-gzip", Some("gzip")),
            ("*", Some("br")),
            ("*, br;q=0", Some("zstd")),
            ("*;q=0, gzip;q=0.001", Some("gzip")),
            ("br;q=0", None),
            ("identity", None),
            ("identity;q=0.5, gzip;q=0.4", None),
            ("identity;q=0.5, gzip;q=0.5", Some("gzip")),
            ("identity;q=0, gzip", Some("gzip")),
            ("deflate", None),
            ("br;q=2, gzip;q=x, zstd;q=0.1234", None),
            ("br;foo=1", None),
            ("", None),
            (",;,", None),
        ] {
            assert_eq!(choose(value), chosen, "{value}");
        }
        assert_eq!(AcceptedEncodings::read(&HeaderMap::new()).choose(ContentEncoding::ALL.into_iter()), None);
    }

    proptest! {
        #[test]
        fn what_is_refused_is_never_chosen(value in "[a-z*;=,.0-9 ]{0,40}", weight in 0u16..=1000) {
            let value = format!("{value}, gzip;q={}.{:03}, br;q=0", weight / 1000, weight % 1000);
            prop_assert_ne!(choose(&value), Some("br"));
            let offered = read(&value).choose([ContentEncoding::Gzip].into_iter());
            prop_assert!(offered.is_none() || weight > 0);
        }

        #[test]
        fn any_bytes_are_read(value in prop::collection::vec(any::<u8>(), 0..60)) {
            if let Ok(value) = HeaderValue::from_bytes(&value) {
                AcceptedEncodings::read(&HeaderMap::from_iter([(ACCEPT_ENCODING, value)]));
            }
        }
    }
}
