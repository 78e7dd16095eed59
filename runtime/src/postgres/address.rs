//! The address of a PostgreSQL server and how its certificate is judged.

use super::ConnectionError;
use super::certificates::{self, Trust};
use percent_encoding::percent_decode_str;
use std::path::PathBuf;
use tokio_postgres::Config;
use tokio_postgres::config::SslMode;
use tokio_postgres_rustls::MakeRustlsConnect;

/// Where to connect and with which TLS.
pub(super) struct Address {
    pub(super) config: Config,
    pub(super) tls: MakeRustlsConnect,
}

impl Address {
    /// Reads a `postgres://` URL. Errors never repeat it: it may hold a password.
    pub(super) fn parse(url: &str) -> Result<Self, ConnectionError> {
        let (base, query) = url.split_once('?').unwrap_or((url, ""));
        let mut mode = SslMode::Prefer;
        let mut verifies = false;
        let mut roots = None;
        let mut others = Vec::new();
        for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
            match parameter.split_once('=') {
                // Two of the modes are unknown to the driver.
                Some(("sslmode", value)) => {
                    (mode, verifies) = match value {
                        "disable" => (SslMode::Disable, false),
                        "allow" | "prefer" => (SslMode::Prefer, false),
                        "require" => (SslMode::Require, false),
                        "verify-ca" | "verify-full" => (SslMode::Require, true),
                        _ => {
                            let reason =
                                "`sslmode` is one of disable, prefer, require, verify-ca and verify-full".to_owned();
                            return Err(ConnectionError::Address(reason));
                        }
                    }
                }
                Some(("sslrootcert", value)) => {
                    roots = Some(PathBuf::from(percent_decode_str(value).decode_utf8_lossy().into_owned()));
                }
                _ => others.push(parameter),
            }
        }
        let rest = if others.is_empty() { base.to_owned() } else { format!("{base}?{}", others.join("&")) };
        let mut config: Config =
            rest.parse().map_err(|error: tokio_postgres::Error| ConnectionError::Address(error.to_string()))?;
        config.ssl_mode(mode);
        let trust = if verifies { Trust::Verified { roots } } else { Trust::Anybody };
        Ok(Self { config, tls: MakeRustlsConnect::new(certificates::client(trust)?) })
    }
}

#[cfg(test)]
mod tests {
    use super::Address;
    use proptest::prelude::*;
    use tokio_postgres::config::SslMode;

    fn mode(query: &str) -> Result<SslMode, String> {
        let address = Address::parse(&format!("postgres://user:hidden@host/database{query}"));
        address.map(|address| address.config.get_ssl_mode()).map_err(|error| error.to_string())
    }

    #[test]
    fn modes_are_those_of_libpq() {
        assert_eq!(mode(""), Ok(SslMode::Prefer));
        assert_eq!(mode("?application_name=a&sslmode=disable"), Ok(SslMode::Disable));
        assert_eq!(mode("?sslmode=require"), Ok(SslMode::Require));
    }

    #[test]
    fn errors_hide_the_password() {
        for query in ["?sslmode=maybe", "?unknown=1", "?sslmode=verify-full&sslrootcert=%2Fnowhere%2Froot.pem"] {
            let error = mode(query).unwrap_err();
            assert!(!error.contains("hidden"), "{error}");
        }
    }

    proptest! {
        #[test]
        fn any_address_is_read(rest in ".{0,60}") {
            let _ = Address::parse(&format!("postgres://{rest}"));
        }
    }
}
