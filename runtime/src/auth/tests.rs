//! Tokens signed with real keys, and key sets from a real server.

mod key_sets;
mod provider;
mod tokens;

use super::key_set::Timing;
use super::{AuthContext, Authenticator};
use crate::environment::{Environment, Settings};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use http::{HeaderMap, HeaderName, HeaderValue};
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};
use std::fs;
use std::process::Command;
use std::sync::LazyLock;

/// The instant at which all tests happen.
pub(super) const NOW: i64 = 1_800_000_000;

fn now() -> Timestamp {
    Timestamp::from_second(NOW).unwrap()
}

pub(super) fn authenticator(pairs: &[(&str, &str)]) -> Authenticator {
    authenticator_at(pairs, Timing::default())
}

pub(super) fn authenticator_at(pairs: &[(&str, &str)], timing: Timing) -> Authenticator {
    let variables = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let settings = Settings::load(&Environment::from_parts(variables, [""; 0], "/")).unwrap();
    Authenticator::with_timing(&settings.auth, timing, now)
}

pub(super) async fn authenticate(authenticator: &Authenticator, pairs: &[(&'static str, &str)]) -> Option<AuthContext> {
    let pair =
        |(name, value): &(&'static str, &str)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
    let headers: HeaderMap = pairs.iter().map(pair).collect();
    authenticator.authenticate(&headers).await
}

pub(super) async fn accepts(authenticator: &Authenticator, token: &str) -> bool {
    authenticate(authenticator, &[("authorization", &format!("Bearer {token}"))]).await.is_some()
}

/// Claims that hold, with some changed; null takes one away.
pub(super) fn claims(changes: &Value) -> Value {
    let mut claims = json!({"sub": "user-1", "exp": NOW + 60});
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            claims.as_object_mut().unwrap().remove(name);
        } else {
            claims[name] = value.clone();
        }
    }
    claims
}

pub(super) fn hs256(secret: &str, claims: &Value) -> String {
    encode(&Header::new(Algorithm::HS256), claims, &EncodingKey::from_secret(secret.as_bytes())).unwrap()
}

/// An RSA key of the `openssl` command.
pub(super) struct RsaKey {
    private: EncodingKey,
    pub(super) public_pem: String,
    modulus: String,
}

pub(super) static FIRST_KEY: LazyLock<RsaKey> = LazyLock::new(RsaKey::generate);
pub(super) static SECOND_KEY: LazyLock<RsaKey> = LazyLock::new(RsaKey::generate);

impl RsaKey {
    fn generate() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let openssl = |arguments: &[&str]| {
            let output = Command::new("openssl")
                .args(arguments)
                .current_dir(&directory)
                .output()
                .expect("no `openssl`; install it with `apt-get install openssl`");
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            String::from_utf8(output.stdout).unwrap()
        };
        openssl(&["genrsa", "-out", "private.pem", "2048"]);
        let modulus = openssl(&["rsa", "-in", "private.pem", "-noout", "-modulus"]);
        let digits = modulus.trim().strip_prefix("Modulus=").unwrap().as_bytes();
        let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
        let bytes: Vec<u8> = digits.chunks(2).map(byte).collect();
        Self {
            private: EncodingKey::from_rsa_pem(&fs::read(directory.path().join("private.pem")).unwrap()).unwrap(),
            public_pem: openssl(&["rsa", "-in", "private.pem", "-pubout"]),
            modulus: BASE64_URL_SAFE_NO_PAD.encode(bytes),
        }
    }

    pub(super) fn sign(&self, id: Option<&str>, claims: &Value) -> String {
        let header = Header { kid: id.map(str::to_owned), ..Header::new(Algorithm::RS256) };
        encode(&header, claims, &self.private).unwrap()
    }

    /// The public JWK, with more members.
    pub(super) fn jwk(&self, more: &Value) -> Value {
        let mut jwk = json!({"kty": "RSA", "n": self.modulus, "e": "AQAB"});
        for (name, value) in more.as_object().unwrap() {
            jwk[name] = value.clone();
        }
        jwk
    }
}
