//! The cookie that carries a session id.
//!
//! Its value is the percent-encoded *id*, a dot, and the *signature*: HMAC-SHA256 of the id in base64url without padding. Both
//! are opaque to the client.

use crate::environment::{SameSite, SessionSettings};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use http::{HeaderMap, header};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use secrecy::ExposeSecret as _;
use sha2::Sha256;
use std::borrow::Cow;

/// What `encodeURIComponent` leaves as it is.
const COMPONENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'!')
    .remove(b'~')
    .remove(b'*')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')');

/// The longest id that is looked up; longer ones were never issued.
const ID_LIMIT: usize = 256;

/// Signs ids, verifies and formats cookies.
pub struct SessionCookie {
    name: String,
    key: Hmac<Sha256>,
    path: String,
    max_age: u64,
    same_site: SameSite,
    secure: bool,
}

/// What the `Cookie` header of a request says about the session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PresentedCookie {
    /// No cookie of that name, or an empty one.
    Absent,
    /// A cookie that this secret did not sign.
    Invalid,
    /// An id that this secret signed.
    Signed(String),
}

impl SessionCookie {
    pub fn new(settings: &SessionSettings) -> Self {
        let key = Hmac::new_from_slice(settings.secret.expose_secret().as_bytes())
            .unwrap_or_else(|_| unreachable!("HMAC takes keys of any length"));
        Self {
            name: settings.cookie_name.clone(),
            key,
            path: settings.path.clone(),
            max_age: settings.max_age,
            same_site: settings.same_site,
            secure: settings.secure,
        }
    }

    /// The value of a signed cookie.
    pub fn sign(&self, id: &str) -> String {
        let signature = self.key.clone().chain_update(id).finalize().into_bytes();
        format!("{}.{}", utf8_percent_encode(id, COMPONENT), BASE64_URL_SAFE_NO_PAD.encode(signature))
    }

    /// The id in a decoded cookie value, if this secret signed it. Takes the same time for all signatures of one id.
    pub fn verify(&self, value: &str) -> Option<String> {
        // An id may hold dots, a signature never does.
        let (id, signature) = value.rsplit_once('.')?;
        if id.is_empty() || id.len() > ID_LIMIT {
            return None;
        }
        let signature = BASE64_URL_SAFE_NO_PAD.decode(signature).ok()?;
        self.key.clone().chain_update(id).verify_slice(&signature).ok()?;
        Some(id.to_owned())
    }

    /// What a request presents. Several `Cookie` headers count as one.
    pub fn presented(&self, headers: &HeaderMap) -> PresentedCookie {
        let value = headers
            .get_all(header::COOKIE)
            .iter()
            .filter_map(|header| last_value(&String::from_utf8_lossy(header.as_bytes()), &self.name))
            .next_back();
        match value {
            None => PresentedCookie::Absent,
            Some(value) if value.is_empty() => PresentedCookie::Absent,
            Some(value) => self.verify(&value).map_or(PresentedCookie::Invalid, PresentedCookie::Signed),
        }
    }

    /// The `Set-Cookie` value that gives the client this id.
    pub fn issue(&self, id: &str) -> String {
        self.format(&self.sign(id), self.max_age)
    }

    /// The `Set-Cookie` value that takes the cookie from the client.
    pub fn clear(&self) -> String {
        self.format("", 0)
    }

    fn format(&self, value: &str, max_age: u64) -> String {
        let Self { name, path, same_site, .. } = self;
        let secure = if self.secure { "; Secure" } else { "" };
        let same_site = same_site.as_str();
        format!("{name}={value}; Path={path}; Max-Age={max_age}; SameSite={same_site}; HttpOnly{secure}")
    }
}

/// The cookies of a `Cookie` header in order: names as they are, values decoded. What has no `=` or no name is passed over;
/// quotes stay.
pub fn cookies(header: &str) -> impl Iterator<Item = (&str, String)> {
    header.split(';').filter_map(|part| {
        let (name, value) = part.trim().split_once('=')?;
        let name = name.trim();
        (!name.is_empty()).then(|| (name, decoded(value.trim())))
    })
}

