//! What a verified token says, and whether it holds here and now.

use super::{AuthContext, AuthSource};
use crate::environment::AuthSettings;
use jiff::Timestamp;
use serde_json::{Map, Value};

/// What claims must say. Times are compared without leeway.
pub(super) struct ClaimRules {
    issuer: Option<String>,
    audience: Option<String>,
    require_expiry: bool,
}

impl ClaimRules {
    pub(super) fn new(settings: &AuthSettings) -> Self {
        Self {
            issuer: settings.issuer.clone(),
            audience: settings.audience.clone(),
            require_expiry: settings.require_expiry,
        }
    }

    pub(super) fn accept(&self, claims: &Map<String, Value>, now: Timestamp) -> bool {
        let time = |name: &str| time(claims.get(name));
        let (Ok(_), Ok(not_before), Ok(expiry)) = (time("iat"), time("nbf"), time("exp")) else { return false };
        let now = now.as_duration().as_secs_f64();
        not_before.is_none_or(|not_before| now >= not_before)
            && expiry.map_or(!self.require_expiry, |expiry| now < expiry)
            && self.issuer.as_ref().is_none_or(|issuer| claims.get("iss").and_then(Value::as_str) == Some(issuer))
            && self.audience.as_ref().is_none_or(|audience| match claims.get("aud") {
                Some(Value::String(found)) => found == audience,
                Some(Value::Array(all)) => all.iter().any(|found| found.as_str() == Some(audience)),
                _ => false,
            })
    }
}

/// A claim that is there and no finite number.
struct NoTime;

fn time(claim: Option<&Value>) -> Result<Option<f64>, NoTime> {
    claim.map(|claim| claim.as_f64().filter(|number| number.is_finite()).ok_or(NoTime)).transpose()
}

const ROLE_CLAIMS: [&str; 3] = ["roles", "role", "https://schemas.webstir.dev/roles"];

/// The context of a token that holds.
pub(super) fn context(token: &str, claims: Map<String, Value>) -> AuthContext {
    let text = |name: &str| claims.get(name).and_then(Value::as_str).map(str::to_owned);
    let roles = ROLE_CLAIMS.iter().find_map(|name| claims.get(*name).filter(|claim| !claim.is_null()));
    AuthContext {
        source: AuthSource::Jwt,
        token: token.to_owned(),
        user_id: text("sub"),
        email: text("email"),
        name: text("name"),
        scopes: list(claims.get("scope"), ' '),
        roles: list(roles, ','),
        claims,
    }
}

/// The texts of a list, or the parts of a text.
fn list(claim: Option<&Value>, separator: char) -> Vec<String> {
    match claim {
        Some(Value::Array(entries)) => entries.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        Some(Value::String(text)) => {
            text.split(separator).map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
        }
        _ => Vec::new(),
    }
}
