//! Finding out what a result depends on.
//!
//! Each action runs twice: as usual, and with everything changed that can be. Where the results differ it runs with one factor changed at a
//! time, and once more as usual. What is the same in both usual runs and another one with a factor depends on that; what differs between
//! the usual runs depends on something that nobody can hold: the clock or randomness.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use webstir_engine::action::{Action, SharedResult};
use webstir_process::{Factor, Surroundings};

use super::difference::{Part, parts};
use crate::compose::{Failure, Session};

/// An action that a build did, with what came of it then.
pub(super) struct Subject {
    pub(super) action: Arc<Action>,
    pub(super) before: SharedResult,
}

/// Why a part of a result is another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Cause {
    /// It follows from this.
    Factor(Factor),
    /// It does where several factors change, and from none of them alone.
    Together,
    /// It is another one in each run.
    Runs,
    /// It is the same in each run, and another one than in the build.
    Before,
}

/// One part of one action that differs, with both results.
pub(super) struct Difference {
    pub(super) action: Arc<Action>,
    pub(super) part: Part,
    pub(super) cause: Cause,
    pub(super) first: SharedResult,
    pub(super) second: SharedResult,
}

/// Everything in which these actions are not verified, by action, part and cause.
pub(super) fn differences(
    session: &Session,
    subjects: &[Subject],
    all: Surroundings,
) -> Result<Vec<Difference>, Failure> {
    if subjects.is_empty() {
        return Ok(Vec::new());
    }
    let actions: Vec<Arc<Action>> = subjects.iter().map(|subject| subject.action.clone()).collect();
    let repeat = |actions: &[Arc<Action>], surroundings: Surroundings| -> Result<Vec<SharedResult>, Failure> {
        Ok(session.repeat(actions, surroundings)?.into_iter().map(Arc::new).collect())
    };
    let usual = repeat(&actions, all.usual())?;
    wait_for_another_second();
    let changed = repeat(&actions, all)?;
    let mut trials: Vec<Trial> = subjects
        .iter()
        .zip(usual.into_iter().zip(changed))
        .map(|(subject, (usual, changed))| Trial::new(subject, usual, &changed))
        .filter(Trial::has_differences)
        .collect();
    let actions: Vec<Arc<Action>> = trials.iter().map(|trial| trial.action.clone()).collect();
    if actions.is_empty() {
        return Ok(Vec::new());
    }
    for (trial, again) in trials.iter_mut().zip(repeat(&actions, all.usual())?) {
        trial.take_usual(&again);
    }
    for factor in all.changed() {
        let surroundings = all.only(factor);
        let runs = repeat(&actions, surroundings)?.into_iter().zip(repeat(&actions, surroundings)?);
        for (trial, (one, other)) in trials.iter_mut().zip(runs) {
            trial.take(factor, &one, &other);
        }
    }
    Ok(trials.into_iter().flat_map(Trial::into_differences).collect())
}

/// Waits until a clock that counts seconds shows another one than in the run before.
fn wait_for_another_second() {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    std::thread::sleep(Duration::from_secs(1).saturating_sub(Duration::from_nanos(u64::from(now.subsec_nanos()))));
}

/// The runs of one action.
struct Trial {
    action: Arc<Action>,
    usual: SharedResult,
    /// What differs where everything is changed.
    open: BTreeMap<Part, SharedResult>,
    /// What differs from the result of the build.
    before: BTreeMap<Part, SharedResult>,
    unsteady: BTreeMap<Part, SharedResult>,
    caused: Vec<(Part, Factor, SharedResult)>,
}

impl Trial {
    fn new(subject: &Subject, usual: SharedResult, changed: &SharedResult) -> Self {
        let differing = |other: &SharedResult| -> BTreeMap<Part, SharedResult> {
            parts(&usual, other).into_iter().map(|part| (part, other.clone())).collect()
        };
        Self {
            action: subject.action.clone(),
            open: differing(changed),
            before: differing(&subject.before),
            unsteady: BTreeMap::new(),
            caused: Vec::new(),
            usual,
        }
    }

    fn has_differences(&self) -> bool {
        !self.open.is_empty() || !self.before.is_empty()
    }

    /// Another run as usual.
    fn take_usual(&mut self, again: &SharedResult) {
        self.find_unsteady(&self.usual.clone(), again);
    }

    /// Two runs with a factor changed.
    fn take(&mut self, factor: Factor, one: &SharedResult, other: &SharedResult) {
        self.find_unsteady(one, other);
        let caused = parts(&self.usual, one);
        self.caused.extend(caused.into_iter().map(|part| (part, factor, one.clone())));
    }

    fn find_unsteady(&mut self, one: &SharedResult, other: &SharedResult) {
        for part in parts(one, other) {
            // Told by what is compared with the first run.
            let differs = parts(&self.usual, one).contains(&part);
            self.unsteady.entry(part).or_insert_with(|| if differs { one.clone() } else { other.clone() });
        }
    }