/// The value of the last cookie of a name.
fn last_value(header: &str, name: &str) -> Option<String> {
    cookies(header).filter(|(found, _)| *found == name).last().map(|(_, value)| value)
}

/// The percent-decoded text, or the text itself if any escape in it is malformed.
fn decoded(value: &str) -> String {
    let escapes_are_whole = value.match_indices('%').all(|(at, _)| {
        value.as_bytes().get(at + 1..at + 3).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    });
    let text = if escapes_are_whole { percent_decode_str(value).decode_utf8().ok() } else { None };
    text.map_or_else(|| value.to_owned(), Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::{PresentedCookie, SessionCookie, cookies};
    use crate::environment::{Environment, Settings};
    use http::{HeaderMap, HeaderValue, header};
    use proptest::prelude::*;
    use std::collections::BTreeMap;
    use webstir_script::{Code, Evaluation, Limits, NoFiles, NoSourceMaps, Program, evaluate};

    fn cookie(pairs: &[(&str, &str)]) -> SessionCookie {
        let mut variables: BTreeMap<_, _> =
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        variables.entry("SESSION_SECRET".to_owned()).or_insert_with(|| "secret".to_owned());
        let environment = Environment::from_parts(variables, [""; 0], "/");
        SessionCookie::new(&Settings::load(&environment).unwrap().session)
    }

    fn presented(cookie: &SessionCookie, headers: &[&str]) -> PresentedCookie {
        let mut map = HeaderMap::new();
        for value in headers {
            map.append(header::COOKIE, HeaderValue::from_str(value).unwrap());
        }
        cookie.presented(&map)
    }

    fn signed(id: &str) -> PresentedCookie {
        PresentedCookie::Signed(id.to_owned())
    }

    #[test]
    fn the_signature_is_hmac_sha256_of_the_id() {
        // printf %s abc | openssl dgst -sha256 -hmac secret -binary | basenc --base64url
        assert_eq!(cookie(&[]).sign("abc"), "abc.mUba1OAOkT_Ivo5dP34RCkqegy-D-wnDRShdeGONig4");
    }

    #[test]
    fn attributes_stand_in_their_order() {
        let plain = cookie(&[("SESSION_MAX_AGE", "60")]);
        let attributes = plain.issue("abc").split_once(';').unwrap().1.to_owned();
        assert_eq!(attributes, " Path=/; Max-Age=60; SameSite=Lax; HttpOnly");
        assert_eq!(plain.clear(), "webstir_session=; Path=/; Max-Age=0; SameSite=Lax; HttpOnly");
        let secure = cookie(&[("NODE_ENV", "production"), ("SESSION_COOKIE_NAME", "sid")]);
        assert_eq!(secure.clear(), "sid=; Path=/; Max-Age=0; SameSite=Lax; HttpOnly; Secure");
    }

    #[test]
    fn what_was_signed_is_recognised() {
        let cookie = cookie(&[]);
        for id in ["abc", "with.dots.", "spa ce;\"\u{e4}%"] {
            let pair = format!("a=b; webstir_session={}; c", cookie.sign(id));
            assert_eq!(presented(&cookie, &[&pair]), signed(id));
        }
    }

    #[test]
    fn what_was_not_signed_is_invalid() {
        let signer = cookie(&[]);
        let value = signer.sign("abc");
        let (id, signature) = value.split_once('.').unwrap();
        let stranger = cookie(&[("SESSION_SECRET", "other")]).sign("abc");
        for value in [
            "x",
            ".",
            &format!(".{signature}"),
            &format!("{id}."),
            &format!("abd.{signature}"),
            &format!("{value}="),
            &stranger,
        ] {
            assert_eq!(presented(&signer, &[&format!("webstir_session={value}")]), PresentedCookie::Invalid, "{value}");
        }
        assert_eq!(presented(&signer, &["webstir_session="]), PresentedCookie::Absent);
        assert_eq!(presented(&signer, &[]), PresentedCookie::Absent);
    }

    #[test]
    fn the_last_duplicate_wins() {
        let cookie = cookie(&[]);
        let (first, second) = (cookie.sign("first"), cookie.sign("second"));
        let both = format!("webstir_session={first}; webstir_session={second}");
        assert_eq!(presented(&cookie, &[&both]), signed("second"));
        let headers = [format!("webstir_session={first}"), format!("webstir_session={second}")];
        assert_eq!(presented(&cookie, &[&headers[0], &headers[1]]), signed("second"));
    }

    #[test]
    fn headers_are_split_as_described() {
        let read: Vec<_> = cookies("a=1; b=x%20y ;c; =d; e=\"q\"; f=%zz%20; g=a=b; h=%ff").collect();
        let expected = [("a", "1"), ("b", "x y"), ("e", "\"q\""), ("f", "%zz%20"), ("g", "a=b"), ("h", "%ff")];
        assert_eq!(read, expected.map(|(name, value)| (name, value.to_owned())));
    }

    /// Modules that test their own handlers, and `Bun.CookieMap`, have the one in JavaScript.
    #[test]
    fn scripts_split_headers_the_same_way() {
        let mut headers = vec![String::new()];
        for length in 0..5 {
            let longest: Vec<_> = headers.iter().filter(|header| header.chars().count() == length).cloned().collect();
            headers.extend(
                longest.iter().flat_map(|header| ["a", "=", ";", " ", "%"].map(|next| format!("{header}{next}"))),
            );
        }
        headers.extend(
            ["a=%C3%BC", "a=%ff", "a=%ed%a0%80", "a=%c0%80", "a=\"%20\"", "a=+", "\u{e4}=\u{fc}", "a=%4", "a=%41%4g"]
                .map(str::to_owned),
        );
        let source = format!(
            "import {{ parseCookieHeader }} from '@webstir-io/webstir-backend/runtime/session';
            export const module = {{ manifest: {{ all: {}.map((header) => Object.entries(parseCookieHeader(header))) }} }};",
            serde_json::to_string(&headers).unwrap()
        );
        let evaluated = evaluate(Evaluation {
            program: Program::linked("module.ts", "module.ts", Code::new(source)),
            source_maps: &NoSourceMaps,
            environment: &[],
            files: &NoFiles,
            limits: Limits::default(),
        });
        let manifest = evaluated.unwrap().module.definition.unwrap().manifest;
        let theirs: Vec<BTreeMap<String, String>> =
            serde_json::from_value::<Vec<Vec<(String, String)>>>(manifest["all"].clone())
                .unwrap()
                .into_iter()
                .map(BTreeMap::from_iter)
                .collect();
        for (header, theirs) in headers.iter().zip(&theirs) {
            let ours: BTreeMap<_, _> = cookies(header).map(|(name, value)| (name.to_owned(), value)).collect();
            assert_eq!(&ours, theirs, "{header:?}");
        }
        assert_eq!(theirs.len(), headers.len());
    }

    proptest! {
        #[test]
        fn any_header_is_read(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let cookie = cookie(&[]);
            if let Ok(value) = HeaderValue::from_bytes(&bytes) {
                let headers = HeaderMap::from_iter([(header::COOKIE, value)]);
                prop_assert_eq!(cookie.presented(&headers), PresentedCookie::Absent);
            }
            let _ = cookie.verify(&String::from_utf8_lossy(&bytes));
        }

        #[test]
        fn any_id_comes_back(id in ".{1,40}") {
            let cookie = cookie(&[]);
            let header = format!("webstir_session={}", cookie.sign(&id));
            prop_assert_eq!(presented(&cookie, &[&header]), signed(&id));
        }
    }
}
