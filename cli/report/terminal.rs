//! Text for people.

use std::collections::BTreeMap;
use std::error::Error;

use console::style;
use miette::{GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource, SourceCode};
use webstir_engine::diagnostic::{Diagnostic, Severity, Span};
use webstir_engine::event::Status;
use webstir_engine::graph::ActionGraph;
use webstir_engine::path::RelPath;
use webstir_engine::system::{Os, System as _};
use webstir_process::Ran;

use super::ci::{Reports, Section};
use super::{bytes, cause, duration, result, story};
use crate::args::Global;
use crate::compose::{self, Built, Failure};

/// A fault of the world or of usage.
pub(crate) fn failure(command: &str, failure: &Failure) {
    for line in failure_lines(&format!("[webstir] {command} failed: {}", failure.message), failure) {
        story(&line);
    }
}

/// The lines of a failure: what was said first, what caused it and the way out.
pub(super) fn failure_lines(first: &str, failure: &Failure) -> Vec<String> {
    let mut lines = vec![first.to_owned()];
    lines.extend(causes_of(failure));
    lines.extend(failure.help.as_ref().map(|help| format!("  help: {help}")));
    lines
}

/// A line for each cause of an error.
pub(crate) fn causes_of(error: &dyn Error) -> impl Iterator<Item = String> {
    compose::causes(error).into_iter().map(|cause| format!("  caused by: {cause}"))
}

/// The result of a build: findings and a summary on stderr; the artifacts on stdout, unless a report is there.
pub(crate) fn build(built: &Built, verb: &str, global: &Global, reports: &Reports<'_>) {
    let artifacts = if reports.take_stdout() { on_the_way } else { result };
    report_build(built, verb, global, artifacts, &Section::new(reports.host(), "why", "Why actions ran"));
}

/// A build on the way to something else: all of it on stderr.
pub(crate) fn build_on_the_way(built: &Built, global: &Global) {
    report_build(built, "build", global, on_the_way, &Section::new(None, "why", ""));
}

fn on_the_way(text: &str) {
    story(text.trim_end());
}

fn report_build(built: &Built, verb: &str, global: &Global, artifacts: fn(&str), why: &Section) {
    let least = least_shown(global);
    findings(&built.diagnostics, &built.workspace.system, least);
    if global.quiet {
        return;
    }
    if built.ok {
        artifacts(&format!("[webstir] {verb} complete\n{}", table(built)));
    }
    causes(built, global, why);
    why.close();
    if let (true, Some(run)) = (global.verbose, &built.run) {
        for node in ActionGraph::new(run).critical_path() {
            story(&format!("critical path: {} {}", node.label, duration(node.duration)));
        }
    }
    // Why a build is served by another program is worth a line to everybody.
    for reason in built.diagnostics.iter().filter(|found| found.code == ENGINE && found.severity == Severity::Info) {
        if least > Severity::Info {
            story(&reason.message);
        }
    }
    if let Some(ran) = &built.sandbox {
        story(&format!("sandbox: {}", sandbox(ran)));
    }
    story(&summary(built));
}

/// What processes were run in, and why in nothing stronger.
fn sandbox(ran: &Ran) -> String {
    let mut reasons = Vec::new();
    reasons.extend(ran.why_not_stronger.as_deref().map(str::to_owned));
    reasons.extend(ran.why_not_observed.as_deref().map(|why| format!("not observed: {why}")));
    let reasons = if reasons.is_empty() { String::new() } else { format!(" ({})", reasons.join("; ")) };
    format!("{}{reasons}", ran.tier.as_str())
}

/// How many actions may have run for their causes to be told without being asked.
const FEW: usize = 10;

/// One line for each action that ran.
fn causes(built: &Built, global: &Global, section: &Section) {
    let Some(explanation) = &built.explanation else { return };
    let comparison = explanation.comparison();
    let ran: Vec<_> = explanation.after.actions.iter().filter(|action| action.ran()).collect();
    // In the first build all of them never ran before.
    if !global.verbose && (explanation.before.is_none() || ran.len() > FEW) {
        return;
    }
    for action in ran {
        if let Some(first) = comparison.causes(&action.label).first() {
            section.open();
            story(&format!("    why {}: {}", action.label, cause::sentence(first)));
        }
    }
}

/// What the rule says that decides what runs handlers.
const ENGINE: &str = "artifacts::engine";

