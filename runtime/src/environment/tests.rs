use super::{Environment, Settings, StoreLocation, workspace_root};
use secrecy::ExposeSecret as _;
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;
use webstir_script::LogLevel;

fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn environment(pairs: &[(&str, &str)]) -> Environment {
    Environment::from_parts(map(pairs), [""; 0], "/workspace")
}

fn settings(pairs: &[(&str, &str)]) -> Settings {
    read(pairs).unwrap()
}

fn read(pairs: &[(&str, &str)]) -> Result<Settings, super::SettingsError> {
    Settings::from_environment(&environment(pairs), |_| Err(io::ErrorKind::NotFound.into()))
}

#[track_caller]
fn problems(pairs: &[(&str, &str)]) -> String {
    read(pairs).unwrap_err().to_string()
}

#[test]
fn the_process_wins_over_local_over_shared_files() {
    let environment = Environment::from_parts(
        map(&[("A", "process"), ("BLANK", "")]),
        ["A=local\nB=local\nBLANK=x", "B=shared\nC=shared"],
        "/",
    );
    let all: Vec<_> = environment.variables().collect();
    assert_eq!(all, [("A", "process"), ("B", "local"), ("BLANK", ""), ("C", "shared")]);
}

#[test]
fn the_first_line_of_a_file_that_names_a_variable_wins() {
    assert_eq!(Environment::from_parts(BTreeMap::new(), ["A=1\nA=2"], "/").variable("A"), Some("1"));
}

#[test]
fn loads_the_files_of_the_root_and_leaves_the_process_alone() {
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join(".env"), "WEBSTIR_LOADED_ONLY_HERE=shared\nWEBSTIR_SECOND=2").unwrap();
    fs::write(root.path().join(".env.local"), "WEBSTIR_LOADED_ONLY_HERE=local").unwrap();
    let environment = Environment::load(Some(root.path()), None).unwrap();
    assert_eq!(environment.variable("WEBSTIR_LOADED_ONLY_HERE"), Some("local"));
    assert_eq!(environment.variable("WEBSTIR_SECOND"), Some("2"));
    assert_eq!(environment.workspace_root(), root.path());
    assert_eq!(std::env::var_os("WEBSTIR_LOADED_ONLY_HERE"), None);
}

#[test]
fn a_file_that_cannot_be_read_is_passed_over() {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir(root.path().join(".env.local")).unwrap();
    fs::write(root.path().join(".env"), "WEBSTIR_A=1").unwrap();
    assert_eq!(Environment::load(Some(root.path()), None).unwrap().variable("WEBSTIR_A"), Some("1"));
}

#[test]
fn the_root_comes_from_variables_then_the_module_then_the_current_directory() {
    let current = Path::new("/current");
    let module = Some(Path::new("/app/build/backend/nested/index.js"));
    let root = |pairs: &[(&str, &str)], module| workspace_root(&map(pairs), module, current);
    let both = [("WORKSPACE_ROOT", " /one "), ("WEBSTIR_WORKSPACE_ROOT", "/two")];
    assert_eq!(root(&both, module), Path::new("/one"));
    assert_eq!(root(&[("WORKSPACE_ROOT", "  "), ("WEBSTIR_WORKSPACE_ROOT", "two")], module), Path::new("/current/two"));
    assert_eq!(root(&[], module), Path::new("/app"));
    assert_eq!(root(&[], Some(Path::new("/app/src/backend/index.ts"))), Path::new("/app"));
    assert_eq!(root(&[], Some(Path::new("/app/dist/backend/index.js"))), current);
    assert_eq!(root(&[], None), current);
}

#[test]
fn defaults_are_those_of_development() {
    let settings = settings(&[]);
    assert_eq!(settings.mode.as_str(), "development");
    assert_eq!((settings.host.to_string().as_str(), settings.port), ("0.0.0.0", 4000));
    assert_eq!(settings.log.level, LogLevel::Info);
    assert_eq!(settings.log.service_name, "backend-template");
    assert!(settings.metrics.enabled);
    assert_eq!(settings.metrics.window, 200);
    assert_eq!(settings.body_limit, 1_048_576);
    assert_eq!(settings.session.cookie_name, "webstir_session");
    assert_eq!(settings.session.max_age, 86_400);
    assert!(!settings.session.secure && !settings.session.sliding);
    assert!(matches!(settings.session.store, StoreLocation::Memory));
    assert!(settings.auth.require_expiry);
}

#[test]
fn numbers_and_booleans_are_read_as_described() {
    let settings = settings(&[
        ("PORT", " 8080 "),
        ("METRICS_ENABLED", "off"),
        ("METRICS_WINDOW", "12.9"),
        ("REQUEST_BODY_MAX_BYTES", "-4"),
        ("SESSION_MAX_AGE", "60.5"),
        ("SESSION_COOKIE_SECURE", "YES"),
        ("LOG_LEVEL", "WARN"),
        ("AUTH_SERVICE_TOKENS", "a, b\n c,,"),
        ("AUTH_JWT_REQUIRE_EXP", "false"),
    ]);
    assert_eq!(settings.port, 8080);
    assert!(!settings.metrics.enabled && settings.session.secure);
    assert_eq!((settings.metrics.window, settings.body_limit, settings.session.max_age), (12, 1_048_576, 60));
    assert_eq!(settings.log.level, LogLevel::Warn);
    let tokens: Vec<_> = settings.auth.service_tokens.iter().map(secrecy::ExposeSecret::expose_secret).collect();
    assert_eq!(tokens, ["a", "b", "c"]);
    assert!(!settings.auth.require_expiry);
}

