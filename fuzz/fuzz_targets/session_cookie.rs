//! The signed cookie of a session: nothing that is not signed is a session id.

#![no_main]

use std::collections::BTreeMap;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use webstir_runtime::session::SessionCookie;
use webstir_runtime::{Environment, Settings};

static COOKIE: LazyLock<SessionCookie> = LazyLock::new(|| {
    let variables = BTreeMap::from([("SESSION_SECRET".to_owned(), "fuzz-secret".to_owned())]);
    let settings = Settings::load(&Environment::from_parts(variables, [""; 0], "/")).expect("settings");
    SessionCookie::new(&settings.session)
});

fuzz_target!(|value: &str| {
    if let Some(id) = COOKIE.verify(value) {
        assert_eq!(COOKIE.verify(&COOKIE.sign(&id)), Some(id), "an id that is not the signed one");
    }
});