    fn into_differences(self) -> Vec<Difference> {
        let Self { action, usual, open, before, unsteady, caused } = self;
        let mut found: Vec<(Part, Cause, SharedResult)> = Vec::new();
        found.extend(unsteady.iter().map(|(part, second)| (part.clone(), Cause::Runs, second.clone())));
        // What is another one in each run is so with each factor.
        let caused = caused.into_iter().filter(|(part, ..)| !unsteady.contains_key(part));
        found.extend(caused.map(|(part, factor, second)| (part, Cause::Factor(factor), second)));
        let mut known: BTreeSet<Part> = found.iter().map(|(part, ..)| part.clone()).collect();
        for (cause, differing) in [(Cause::Together, open), (Cause::Before, before)] {
            for (part, second) in differing {
                if known.insert(part.clone()) {
                    found.push((part, cause, second));
                }
            }
        }
        found.sort_by(|(part, cause, _), (other_part, other_cause, _)| (part, cause).cmp(&(other_part, other_cause)));
        let difference =
            |(part, cause, second)| Difference { action: action.clone(), part, cause, first: usual.clone(), second };
        found.into_iter().map(difference).collect()
    }
}

#[cfg(test)]
mod tests {
    use webstir_engine::action::{ActionResult, Artifact, Payload};
    use webstir_engine::digest::Digest;
    use webstir_engine::label::{ActionLabel, Label};
    use webstir_engine::path::RelPath;

    use super::*;

    fn result(texts: [&str; 2]) -> SharedResult {
        let artifacts = ["a", "b"].into_iter().zip(texts).map(|(path, text)| Artifact {
            path: RelPath::new(path).unwrap(),
            digest: Digest::of(text.as_bytes()),
            bytes: text.len() as u64,
            executable: false,
        });
        Arc::new(ActionResult::done(artifacts.collect(), Vec::new()))
    }

    /// The causes for `a` and `b`, of runs as usual and with each factor changed, two each.
    fn causes(
        [before, usual, changed, again]: [[&str; 2]; 4],
        factors: &[(Factor, [[&str; 2]; 2])],
    ) -> Vec<(String, Cause)> {
        let label = ActionLabel { rule: Label::new("command", "x"), profile: "build".into(), subject: None };
        let action = Arc::new(Action::new(label, Digest::of(b"x"), Payload::Parameters(Box::default())));
        let subject = Subject { action, before: result(before) };
        let mut trial = Trial::new(&subject, result(usual), &result(changed));
        if !trial.has_differences() {
            return Vec::new();
        }
        trial.take_usual(&result(again));
        for (factor, [one, other]) in factors {
            trial.take(*factor, &result(*one), &result(*other));
        }
        let told = |difference: Difference| {
            let Part::File(path) = &difference.part else { unreachable!("only files differ") };
            assert!(parts(&difference.first, &difference.second).contains(&difference.part), "{path}");
            (path.to_string(), difference.cause)
        };
        trial.into_differences().into_iter().map(told).collect()
    }

    fn of(path: &str, cause: Cause) -> (String, Cause) {
        (path.to_owned(), cause)
    }

    #[test]
    fn what_is_the_same_in_each_run_is_verified() {
        assert_eq!(causes([["x", "y"]; 4], &[]), []);
    }

    #[test]
    fn each_file_has_its_own_causes() {
        let usual = ["1", "1"];
        let factors = [
            (Factor::TimeZone, [["2", "1"], ["2", "1"]]),
            (Factor::Locale, [["3", "2"], ["3", "2"]]),
            (Factor::Umask, [usual, usual]),
        ];
        let expected = [
            of("a", Cause::Factor(Factor::TimeZone)),
            of("a", Cause::Factor(Factor::Locale)),
            of("b", Cause::Factor(Factor::Locale)),
        ];
        assert_eq!(causes([usual, usual, ["4", "4"], usual], &factors), expected);
    }

    #[test]
    fn what_differs_from_run_to_run_has_no_other_cause() {
        // A clock, beside a file that depends on the time zone.
        let factors = [(Factor::TimeZone, [["4", "2"], ["5", "2"]])];
        let runs = [["0", "1"], ["1", "1"], ["2", "2"], ["3", "1"]];
        let expected = [of("a", Cause::Runs), of("b", Cause::Factor(Factor::TimeZone))];
        assert_eq!(causes(runs, &factors), expected);
        // One that two usual runs hide, and two with a factor changed show.
        let factors = [(Factor::TimeZone, [["1", "1"], ["2", "1"]])];
        assert_eq!(causes([["1", "1"], ["1", "1"], ["2", "1"], ["1", "1"]], &factors), [of("a", Cause::Runs)]);
    }

    #[test]
    fn what_no_factor_does_alone_is_told() {
        let usual = ["1", "1"];
        let factors = [(Factor::TimeZone, [usual, usual])];
        assert_eq!(causes([usual, usual, ["2", "1"], usual], &factors), [of("a", Cause::Together)]);
        assert_eq!(causes([["1", "0"], usual, usual, usual], &factors), [of("b", Cause::Before)]);
    }
}
