//! Facts of one file: pure functions of its bytes, kept by digest.
//!
//! A fact is looked up in memory, then in the store, and computed when neither has it. As it depends on nothing but the digest,
//! reading through this table inside a query is not an observable side effect.

use std::mem;
use std::sync::{Arc, Mutex, PoisonError};

use rustc_hash::{FxHashMap, FxHashSet};

use crate::blob::Blobs as _;
use crate::digest::{Digest, KeyHasher};
use crate::store::Store;

/// Bytes that each of two generations keeps in memory.
const GENERATION: usize = 4 << 20;

/// What an entry takes beside the bytes of its fact, about.
const ENTRY: usize = 64;

/// Facts in their byte form, by file digest and kind of fact.
#[derive(Debug)]
pub struct FactTable {
    store: Option<Arc<Store>>,
    /// What stands for the code that computes facts: facts of other code are not found.
    implementation: Digest,
    memory: Mutex<Memory>,
}

/// Two generations: what is used moves to the young one; when that is full it is the old one, and what the old one still held goes. So
/// facts of what files held before they were edited go; one that is missed is in the store or computed again.
#[derive(Debug, Default)]
struct Memory {
    young: FxHashMap<Digest, Arc<[u8]>>,
    old: FxHashMap<Digest, Arc<[u8]>>,
    /// Of the young one.
    bytes: usize,
    /// The keys of all that was used, of what went too.
    used: FxHashSet<Digest>,
}

impl Memory {
    fn find(&mut self, key: Digest) -> Option<Arc<[u8]>> {
        if let Some(fact) = self.young.get(&key) {
            return Some(fact.clone());
        }
        let fact = self.old.remove(&key)?;
        self.keep(key, fact.clone());
        Some(fact)
    }

    fn keep(&mut self, key: Digest, fact: Arc<[u8]>) {
        let bytes = fact.len() + ENTRY;
        if self.bytes + bytes > GENERATION {
            self.old = mem::take(&mut self.young);
            self.bytes = 0;
        }
        self.used.insert(key);
        self.bytes += bytes;
        if let Some(before) = self.young.insert(key, fact) {
            self.bytes -= before.len() + ENTRY;
        }
    }
}

impl FactTable {
    /// A table over a store, or over memory alone, of facts that the code computes which `implementation` stands for.
    pub fn new(store: Option<Arc<Store>>, implementation: Digest) -> Self {
        Self { store, implementation, memory: Mutex::default() }
    }

    /// The key of the fact `kind` of a file with this digest, whose name decides how it is read by these extensions.
    pub fn key(&self, kind: &str, extensions: &str, content: Digest) -> Digest {
        let mut hasher = KeyHasher::new("webstir fact v2");
        hasher.digest(self.implementation).text(kind).text(extensions).digest(content).finish()
    }

    /// The fact under `key`, if known.
    pub fn find(&self, key: Digest) -> Option<Arc<[u8]>> {
        if let Some(fact) = self.lock().find(key) {
            return Some(fact);
        }
        // A store that cannot be read makes the fact unknown: it is computed again.
        let fact: Arc<[u8]> = Arc::from(self.store.as_ref()?.fact(key).ok().flatten()?);
        self.lock().keep(key, fact.clone());
        Some(fact)
    }

    /// Keeps a fact. A store that cannot be written to loses nothing but time.
    pub fn keep(&self, key: Digest, fact: Arc<[u8]>) {
        if let Some(store) = &self.store {
            let _ = store.put_fact(key, &fact);
        }
        self.lock().keep(key, fact);
    }

    /// The keys of the facts that this process used.
    pub fn used(&self) -> Vec<Digest> {
        self.lock().used.iter().copied().collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_of_former_texts_go_and_what_is_used_stays() {
        let table = FactTable::new(None, Digest::of(b"1"));
        let key = |edit: usize| table.key("fact", "", Digest::of(&edit.to_le_bytes()));
        let fact: Arc<[u8]> = Arc::from(vec![7; 10_000]);
        let edits = 4 * GENERATION / fact.len();
        for edit in 0..edits {
            table.keep(key(edit), fact.clone());
            assert!(table.find(key(0)).is_some(), "{edit}");
        }
        let memory = table.lock();
        let held: usize = memory.young.values().chain(memory.old.values()).map(|fact| fact.len() + ENTRY).sum();
        drop(memory);
        assert!(held <= 2 * GENERATION, "{held}");
        assert!(table.find(key(1)).is_none() && table.find(key(edits - 1)).is_some());
        assert_eq!(table.used().len(), edits);
    }
}
