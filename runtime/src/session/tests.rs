//! Whole requests on sessions, and what every store must do.

mod contract;
mod postgres;
mod requests;
mod sqlite;

use super::{CommitContext, FlashLevel, FlashMessage, MemoryStore, SessionChange, SessionStore, Sessions};
use crate::environment::{Environment, Settings};
use http::{HeaderMap, HeaderValue, header};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// A client with its cookie, and a server whose clock can be moved.
pub(super) struct Client {
    pub(super) sessions: Sessions,
    pub(super) store: Arc<dyn SessionStore>,
    pub(super) cookie: Option<String>,
    seconds: Arc<AtomicI64>,
}

pub(super) fn object(value: Value) -> Map<String, Value> {
    serde_json::from_value(value).unwrap()
}

pub(super) fn set(value: Value) -> SessionChange {
    SessionChange::Replaced { value: object(value), form: None }
}

pub(super) fn flash(key: &str) -> FlashMessage {
    FlashMessage { key: key.to_owned(), level: FlashLevel::Info, created_at: "2026-01-01T00:00:00.000Z".to_owned() }
}

pub(super) fn publishing(keys: &[&str]) -> CommitContext {
    CommitContext { published: keys.iter().map(|key| flash(key)).collect(), ..CommitContext::default() }
}

pub(super) fn delivering(keys: &[&str]) -> CommitContext {
    CommitContext { delivered: keys.iter().map(|key| (*key).to_owned()).collect(), ..CommitContext::default() }
}

impl Client {
    pub(super) fn new() -> Self {
        Self::with(Arc::new(MemoryStore::default()), &[])
    }

    pub(super) fn with(store: Arc<dyn SessionStore>, pairs: &[(&str, &str)]) -> Self {
        let mut variables: BTreeMap<String, String> =
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        variables.insert("SESSION_SECRET".to_owned(), "secret".to_owned());
        let settings = Settings::load(&Environment::from_parts(variables, [""; 0], "/")).unwrap();
        let seconds = Arc::new(AtomicI64::new(0));
        let start = super::clock::now();
        let elapsed = Arc::clone(&seconds);
        let clock = move || start + SignedDuration::from_secs(elapsed.load(Ordering::SeqCst));
        let sessions = Sessions::with_clock(&settings.session, Arc::clone(&store), clock);
        Self { sessions, store, cookie: None, seconds }
    }

    pub(super) fn pass(&self, seconds: i64) {
        self.seconds.fetch_add(seconds, Ordering::SeqCst);
    }

    pub(super) fn headers(&self) -> HeaderMap {
        let cookie = self.cookie.as_deref().map(|cookie| HeaderValue::from_str(cookie).unwrap());
        cookie.into_iter().map(|cookie| (header::COOKIE, cookie)).collect()
    }

    pub(super) async fn open(&self) -> super::OpenSession {
        self.sessions.open(&self.headers()).await.unwrap()
    }

    /// One whole request; gives the `Set-Cookie` value, which the client follows.
    pub(super) async fn request(&mut self, change: SessionChange, context: CommitContext) -> Option<String> {
        let set_cookie = self.open().await.commit(change, context).await.unwrap();
        self.follow(set_cookie.as_deref());
        set_cookie
    }

    pub(super) async fn set(&mut self, value: Value) -> Option<String> {
        self.request(set(value), CommitContext::default()).await
    }

    pub(super) fn follow(&mut self, set_cookie: Option<&str>) {
        if let Some(set_cookie) = set_cookie {
            self.cookie =
                (!set_cookie.contains("Max-Age=0;")).then(|| set_cookie.split(';').next().unwrap().to_owned());
        }
    }

    /// What a handler would see.
    pub(super) async fn sees(&self) -> Value {
        json!(self.open().await.script_session().map(|session| session.value))
    }

    pub(super) async fn id(&self) -> String {
        self.open().await.script_session().unwrap().id
    }

    pub(super) async fn all_expired(&self) -> u64 {
        self.store.sweep(Timestamp::MAX).await.unwrap()
    }
}
