//! Which certificates of a PostgreSQL server are accepted.

use super::ConnectionError;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use rustls_native_certs::{load_certs_from_paths, load_native_certs};
use std::path::PathBuf;
use std::sync::Arc;

/// Whose certificates are accepted.
pub(super) enum Trust {
    /// Those that lead to one of the roots and name the host; the platform's roots unless a file is named.
    Verified { roots: Option<PathBuf> },
    /// All: the connection is encrypted, and nobody knows to whom.
    Anybody,
}

/// The TLS client of a trust.
pub(super) fn client(trust: Trust) -> Result<ClientConfig, ConnectionError> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| ConnectionError::Address(error.to_string()))?;
    Ok(match trust {
        Trust::Anybody => builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(AnyCertificate { provider }))
            .with_no_client_auth(),
        Trust::Verified { roots } => builder.with_root_certificates(root_store(roots)?).with_no_client_auth(),
    })
}

fn root_store(file: Option<PathBuf>) -> Result<RootCertStore, ConnectionError> {
    let found = match &file {
        Some(file) => load_certs_from_paths(Some(file), None),
        None => load_native_certs(),
    };
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        let place = file.map_or_else(|| "the platform".to_owned(), |file| format!("`sslrootcert` {}", file.display()));
        let reason = found.errors.first().map(|error| format!(": {error}")).unwrap_or_default();
        return Err(ConnectionError::Address(format!("{place} has no root certificate{reason}")));
    }
    Ok(roots)
}

/// Accepts any certificate. The server still proves that it holds the key of the certificate.
#[derive(Debug)]
struct AnyCertificate {
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