/// Path, size, kind and digest of each artifact.
fn table(built: &Built) -> String {
    let mut text = String::new();
    let width = built.artifacts.iter().map(|artifact| artifact.path.as_str().chars().count()).max().unwrap_or(0);
    for artifact in &built.artifacts {
        let kind = webstir_rules::artifact_type(&artifact.path);
        let size = bytes(artifact.bytes);
        let path = artifact.path.as_str();
        let digest = &artifact.digest.to_hex()[..12];
        text += &format!("{path:width$}  {size:>10}  {kind:8}  {digest}\n");
    }
    text
}

pub(super) fn summary(built: &Built) -> String {
    let count = |severity| built.diagnostics.iter().filter(|diagnostic| diagnostic.severity == severity).count();
    let mark = if built.ok { style("Built").green() } else { style("Failed").red() }.for_stderr().bold();
    let mut parts = Vec::new();
    if let Some(run) = &built.run {
        parts.push(plural(run.reports.len(), "action"));
        for status in [Status::Ran, Status::Cached, Status::Failed, Status::Skipped] {
            let number = built.count(status);
            if number > 0 || status == Status::Ran {
                parts.push(format!("{number} {}", status.as_str()));
            }
        }
    }
    if let Some(materialised) = built.materialised {
        parts.push(format!("{} written", plural(materialised.written, "file")));
        if materialised.removed > 0 {
            parts.push(format!("{} removed", materialised.removed));
        }
    } else if built.run.is_some() {
        parts.push("the previous tree stays".to_owned());
    }
    for (severity, name) in [(Severity::Error, "error"), (Severity::Warning, "warning")] {
        let number = count(severity);
        if number > 0 {
            parts.push(plural(number, name));
        }
    }
    if let Some(longest) = built.longest() {
        parts.push(format!("longest {} {}", longest.label, duration(longest.duration)));
    }
    format!("{mark} ({}) in {}: {}", built.profile, duration(built.duration), parts.join(", "))
}

pub(super) fn plural(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// Findings of at least the severity `least`, with the lines of source they are about.
pub(crate) fn findings(diagnostics: &[Diagnostic], system: &Os, least: Severity) {
    for text in rendered(diagnostics, system, least, most_shown(50)) {
        story(&text);
    }
}

/// The first `most` of them as text.
pub(super) fn rendered(diagnostics: &[Diagnostic], system: &Os, least: Severity, most: usize) -> Vec<String> {
    let theme =
        if console::colors_enabled_stderr() { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
    let handler =
        GraphicalReportHandler::new_themed(theme).with_width(usize::from(console::Term::stderr().size().1).max(80));
    let wanted: Vec<&Diagnostic> = diagnostics.iter().filter(|diagnostic| diagnostic.severity >= least).collect();
    let mut texts = rendered_by(&handler, wanted.iter().take(most).copied(), system);
    if wanted.len() > most {
        let more = plural(wanted.len() - most, "finding");
        texts.push(format!("{more} more are not shown; `--json` has all of them\n"));
    }
    texts
}

/// Findings as text that looks the same wherever it is read.
pub(super) fn plain<'d>(diagnostics: impl Iterator<Item = &'d Diagnostic>, system: &Os) -> Vec<String> {
    let handler = GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor()).with_width(120);
    rendered_by(&handler, diagnostics, system)
}

fn rendered_by<'d>(
    handler: &GraphicalReportHandler,
    diagnostics: impl Iterator<Item = &'d Diagnostic>,
    system: &Os,
) -> Vec<String> {
    let mut sources: BTreeMap<RelPath, Option<String>> = BTreeMap::new();
    let mut source = |path: &RelPath| {
        let read = || system.read(path).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        sources.entry(path.clone()).or_insert_with(read).clone()
    };
    let texts = diagnostics.map(|diagnostic| {
        let mut text = String::new();
        let rendered = Rendered::new(diagnostic, &mut source);
        // Writing to a string cannot fail.
        let _ = handler.render_report(&mut text, &rendered);
        format!("{}\n", text.trim_end())
    });
    texts.collect()
}

/// How many findings are shown: `WEBSTIR_BACKEND_DIAG_MAX`, else a `default`.
pub(super) fn most_shown(default: usize) -> usize {
    let set = std::env::var("WEBSTIR_BACKEND_DIAG_MAX").ok().and_then(|text| text.trim().parse().ok());
    set.filter(|most| *most > 0).unwrap_or(default)
}

