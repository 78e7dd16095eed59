//! What queries may see.
//!
//! A [`Db`] gives a query the workspace as [answers](crate::file), programs, the [`Settings`], the finished actions as [`Slot`]s, and
//! facts by digest. System, derivations and fact table are fixed for the life of a process, so reading them needs no dependency edge.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use rustc_hash::FxHashMap;

use crate::action::{ActionKey, SharedResult};
use crate::config::Config;
use crate::derivation::Derivation;
use crate::digest::Digest;
use crate::fact::FactTable;
use crate::file::FileDb;
use crate::label::ActionLabel;
use crate::machine::ProgramDb;

/// What every query sees.
#[salsa::db]
pub trait Db: FileDb + ProgramDb {
    /// The finished actions.
    fn slots(&self) -> &Slots;
    /// The derivation of that name.
    fn derivation(&self, name: &str) -> Option<&Derivation>;
    /// Facts by digest.
    fn facts(&self) -> &FactTable;
}

/// The configuration and the environment that planning may see.
#[salsa::input(singleton, debug)]
pub struct Settings {
    /// The expanded configuration.
    #[returns(ref)]
    pub config: Arc<Config>,
    /// The allow-listed environment values that are set.
    #[returns(ref)]
    pub environment: Arc<BTreeMap<String, String>>,
}

/// What came of one action, by its label; the latest run wins.
#[salsa::input(debug)]
pub struct Slot {
    /// The action's name.
    #[returns(ref)]
    pub label: ActionLabel,
    /// The key over an empty trace, and the result.
    #[returns(ref)]
    pub done: Option<(ActionKey, SharedResult)>,
}

/// The slot of each label. Shared by every handle of one database; holds identities only.
#[derive(Debug, Default)]
pub struct Slots(Mutex<FxHashMap<ActionLabel, Slot>>);

impl Slots {
    /// The slot of `label`, made empty when it is asked for the first time.
    pub fn slot(&self, db: &dyn Db, label: &ActionLabel) -> Slot {
        let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(&slot) = slots.get(label) {
            return slot;
        }
        let slot = Slot::builder(label.clone(), None).label_durability(salsa::Durability::NEVER_CHANGE).new(db);
        slots.insert(label.clone(), slot);
        slot
    }

    /// All of them, sorted by label.
    pub fn all(&self, db: &dyn Db) -> Vec<Slot> {
        let mut all: Vec<Slot> = self.0.lock().unwrap_or_else(PoisonError::into_inner).values().copied().collect();
        all.sort_by_key(|slot| slot.label(db).clone());
        all
    }

    /// The slots whose result names a blob.
    pub fn with_artifact(&self, db: &dyn Db, digest: Digest) -> Vec<Slot> {
        let slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let names = |slot: &Slot| {
            let done = slot.done(db).as_ref();
            done.is_some_and(|(_, result)| result.artifacts.iter().any(|artifact| artifact.digest == digest))
        };
        let mut found: Vec<_> = slots.values().copied().filter(names).collect();
        found.sort_by_key(|slot| slot.label(db).clone());
        found
    }
}
