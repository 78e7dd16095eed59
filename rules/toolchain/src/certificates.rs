//! Which certificate authorities are trusted.
//!
//! `cafile` of an `.npmrc` replaces every other root, as in npm. Otherwise `SSL_CERT_FILE` and `SSL_CERT_DIR` replace the
//! platform's roots, as in OpenSSL, and `NODE_EXTRA_CA_CERTS` adds to whichever there are, as in Node. With none of them the
//! platform decides.

use std::path::{Path, PathBuf};

use rustls_native_certs::{CertificateResult, load_certs_from_paths, load_native_certs};
use ureq::tls::{Certificate, RootCerts};

use super::error::ToolchainError;
use super::npmrc::Npmrc;
use super::settings::Environment;

/// The roots that the settings ask for.
pub(super) fn roots(npmrc: &Npmrc, environment: &Environment) -> Result<RootCerts, ToolchainError> {
    if let Some(path) = npmrc.certificate_file() {
        return Ok(trust(&file("cafile", &path)?));
    }
    let path = |name| environment.first(&[name]).map(PathBuf::from);
    let certificate_file = path("SSL_CERT_FILE");
    let directories = environment.first(&["SSL_CERT_DIR"]);
    let extra = path("NODE_EXTRA_CA_CERTS");
    if certificate_file.is_none() && directories.is_none() && extra.is_none() {
        return Ok(RootCerts::PlatformVerifier);
    }

    let mut certificates = Vec::new();
    if let Some(path) = &certificate_file {
        certificates.extend(file("SSL_CERT_FILE", path)?);
    }
    for directory in directories.iter().flat_map(std::env::split_paths) {
        // OpenSSL passes over directories that do not exist, and over files in them that are no certificates.
        certificates.extend(encoded(&load_certs_from_paths(None, Some(&directory))));
    }
    if certificate_file.is_none() && directories.is_none() {
        certificates.extend(encoded(&load_native_certs()));
    }
    if let Some(path) = &extra {
        certificates.extend(file("NODE_EXTRA_CA_CERTS", path)?);
    }
    Ok(trust(&certificates))
}

/// The certificates of one PEM file, of which there must be one at least.
fn file(setting: &str, path: &Path) -> Result<Vec<Vec<u8>>, ToolchainError> {
    let certificates = encoded(&load_certs_from_paths(Some(path), None));
    if certificates.is_empty() {
        return Err(ToolchainError::Settings {
            place: format!("`{setting}`"),
            problem: format!("`{}` holds no certificate in PEM form", path.display()),
        });
    }
    Ok(certificates)
}

fn encoded(loaded: &CertificateResult) -> Vec<Vec<u8>> {
    loaded.certs.iter().map(|certificate| certificate.as_ref().to_vec()).collect()
}

fn trust(certificates: &[Vec<u8>]) -> RootCerts {
    certificates.iter().map(|certificate| Certificate::from_der(certificate).to_owned()).into()
}

#[cfg(test)]
mod tests {
    use super::super::settings::Settings;
    use super::super::testing::settings;
    use super::*;

    fn roots_of(settings: &Settings) -> Result<RootCerts, ToolchainError> {
        roots(&Npmrc::read(settings)?, &settings.environment)
    }

    #[test]
    fn the_platform_decides_without_settings() {
        assert!(matches!(roots_of(&settings(&[])).unwrap(), RootCerts::PlatformVerifier));
    }

    #[test]
    fn a_file_without_certificates_is_an_error_that_names_the_setting() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("none.pem");
        std::fs::write(&path, "not PEM").unwrap();
        let path = path.to_str().unwrap();
        for name in ["NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE", "npm_config_cafile"] {
            let error = roots_of(&settings(&[(name, path)])).err().unwrap().to_string();
            assert!(error.contains("holds no certificate") && error.contains("none.pem"), "{error}");
        }
    }

    #[test]
    fn certificates_of_a_file_are_trusted() {
        // The encoding is not looked into before a connection is made.
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("one.pem");
        std::fs::write(&path, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").unwrap();
        let roots = roots_of(&settings(&[("npm_config_cafile", path.to_str().unwrap())])).unwrap();
        assert!(matches!(roots, RootCerts::Specific(certificates) if certificates.len() == 1));
    }
}
