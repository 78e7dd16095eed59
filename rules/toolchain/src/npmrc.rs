//! `.npmrc`: which registry serves a package, and what opens it.
//!
//! The registry, scopes and credentials are read by `deno_npmrc`; the settings of the connection, which it leaves out, are
//! read here. As in npm, the environment goes before the project's file, and that before the user's.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use deno_npmrc::{NpmRc, NpmRegistryUrl, RegistryConfig, ResolvedNpmRc};
use url::Url;

use super::error::ToolchainError;
use super::settings::{Environment, Settings};

/// The settings of the connection. Each is also an environment variable, `npm_config_…`.
const CONNECTION: &[&str] = &["cafile", "https-proxy", "proxy", "noproxy"];

/// All `.npmrc` files and the environment, merged.
pub(super) struct Npmrc {
    registries: ResolvedNpmRc,
    connection: BTreeMap<&'static str, (String, PathBuf)>,
}

impl Npmrc {
    /// Reads the files that `settings` name. A file that does not exist says nothing.
    pub(super) fn read(settings: &Settings) -> Result<Self, ToolchainError> {
        let environment = &settings.environment;
        let user = match environment.npm("userconfig") {
            Some(path) => Some(PathBuf::from(path)),
            None => settings.home.as_ref().map(|home| home.join(".npmrc")),
        };
        let project = settings.workspace.as_ref().map(|workspace| workspace.join(".npmrc"));
        let mut files = Vec::new();
        for path in [user, project].into_iter().flatten() {
            match fs::read_to_string(&path) {
                Ok(text) => files.push((path, text)),
                Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {}
                Err(error) => return Err(ToolchainError::store("Reading", path)(error)),
            }
        }
        let texts: Vec<_> = files.iter().map(|(path, text)| (path.as_path(), text.as_str())).collect();
        Self::merge(environment, &texts)
    }

    /// Merges texts, the stronger after the weaker.
    fn merge(environment: &Environment, files: &[(&Path, &str)]) -> Result<Self, ToolchainError> {
        let mut merged = NpmRc::default();
        let mut connection = BTreeMap::new();
        for (path, text) in files {
            // The error of the parser quotes the line, which may hold a token.
            let parsed = NpmRc::parse(environment, text).map_err(|_| ToolchainError::Settings {
                place: format!("`{}`", path.display()),
                problem: "this is not a list of `name = value`".to_owned(),
            })?;
            overlay(&mut merged, parsed);
            let directory = path.parent().unwrap_or(path);
            for (name, value) in connection_settings(environment, text) {
                connection.insert(name, (value, directory.to_owned()));
            }
        }
        for name in CONNECTION {
            if let Some(value) = environment.npm(name) {
                connection.insert(name, (value.to_owned(), PathBuf::new()));
            }
        }

        let mut registry = NpmRegistryUrl::for_npm(environment);
        if let Some(address) = environment.npm("registry") {
            let url = Url::parse(address).map_err(|_| not_an_address("`npm_config_registry`"))?;
            registry = NpmRegistryUrl { url, from_env: true };
        }
        let registries = merged.as_resolved(&registry).map_err(|_| not_an_address("`registry` in `.npmrc`"))?;
        for url in registries.get_all_known_registries_urls() {
            if !matches!(url.scheme(), "http" | "https") || url.cannot_be_a_base() {
                return Err(not_an_address("`registry` in `.npmrc`"));
            }
        }
        Ok(Self { registries, connection })
    }

    /// The registry of a package; its path ends with `/`.
    pub(super) fn registry(&self, package: &str) -> &Url {
        self.registries.get_registry_url(package)
    }

    /// An address that a registry gave, moved to the configured host where npm would do so.
    pub(super) fn replace_host(&self, address: Url, package: &str) -> Url {
        self.registries.replace_tarball_url(address, package)
    }

    /// The `Authorization` header for `address`. Credentials belong to a host and path, never to whatever is asked.
    pub(super) fn authorization(&self, address: &Url, package: &str) -> Option<String> {
        let config = self.registries.tarball_config_for_package(address, package)?;
        if let Some(token) = &config.auth_token {
            return Some(format!("Bearer {token}"));
        }
        if let Some(encoded) = &config.auth {
            return Some(format!("Basic {encoded}"));
        }
        // `_password` is base64 in the file.
        let user = config.username.as_ref().or(config.email.as_ref())?;
        let password = STANDARD.decode(config.password.as_ref()?).ok()?;
        let pair = [user.as_bytes(), b":", &password].concat();
        Some(format!("Basic {}", STANDARD.encode(pair)))
    }

    /// A setting of the connection.
    pub(super) fn setting(&self, name: &str) -> Option<&str> {
        self.connection.get(name).map(|(value, _)| value.as_str())
    }

    /// `cafile`, relative to the file that names it.
    pub(super) fn certificate_file(&self) -> Option<PathBuf> {
        let (value, directory) = self.connection.get("cafile")?;
        Some(directory.join(value))
    }
}

fn not_an_address(place: &str) -> ToolchainError {
    ToolchainError::Settings { place: place.to_owned(), problem: "this is not the address of a registry".to_owned() }
}

fn overlay(base: &mut NpmRc, over: NpmRc) {
    if over.registry.is_some() {
        base.registry = over.registry;
    }
    base.scope_registries.extend(over.scope_registries);
    if over.replace_registry_host.is_some() {
        base.replace_registry_host = over.replace_registry_host;
    }
    let mut configs: Vec<_> = over.registry_configs.into_iter().collect();
    configs.sort_by(|(a, _), (b, _)| a.cmp(b));
    for (place, config) in configs {
        let merged = base.registry_configs.entry(place).or_default();
        let weaker = RegistryConfig::clone(merged);
        let config = RegistryConfig::clone(&config);
        *merged = Arc::new(RegistryConfig {
            auth: config.auth.or(weaker.auth),
            auth_token: config.auth_token.or(weaker.auth_token),
            username: config.username.or(weaker.username),
            password: config.password.or(weaker.password),
            email: config.email.or(weaker.email),
            certfile: config.certfile.or(weaker.certfile),
            keyfile: config.keyfile.or(weaker.keyfile),
        });
    }
}

