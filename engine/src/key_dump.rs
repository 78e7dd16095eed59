//! What one build planned.
//!
//! A [`KeyDump`] holds an [`ActionRecord`] for each action. It is bound to no machine: paths are relative, and of environment values
//! there are only digests, also where an argument holds one.

mod codec;
#[cfg(test)]
pub(crate) mod sample;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

pub use self::codec::{HEAD_BYTES, LARGEST_DUMP, decode, encode, identity, identity_of};

use serde::{Deserialize, Serialize};

use crate::action::{Action, ActionKey, KeyPart, Origin, Verdict};
use crate::config::settings::{Setting, conceal};
use crate::database::Database;
use crate::db::Settings;
use crate::digest::Digest;
use crate::discovered::DiscoveredInput;
use crate::event::Status;
use crate::file::FileDb as _;
use crate::label::ActionLabel;
use crate::path::RelPath;
use crate::plan::State;
use crate::schedule::{Report, Run};
use crate::system::FileContent;

/// One part of an action's key, see [`KeyPart`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// What stands for the code that is compiled in.
    Implementation(Digest),
    /// The package that does the work.
    Package(Digest),
    /// The program that does the work.
    Program {
        /// As it was asked for.
        name: Arc<str>,
        /// Its bytes.
        file: Digest,
        /// The interpreter that its first line names.
        interpreter: Option<Digest>,
        /// The packages that it may load.
        packages: Option<Digest>,
    },
    /// One argument; environment values in it are replaced by their digests.
    Argument(Arc<str>),
    /// The working directory.
    Directory(RelPath),
    /// The network may be used.
    Network,
    /// The name of an environment variable and the digest of its value.
    Environment(Arc<str>, Digest),
    /// One declared input.
    Input(RelPath, FileContent, Origin),
    /// One declared output.
    Output(RelPath),
    /// One file state that the workspace gave.
    DiscoveredInput(RelPath, DiscoveredInput),
}

/// Whether the result of an action is kept for the next build.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Keeping {
    /// It is, unless it failed.
    Kept,
    /// The rule says that it never is.
    Never,
    /// This one was to go on with: it read what it did not declare, or a limit cut it off.
    Provisional,
}

/// One action of a build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActionRecord {
    /// Its name. The profile is that of the dump.
    pub label: ActionLabel,
    /// How it got its result.
    pub status: Status,
    /// Its key, discovered inputs included.
    pub key: ActionKey,
    /// How long it ran.
    pub duration: Duration,
    /// Whether its result is found again.
    pub keeping: Keeping,
    /// The sandbox that a process was run in.
    pub sandbox: Option<Arc<str>>,
    /// Whether it sees the workspace through a view besides its declared inputs.
    pub discovers_inputs: bool,
    /// Whether this build could not plan it, because something below it failed: the record is from an earlier build.
    pub carried: bool,
    /// What the key is made of, in the order of [`Action::each_part`].
    pub parts: Vec<Part>,
    /// What it made.
    pub artifacts: Vec<(RelPath, Digest)>,
}

impl ActionRecord {
    /// Its declared inputs.
    pub fn inputs(&self) -> impl Iterator<Item = (&RelPath, FileContent, Origin)> {
        self.parts.iter().filter_map(|part| match part {
            Part::Input(path, content, origin) => Some((path, *content, *origin)),
            _ => None,
        })
    }

    /// The file states that the workspace gave it.
    pub fn discovered_inputs(&self) -> impl Iterator<Item = (&RelPath, &DiscoveredInput)> {
        self.parts.iter().filter_map(|part| match part {
            Part::DiscoveredInput(path, input) => Some((path, input)),
            _ => None,
        })
    }

    /// Whether everything but the file states of the workspace is the same.
    pub fn is_planned_as(&self, other: &Self) -> bool {
        let declared = |action: &Self| -> Vec<Part> {
            action.parts.iter().filter(|part| !matches!(part, Part::DiscoveredInput(..))).cloned().collect()
        };
        declared(self) == declared(other)
    }

    /// Whether it ran, well or not.
    pub fn ran(&self) -> bool {
        !self.carried && matches!(self.status, Status::Ran | Status::Failed)
    }
}

