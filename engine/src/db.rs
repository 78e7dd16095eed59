//! What queries may see.
//!
//! A [`Db`] gives a query the workspace as [file inputs](crate::file), programs, the [`Settings`], the finished actions as [`ResultInput`]s, and
//! facts by digest. System, projections and fact table are fixed for the life of a process, so reading them needs no dependency edge.

use std::sync::{Arc, Mutex, PoisonError};

use rustc_hash::FxHashMap;

use crate::action::{ActionKey, SharedResult};
use crate::config::Config;
use crate::digest::Digest;
use crate::environment::Environment;
use crate::fact::FactTable;
use crate::file::FileDb;
use crate::label::ActionLabel;
use crate::machine::ProgramDb;
use crate::projection::Projection;

/// What every query sees.
#[salsa::db]
pub trait Db: FileDb + ProgramDb {
    /// The finished actions.
    fn result_inputs(&self) -> &ResultInputs;
    /// The projection of that name.
    fn projection(&self, name: &str) -> Option<&Projection>;
    /// Facts by digest.
    fn facts(&self) -> &FactTable;
}

/// The configuration and the environment that planning may see.
#[salsa::input(singleton, debug)]
pub struct Settings {
    /// The expanded configuration.
    #[returns(ref)]
    pub config: Arc<Config>,
    /// The environment, as far as the configuration names it.
    #[returns(ref)]
    pub environment: Arc<Environment>,
}

/// What came of one action, by its label; the latest run wins.
#[salsa::input(debug)]
pub struct ResultInput {
    /// The action's name.
    #[returns(ref)]
    pub label: ActionLabel,
    /// The key without discovered inputs, and the result.
    #[returns(ref)]
    pub done: Option<(ActionKey, SharedResult)>,
}

/// The result input of each label. Shared by every handle of one database; holds identities only.
#[derive(Debug, Default)]
pub struct ResultInputs(Mutex<FxHashMap<ActionLabel, ResultInput>>);

impl ResultInputs {
    /// The result input of `label`, made empty when it is asked for the first time.
    pub fn of(&self, db: &dyn Db, label: &ActionLabel) -> ResultInput {
        let mut result_inputs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(&result_input) = result_inputs.get(label) {
            return result_input;
        }
        let result_input =
            ResultInput::builder(label.clone(), None).label_durability(salsa::Durability::NEVER_CHANGE).new(db);
        result_inputs.insert(label.clone(), result_input);
        result_input
    }

    /// All of them, sorted by label.
    pub fn all(&self, db: &dyn Db) -> Vec<ResultInput> {
        let mut all: Vec<ResultInput> =
            self.0.lock().unwrap_or_else(PoisonError::into_inner).values().copied().collect();
        all.sort_by_key(|result_input| result_input.label(db).clone());
        all
    }

    /// The result inputs whose result names a blob.
    pub fn with_artifact(&self, db: &dyn Db, digest: Digest) -> Vec<ResultInput> {
        let result_inputs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let names = |result_input: &ResultInput| {
            let done = result_input.done(db).as_ref();
            done.is_some_and(|(_, result)| result.artifacts.iter().any(|artifact| artifact.digest == digest))
        };
        let mut found: Vec<_> = result_inputs.values().copied().filter(names).collect();
        found.sort_by_key(|result_input| result_input.label(db).clone());
        found
    }
}
