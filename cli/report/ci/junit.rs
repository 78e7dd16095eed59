//! JUnit's XML, as Jenkins and GitLab read it, valid for the schema of the Ant task.
//!
//! A suite is the rules of one kind, a case is an action. Where findings of a rule belong to none of its actions, they are a case of
//! their own; so is the configuration. A case whose findings are errors has failed, whether it ran or not.
//!
//! What was cached is a passed case that took no time, and is listed among the properties of its suite. It is not `skipped`: its result
//! holds, and both systems show skipped cases as ones that nobody knows the result of. Skipped is what an action below kept from running.

use std::collections::BTreeMap;

use webstir_engine::config::FILE_NAME;
use webstir_engine::diagnostic::Severity;
use webstir_engine::event::Status;
use webstir_engine::label::{ActionLabel, Label};
use webstir_engine::schedule::Report;

use super::Story;
use super::located::Located;
use crate::compose::Built;
use crate::report::terminal;

/// The suite of what no rule says.
const CONFIGURATION: &str = "configuration";

#[derive(Debug, PartialEq, Eq, Clone, Copy)]
enum Verdict {
    Passed,
    Skipped,
    Failed,
    /// The world failed, not the code.
    Errored,
}

struct Case<'a> {
    class: String,
    name: String,
    seconds: f64,
    verdict: Verdict,
    is_cached: bool,
    findings: Vec<&'a Located<'a>>,
}

impl<'a> Case<'a> {
    fn new(class: &str, name: String) -> Self {
        let class = class.to_owned();
        Self { class, name, seconds: 0.0, verdict: Verdict::Passed, is_cached: false, findings: Vec::new() }
    }

    fn of(report: &Report) -> Self {
        let label = &report.label;
        let name = label.subject.as_ref().map_or_else(|| label.rule.name().to_owned(), ToString::to_string);
        Self {
            seconds: report.duration.as_secs_f64(),
            verdict: match report.status {
                Status::Ran | Status::Cached => Verdict::Passed,
                Status::Failed => Verdict::Failed,
                Status::Skipped => Verdict::Skipped,
            },
            is_cached: report.status == Status::Cached,
            ..Self::new(&label.rule.to_string(), name)
        }
    }

    fn take(&mut self, found: &'a Located<'a>) {
        if found.is(Severity::Error) && self.verdict != Verdict::Errored {
            let is_of_the_world = webstir_rules::is_of_the_world(found.diagnostic);
            self.verdict = if is_of_the_world { Verdict::Errored } else { Verdict::Failed };
        }
        self.findings.push(found);
    }
}

/// The document of a build that began then.
pub(super) fn document(story: &Story<'_>, started: jiff::Timestamp) -> String {
    let mut suites: BTreeMap<&str, Vec<Case<'_>>> = BTreeMap::new();
    for ((kind, _), case) in cases(story) {
        suites.entry(kind).or_default().push(case);
    }
    let mut out = head();
    for (number, (kind, cases)) in suites.iter().enumerate() {
        suite(&mut out, number, kind, &story.built.profile, cases, started, story);
    }
    out + "</testsuites>\n"
}

/// The document of a build that could not be done.
pub(super) fn failed(verb: &str, profile: &str, started: jiff::Timestamp) -> String {
    let message = format!("webstir {verb} could not be done; the log says why");
    let mut out = head();
    open_suite(&mut out, 0, CONFIGURATION, (1, 0, 1, 0), 0.0, started);
    property(&mut out, "profile", profile);
    out += "    </properties>\n";
    out += &format!("    <testcase name=\"{}\" classname=\"webstir\" time=\"0.000\">\n", escaped(verb));
    out += &format!("      <error message=\"{}\" type=\"failure\"></error>\n    </testcase>\n", escaped(&message));
    out + "    <system-out></system-out>\n    <system-err></system-err>\n  </testsuite>\n</testsuites>\n"
}

fn head() -> String {
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n".to_owned()
}

/// What a case is found by: the kind of its rule; the rule, and the action where it is of one.
type Key<'a> = (&'a str, (Option<&'a Label>, Option<&'a ActionLabel>));

/// The cases with their findings.
fn cases<'a>(story: &Story<'a>) -> BTreeMap<Key<'a>, Case<'a>> {
    let mut cases = BTreeMap::new();
    let built: &Built = story.built;
    cases.insert((CONFIGURATION, (None, None)), Case::new("webstir", FILE_NAME.to_owned()));
    let mut of_rule: BTreeMap<&Label, Vec<&Report>> = BTreeMap::new();
    for report in built.run.iter().flat_map(|run| &run.reports) {
        let rule = &report.label.rule;
        of_rule.entry(rule).or_default().push(report);
        cases.insert((rule.kind(), (Some(rule), Some(&report.label))), Case::of(report));
    }
    // Of a rule that was not reached there are no actions yet; what keeps it is a case of another rule.
    for rule in super::unreached(built) {
        let skipped = Case { verdict: Verdict::Skipped, ..Case::new(&rule.to_string(), rule.name().to_owned()) };
        cases.insert((rule.kind(), (Some(rule), None)), skipped);
    }
    for found in story.findings {
        let Some(rule) = &found.diagnostic.rule else {
            cases.entry((CONFIGURATION, (None, None))).and_modify(|case| case.take(found));
            continue;
        };
        let reports = of_rule.get(rule).map_or(&[][..], Vec::as_slice);
        let is_subject =
            |report: &&&Report| report.label.subject.is_some() && report.label.subject == found.diagnostic.file;
        // The action that is about the file, or the only one.
        let report = reports.iter().find(is_subject).or(if let [only] = reports { Some(only) } else { None });
        let key = (rule.kind(), (Some(rule), report.map(|report| &report.label)));
        let name = || Case::new(&rule.to_string(), format!("{} (rule)", rule.name()));
        cases.entry(key).or_insert_with(name).take(found);
    }
    cases
}

