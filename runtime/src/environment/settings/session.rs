//! How sessions are signed, how long they live and where they are kept.

use super::{Mode, SettingProblem};
use crate::environment::Environment;
use crate::environment::number::{boolean, positive_whole};
use crate::environment::secret::is_placeholder;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use secrecy::SecretString;
use std::path::PathBuf;

/// The `SESSION_…` variables.
#[derive(Clone, Debug)]
pub struct SessionSettings {
    /// What cookies are signed with.
    ///
    /// `SESSION_SECRET`, which production requires. Without it, 32 random bytes of this process: sessions then end with the
    /// process. The secret of JWTs is never used instead, in no mode: who may issue tokens may not issue sessions.
    pub secret: SecretString,
    /// `SESSION_COOKIE_NAME`.
    pub cookie_name: String,
    /// `SESSION_COOKIE_SECURE`, true in production unless said otherwise.
    pub secure: bool,
    pub path: String,
    pub same_site: SameSite,
    /// `SESSION_MAX_AGE` in seconds.
    pub max_age: u64,
    /// `SESSION_SLIDING`: activity extends the lifetime.
    pub sliding: bool,
    /// `SESSION_STORE_DRIVER` and `SESSION_STORE_URL`.
    pub store: StoreLocation,
}

/// The attribute of cookies of the same name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SameSite {
    Strict,
    #[default]
    Lax,
    None,
}

impl SameSite {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Strict => "Strict",
            Self::Lax => "Lax",
            Self::None => "None",
        }
    }
}

/// Where sessions are kept.
#[derive(Clone, Debug)]
pub enum StoreLocation {
    Memory,
    /// The absolute path of the database file.
    Sqlite(PathBuf),
    /// The address of the server; it may hold a password.
    Postgres(SecretString),
}

/// The longest lifetime: browsers keep no cookie for longer than 400 days, and instants stay far from their end.
const LONGEST_LIFETIME: u64 = 400 * 24 * 60 * 60;

pub(super) fn read(environment: &Environment, mode: &Mode, problems: &mut Vec<SettingProblem>) -> SessionSettings {
    SessionSettings {
        secret: secret(environment, mode, problems),
        cookie_name: cookie_name(environment, problems),
        secure: boolean(environment.variable("SESSION_COOKIE_SECURE"), mode.is_production()),
        path: "/".to_owned(),
        same_site: SameSite::Lax,
        max_age: positive_whole(environment.variable("SESSION_MAX_AGE"))
            .map_or(24 * 60 * 60, |seconds| seconds.min(LONGEST_LIFETIME)),
        sliding: boolean(environment.variable("SESSION_SLIDING"), false),
        store: store(environment, mode, problems),
    }
}

fn secret(environment: &Environment, mode: &Mode, problems: &mut Vec<SettingProblem>) -> SecretString {
    if let Some(secret) = environment.text("SESSION_SECRET") {
        if mode.is_production() && is_placeholder(secret) {
            problems.push(SettingProblem::PlaceholderSecret { variable: "SESSION_SECRET" });
        }
        return secret.into();
    }
    if mode.is_production() {
        problems.push(SettingProblem::SessionSecretRequired);
    }
    let mut bytes = [0_u8; 32];
    // A system without randomness can sign nothing: going on would hand out forgeable sessions.
    getrandom::fill(&mut bytes).expect("the system gives random bytes");
    BASE64_STANDARD.encode(bytes).into()
}

fn cookie_name(environment: &Environment, problems: &mut Vec<SettingProblem>) -> String {
    let name = environment.text("SESSION_COOKIE_NAME").unwrap_or("webstir_session");
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if !name.bytes().all(is_token) {
        problems.push(SettingProblem::CookieName { value: name.to_owned() });
    }
    name.to_owned()
}

fn store(environment: &Environment, mode: &Mode, problems: &mut Vec<SettingProblem>) -> StoreLocation {
    let url = environment.text("SESSION_STORE_URL");
    let driver = environment.text("SESSION_STORE_DRIVER").map(str::to_lowercase);
    let inferred = match url {
        Some(url) if is_postgres(url) => "postgres",
        None if !mode.is_production() => "memory",
        _ => "sqlite",
    };
    match driver.as_deref().unwrap_or(inferred) {
        "memory" => StoreLocation::Memory,
        "sqlite" => {
            if url.is_some_and(is_postgres) {
                problems.push(SettingProblem::SqliteWithPostgresUrl);
            }
            let url = url.unwrap_or("file:./data/sessions.sqlite");
            StoreLocation::Sqlite(environment.workspace_root().join(url.strip_prefix("file:").unwrap_or(url)))
        }
        "postgres" => {
            let url = url.or_else(|| environment.text("DATABASE_URL")).filter(|url| is_postgres(url));
            if url.is_none() {
                problems.push(SettingProblem::PostgresUrlRequired);
            }
            url.map_or(StoreLocation::Memory, |url| StoreLocation::Postgres(url.into()))
        }
        other => {
            problems.push(SettingProblem::StoreDriver { value: other.to_owned() });
            StoreLocation::Memory
        }
    }
}

fn is_postgres(url: &str) -> bool {
    ["postgres://", "postgresql://"].iter().any(|scheme| url.starts_with(scheme))
}
