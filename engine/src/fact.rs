//! Facts of one file: pure functions of its bytes, kept by digest.
//!
//! A fact is looked up in memory, then in the store, and computed when neither has it. As it depends on nothing but the digest,
//! reading through this table inside a query is not an observable side effect.

use std::sync::{Arc, Mutex, PoisonError};

use rustc_hash::FxHashMap;

use crate::digest::{Digest, KeyHasher};
use crate::store::Store;

/// Facts in their byte form, by file digest and kind of fact.
#[derive(Debug)]
pub struct FactTable {
    store: Option<Arc<Store>>,
    memory: Mutex<FxHashMap<Digest, Arc<[u8]>>>,
}

impl FactTable {
    /// A table over a store, or over memory alone.
    pub fn new(store: Option<Arc<Store>>) -> Self {
        Self { store, memory: Mutex::default() }
    }

    /// The key of the fact `kind` (which carries its version) of the file with this digest.
    pub fn key(kind: &str, content: Digest) -> Digest {
        KeyHasher::new("webstir fact v1").text(kind).digest(content).finish()
    }

    /// The fact under `key`, if known.
    pub fn find(&self, key: Digest) -> Option<Arc<[u8]>> {
        if let Some(fact) = self.lock().get(&key) {
            return Some(fact.clone());
        }
        // A store that cannot be read makes the fact unknown: it is computed again.
        let fact: Arc<[u8]> = Arc::from(self.store.as_ref()?.fact(key).ok().flatten()?);
        self.lock().insert(key, fact.clone());
        Some(fact)
    }

    /// Keeps a fact. A store that cannot be written to loses nothing but time.
    pub fn keep(&self, key: Digest, fact: Arc<[u8]>) {
        if let Some(store) = &self.store {
            let _ = store.put_fact(key, &fact);
        }
        self.lock().insert(key, fact);
    }

    /// The keys of the facts that this process used.
    pub fn used(&self) -> Vec<Digest> {
        self.lock().keys().copied().collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, FxHashMap<Digest, Arc<[u8]>>> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