fn suite(
    out: &mut String,
    number: usize,
    kind: &str,
    profile: &str,
    cases: &[Case<'_>],
    started: jiff::Timestamp,
    story: &Story<'_>,
) {
    let count = |verdict| cases.iter().filter(|case| case.verdict == verdict).count();
    let counts = (cases.len(), count(Verdict::Failed), count(Verdict::Errored), count(Verdict::Skipped));
    let seconds = cases.iter().map(|case| case.seconds).sum();
    open_suite(out, number, kind, counts, seconds, started);
    property(out, "profile", profile);
    for case in cases.iter().filter(|case| case.is_cached) {
        property(out, "cached", &name_of(case));
    }
    *out += "    </properties>\n";
    let mut warnings = String::new();
    for case in cases {
        let (class, name) = (escaped(&case.class), escaped(&case.name));
        *out += &format!("    <testcase name=\"{name}\" classname=\"{class}\" time=\"{:.3}\"", case.seconds);
        let errors: Vec<_> = case.findings.iter().copied().filter(|found| found.is(Severity::Error)).collect();
        let element = match case.verdict {
            Verdict::Passed => None,
            Verdict::Skipped => Some("<skipped message=\"Something below it failed\"></skipped>".to_owned()),
            Verdict::Failed => Some(fault("failure", &errors, story)),
            Verdict::Errored => Some(fault("error", &errors, story)),
        };
        match element {
            None => *out += "></testcase>\n",
            Some(element) => *out += &format!(">\n      {element}\n    </testcase>\n"),
        }
        let mild: Vec<_> = case.findings.iter().copied().filter(|found| found.is(Severity::Warning)).collect();
        warnings += &rendered(&mild, story);
    }
    *out += &format!(
        "    <system-out>{}</system-out>\n    <system-err></system-err>\n  </testsuite>\n",
        escaped(&warnings)
    );
}

/// The element of a case that did not pass.
fn fault(element: &str, errors: &[&Located<'_>], story: &Story<'_>) -> String {
    let Some(first) = errors.first() else {
        // The type checker said it better, and its finding alone is told.
        return format!("<{element} message=\"It failed; another check says why\" type=\"failed\"></{element}>");
    };
    let more = match errors.len() - 1 {
        0 => String::new(),
        more => format!(" (and {more} more)"),
    };
    let (message, code) = (escaped(&format!("{}{more}", first.message)), escaped(&first.diagnostic.code));
    let text = escaped(&rendered(errors, story));
    format!("<{element} message=\"{message}\" type=\"{code}\">{text}</{element}>")
}

/// Findings as the terminal shows them.
fn rendered(findings: &[&Located<'_>], story: &Story<'_>) -> String {
    // Hidden before lines are broken: a path may be broken, too.
    let hidden: Vec<_> = findings.iter().map(|found| story.private.hidden(found.diagnostic)).collect();
    let texts = terminal::plain(hidden.iter(), &story.built.workspace.system);
    console::strip_ansi_codes(&texts.concat()).into_owned()
}

/// `counts` are tests, failures, errors and skipped.
fn open_suite(
    out: &mut String,
    number: usize,
    kind: &str,
    counts: (usize, usize, usize, usize),
    seconds: f64,
    started: jiff::Timestamp,
) {
    let (tests, failures, errors, skipped) = counts;
    let kind = escaped(kind);
    // The schema wants a host, and `localhost` where it is not to be told.
    *out += &format!(
        "  <testsuite name=\"{kind}\" package=\"webstir\" id=\"{number}\" hostname=\"localhost\" timestamp=\"{}\" \
         tests=\"{tests}\" failures=\"{failures}\" errors=\"{errors}\" skipped=\"{skipped}\" time=\"{seconds:.3}\">\n    \
         <properties>\n",
        started.strftime("%Y-%m-%dT%H:%M:%S")
    );
}

fn property(out: &mut String, name: &str, value: &str) {
    *out += &format!("      <property name=\"{name}\" value=\"{}\"/>\n", escaped(value));
}

fn name_of(case: &Case<'_>) -> String {
    format!("{} {}", case.class, case.name)
}

/// Text in an element or an attribute. What XML 1.0 does not have, in any way of writing, is replaced.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out += "&amp;",
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '"' => out += "&quot;",
            '\'' => out += "&apos;",
            '\n' => out.push('\n'),
            '\t' => out.push('\t'),
            '\r' => out += "&#13;",
            '\u{0}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_holds_nothing_that_xml_forbids() {
        assert_eq!(
            escaped("a\u{0}\u{1b}[31m<b> & \"c\" 'd'\r\n\t\u{ffff}🙂"),
            "a\u{fffd}\u{fffd}[31m&lt;b&gt; &amp; &quot;c&quot; &apos;d&apos;&#13;\n\t\u{fffd}🙂"
        );
    }
}
