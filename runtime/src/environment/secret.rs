//! Secrets that everybody knows: those of the example environment file.

const PLACEHOLDERS: [&str; 3] = ["change-me", "change-me-too", "local-service-token"];

/// Whether `secret` came from the example and was never changed.
pub(super) fn is_placeholder(secret: &str) -> bool {
    PLACEHOLDERS.contains(&secret.trim())
}
