//! A key pair that signs tokens.

use std::fs;
use std::process::Command;

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

/// An RSA key of the `openssl` command.
pub(super) struct Key {
    private: EncodingKey,
    /// PEM.
    pub(super) public: String,
    /// In base64url, without padding.
    modulus: String,
}

impl Key {
    pub(super) fn generate() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let run = |command: &str| {
            let output = Command::new("sh").args(["-c", command]).current_dir(&directory).output().unwrap();
            assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
            String::from_utf8(output.stdout).unwrap()
        };
        run("openssl genrsa -out private.pem 2048");
        let modulus = run(
            "openssl rsa -in private.pem -noout -modulus | cut -d= -f2 | basenc --base16 --decode | basenc --base64url --wrap=0",
        );
        Self {
            private: EncodingKey::from_rsa_pem(&fs::read(directory.path().join("private.pem")).unwrap()).unwrap(),
            public: run("openssl rsa -in private.pem -pubout"),
            modulus: modulus.trim_end_matches('=').to_owned(),
        }
    }

    /// A token with the id of a key.
    pub(super) fn sign(&self, id: Option<&str>, claims: &Value) -> String {
        let header = Header { kid: id.map(str::to_owned), ..Header::new(Algorithm::RS256) };
        encode(&header, claims, &self.private).unwrap()
    }

    pub(super) fn jwk(&self, id: &str) -> Value {
        json!({ "kty": "RSA", "kid": id, "use": "sig", "alg": "RS256", "n": self.modulus, "e": "AQAB" })
    }
}