/// The least weight that is shown: `WEBSTIR_BACKEND_LOG_LEVEL`, else warnings.
pub(crate) fn least_shown(global: &Global) -> Severity {
    match std::env::var("WEBSTIR_BACKEND_LOG_LEVEL").as_deref().map(str::trim) {
        _ if global.quiet => Severity::Error,
        _ if global.verbose => Severity::Info,
        Ok("error") => Severity::Error,
        Ok("info") => Severity::Info,
        _ => Severity::Warning,
    }
}

/// The longest line of source that is shown, in bytes.
const LONGEST_LINE: usize = 400;

/// A diagnostic with its source, as miette wants it.
#[derive(Debug)]
struct Rendered {
    message: String,
    code: String,
    severity: miette::Severity,
    help: Option<String>,
    source: Option<NamedSource<String>>,
    labels: Vec<LabeledSpan>,
    related: Vec<Rendered>,
}

impl Rendered {
    fn new(diagnostic: &Diagnostic, source: &mut impl FnMut(&RelPath) -> Option<String>) -> Self {
        let mut message = diagnostic.message.clone();
        let placed = place(diagnostic.file.as_ref(), diagnostic.span, source);
        if let (None, Some(file)) = (&placed, &diagnostic.file) {
            let at = diagnostic.span.map_or(String::new(), |span| format!(":{}:{}", span.line, span.column));
            message = format!("{message} ({file}{at})");
        }
        for note in &diagnostic.notes {
            message.push('\n');
            message.push_str(note);
        }
        let (source_code, mut labels) =
            placed.map_or((None, Vec::new()), |(named, span)| (Some(named), vec![label(None, span)]));
        let mut related = Vec::new();
        for other in &diagnostic.related {
            let same_file = other.file.is_some() && other.file == diagnostic.file && source_code.is_some();
            match other.span {
                Some(span) if same_file => labels.push(label(Some(other.message.clone()), span)),
                _ => {
                    let mut advice = Diagnostic::info("", other.message.clone());
                    advice.file.clone_from(&other.file);
                    advice.span = other.span;
                    related.push(Self::new(&advice, source));
                }
            }
        }
        Self {
            message,
            code: diagnostic.code.to_string(),
            severity: match diagnostic.severity {
                Severity::Info => miette::Severity::Advice,
                Severity::Warning => miette::Severity::Warning,
                Severity::Error => miette::Severity::Error,
            },
            help: diagnostic.help.clone(),
            source: source_code,
            labels,
            related,
        }
    }
}

/// The source of a place, if the file still holds it.
fn place(
    file: Option<&RelPath>,
    span: Option<Span>,
    source: &mut impl FnMut(&RelPath) -> Option<String>,
) -> Option<(NamedSource<String>, Span)> {
    let (file, span) = (file?, span?);
    let text = source(file)?;
    // A file that changed since is not shown at a place that means nothing in it.
    let unchanged = Span::locate(&text, span.start as usize, span.end as usize) == span;
    (unchanged && is_readable(&text, span)).then(|| (NamedSource::new(file.as_str(), text), span))
}

/// Whether the lines around a place can be shown: those of generated or minified files would fill the screen.
fn is_readable(text: &str, span: Span) -> bool {
    let before = (span.line as usize).saturating_sub(2);
    let lines = text[span.start as usize..span.end as usize].lines().count();
    text.lines().skip(before).take(lines + 2).all(|line| line.len() <= LONGEST_LINE)
}

fn label(text: Option<String>, span: Span) -> LabeledSpan {
    LabeledSpan::new(text, span.start as usize, (span.end - span.start) as usize)
}

impl std::fmt::Display for Rendered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Rendered {}

impl miette::Diagnostic for Rendered {
    fn code<'a>(&'a self) -> Option<Box<dyn std::fmt::Display + 'a>> {
        (!self.code.is_empty()).then(|| Box::new(&self.code) as Box<dyn std::fmt::Display>)
    }

    fn severity(&self) -> Option<miette::Severity> {
        Some(self.severity)
    }

    fn help<'a>(&'a self) -> Option<Box<dyn std::fmt::Display + 'a>> {
        self.help.as_ref().map(|help| Box::new(help) as Box<dyn std::fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.source.as_ref().map(|source| source as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        (!self.labels.is_empty()).then(|| Box::new(self.labels.iter().cloned()) as Box<dyn Iterator<Item = _>>)
    }

    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn miette::Diagnostic> + 'a>> {
        (!self.related.is_empty()).then(|| {
            Box::new(self.related.iter().map(|one| one as &dyn miette::Diagnostic)) as Box<dyn Iterator<Item = _>>
        })
    }
}
