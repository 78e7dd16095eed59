//! The typed reading of an environment.
//!
//! *Settings* are built by a pure function that reports all problems at once. The *mode* is `NODE_ENV`, compared in one way
//! everywhere. The *store location* says where sessions live.

mod auth;
mod problem;
mod session;

pub use auth::AuthSettings;
pub use problem::{SettingProblem, SettingsError};
pub use session::{SameSite, SessionSettings, StoreLocation};

use super::Environment;
use super::number::{boolean, positive, positive_whole};
use std::fmt;
use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use webstir_script::LogLevel;

/// Everything the runtime reads from its environment.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `NODE_ENV`.
    pub mode: Mode,
    /// `HOST`, the address to listen on.
    pub host: IpAddr,
    /// `PORT`.
    pub port: u16,
    pub log: LogSettings,
    pub metrics: MetricsSettings,
    /// `REQUEST_BODY_MAX_BYTES`.
    pub body_limit: u64,
    /// `SECURITY_HEADERS`: whether documents and files carry them.
    pub security_headers: bool,
    pub session: SessionSettings,
    pub auth: AuthSettings,
}

/// `METRICS_ENABLED` and `METRICS_WINDOW`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MetricsSettings {
    pub enabled: bool,
    /// How many durations averages are taken over.
    pub window: usize,
}

impl Settings {
    /// Reads `environment`, and the key file that it may name.
    pub fn load(environment: &Environment) -> Result<Self, SettingsError> {
        Self::from_environment(environment, |path| fs::read_to_string(path))
    }

    /// Reads `environment`; `read` gives the text of a key file.
    pub fn from_environment(
        environment: &Environment,
        read: impl Fn(&Path) -> io::Result<String>,
    ) -> Result<Self, SettingsError> {
        let mut problems = Vec::new();
        let mode = Mode::from_environment(environment);
        let settings = Self {
            host: host(environment, &mut problems),
            port: port(environment, &mut problems),
            log: LogSettings::from_environment(environment),
            metrics: MetricsSettings {
                enabled: boolean(environment.variable("METRICS_ENABLED"), true),
                window: positive_whole(environment.variable("METRICS_WINDOW"))
                    .and_then(|window| usize::try_from(window).ok())
                    .map_or(200, |window| window.min(MetricsSettings::LARGEST_WINDOW)),
            },
            body_limit: positive_whole(environment.variable("REQUEST_BODY_MAX_BYTES")).unwrap_or(1024 * 1024),
            security_headers: boolean(environment.variable("SECURITY_HEADERS"), true),
            session: session::read(environment, &mode, &mut problems),
            auth: auth::read(environment, &mode, read, &mut problems),
            mode,
        };
        if problems.is_empty() { Ok(settings) } else { Err(SettingsError { problems }) }
    }
}

/// What the log needs to know: it is there before everything else can be read.
#[derive(Clone, Debug)]
pub struct LogSettings {
    /// `LOG_LEVEL`.
    pub level: LogLevel,
    /// `LOG_SERVICE_NAME`.
    pub service_name: String,
    /// `NODE_ENV`.
    pub mode: Mode,
}

impl LogSettings {
    pub fn from_environment(environment: &Environment) -> Self {
        Self {
            level: LogLevel::from_name(&environment.text("LOG_LEVEL").unwrap_or_default().to_ascii_lowercase()),
            service_name: environment.text("LOG_SERVICE_NAME").unwrap_or("backend-template").to_owned(),
            mode: Mode::from_environment(environment),
        }
    }
}

impl MetricsSettings {
    /// Each duration takes eight bytes; more say nothing more.
    pub const LARGEST_WINDOW: usize = 100_000;
}

fn host(environment: &Environment, problems: &mut Vec<SettingProblem>) -> IpAddr {
    match environment.text("HOST") {
        None => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        Some("localhost") => IpAddr::V4(Ipv4Addr::LOCALHOST),
        Some(value) => value.parse().unwrap_or_else(|_| {
            problems.push(SettingProblem::Host { value: value.to_owned() });
            IpAddr::V4(Ipv4Addr::UNSPECIFIED)
        }),
    }
}

/// 4000 unless `PORT` is a positive number.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the number is whole and in range")]
fn port(environment: &Environment, problems: &mut Vec<SettingProblem>) -> u16 {
    match positive(environment.variable("PORT")) {
        None => 4000,
        Some(number) if number.fract() == 0.0 && number <= f64::from(u16::MAX) => number as u16,
        Some(_) => {
            problems.push(SettingProblem::Port { value: environment.text("PORT").unwrap_or_default().to_owned() });
            4000
        }
    }
}

/// `NODE_ENV`, trimmed and in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mode(String);

impl Mode {
    pub fn new(text: &str) -> Self {
        Self(text.trim().to_lowercase())
    }

    /// `NODE_ENV`, else `development`.
    pub fn from_environment(environment: &Environment) -> Self {
        Self::new(environment.text("NODE_ENV").unwrap_or("development"))
    }

    pub fn is_production(&self) -> bool {
        self.0 == "production"
    }

    pub fn is_development(&self) -> bool {
        self.0 == "development"
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}