/// What one build planned and how it went.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KeyDump {
    /// The version of the program that made it.
    pub program: Arc<str>,
    /// The profile that was built.
    pub profile: Arc<str>,
    /// The environment values that planning may see, by name; sorted.
    pub environment: Vec<(Arc<str>, Digest)>,
    /// The configuration, sorted.
    pub settings: Vec<Setting>,
    /// The files that planning read, sorted.
    pub files: Vec<(RelPath, Digest)>,
    /// The actions, sorted by label.
    pub actions: Vec<ActionRecord>,
}

impl KeyDump {
    /// What `run` planned in `database`. Actions of `earlier` that this run could not plan are carried over.
    pub fn new(run: &Run, database: &Database, profile: &str, program: &str, earlier: Option<&Self>) -> Self {
        let settings = Settings::get(database);
        let environment = settings.environment(database);
        let secrets = Secrets::new(&environment.values);
        let mut names: Vec<(Arc<str>, Digest)> = environment
            .values
            .iter()
            .map(|(name, value)| (Arc::from(&**name), conceal(value)))
            .chain(environment.secrets.iter().map(|(name, digest)| (Arc::from(&**name), *digest)))
            .collect();
        names.sort();
        let mut reports = run.reports.iter().map(|report| (&report.label, report)).collect::<BTreeMap<_, _>>();
        let mut actions: Vec<ActionRecord> = Vec::with_capacity(reports.len());
        for step in run.plans.values().flat_map(|plan| plan.steps.iter()) {
            if let Some(report) = reports.remove(&step.action.label) {
                let result = step.result.as_deref();
                let discovered = result.map_or(&[][..], |result| &result.discovered);
                let mut record = record(&step.action, report, discovered, &secrets);
                let artifacts = result.into_iter().flat_map(|result| result.artifacts.iter());
                if result.is_some_and(|result| result.verdict == Verdict::Uncacheable) {
                    record.keeping = Keeping::Provisional;
                }
                let sandbox = result.and_then(|result| result.sandbox.as_ref());
                record.sandbox = sandbox.map(|sandbox| Arc::from(&*sandbox.name));
                record.artifacts = artifacts.map(|artifact| (artifact.path.clone(), artifact.digest)).collect();
                actions.push(record);
            }
        }
        actions.sort_by(|a, b| a.label.cmp(&b.label));
        if let Some(earlier) = earlier.filter(|_| !run.is_done()) {
            let carried: Vec<_> = earlier
                .actions
                .iter()
                .filter(|old| actions.binary_search_by(|action| action.label.cmp(&old.label)).is_err())
                .filter(|old| run.plans.get(&old.label.rule).is_some_and(|plan| plan.state != State::Done))
                .map(|old| ActionRecord { carried: true, ..old.clone() })
                .collect();
            actions.extend(carried);
            actions.sort_by(|a, b| a.label.cmp(&b.label));
        }
        Self {
            program: Arc::from(program),
            profile: Arc::from(profile),
            environment: names,
            settings: settings.config(database).settings(profile),
            files: database.files().contents(database),
            actions,
        }
    }

    /// The action of that name.
    pub fn action(&self, label: &ActionLabel) -> Option<&ActionRecord> {
        self.actions.binary_search_by(|action| action.label.cmp(label)).ok().map(|index| &self.actions[index])
    }

    /// The digest of a file that planning read.
    pub fn file(&self, path: &RelPath) -> Option<Digest> {
        self.files.binary_search_by(|(file, _)| file.cmp(path)).ok().map(|index| self.files[index].1)
    }
}