/// The lines of `text` that set one of [`CONNECTION`]. Lines after a section head belong to the section.
fn connection_settings(environment: &Environment, text: &str) -> Vec<(&'static str, String)> {
    let mut settings = Vec::new();
    for line in text.lines().map(str::trim).take_while(|line| !line.starts_with('[')) {
        let Some((name, value)) = line.split_once('=') else { continue };
        let Some(name) = CONNECTION.iter().find(|known| **known == name.trim()) else { continue };
        let value = value.trim();
        let quoted = |quote: char| value.strip_prefix(quote).and_then(|value| value.strip_suffix(quote));
        let value = quoted('"').or_else(|| quoted('\'')).unwrap_or(value);
        let value = expand(environment, value);
        if !value.is_empty() && value != "null" {
            settings.push((*name, value));
        }
    }
    settings
}

/// Replaces `${NAME}`; an unset variable stays as it is written.
fn expand(environment: &Environment, text: &str) -> String {
    let mut expanded = String::new();
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        let Some(length) = rest[start..].find('}') else { break };
        let end = start + length;
        expanded.push_str(&rest[..start]);
        expanded.push_str(environment.first(&[&rest[start + 2..end]]).unwrap_or(&rest[start..=end]));
        rest = &rest[end + 1..];
    }
    expanded.push_str(rest);
    expanded
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn merge(environment: &[(&str, &str)], user: &str, project: &str) -> Npmrc {
        let environment = Environment::new(environment.iter().copied());
        Npmrc::merge(&environment, &[(Path::new("/home/.npmrc"), user), (Path::new("/ws/.npmrc"), project)]).unwrap()
    }

    fn authorization(npmrc: &Npmrc, address: &str, package: &str) -> Option<String> {
        npmrc.authorization(&Url::parse(address).unwrap(), package)
    }

    #[test]
    fn the_project_goes_before_the_user_and_the_environment_before_both() {
        let user = "registry=https://user.test/\ncafile=user.pem";
        let project = "registry=https://project.test/npm";
        assert_eq!(merge(&[], user, "").registry("a").as_str(), "https://user.test/");
        assert_eq!(merge(&[], user, project).registry("a").as_str(), "https://project.test/npm/");
        let environment = [("npm_config_registry", "https://environment.test"), ("NPM_CONFIG_CAFILE", "/env.pem")];
        let npmrc = merge(&environment, user, project);
        assert_eq!(npmrc.registry("a").as_str(), "https://environment.test/");
        assert_eq!(npmrc.certificate_file().unwrap(), Path::new("/env.pem"));
        assert_eq!(merge(&[], user, project).certificate_file().unwrap(), Path::new("/home/user.pem"));
    }

    #[test]
    fn without_any_file_there_is_a_default_registry() {
        let npmrc = Npmrc::merge(&Environment::default(), &[]).unwrap();
        assert_eq!(npmrc.registry("a").as_str().trim_end_matches('/'), deno_npmrc::NPM_DEFAULT_REGISTRY);
    }

    #[test]
    fn scopes_and_tokens() {
        let npmrc = merge(
            &[("TOKEN", "t0")],
            "//scope.test/:_authToken=${TOKEN}\n//basic.test/:username=u\n//basic.test/:_password=cA==",
            "@typescript:registry=https://scope.test/npm/\n//old.test/:_auth=dTpw",
        );
        let name = "@typescript/typescript-linux-x64";
        assert_eq!(npmrc.registry(name).as_str(), "https://scope.test/npm/");
        assert_eq!(authorization(&npmrc, "https://scope.test/npm/x", name).as_deref(), Some("Bearer t0"));
        assert_eq!(authorization(&npmrc, "https://scope.test.evil.test/npm/x", name), None);
        assert_eq!(authorization(&npmrc, "https://basic.test/x", "x").as_deref(), Some("Basic dTpw"));
        assert_eq!(authorization(&npmrc, "https://old.test/x", "x").as_deref(), Some("Basic dTpw"));
        assert_eq!(authorization(&npmrc, "https://other.test/x", "x"), None);
    }

    #[test]
    fn errors_do_not_quote_the_file() {
        for text in ["registry=http://[secret", "registry=file:///secret", "registry=secret"] {
            let error = Npmrc::merge(&Environment::default(), &[(Path::new(".npmrc"), text)]).err().unwrap();
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }

    #[test]
    fn connection_settings_are_read_before_the_first_section() {
        let environment = Environment::new([("P", "proxy.test:1")]);
        let text = "; c\nhttps-proxy = \"http://${P}\"\nnoproxy=a,b\nproxy=null\n[x]\ncafile=a";
        assert_eq!(
            connection_settings(&environment, text),
            [("https-proxy", "http://proxy.test:1".to_owned()), ("noproxy", "a,b".to_owned())]
        );
        assert_eq!(expand(&environment, "a${P}b${Q}c${"), "aproxy.test:1b${Q}c${");
    }

    proptest! {
        #[test]
        fn no_text_panics(text in r#"(registry|@s:registry|//h/:_auth|cafile|\[x\]|[=;#"'\\$\{\}/: a\n])*"#) {
            let _ = Npmrc::merge(&Environment::default(), &[(Path::new(".npmrc"), &text)]);
        }
    }
}
