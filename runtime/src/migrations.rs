//! Migrations: changes of a database that are made once, in order, and can be taken back.
//!
//! A *migration* is a task with a function `up`, and perhaps `down`. Those that were made have a *record* in a table of the
//! database itself. Each is made in one transaction together with its record, on one connection, by whoever holds the *lock*:
//! the write lock of SQLite, an advisory lock in PostgreSQL. What others did is looked up under it, so that several processes may
//! migrate at once.

mod error;
mod event;
mod ledger;

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;

use futures_util::{StreamExt as _, TryStreamExt as _};
use serde_json::json;

use crate::application::Release;
use crate::environment::Environment;
use crate::host::HostedModule;
use crate::task::{TaskOptions, TaskRunner};

pub use error::{Cause, MigrationError};
pub use event::MigrationEvent;
use ledger::{Ledger, Records};

/// Loaded at once, each in a host of its own.
const LOADED_AT_ONCE: usize = 4;

/// Who hears of what happens.
pub type Listener = Arc<dyn Fn(&MigrationEvent) + Send + Sync>;

/// The migrations of a release and the database that they are for.
pub struct Migrator {
    runner: TaskRunner,
    /// In the order of their files.
    migrations: Vec<Migration>,
    ledger: Ledger,
    listener: Listener,
}

/// A migration of the workspace.
#[derive(Debug, Clone)]
pub struct Migration {
    /// What its record is found by.
    pub id: String,
    pub has_down: bool,
    module: HostedModule,
}

/// What was done and what is to do.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Status {
    /// The table of the records.
    pub table: String,
    /// Made, and still in the workspace, in the order of the files.
    pub applied: Vec<String>,
    /// To be made, in order.
    pub pending: Vec<String>,
    /// Made, and no longer in the workspace.
    pub missing: Vec<String>,
}

/// Which way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    Up,
    Down,
}

impl Migrator {
    /// Loads every migration; one that cannot be loaded is an error, for those after it may need it.
    pub async fn load(
        release: &Release,
        environment: &Environment,
        options: &TaskOptions,
        listener: Listener,
    ) -> Result<Self, MigrationError> {
        let ledger = Ledger::new(environment, options.limit)?;
        let runner = TaskRunner::new(release, environment, options);
        let loading = futures_util::stream::iter(release.tasks.migrations.iter().cloned());
        let loading = loading.map(|module| describe(&runner, module)).buffered(LOADED_AT_ONCE);
        let described: Vec<Described> = loading.try_collect().await?;
        let mut migrations = Vec::new();
        let mut files: BTreeMap<String, usize> = BTreeMap::new();
        for Described { migration, has_up } in described {
            *files.entry(migration.id.clone()).or_default() += 1;
            if has_up {
                migrations.push(migration);
            } else {
                listener(&MigrationEvent::NoUp { id: migration.id });
            }
        }
        let duplicates: Vec<String> = files.into_iter().filter(|(_, files)| *files > 1).map(|(id, _)| id).collect();
        if !duplicates.is_empty() {
            return Err(MigrationError::Duplicates { ids: duplicates });
        }
        Ok(Self { runner, migrations, ledger, listener })
    }

    /// In the order of their files.
    pub fn all(&self) -> &[Migration] {
        &self.migrations
    }

    /// Looks at the records; makes their table when there is none.
    pub async fn status(&self) -> Result<Status, MigrationError> {
        let records = self.ledger.open().await?;
        let made = records.ids().await?;
        records.commit().await?;
        self.ledger.close().await;
        Ok(self.compare(&made))
    }

    fn compare(&self, made: &[String]) -> Status {
        let known: BTreeSet<&str> = self.migrations.iter().map(|migration| migration.id.as_str()).collect();
        let (applied, pending) = self.ids().partition(|id| made.contains(id));
        let missing = made.iter().filter(|id| !known.contains(id.as_str())).cloned().collect();
        Status { table: self.ledger.table().to_owned(), applied, pending, missing }
    }

    fn ids(&self) -> impl Iterator<Item = String> {
        self.migrations.iter().map(|migration| migration.id.clone())
    }