fn record(
    action: &Action,
    report: &Report,
    discovered: &[(RelPath, DiscoveredInput)],
    secrets: &Secrets,
) -> ActionRecord {
    let mut parts = Vec::with_capacity(4 + action.inputs.len() + discovered.len());
    action.each_part(discovered, &mut |part| {
        parts.push(match part {
            KeyPart::Kind(_, implementation) => Part::Implementation(implementation),
            KeyPart::Package(digest) => Part::Package(digest),
            KeyPart::Program(program) => Part::Program {
                name: Arc::from(&*program.wanted.name),
                file: program.file,
                interpreter: program.interpreter,
                packages: program.packages,
            },
            KeyPart::Argument(argument) => Part::Argument(secrets.conceal(argument)),
            KeyPart::Directory(path) => Part::Directory(path.clone()),
            KeyPart::Network => Part::Network,
            KeyPart::Environment(name, value) => Part::Environment(Arc::from(name), conceal(value)),
            KeyPart::Secret(name, digest) => Part::Environment(Arc::from(name), digest),
            KeyPart::Input(input) => Part::Input(input.path.clone(), input.content(), input.origin),
            KeyPart::Output(path) => Part::Output(path.clone()),
            KeyPart::DiscoveredInput(path, input) => Part::DiscoveredInput(path.clone(), input.clone()),
        });
    });
    ActionRecord {
        label: report.label.clone(),
        status: report.status,
        key: report.key,
        duration: report.duration,
        keeping: if action.cacheable { Keeping::Kept } else { Keeping::Never },
        discovers_inputs: action.discovers_inputs,
        sandbox: None,
        carried: false,
        parts,
        artifacts: Vec::new(),
    }
}

/// The environment values that may stand in arguments, with what stands for each in a dump.
struct Secrets {
    /// What is replaced wherever it stands, the longest first: a value may be part of another.
    inner: Vec<(String, String)>,
    /// What is replaced when it is a whole argument.
    whole: Vec<(String, String)>,
}

/// Shorter values are found by their quotes, or every `1` would be taken for one.
const LONG_ENOUGH: usize = 6;

impl Secrets {
    fn new(environment: &BTreeMap<String, String>) -> Self {
        let mut inner = Vec::new();
        let mut whole = Vec::new();
        for (name, value) in environment.iter().filter(|(_, value)| !value.is_empty()) {
            let stand_in = format!("${name}:{}", &conceal(value).to_hex()[..12]);
            whole.push((value.clone(), stand_in.clone()));
            let once = escaped(value);
            for form in [escaped(&once), once, value.clone()] {
                if form.len() >= LONG_ENOUGH {
                    inner.push((form, stand_in.clone()));
                } else {
                    for quote in ["\\\"", "\""] {
                        inner.push((format!("{quote}{form}{quote}"), format!("{quote}{stand_in}{quote}")));
                    }
                }
            }
        }
        inner.sort_by(|a, b| b.0.len().cmp(&a.0.len()).then_with(|| a.cmp(b)));
        inner.dedup();
        Self { inner, whole }
    }

    fn conceal(&self, argument: &str) -> Arc<str> {
        if let Some((_, stand_in)) = self.whole.iter().find(|(value, _)| value == argument) {
            return Arc::from(&**stand_in);
        }
        let mut concealed: Option<String> = None;
        for (value, stand_in) in &self.inner {
            let text = concealed.as_deref().unwrap_or(argument);
            if text.contains(value.as_str()) {
                concealed = Some(text.replace(value.as_str(), stand_in));
            }
        }
        concealed.map_or_else(|| Arc::from(argument), Arc::from)
    }
}

/// A text as it stands in JSON, without the quotes.
fn escaped(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_the_environment_are_not_kept() {
        let environment = BTreeMap::from([
            ("TOKEN".to_owned(), "s3cr3t \"quoted\"".to_owned()),
            ("FLAG".to_owned(), "on".to_owned()),
        ]);
        let secrets = Secrets::new(&environment);
        let json = serde_json::json!({"define": {"TOKEN": serde_json::json!("s3cr3t \"quoted\"").to_string(), "FLAG": "\"on\""}, "on": 1, "none": "only"});
        let concealed = secrets.conceal(&json.to_string());
        assert!(!concealed.contains("s3cr3t"), "{concealed}");
        assert!(!concealed.contains("\\\"on\\\""), "{concealed}");
        assert!(concealed.contains("$TOKEN:") && concealed.contains("$FLAG:") && concealed.contains("only"));
        assert!(serde_json::from_str::<serde_json::Value>(&concealed).is_ok(), "{concealed}");
    }
}
