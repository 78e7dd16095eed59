//! Who a request claims to be.
//!
//! The *authenticator* looks at bearer tokens (JWT) and at service tokens and gives an *auth context*, or nothing. It never
//! rejects a request: routes decide. No log and no error holds any part of a token.

mod claims;
mod key_set;
mod public_key;
#[cfg(test)]
mod tests;

use crate::environment::AuthSettings;
use claims::ClaimRules;
use http::{HeaderMap, header};
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, DecodingKey, Header, Validation, decode, decode_header};
use key_set::{KeySet, Timing};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use std::fmt;
use subtle::ConstantTimeEq as _;

/// What handlers get as `ctx.auth`, by [`Serialize`].
///
/// It holds the raw token, which existing modules read to call other services on behalf of the client. It is never logged, and
/// [`fmt::Debug`] leaves it out.
#[derive(Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AuthContext {
    pub source: AuthSource,
    pub token: String,
    /// The claim `sub`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    pub scopes: Vec<String>,
    pub roles: Vec<String>,
    pub claims: Map<String, Value>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum AuthSource {
    Jwt,
    ServiceToken,
}

impl fmt::Debug for AuthContext {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("AuthContext")
            .field("source", &self.source)
            .field("user_id", &self.user_id)
            .field("scopes", &self.scopes)
            .field("roles", &self.roles)
            .finish_non_exhaustive()
    }
}

/// Verifies tokens. One for the process: it holds the keys that it fetched.
pub struct Authenticator {
    secret: Option<DecodingKey>,
    public_key: Option<DecodingKey>,
    key_set: Option<KeySet>,
    rules: ClaimRules,
    service_tokens: Vec<[u8; 32]>,
    clock: fn() -> Timestamp,
}

impl Authenticator {
    pub fn new(settings: &AuthSettings) -> Self {
        Self::with_timing(settings, Timing::default(), Timestamp::now)
    }

    fn with_timing(settings: &AuthSettings, timing: Timing, clock: fn() -> Timestamp) -> Self {
        let public_key = settings.jwt_public_key.as_deref().and_then(|text| {
            let key = public_key::parse(text);
            if key.is_none() {
                tracing::warn!(
                    "AUTH_JWT_PUBLIC_KEY is neither an RSA key in PEM nor an RSA JWK for RS256 and is ignored"
                );
            }
            key
        });
        let digest = |token: &SecretString| Sha256::digest(token.expose_secret()).into();
        Self {
            secret: settings
                .jwt_secret
                .as_ref()
                .map(|secret| DecodingKey::from_secret(secret.expose_secret().as_bytes())),
            public_key,
            key_set: settings.jwks_url.as_deref().map(|url| KeySet::new(url, timing)),
            rules: ClaimRules::new(settings),
            service_tokens: settings.service_tokens.iter().map(digest).collect(),
            clock,
        }
    }

    /// Who these headers claim, and prove, to come from. `Bearer` is recognised in any case. A bearer token comes first; a
    /// service token counts even beside a bearer token that is worth nothing.
    pub async fn authenticate(&self, headers: &HeaderMap) -> Option<AuthContext> {
        if let Some(token) = bearer_token(headers) {
            if self.secret.is_none() && self.public_key.is_none() && self.key_set.is_none() {
                tracing::warn!("Authorization header provided but no JWT verification config is set.");
            } else if let Some(claims) = self.verify(token).await {
                return Some(claims::context(token, claims));
            } else {
                tracing::warn!(reason = "invalid_token", "Bearer token validation failed");
            }
        }
        self.service(headers)
    }

    async fn verify(&self, token: &str) -> Option<Map<String, Value>> {
        let header = decode_header(token).ok()?;
        let claims = match header.alg {
            Algorithm::HS256 => signed_by(token, self.secret.as_ref()?, Algorithm::HS256),
            Algorithm::RS256 => {
                let configured = self.public_key.as_ref().and_then(|key| signed_by(token, key, Algorithm::RS256));
                match configured {
                    Some(claims) => Some(claims),
                    None => self.signed_by_key_set(token, &header).await,
                }
            }
            _ => None,
        }?;
        self.rules.accept(&claims, (self.clock)()).then_some(claims)
    }

    /// A token with a key id that no key of the set verifies may be signed by a newer key: then the set is fetched again.
    async fn signed_by_key_set(&self, token: &str, header: &Header) -> Option<Map<String, Value>> {
        let key_set = self.key_set.as_ref()?;
        let id = header.kid.as_deref();
        let verify = |keys: &key_set::Keys| keys.candidates(id).find_map(|key| signed_by(token, key, Algorithm::RS256));
        let keys = key_set.current().await?;
        if let Some(claims) = verify(&keys) {
            return Some(claims);
        }
        id?;
        verify(&*key_set.newer_than(&keys).await?)
    }

    fn service(&self, headers: &HeaderMap) -> Option<AuthContext> {
        let token = headers.get("x-service-token").or_else(|| headers.get("x-api-key"))?;
        if self.service_tokens.is_empty() {
            return None;
        }
        let given: [u8; 32] = Sha256::digest(token.as_bytes()).into();
        // Each token is compared, and of each the digest: the time tells neither which one is near nor how long one is.
        let matches = self.service_tokens.iter().fold(0, |found, known| found | known.ct_eq(&given).unwrap_u8());
        if matches == 0 {
            tracing::warn!("Service token did not match any allowed AUTH_SERVICE_TOKENS entry");
            return None;
        }
        let service = || vec!["service".to_owned()];
        Some(AuthContext {
            source: AuthSource::ServiceToken,
            token: String::from_utf8_lossy(token.as_bytes()).into_owned(),
            user_id: None,
            email: None,
            name: None,
            scopes: service(),
            roles: service(),
            claims: Map::new(),
        })
    }
}

fn bearer_token(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// The claims of a token, if this key signed it. Claims are judged elsewhere.
fn signed_by(token: &str, key: &DecodingKey, algorithm: Algorithm) -> Option<Map<String, Value>> {
    let mut validation = Validation::new(algorithm);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_aud = false;
    decode(token, key, &validation).ok().map(|token| token.claims)
}
