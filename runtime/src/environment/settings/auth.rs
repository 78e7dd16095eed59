//! What bearer and service tokens are verified with.

use super::{Mode, SettingProblem};
use crate::environment::Environment;
use crate::environment::number::boolean;
use crate::environment::secret::is_placeholder;
use secrecy::SecretString;
use std::io;
use std::path::Path;

/// The `AUTH_…` variables.
#[derive(Clone, Debug, Default)]
pub struct AuthSettings {
    /// `AUTH_JWT_SECRET`, for HS256.
    pub jwt_secret: Option<SecretString>,
    /// `AUTH_JWT_PUBLIC_KEY` or the text of `AUTH_JWT_PUBLIC_KEY_FILE`, for RS256: PEM, or a JWK when it starts with `{`.
    pub jwt_public_key: Option<String>,
    /// `AUTH_JWKS_URL`, for RS256.
    pub jwks_url: Option<String>,
    /// `AUTH_JWT_ISSUER`.
    pub issuer: Option<String>,
    /// `AUTH_JWT_AUDIENCE`.
    pub audience: Option<String>,
    /// Not `AUTH_JWT_REQUIRE_EXP=false`: a token without `exp` is rejected.
    pub require_expiry: bool,
    /// `AUTH_SERVICE_TOKENS`, separated by commas or white space.
    pub service_tokens: Vec<SecretString>,
}

/// s10: the secrets of the example file are refused in production.
pub(super) fn read(
    environment: &Environment,
    mode: &Mode,
    read: impl Fn(&Path) -> io::Result<String>,
    problems: &mut Vec<SettingProblem>,
) -> AuthSettings {
    let owned = |name: &str| environment.text(name).map(str::to_owned);
    let jwt_secret = environment.text("AUTH_JWT_SECRET");
    let service_tokens: Vec<&str> = environment
        .variable("AUTH_SERVICE_TOKENS")
        .unwrap_or_default()
        .split(|character: char| character == ',' || character.is_whitespace())
        .filter(|token| !token.is_empty())
        .collect();
    if mode.is_production() {
        if jwt_secret.is_some_and(is_placeholder) {
            problems.push(SettingProblem::PlaceholderSecret { variable: "AUTH_JWT_SECRET" });
        }
        if service_tokens.iter().any(|token| is_placeholder(token)) {
            problems.push(SettingProblem::PlaceholderSecret { variable: "AUTH_SERVICE_TOKENS" });
        }
    }
    let jwt_public_key = owned("AUTH_JWT_PUBLIC_KEY").or_else(|| {
        let path = environment.workspace_root().join(environment.text("AUTH_JWT_PUBLIC_KEY_FILE")?);
        match read(&path) {
            Ok(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
            Err(source) => {
                problems.push(SettingProblem::PublicKeyFile { path, source });
                None
            }
        }
    });
    AuthSettings {
        jwt_secret: jwt_secret.map(SecretString::from),
        jwt_public_key,
        jwks_url: owned("AUTH_JWKS_URL"),
        issuer: owned("AUTH_JWT_ISSUER"),
        audience: owned("AUTH_JWT_AUDIENCE"),
        require_expiry: boolean(environment.variable("AUTH_JWT_REQUIRE_EXP"), true),
        service_tokens: service_tokens.into_iter().map(SecretString::from).collect(),
    }
}