#[test]
fn production_requires_a_session_secret() {
    assert_eq!(problems(&[("NODE_ENV", "production")]), "SESSION_SECRET is required when NODE_ENV=production.");
    assert_eq!(problems(&[("NODE_ENV", "production"), ("SESSION_SECRET", " ")]).lines().count(), 1);
}

/// c16: `NODE_ENV` is compared trimmed and in lower case everywhere.
#[test]
fn c16_one_reading_of_the_mode() {
    let settings = settings(&[("NODE_ENV", " Production "), ("SESSION_SECRET", "s3cret")]);
    assert!(settings.mode.is_production() && settings.session.secure);
    assert!(matches!(settings.session.store, StoreLocation::Sqlite(_)));
    assert!(problems(&[("NODE_ENV", "PRODUCTION")]).contains("SESSION_SECRET is required"));
}

/// c16: the store is chosen after the files were read.
#[test]
fn c16_the_store_may_be_chosen_in_a_file() {
    let environment = Environment::from_parts(BTreeMap::new(), ["SESSION_STORE_DRIVER=sqlite"], "/workspace");
    let settings = Settings::load(&environment).unwrap();
    assert!(
        matches!(settings.session.store, StoreLocation::Sqlite(path) if path == Path::new("/workspace/./data/sessions.sqlite"))
    );
}

/// s10: the secrets of the example are refused in production, each by the name of its variable.
#[test]
fn s10_placeholder_secrets_are_refused_in_production() {
    let example = [
        ("SESSION_SECRET", "change-me"),
        ("AUTH_JWT_SECRET", "change-me-too"),
        ("AUTH_SERVICE_TOKENS", "mine,local-service-token"),
    ];
    settings(&example);
    let text = problems(&[&example[..], &[("NODE_ENV", "production")]].concat());
    for variable in ["SESSION_SECRET", "AUTH_JWT_SECRET", "AUTH_SERVICE_TOKENS"] {
        assert!(text.lines().any(|line| line.starts_with(variable)), "{text}");
    }
    assert!(!text.contains("change-me") && !text.contains("local-service-token"));
}

/// s10: who may issue tokens may not issue sessions.
#[test]
fn s10_the_session_secret_is_never_the_one_of_tokens() {
    let pairs = [("AUTH_JWT_SECRET", "tokens")];
    let secret = settings(&pairs).session.secret.expose_secret().to_owned();
    assert!(secret.len() >= 32);
    assert_ne!(secret, settings(&pairs).session.secret.expose_secret());
    assert!(problems(&[("AUTH_JWT_SECRET", "tokens"), ("NODE_ENV", "production")]).contains("SESSION_SECRET"));
}

#[test]
fn the_store_follows_driver_then_url_then_mode() {
    let store = |pairs: &[(&str, &str)]| settings(pairs).session.store;
    let sqlite = |location, expected: &str| {
        assert!(matches!(location, StoreLocation::Sqlite(path) if path == Path::new(expected)));
    };
    sqlite(store(&[("SESSION_STORE_URL", "file:state/s.db")]), "/workspace/state/s.db");
    sqlite(store(&[("SESSION_STORE_URL", "/var/s.db")]), "/var/s.db");
    let production = [("NODE_ENV", "production"), ("SESSION_SECRET", "x")];
    let memory = [&production[..], &[("SESSION_STORE_DRIVER", " Memory ")]].concat();
    assert!(matches!(store(&memory), StoreLocation::Memory));
    let url = "postgres://user:pass@host/db";
    assert!(matches!(store(&[("SESSION_STORE_URL", url)]), StoreLocation::Postgres(_)));
    let database = [("SESSION_STORE_DRIVER", "postgres"), ("DATABASE_URL", url)];
    assert!(matches!(store(&database), StoreLocation::Postgres(found) if found.expose_secret() == url));
    assert!(problems(&[("SESSION_STORE_DRIVER", "postgres")]).contains("SESSION_STORE_URL"));
    assert!(
        problems(&[("SESSION_STORE_DRIVER", "redis")])
            .starts_with("[session] Unsupported SESSION_STORE_DRIVER 'redis'.")
    );
    assert!(!format!("{:?}", store(&database)).contains("pass"));
}

#[test]
fn all_problems_come_at_once() {
    let text = problems(&[
        ("NODE_ENV", "production"),
        ("PORT", "70000"),
        ("HOST", "nowhere"),
        ("SESSION_COOKIE_NAME", "a b"),
        ("AUTH_JWT_PUBLIC_KEY_FILE", "keys/public.pem"),
    ]);
    assert_eq!(text.lines().count(), 5, "{text}");
    assert!(text.contains("/workspace/keys/public.pem"));
}

#[test]
fn the_public_key_file_is_relative_to_the_root() {
    let environment = environment(&[("AUTH_JWT_PUBLIC_KEY_FILE", "keys/public.pem")]);
    let settings = Settings::from_environment(&environment, |path| Ok(format!(" {} \n", path.display()))).unwrap();
    assert_eq!(settings.auth.jwt_public_key.as_deref(), Some("/workspace/keys/public.pem"));
}
