//! What is wrong with an environment.

use std::io;
use std::path::PathBuf;

/// All problems of an environment, never empty.
#[derive(Debug, thiserror::Error)]
#[error("{}", .problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub struct SettingsError {
    pub problems: Vec<SettingProblem>,
}

/// One problem; its text names the variable, says the way out and holds no secret.
#[derive(Debug, thiserror::Error)]
pub enum SettingProblem {
    #[error("SESSION_SECRET is required when NODE_ENV=production.")]
    SessionSecretRequired,
    #[error(
        "{variable} is a placeholder of the example environment file. Set a secret of your own when NODE_ENV=production."
    )]
    PlaceholderSecret { variable: &'static str },
    #[error("[session] Unsupported SESSION_STORE_DRIVER '{value}'. Use \"memory\", \"sqlite\" or \"postgres\".")]
    StoreDriver { value: String },
    #[error(
        "[session] SESSION_STORE_DRIVER 'postgres' needs a SESSION_STORE_URL or DATABASE_URL that starts with postgres://."
    )]
    PostgresUrlRequired,
    #[error("[session] SESSION_STORE_DRIVER 'sqlite' cannot use a SESSION_STORE_URL that starts with postgres://.")]
    SqliteWithPostgresUrl,
    #[error("[session] SESSION_COOKIE_NAME '{value}' is no cookie name. Use letters, digits, `-`, `_` and `.`.")]
    CookieName { value: String },
    #[error("AUTH_JWT_PUBLIC_KEY_FILE '{}' cannot be read: {source}", .path.display())]
    PublicKeyFile { path: PathBuf, source: io::Error },
    #[error("HOST '{value}' is no address. Use an IP address or `localhost`.")]
    Host { value: String },
    #[error("PORT '{value}' is no port. Use a whole number from 1 to 65535.")]
    Port { value: String },
}
