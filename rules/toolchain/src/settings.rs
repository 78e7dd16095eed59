//! What the user's surroundings say about registries: the environment, the home directory, the workspace.
//!
//! [`Settings`] are values. Only [`Settings::from_environment`] looks at the process, so that nothing else depends on it.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::unpack::Limits;

/// Environment variables, as values. Empty ones count as absent. `Debug` shows names only: values may be tokens.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Environment(BTreeMap<String, String>);

impl Environment {
    /// The environment of this process. Variables that are not UTF-8 are left out.
    pub fn current() -> Self {
        let pairs = std::env::vars_os();
        Self(pairs.filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))).collect())
    }

    /// An environment of exactly these variables.
    pub fn new<N: Into<String>, V: Into<String>>(pairs: impl IntoIterator<Item = (N, V)>) -> Self {
        Self(pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }

    /// The value of the first of `names` that is set.
    pub(super) fn first(&self, names: &[&str]) -> Option<&str> {
        names.iter().filter_map(|name| self.0.get(*name)).map(String::as_str).find(|value| !value.is_empty())
    }

    /// The variable behind an npm setting: `npm_config_` and the name, in any case, with `_` for `-`.
    pub(super) fn npm(&self, setting: &str) -> Option<&str> {
        let wanted = format!("npm_config_{}", setting.replace('-', "_"));
        let (_, value) = self.0.iter().find(|(name, _)| name.eq_ignore_ascii_case(&wanted))?;
        Some(value.as_str()).filter(|value| !value.is_empty())
    }
}

impl sys_traits::BaseEnvVar for Environment {
    fn base_env_var_os(&self, key: &OsStr) -> Option<OsString> {
        self.0.get(key.to_str()?).map(OsString::from)
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// All that a [`Registry`](super::Registry) needs to know.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Proxies, certificates, npm settings and the variables that an `.npmrc` names.
    pub environment: Environment,
    /// The directory whose `.npmrc` belongs to the project.
    pub workspace: Option<PathBuf>,
    /// The directory whose `.npmrc` belongs to the user.
    pub home: Option<PathBuf>,
    /// How large responses may be.
    pub limits: Limits,
    /// The pause before the second attempt; each further one takes twice as long.
    pub pause: Duration,
}

impl Settings {
    /// The settings of this process for a workspace.
    pub fn from_environment(workspace: &Path) -> Self {
        Self {
            environment: Environment::current(),
            workspace: Some(workspace.to_owned()),
            home: std::env::home_dir(),
            limits: Limits::default(),
            pause: Duration::from_millis(500),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_not_shown() {
        let environment = Environment::new([("NPM_TOKEN", "secret-value")]);
        assert_eq!(format!("{environment:?}"), r#"{"NPM_TOKEN"}"#);
    }

    #[test]
    fn an_empty_variable_is_absent() {
        let environment = Environment::new([("HTTPS_PROXY", ""), ("https_proxy", "x")]);
        assert_eq!(environment.first(&["HTTPS_PROXY", "https_proxy"]), Some("x"));
        assert_eq!(environment.first(&["HTTPS_PROXY"]), None);
    }

    #[test]
    fn npm_settings_in_any_case() {
        let environment = Environment::new([("NPM_Config_HTTPS_proxy", "x"), ("npm_config_cafile", "")]);
        assert_eq!(environment.npm("https-proxy"), Some("x"));
        assert_eq!(environment.npm("cafile"), None);
    }
}
