//! Reports for CI: `--report FORMAT[=FILE]`.
//!
//! [`Reports`] says which ones a build writes: those that were asked for, or what the system that runs it reads by itself. Each format is
//! a function from a [`Story`], a build with its findings at their places below the repository, to a text. Nothing in it is absolute:
//! [`Private`] takes the places of this machine out of what tools said.

mod github;
mod gitlab;
mod junit;
mod located;
mod private;
mod sarif;
mod section;
mod summary;

use std::io::{self, Write as _};
use std::path::Path;

use webstir_engine::diagnostic::Severity;
use webstir_engine::label::Label;
use webstir_engine::plan::State;

use self::located::Located;
use self::private::Private;
pub(crate) use self::section::{Host, Section};
use super::{story, terminal};
use crate::args::{Global, ReportArgument, ReportFormat};
use crate::compose::{Built, Failure};
use crate::hidden;

/// What of a build is told.
struct Story<'a> {
    /// `build` or `publish`.
    verb: &'a str,
    built: &'a Built,
    /// The findings, in their order.
    findings: &'a [Located<'a>],
    /// Where `webstir.kdl`, or what stands for it, lies in the repository.
    configuration: String,
    /// The place of the workspace in the repository; empty, or with a slash at its end.
    prefix: &'a str,
    private: &'a Private,
}

/// The reports of one build.
pub(crate) struct Reports<'a> {
    asked: &'a [ReportArgument],
    /// Where sections and annotations are read.
    host: Option<Host>,
    verb: &'a str,
    profile: &'a str,
    /// When it began, in UTC.
    started: jiff::Timestamp,
}

impl<'a> Reports<'a> {
    /// Decides on reports, before anything is done for them.
    pub(crate) fn start(
        asked: &'a [ReportArgument],
        global: &Global,
        verb: &'a str,
        profile: &'a str,
    ) -> Result<Self, Failure> {
        let to_stdout: Vec<_> = asked.iter().filter(|report| report.file.is_none()).collect();
        if let [first, second, ..] = to_stdout[..] {
            let (first, second) = (first.format.as_str(), second.format.as_str());
            return Err(Failure::new(format!("`--report {first}` and `--report {second}` cannot both be on stdout"))
                .with_help(format!("Name a file for one of them: `--report {second}=FILE`")));
        }
        if let (true, Some(first)) = (global.json, to_stdout.first()) {
            let first = first.format.as_str();
            return Err(Failure::new(format!("`--report {first}` and `--json` cannot both be on stdout"))
                .with_help(format!("Name a file for the report: `--report {first}=FILE`")));
        }
        for (index, report) in asked.iter().enumerate() {
            let Some(path) = &report.file else { continue };
            if asked[..index].iter().any(|earlier| earlier.file.as_ref() == Some(path)) {
                return Err(Failure::new(format!("Two reports cannot both be in `{}`", path.display())));
            }
            // Found out before the work, not after it. What an earlier build wrote there is not taken for a report of this one.
            std::fs::File::create(path).map_err(unwritable(path))?;
        }
        Ok(Self { host: Host::of(asked), asked, verb, profile, started: jiff::Timestamp::now() })
    }

    /// Whether a report is the result on stdout.
    pub(crate) fn take_stdout(&self) -> bool {
        self.asked.iter().any(|report| report.file.is_none())
    }

    /// Who reads the log, when it is not a person alone.
    pub(crate) fn host(&self) -> Option<Host> {
        self.host
    }

    /// Writes them all.
    pub(crate) fn finish(&self, built: &Built, global: &Global) -> Result<(), Failure> {
        // Reading files for places is for those who want places.
        if self.asked.is_empty() && self.host != Some(Host::GitHub) {
            return Ok(());
        }
        let repository = section::repository(&built.workspace.root);
        let prefix = located::prefix(&built.workspace.root, &repository);
        let private = Private::new(&built.workspace.root, &repository);
        let findings = located::located(built, &prefix, &private);
        let configuration = format!("{prefix}{}", located::configuration(&built.workspace.root));
        let told =
            Story { verb: self.verb, built, findings: &findings, configuration, prefix: &prefix, private: &private };
        let annotations = || github::annotations(&told, terminal::least_shown(global), terminal::most_shown(50));
        for report in self.asked {
            let text = match report.format {
                ReportFormat::Sarif => sarif::document(&told),
                ReportFormat::Junit => junit::document(&told, self.started),
                ReportFormat::Github => annotations(),
                ReportFormat::Gitlab => gitlab::document(&told, Severity::Warning),
            };
            write(report, &text)?;
        }
        if self.host != Some(Host::GitHub) {
            return Ok(());
        }
        let is_asked = self.asked.iter().any(|report| report.format == ReportFormat::Github);
        if !is_asked {
            // The runner reads both streams; stdout is the result.
            annotations().lines().for_each(story);
        }
        match append_summary(&told) {
            Err(failure) if !is_asked => story(&failure.in_full()),
            written => written?,
        }
        Ok(())
    }

    /// Writes that there is nothing to report, so that nobody waits for a report. The failure itself is told on stderr.
    pub(crate) fn fail(&self) {
        for report in self.asked {
            let text = match report.format {
                ReportFormat::Sarif => sarif::failed(),
                ReportFormat::Junit => junit::failed(self.verb, self.profile, self.started),
                ReportFormat::Github => github::failed(self.verb),
                ReportFormat::Gitlab => gitlab::EMPTY.to_owned(),
            };
            // Best effort: the build has failed as it is.
            let _ = write(report, &text);
        }
    }
}

/// The rules of which nothing was planned, since something below them failed.
fn unreached(built: &Built) -> impl Iterator<Item = &Label> {
    let plans = built.run.iter().flat_map(|run| &run.plans);
    let unreached =
        plans.filter(|(_, plan)| plan.state == State::Failed && plan.steps.is_empty() && plan.diagnostics.is_empty());
    unreached.map(|(rule, _)| rule)
}

fn write(report: &ReportArgument, text: &str) -> Result<(), Failure> {
    match &report.file {
        None => super::result(text),
        Some(path) => std::fs::write(path, hidden::text(text).as_bytes()).map_err(unwritable(path))?,
    }
    Ok(())
}

/// Adds to the page of the job, when there is one.
fn append_summary(told: &Story<'_>) -> Result<(), Failure> {
    let Some(path) = section::variable("GITHUB_STEP_SUMMARY") else { return Ok(()) };
    let mut options = std::fs::OpenOptions::new();
    let written = options.append(true).create(true).open(&path).and_then(|mut file| {
        file.write_all(hidden::text(&summary::markdown(told)).as_bytes())?;
        file.flush()
    });
    written.map_err(|error| Failure::because("The summary of the job (`GITHUB_STEP_SUMMARY`) cannot be written", error))
}

fn unwritable(path: &Path) -> impl FnOnce(io::Error) -> Failure {
    let path = path.display().to_string();
    move |error| {
        Failure::because(format!("The report `{path}` cannot be written"), error)
            .with_help("Name a file in a directory that exists and can be written to")
    }
}
