//! `webstir verify`: whether what actions give follows from what they declare.

mod difference;
mod trials;

use std::collections::BTreeSet;

use serde_json::{Value, json};
use webstir_engine::action::Action;
use webstir_engine::label::ActionLabel;
use webstir_engine::path::RelPath;
use webstir_process::{Factor, Ran, Surroundings, Unchanged};

use self::difference::{Excerpts, Part, excerpts};
use self::trials::{Cause, Difference, Subject, differences};
use crate::Exit;
use crate::args::{Global, Sample, Verify};
use crate::cancellation::cancellation;
use crate::compose::{Built, Failure, Session, Workspace};
use crate::report;
use crate::report::progress::Progress;

pub(super) fn run(global: &Global, verify: &Verify) -> Result<Exit, Failure> {
    let workspace = Workspace::open(global)?;
    check_rules(&workspace, verify)?;
    let progress = Progress::new(global);
    let session = Session::start(workspace, global, &verify.profile, progress.sink(), cancellation()?);
    let verified = session.and_then(|mut session| {
        let built = session.build()?;
        let verified = if built.ok { Some(verified(&session, &built, verify)?) } else { None };
        Ok((built, verified))
    });
    progress.finish();
    let (built, verified) = verified?;
    let Some(verified) = verified else {
        report::terminal::findings(&built.diagnostics, &built.workspace.system, report::terminal::least_shown(global));
        return Ok(if built.world_failed { Exit::WorldFailed } else { Exit::Failed });
    };
    if global.json {
        report::result(&report::json::document(&verified.document(&verify.profile)));
    } else {
        report::result(&verified.text());
        if !global.quiet {
            verified.story().iter().for_each(|line| report::story(line));
        }
    }
    Ok(if verified.told.is_empty() { Exit::Done } else { Exit::Failed })
}

/// Refuses names that no rule of the profile has.
fn check_rules(workspace: &Workspace, verify: &Verify) -> Result<(), Failure> {
    let labels: Vec<_> = workspace.config.rules_in(&verify.profile).map(|rule| rule.label().clone()).collect();
    let is_there = |wanted: &&String| labels.iter().any(|label| is_named(&label.to_string(), label.name(), wanted));
    match verify.rules.iter().find(|wanted| !is_there(wanted)) {
        None => Ok(()),
        Some(wanted) => {
            let names: Vec<String> = labels.iter().map(|label| format!("`{label}`")).collect();
            let message = format!("There is no rule `{wanted}` in the profile `{}`", verify.profile);
            Err(Failure::new(message).with_help(format!("The rules of the profile are {}", names.join(", "))))
        }
    }
}

fn is_named(label: &str, name: &str, wanted: &str) -> bool {
    wanted == label || wanted == name
}

/// What came of it.
struct Summary {
    /// How many actions depend on nothing else, and how many were tried.
    same: usize,
    tried: usize,
    /// How many actions there are.
    actions: usize,
    told: Vec<Told>,
    unchanged: Vec<Unchanged>,
    all: Surroundings,
}

/// A difference with what is told of it.
struct Told {
    label: ActionLabel,
    may_use_network: bool,
    part: Part,
    cause: Cause,
    excerpts: Excerpts,
}

fn verified(session: &Session, built: &Built, verify: &Verify) -> Result<Summary, Failure> {
    let run = built.run.iter();
    let steps = run.flat_map(|run| run.plans.iter()).filter(|(label, _)| {
        verify.rules.is_empty() || verify.rules.iter().any(|wanted| is_named(&label.to_string(), label.name(), wanted))
    });
    let steps = steps.flat_map(|(_, plan)| &plan.steps);
    let mut subjects: Vec<Subject> =
        steps.filter_map(|step| Some(Subject { action: step.action.clone(), before: step.result.clone()? })).collect();
    let actions = subjects.len();
    if let Some(sample) = verify.sample {
        subjects = sampled(subjects, sample);
    }
    let (mut all, mut unchanged) = session.changeable()?;
    let differences = differences(session, &subjects, all)?;
    let ran = session.ran();
    if let Some(why) = ran.and_then(|Ran { why_not_observed, .. }| why_not_observed) {
        unchanged.push(Unchanged { what: Factor::ParallelOrder.name(), why });
        all = all.without(Factor::ParallelOrder);
    }
    let different: BTreeSet<&ActionLabel> = differences.iter().map(|difference| &difference.action.label).collect();
    let same = subjects.len() - different.len();
    let told = differences.iter().map(|difference| tell(session, difference)).collect::<Result<_, _>>()?;
    Ok(Summary { same, tried: subjects.len(), actions, told, unchanged, all })
}

