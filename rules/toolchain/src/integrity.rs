//! Subresource integrity of npm packages: the sha512 of the tarball.
//!
//! The text form is that of the [W3C recommendation](https://www.w3.org/TR/sri-2/): `sha512-` and base64, several hashes
//! separated by white space, options after `?`. Hashes other than sha512 never count.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha512};

/// A sha512 hash of 64 bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Integrity([u8; 64]);

/// Why a text gives no integrity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidIntegrity {
    /// There are hashes, none of them is sha512.
    #[error("Only sha512 is trusted, and there is none")]
    Weak,
    /// There is no hash, or the sha512 is not 64 bytes of base64.
    #[error("An integrity is `sha512-` and 64 bytes in base64")]
    Malformed,
}

impl Integrity {
    /// The integrity of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha512::digest(bytes).into())
    }

    /// The integrity of everything that `hasher` was fed.
    pub(super) fn of_hasher(hasher: Sha512) -> Self {
        Self(hasher.finalize().into())
    }

    /// The 64 bytes.
    pub const fn as_bytes(&self) -> &[u8; 64] {
        &self.0
    }

    /// All 128 hexadecimal digits, lower case.
    pub fn to_hex(self) -> String {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        self.0
            .iter()
            .flat_map(|byte| [byte >> 4, byte & 15])
            .map(|digit| char::from(DIGITS[usize::from(digit)]))
            .collect()
    }
}

impl fmt::Display for Integrity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha512-{}", STANDARD.encode(self.0))
    }
}

impl Serialize for Integrity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Integrity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl fmt::Debug for Integrity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha512-{}…", &STANDARD.encode(self.0)[..12])
    }
}

impl FromStr for Integrity {
    type Err = InvalidIntegrity;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut other = false;
        for hash in text.split_ascii_whitespace() {
            let hash = hash.split_once('?').map_or(hash, |(hash, _)| hash);
            if let Some(encoded) = hash.strip_prefix("sha512-") {
                let bytes = STANDARD.decode(encoded).map_err(|_| InvalidIntegrity::Malformed)?;
                return bytes.try_into().map(Self).map_err(|_| InvalidIntegrity::Malformed);
            }
            other |= ["sha1-", "sha256-", "sha384-", "md5-"].iter().any(|weak| hash.starts_with(weak));
        }
        Err(if other { InvalidIntegrity::Weak } else { InvalidIntegrity::Malformed })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn round_trip() {
        let integrity = Integrity::of(b"webstir");
        assert_eq!(integrity.to_string().parse(), Ok(integrity));
        assert_eq!(integrity.to_hex().len(), 128);
        assert!(integrity.to_hex().starts_with(&format!("{:02x}", integrity.as_bytes()[0])));
    }

    #[test]
    fn picks_sha512_out_of_several() {
        let integrity = Integrity::of(b"webstir");
        assert_eq!(format!("sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk= {integrity}?x").parse(), Ok(integrity));
    }

    #[test]
    fn refuses_anything_weaker() {
        assert_eq!("sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk=".parse::<Integrity>(), Err(InvalidIntegrity::Weak));
        assert_eq!("sha512-AAAA".parse::<Integrity>(), Err(InvalidIntegrity::Malformed));
        assert_eq!("".parse::<Integrity>(), Err(InvalidIntegrity::Malformed));
    }

    proptest! {
        #[test]
        fn never_panics(text in "(sha512-|sha1-)?[A-Za-z0-9+/=? ]{0,120}|.*") {
            if let Ok(integrity) = text.parse::<Integrity>() {
                prop_assert_eq!(integrity.to_string().parse(), Ok(integrity));
            }
        }
    }
}
