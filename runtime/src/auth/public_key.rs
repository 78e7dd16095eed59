//! RSA public keys that verify RS256.

use jsonwebtoken::DecodingKey;
use jsonwebtoken::jwk::{AlgorithmParameters, Jwk, KeyAlgorithm, KeyOperations, PublicKeyUse};
use serde_json::Value;

/// A key in PEM, or a JWK if the text starts with `{`.
pub(super) fn parse(text: &str) -> Option<DecodingKey> {
    if text.starts_with('{') {
        from_jwk(serde_json::from_str(text).ok()?).map(|(_, key)| key)
    } else {
        DecodingKey::from_rsa_pem(text.as_bytes()).ok()
    }
}

/// A JWK with its id, if it is an RSA key that may verify RS256: `use`, `key_ops` and `alg` say nothing else.
pub(super) fn from_jwk(value: Value) -> Option<(Option<String>, DecodingKey)> {
    let jwk: Jwk = serde_json::from_value(value).ok()?;
    let verifies = matches!(jwk.algorithm, AlgorithmParameters::RSA(_))
        && matches!(jwk.common.public_key_use, None | Some(PublicKeyUse::Signature))
        && matches!(jwk.common.key_algorithm, None | Some(KeyAlgorithm::RS256))
        && jwk.common.key_operations.as_ref().is_none_or(|operations| operations.contains(&KeyOperations::Verify));
    let key = DecodingKey::from_jwk(&jwk).ok().filter(|_| verifies)?;
    Some((jwk.common.key_id, key))
}
