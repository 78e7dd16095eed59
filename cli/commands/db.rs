//! `webstir db`.

use std::sync::Arc;

use serde_json::json;
use tracing::Level;
use webstir_runtime::migrations::{MigrationError, MigrationEvent, Status};
use webstir_runtime::{LogSettings, Migrator, TaskOptions};

use super::release::{self, Source};
use super::signals::Signals;
use crate::Exit;
use crate::args::{DatabaseArguments, DatabaseCommand, Global};
use crate::compose::{Failure, workspace_root};
use crate::report;

pub(super) fn run(global: &Global, command: &DatabaseCommand) -> Result<Exit, Failure> {
    let common = command.common();
    let root = workspace_root(global)?;
    let environment = release::environment(&root, &common.release)?;
    let runtime = release::threads()?;
    let signals = Signals::listen(&runtime)?;
    let source = Source::choose(global, &common.release, &root, &signals.cancelled)?;
    let Some(release) = source.release()? else { return Ok(Exit::Failed) };
    if !global.json {
        release::start_log(&common.release, &LogSettings::from_environment(&environment));
    }
    let quiet = global.quiet;
    let listener = Arc::new(move |event: &MigrationEvent| match event.level() {
        Level::ERROR | Level::WARN => report::story(&event.to_string()),
        _ if quiet => {}
        _ => report::result(&format!("{event}\n")),
    });
    let options = TaskOptions { engine: release::engine(&common.release), limit: common.timeout };
    let stopping = signals.stopping().wait();
    let done = runtime.block_on(async {
        let work = async {
            let migrator = Migrator::load(&release, &environment, &options, listener).await?;
            execute(global, command, &migrator).await
        };
        tokio::select! {
            done = work => done,
            signal = stopping => {
                report::story(&format!("[migrate] received {signal}; what was not finished was rolled back."));
                Ok(Exit::Failed)
            }
        }
    });
    // A script that cannot be interrupted is left behind; a transaction ends with its connection.
    runtime.shutdown_background();
    match done {
        Ok(exit) => Ok(exit),
        Err(error) if error.is_of_the_world() => {
            Err(Failure::of(error).with_help("Check `DATABASE_URL` in the environment or in `.env`"))
        }
        Err(error) => {
            report::story(&format!("[migrate] {error}"));
            report::terminal::causes_of(&error).for_each(|cause| report::story(&cause));
            Ok(Exit::Failed)
        }
    }
}

impl DatabaseCommand {
    fn common(&self) -> &DatabaseArguments {
        match self {
            Self::List(common) | Self::Status(common) => common,
            Self::Migrate(migrate) => &migrate.common,
            Self::Rollback(rollback) => &rollback.common,
        }
    }
}

async fn execute(global: &Global, command: &DatabaseCommand, migrator: &Migrator) -> Result<Exit, MigrationError> {
    match command {
        DatabaseCommand::List(_) => list(global, migrator),
        DatabaseCommand::Status(_) => status(global, &migrator.status().await?),
        DatabaseCommand::Migrate(migrate) if migrate.dry_run => {
            let pending = migrator.status().await?.pending;
            if pending.is_empty() {
                report::result("[migrate] Database is up to date.\n");
            }
            for id in pending.iter().take(migrate.steps.map_or(usize::MAX, Into::into)) {
                report::result(&format!("[migrate] Would apply {id}\n"));
            }
        }
        DatabaseCommand::Migrate(migrate) => drop(migrator.migrate(migrate.steps).await?),
        DatabaseCommand::Rollback(rollback) => drop(migrator.rollback(rollback.steps).await?),
    }
    Ok(Exit::Done)
}

fn list(global: &Global, migrator: &Migrator) {
    let all = migrator.all();
    if global.json {
        let all: Vec<_> = all.iter().map(|each| json!({ "id": each.id, "down": each.has_down })).collect();
        return report::result(&report::json::document(&all));
    }
    if all.is_empty() {
        return report::result("[migrate] No migrations found.\n");
    }
    report::result("[migrate] Available migrations:\n");
    for migration in all {
        let suffix = if migration.has_down { "" } else { " (no down)" };
        report::result(&format!("- {}{suffix}\n", migration.id));
    }
}

fn status(global: &Global, status: &Status) {
    if global.json {
        return report::result(&report::json::document(status));
    }
    let Status { table, applied, pending, missing } = status;
    let mut text = format!(
        "[migrate] Status for {table}:\nApplied: {}\nPending: {}\n",
        applied.len() + missing.len(),
        pending.len()
    );
    text.extend(pending.iter().map(|id| format!("- pending {id}\n")));
    if !missing.is_empty() {
        text.push_str("Applied records without local migration files:\n");
        text.extend(missing.iter().map(|id| format!("- missing {id}\n")));
    }
    report::result(&text);
}
