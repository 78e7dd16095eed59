//! What a server was told by its environment, which may change while it runs.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use secrecy::ExposeSecret as _;

use crate::auth::Authenticator;
use crate::environment::{Environment, SessionSettings, Settings, StoreLocation};
use crate::metrics::Metrics;
use crate::security_headers::SecurityHeaders;
use crate::session::{self, SessionStore, Sessions, StoreError, SweepTask};

/// One reading of the environment, with what is made of it. A request keeps the one that it started with.
pub(crate) struct Configured {
    pub(crate) settings: Settings,
    /// What the module sees as its environment.
    pub(crate) variables: BTreeMap<String, String>,
    pub(crate) authenticator: Arc<Authenticator>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) security: SecurityHeaders,
    kept: Arc<Kept>,
}

/// Sessions with what they need to last.
struct Kept {
    sessions: Sessions,
    store: Arc<dyn SessionStore>,
    _sweep: SweepTask,
}

/// Expired sessions are removed this often.
const SWEEP: Duration = Duration::from_mins(5);

impl Configured {
    /// Opens the session store. `security` is what documents carry unless the settings say otherwise.
    pub(crate) async fn new(
        environment: &Environment,
        settings: Settings,
        security: &SecurityHeaders,
    ) -> Result<Self, StoreError> {
        let store = session::connect(&settings.session.store).await?;
        let kept = Arc::new(Kept::new(&settings.session, store));
        let metrics = Arc::new(Metrics::new(settings.metrics));
        Ok(Self::with(environment, settings, security, kept, metrics))
    }

    /// The next reading. What did not change is kept: a store in memory with its sessions, and counts.
    pub(crate) async fn next(
        &self,
        environment: &Environment,
        mut settings: Settings,
        security: &SecurityHeaders,
    ) -> Result<Self, StoreError> {
        const SECRET: &str = "SESSION_SECRET";
        let is_random = |variable: Option<&str>| variable.is_none_or(|text| text.trim().is_empty());
        // A random secret is another one with each reading; cookies that it signed would be worth nothing.
        if is_random(self.variables.get(SECRET).map(String::as_str)) && is_random(environment.variable(SECRET)) {
            settings.session.secret = self.settings.session.secret.clone();
        }
        let before = &self.settings.session;
        let kept = if is_equal(before, &settings.session) {
            Arc::clone(&self.kept)
        } else if is_equal_location(&before.store, &settings.session.store) {
            Arc::new(Kept::new(&settings.session, Arc::clone(&self.kept.store)))
        } else {
            Arc::new(Kept::new(&settings.session, session::connect(&settings.session.store).await?))
        };
        let metrics = if self.settings.metrics == settings.metrics {
            Arc::clone(&self.metrics)
        } else {
            Arc::new(Metrics::new(settings.metrics))
        };
        Ok(Self::with(environment, settings, security, kept, metrics))
    }

    fn with(
        environment: &Environment,
        settings: Settings,
        security: &SecurityHeaders,
        kept: Arc<Kept>,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self {
            variables: environment.variables().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            authenticator: Arc::new(Authenticator::new(&settings.auth)),
            metrics,
            security: if settings.security_headers { security.clone() } else { SecurityHeaders::none() },
            kept,
            settings,
        }
    }

    pub(crate) fn sessions(&self) -> &Sessions {
        &self.kept.sessions
    }
}

impl Kept {
    fn new(settings: &SessionSettings, store: Arc<dyn SessionStore>) -> Self {
        let sessions = Sessions::new(settings, Arc::clone(&store));
        let sweep = sessions.sweep_every(SWEEP);
        Self { sessions, store, _sweep: sweep }
    }
}

fn is_equal(one: &SessionSettings, other: &SessionSettings) -> bool {
    let SessionSettings { secret, cookie_name, secure, path, same_site, max_age, sliding, store } = one;
    secret.expose_secret() == other.secret.expose_secret()
        && *cookie_name == other.cookie_name
        && *secure == other.secure
        && *path == other.path
        && *same_site == other.same_site
        && *max_age == other.max_age
        && *sliding == other.sliding
        && is_equal_location(store, &other.store)
}

fn is_equal_location(one: &StoreLocation, other: &StoreLocation) -> bool {
    match (one, other) {
        (StoreLocation::Memory, StoreLocation::Memory) => true,
        (StoreLocation::Sqlite(one), StoreLocation::Sqlite(other)) => one == other,
        (StoreLocation::Postgres(one), StoreLocation::Postgres(other)) => one.expose_secret() == other.expose_secret(),
        _ => false,
    }
}