/// The actions whose keys are in the sample, or else the one with the least.
fn sampled(subjects: Vec<Subject>, sample: Sample) -> Vec<Subject> {
    let number = |subject: &Subject| {
        let key = subject.action.key(&[]);
        key.0.as_bytes().first_chunk().copied().map_or(0, u64::from_le_bytes)
    };
    let (within, mut others): (Vec<_>, Vec<_>) = subjects.into_iter().partition(|subject| sample.has(number(subject)));
    if !within.is_empty() {
        return within;
    }
    others.sort_by_key(|subject| Sample::rank(number(subject)));
    others.truncate(1);
    others
}

fn tell(session: &Session, difference: &Difference) -> Result<Told, Failure> {
    let Difference { action, part, cause, first, second } = difference;
    let bytes = |artifact: &_| session.artifact(artifact).map(Option::unwrap_or_default);
    Ok(Told {
        label: action.label.clone(),
        may_use_network: may_use_network(action),
        part: part.clone(),
        cause: *cause,
        excerpts: excerpts(part, first, second, bytes)?,
    })
}

fn may_use_network(action: &Action) -> bool {
    action.process().is_some_and(|process| process.isolation.network)
}

impl Summary {
    fn text(&self) -> String {
        self.told.iter().map(|told| told.text(self.all)).collect()
    }

    fn story(&self) -> Vec<String> {
        let unchanged =
            self.unchanged.iter().map(|Unchanged { what, why }| format!("not perturbed here: {what} ({why})"));
        let sampled = if self.tried < self.actions { format!(" ({} there are)", self.actions) } else { String::new() };
        let summary = match self.tried - self.same {
            0 => format!("[webstir] {} verified{sampled}", count(self.same)),
            differing => format!("[webstir] {} verified, {differing} not{sampled}", count(self.same)),
        };
        unchanged.chain([summary]).collect()
    }

    fn document(&self, profile: &str) -> Value {
        let differences: Vec<Value> = self.told.iter().map(Told::document).collect();
        let unchanged: Vec<Value> =
            self.unchanged.iter().map(|Unchanged { what, why }| json!({"what": what, "why": why})).collect();
        json!({
            "ok": self.told.is_empty(),
            "profile": profile,
            "actions": self.actions,
            "tried": self.tried,
            "verified": self.same,
            "perturbed": self.all.changed().map(Factor::as_str).collect::<Vec<_>>(),
            "notPerturbed": unchanged,
            "differences": differences,
        })
    }
}

fn count(actions: usize) -> String {
    if actions == 1 { "1 action".to_owned() } else { format!("{actions} actions") }
}

impl Told {
    fn text(&self, all: Surroundings) -> String {
        // Where it cannot be changed it is another one each time.
        let number = if all.changes(Factor::ProcessId) { "" } else { ", process id" };
        let chance = format!("clock, randomness{number}");
        let when = match self.cause {
            Cause::Factor(factor) => format!("when {} changes", factor.name()),
            Cause::Together => "when several things change at once".to_owned(),
            Cause::Runs => format!("from run to run ({chance} or order of parallel work)"),
            Cause::Before => {
                format!("from what the build gave ({chance}, order of parallel work, or how its tree was made)")
            }
        };
        let what = match (&self.part, self.excerpts.byte) {
            (Part::Outcome, _) => "whether it succeeds".to_owned(),
            (Part::Findings, _) => "its findings".to_owned(),
            (Part::File(path), Some(byte)) => format!("{path}, byte {byte}"),
            (Part::File(path), None) => path.to_string(),
        };
        let network = if self.may_use_network { "; it may use the network" } else { "" };
        let Excerpts { first, second, .. } = &self.excerpts;
        format!("{} differs {when}: {what}{network}\n  {first}\n  {second}\n", self.label)
    }

    fn document(&self) -> Value {
        let (kind, path) = match &self.part {
            Part::Outcome => ("outcome", None),
            Part::Findings => ("findings", None),
            Part::File(path) => ("file", Some(path)),
        };
        let factor = match self.cause {
            Cause::Factor(factor) => factor.as_str(),
            Cause::Together => "several",
            Cause::Runs => "run",
            Cause::Before => "before",
        };
        json!({
            "label": self.label.to_string(),
            "factor": factor,
            "kind": kind,
            "path": path.map(RelPath::as_str),
            "byte": self.excerpts.byte,
            "first": self.excerpts.first,
            "second": self.excerpts.second,
            "network": self.may_use_network,
        })
    }
}
