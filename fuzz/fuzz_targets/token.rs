//! Bearer tokens: none is valid that nobody signed.

#![no_main]

use std::collections::BTreeMap;
use std::sync::LazyLock;

use futures_util::FutureExt as _;
use http::{HeaderMap, HeaderValue, header};
use libfuzzer_sys::fuzz_target;
use webstir_runtime::auth::Authenticator;
use webstir_runtime::{Environment, Settings};

static AUTHENTICATOR: LazyLock<Authenticator> = LazyLock::new(|| {
    let variables = BTreeMap::from([("AUTH_JWT_SECRET".to_owned(), "fuzz-secret".to_owned())]);
    let settings = Settings::load(&Environment::from_parts(variables, [""; 0], "/")).expect("settings");
    Authenticator::new(&settings.auth)
});

fuzz_target!(|bytes: &[u8]| {
    let Ok(value) = HeaderValue::from_bytes(&[b"Bearer ", bytes].concat()) else { return };
    let headers = HeaderMap::from_iter([(header::AUTHORIZATION, value)]);
    let answer = AUTHENTICATOR.authenticate(&headers).now_or_never();
    assert!(matches!(answer, Some(None)), "a token that nobody signed");
});