    /// Makes those that are pending, at most `steps` of them; gives how many.
    pub async fn migrate(&self, steps: Option<NonZeroUsize>) -> Result<usize, MigrationError> {
        let mut made = 0;
        while steps.is_none_or(|steps| made < steps.get()) {
            let records = self.ledger.open().await?;
            let pending = self.compare(&records.ids().await?).pending;
            let next = self.migrations.iter().find(|migration| pending.first() == Some(&migration.id));
            let Some(next) = next else {
                records.commit().await?;
                break;
            };
            (self.listener)(&MigrationEvent::Applying { id: next.id.clone() });
            self.change(next, Direction::Up, records).await?;
            made += 1;
        }
        if made == 0 {
            (self.listener)(&MigrationEvent::UpToDate);
        }
        self.ledger.close().await;
        Ok(made)
    }

    /// Takes back those that were made last, newest first: at most `steps` of them, or all. Gives how many.
    pub async fn rollback(&self, steps: Option<NonZeroUsize>) -> Result<usize, MigrationError> {
        let records = self.ledger.open().await?;
        let ids = self.newest_first(&records).await?;
        records.commit().await?;
        let mut reverted = 0;
        for id in ids.into_iter().take(steps.map_or(usize::MAX, NonZeroUsize::get)) {
            let Some(migration) = self.migrations.iter().find(|migration| migration.id == id) else {
                (self.listener)(&MigrationEvent::NoFile { id });
                continue;
            };
            if !migration.has_down {
                (self.listener)(&MigrationEvent::NoDown { id });
                continue;
            }
            let records = self.ledger.open().await?;
            // Somebody else may have been faster.
            if !records.ids().await?.contains(&id) {
                records.commit().await?;
                continue;
            }
            (self.listener)(&MigrationEvent::Reverting { id: id.clone() });
            self.change(migration, Direction::Down, records).await?;
            reverted += 1;
        }
        if reverted == 0 {
            (self.listener)(&MigrationEvent::NothingToRevert);
        }
        self.ledger.close().await;
        Ok(reverted)
    }

    /// c16: within one stamp the order of the files decides, in which they were made.
    async fn newest_first(&self, records: &Records) -> Result<Vec<String>, MigrationError> {
        let place = |id: &str| self.migrations.iter().position(|migration| migration.id == id);
        let mut stamped = records.stamped().await?;
        stamped.sort_by(|(a, at), (b, bt)| (at, place(a), a).cmp(&(bt, place(b), b)));
        Ok(stamped.into_iter().rev().map(|(id, _)| id).collect())
    }

    /// Runs it and changes its record, both or neither.
    async fn change(
        &self,
        migration: &Migration,
        direction: Direction,
        records: Records,
    ) -> Result<(), MigrationError> {
        let result = self.run_whole(migration, direction, &records).await;
        let result = match result {
            Ok(()) => records.commit().await.map_err(Cause::from),
            Err(cause) => {
                records.rollback().await;
                Err(cause)
            }
        };
        result.map_err(|source| MigrationError::Failed { id: migration.id.clone(), direction, source })
    }

    /// All that is done before the commit.
    async fn run_whole(&self, migration: &Migration, direction: Direction, records: &Records) -> Result<(), Cause> {
        // What was broken before is not the migration's. Where that cannot be told, all of it counts.
        let broken = records.broken_references().await.unwrap_or_default();
        self.run(migration, direction, records).await?;
        let breaks = records.broken_references().await?;
        if let Some(reference) = breaks.into_iter().find(|reference| !broken.contains(reference)) {
            return Err(reference.into());
        }
        records.change(&migration.id, direction).await?;
        Ok(())
    }

    /// In the transaction of the records.
    async fn run(&self, migration: &Migration, direction: Direction, records: &Records) -> Result<(), Cause> {
        let task = self.runner.load(&migration.module).await?;
        let call = self.runner.calls().open_in(records.transaction());
        let name = if direction == Direction::Up { "up" } else { "down" };
        let result = task.call(&json!({ "op": "migrate", "direction": name, "call": call.id() })).await;
        task.close().await;
        Ok(result?)
    }
}

struct Described {
    migration: Migration,
    has_up: bool,
}

async fn describe(runner: &TaskRunner, module: HostedModule) -> Result<Described, MigrationError> {
    let file = module.name().to_owned();
    let unloadable = |error| MigrationError::Load { file, source: Cause::Task(error) };
    let task = runner.load(&module).await.map_err(unloadable)?;
    let description = task.description.clone();
    task.close().await;
    let stem = Path::new(module.name()).file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let id = description.id.filter(|id| !id.trim().is_empty()).unwrap_or(stem);
    let migration = Migration { id, has_down: description.has_down, module };
    Ok(Described { migration, has_up: description.has_up })
}
