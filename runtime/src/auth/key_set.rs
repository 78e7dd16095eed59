//! The keys of an identity provider, fetched from its JWKS address.
//!
//! A *key set* is cached for as long as the provider allows. It is fetched again when it is too old, and when a token names a
//! key that it does not have; the latter at most once in a *cool-down*, or anybody could make this server hammer the provider.
//! A failing fetch never costs the keys that are there.

use super::public_key;
use http::{HeaderMap, header};
use jiff::Timestamp;
use jiff::fmt::rfc2822;
use jsonwebtoken::DecodingKey;
use serde_json::Value;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};
use tokio::sync::Mutex;
use ureq::Agent;
use ureq::tls::{RootCerts, TlsConfig};

/// The most bytes and keys of a set.
const BYTES_LIMIT: u64 = 1024 * 1024;
const KEYS_LIMIT: usize = 100;

/// How often and how long keys are fetched.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timing {
    /// The end of one fetch.
    pub(super) timeout: Duration,
    /// Between two fetches for keys that the set does not have. No set is cached for shorter, whatever the provider says.
    pub(super) cool_down: Duration,
    /// Between two attempts while there are no keys at all.
    pub(super) retry: Duration,
    /// How long a set is cached if the provider says nothing, and how long it is used on after a failing fetch.
    pub(super) default_age: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(5),
            cool_down: Duration::from_secs(30),
            retry: Duration::from_secs(1),
            default_age: Duration::from_mins(5),
        }
    }
}

/// The longest time for which a set is cached.
const LONGEST_AGE: Duration = Duration::from_hours(24);

/// One fetched set.
pub(super) struct Keys {
    keys: Vec<(Option<String>, DecodingKey)>,
}

impl Keys {
    /// The keys of this id; without an id, all.
    pub(super) fn candidates<'a>(&'a self, id: Option<&'a str>) -> impl Iterator<Item = &'a DecodingKey> {
        self.keys.iter().filter(move |(found, _)| id.is_none() || found.as_deref() == id).map(|(_, key)| key)
    }
}

/// The cached set of one address.
pub(super) struct KeySet {
    shared: Arc<Shared>,
    /// Held while a set is fetched: who waits for it uses what the holder got. Says when a set was last fetched for a key
    /// that was missing.
    last_search: Mutex<Option<Instant>>,
}

struct Shared {
    url: String,
    agent: Agent,
    timing: Timing,
    cache: RwLock<Cache>,
}

#[derive(Clone, Default)]
struct Cache {
    keys: Option<Arc<Keys>>,
    /// Until when nothing is fetched for age.
    fresh_until: Option<Instant>,
}

impl KeySet {
    pub(super) fn new(url: &str, timing: Timing) -> Self {
        let tls = TlsConfig::builder().root_certs(RootCerts::PlatformVerifier).build();
        let agent =
            Agent::config_builder().timeout_global(Some(timing.timeout)).max_redirects(3).tls_config(tls).build();
        let shared = Shared { url: url.to_owned(), agent: agent.into(), timing, cache: RwLock::default() };
        Self { shared: Arc::new(shared), last_search: Mutex::new(None) }
    }

    /// The keys, fetched if there are none or if they are too old. Nothing if there never were any.
    pub(super) async fn current(&self) -> Option<Arc<Keys>> {
        if let Some(cache) = self.shared.fresh() {
            return cache.keys;
        }
        let _fetching = self.last_search.lock().await;
        if let Some(cache) = self.shared.fresh() {
            return cache.keys;
        }
        self.fetch().await;
        self.shared.cache().keys
    }

    /// A set that is newer than `seen`, which lacks a key; nothing if there is none.
    pub(super) async fn newer_than(&self, seen: &Arc<Keys>) -> Option<Arc<Keys>> {
        let newer = || self.shared.cache().keys.filter(|keys| !Arc::ptr_eq(keys, seen));
        let mut last_search = self.last_search.lock().await;
        if let Some(keys) = newer() {
            return Some(keys);
        }
        if last_search.is_some_and(|last| last.elapsed() < self.shared.timing.cool_down) {
            return None;
        }
        *last_search = Some(Instant::now());
        self.fetch().await;
        newer()
    }

    /// Fetches on a thread of its own. The result is kept even if the request that wanted it is given up.
    async fn fetch(&self) {
        let shared = Arc::clone(&self.shared);
        if tokio::task::spawn_blocking(move || shared.refresh()).await.is_err() {
            tracing::warn!("The fetch of AUTH_JWKS_URL was given up");
        }
    }
}

