//! The verbs, one a file.

mod affected;
mod build;
mod cache;
mod completions;
mod config;
mod db;
mod fix;
mod graph;
mod init;
mod inputs;
mod jobs;
mod licenses;
mod lock;
mod query;
mod release;
mod serve;
mod signals;
mod verify;
mod watch;
mod why;

use crate::Exit;
use crate::args::{Arguments, Command, FixCommand, Serve};
use crate::compose::Failure;

/// Runs the verb.
pub(crate) fn run(arguments: Arguments) -> Result<Exit, Failure> {
    let Arguments { global, command } = arguments;
    crate::report::set_colour(global.color);
    match command {
        Command::Init(init) => init::run(&global, &init),
        Command::Build(build) if build.serve => serve::run(&global, &Serve::of_build(&build.profile)),
        Command::Build(build) => build::run(&global, &build.profile, "build", &build.record),
        Command::Publish(publish) => build::run(&global, "publish", "publish", &publish.record),
        Command::Serve(serve) => serve::run(&global, &serve),
        Command::Watch(watch) => watch::run(&global, &watch),
        Command::Jobs(jobs) => jobs::run(&global, &jobs),
        Command::Db(database) => db::run(&global, &database.command),
        Command::Inputs(arguments) => inputs::run(&global, &arguments),
        Command::Fix(fix) => {
            let FixCommand::Inputs(inputs) = &fix.command;
            fix::run(&global, inputs)
        }
        Command::Verify(arguments) => verify::run(&global, &arguments),
        Command::Affected(arguments) => affected::run(&global, &arguments),
        Command::Graph(graph) => graph::run(&global, &graph),
        Command::Query(query) => query::run(&global, &query),
        Command::Why(why) => why::run(&global, &why),
        Command::Lock => lock::run(&global),
        Command::Config(config) => config::run(&global, &config),
        Command::Cache(cache) => cache::run(&global, &cache.command),
        Command::Completions(completions) => Ok(completions::run(&completions)),
        Command::Licenses(licenses) => Ok(licenses::run(&licenses)),
    }
}
