//! The one database, which is all that queries see.

use std::sync::Arc;

use crate::config::Config;
use crate::db::{Db, ResultInputs, Settings};
use crate::environment::Environment;
use crate::fact::FactTable;
use crate::file::{FileDb, Files};
use crate::machine::{Machine, ProgramDb, Programs};
use crate::plan::{PlanDb, Plans};
use crate::projection::Projection;
use crate::system::System;

/// Implements what each layer asks of a database.
#[salsa::db]
#[derive(Clone)]
pub struct Database {
    system: Arc<dyn System>,
    machine: Arc<dyn Machine>,
    files: Arc<Files>,
    programs: Arc<Programs>,
    result_inputs: Arc<ResultInputs>,
    rules: Arc<Plans>,
    facts: Arc<FactTable>,
    // Last: salsa drops its handle after everything that may refer to it.
    storage: salsa::Storage<Self>,
}

impl Database {
    /// A database that knows nothing of the world yet.
    pub fn new(
        system: Arc<dyn System>,
        machine: Arc<dyn Machine>,
        rules: Arc<Plans>,
        facts: Arc<FactTable>,
        config: Arc<Config>,
        environment: Environment,
    ) -> Self {
        Self::with_storage(system, machine, rules, facts, config, environment, salsa::Storage::default())
    }

    fn with_storage(
        system: Arc<dyn System>,
        machine: Arc<dyn Machine>,
        rules: Arc<Plans>,
        facts: Arc<FactTable>,
        config: Arc<Config>,
        environment: Environment,
        storage: salsa::Storage<Self>,
    ) -> Self {
        let database = Self {
            system,
            machine,
            files: Arc::default(),
            programs: Arc::default(),
            result_inputs: Arc::default(),
            rules,
            facts,
            storage,
        };
        // A singleton: found again through `Settings::get`.
        let _ = Settings::builder(config, Arc::new(environment)).durability(salsa::Durability::HIGH).new(&database);
        database
    }
}

#[salsa::db]
impl salsa::Database for Database {}

#[salsa::db]
impl FileDb for Database {
    fn system(&self) -> &dyn System {
        &*self.system
    }

    fn files(&self) -> &Files {
        &self.files
    }
}

#[salsa::db]
impl ProgramDb for Database {
    fn machine(&self) -> &dyn Machine {
        &*self.machine
    }

    fn programs(&self) -> &Programs {
        &self.programs
    }
}

#[salsa::db]
impl Db for Database {
    fn result_inputs(&self) -> &ResultInputs {
        &self.result_inputs
    }

    fn projection(&self, name: &str) -> Option<&Projection> {
        self.rules.projection(name)
    }

    fn facts(&self) -> &FactTable {
        &self.facts
    }
}

#[salsa::db]
impl PlanDb for Database {
    fn rules(&self) -> &Plans {
        &self.rules
    }
}