impl Shared {
    fn cache(&self) -> Cache {
        self.cache.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn fresh(&self) -> Option<Cache> {
        Some(self.cache()).filter(|cache| cache.fresh_until.is_some_and(|end| Instant::now() < end))
    }

    fn refresh(&self) {
        let fetched = self.fetch();
        let mut cache = self.cache.write().unwrap_or_else(PoisonError::into_inner);
        let age = match fetched {
            Ok((keys, age)) => {
                cache.keys = Some(Arc::new(keys));
                age.clamp(self.timing.cool_down.min(LONGEST_AGE), LONGEST_AGE)
            }
            Err(reason) => {
                tracing::warn!(%reason, "AUTH_JWKS_URL cannot be fetched");
                if cache.keys.is_some() { self.timing.default_age } else { self.timing.retry }
            }
        };
        cache.fresh_until = Some(Instant::now() + age);
    }

    fn fetch(&self) -> Result<(Keys, Duration), String> {
        let mut response = self.agent.get(&self.url).call().map_err(|error| error.to_string())?;
        let age = cache_age(response.headers(), Timestamp::now(), self.timing.default_age);
        let bytes =
            response.body_mut().with_config().limit(BYTES_LIMIT).read_to_vec().map_err(|error| error.to_string())?;
        let mut document: Value = serde_json::from_slice(&bytes).map_err(|error| error.to_string())?;
        let Some(Value::Array(keys)) = document.get_mut("keys").map(Value::take) else {
            return Err("it has no list of keys".to_owned());
        };
        Ok((Keys { keys: keys.into_iter().take(KEYS_LIMIT).filter_map(public_key::from_jwk).collect() }, age))
    }
}

/// `max-age` above zero, else nothing for `no-store`, else the time until `Expires`, else `default`.
fn cache_age(headers: &HeaderMap, now: Timestamp, default: Duration) -> Duration {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let directives = || text(header::CACHE_CONTROL).unwrap_or_default().split(',').map(str::trim);
    let max_age = directives().find_map(|directive| {
        let (name, seconds) = directive.split_once('=')?;
        let seconds: u64 = seconds.trim().trim_matches('"').parse().ok()?;
        (name.trim().eq_ignore_ascii_case("max-age") && seconds > 0).then_some(Duration::from_secs(seconds))
    });
    if let Some(age) = max_age {
        return age;
    }
    if directives().any(|directive| directive.eq_ignore_ascii_case("no-store")) {
        return Duration::ZERO;
    }
    text(header::EXPIRES)
        .and_then(|date| rfc2822::parse(date).ok())
        .and_then(|end| Duration::try_from(end.timestamp().duration_since(now)).ok())
        .filter(|age| !age.is_zero())
        .unwrap_or(default)
}

#[cfg(test)]
mod tests {
    use super::cache_age;
    use http::{HeaderMap, HeaderName, HeaderValue};
    use jiff::Timestamp;
    use proptest::prelude::*;
    use std::time::Duration;

    fn age(pairs: &[(&'static str, &str)]) -> u64 {
        let now: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let pair = |(name, value): &(&'static str, &str)| {
            (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
        };
        let headers: HeaderMap = pairs.iter().map(pair).collect();
        cache_age(&headers, now, Duration::from_mins(5)).as_secs()
    }

    #[test]
    fn the_provider_says_how_long_its_keys_are_cached() {
        let expires = ("expires", "Thu, 01 Jan 2026 00:01:40 GMT");
        assert_eq!(age(&[]), 300);
        assert_eq!(age(&[("cache-control", "public, Max-Age=60"), expires]), 60);
        assert_eq!(age(&[("cache-control", "max-age=60, no-store")]), 60);
        assert_eq!(age(&[("cache-control", "no-store, max-age=0"), expires]), 0);
        assert_eq!(age(&[("cache-control", "max-age=0"), expires]), 100);
        assert_eq!(age(&[("expires", "Thu, 01 Jan 2025 00:00:00 GMT")]), 300);
        assert_eq!(age(&[("expires", "0")]), 300);
    }

    proptest! {
        #[test]
        fn any_headers_are_read(control in "[ -~]{0,60}", expires in "[ -~]{0,40}") {
            age(&[("cache-control", &control), ("expires", &expires)]);
        }
    }
}
