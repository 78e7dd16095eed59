//! The screen: everything that matters now, drawn anew.

use console::{Term, style, truncate_str};

use super::State;
use crate::report::{duration, story};

/// More actions than these fill the screen without saying more.
const MOST_ACTIONS: usize = 8;

pub(super) fn draw(state: &State) {
    // What cannot be cleared is written below.
    let _ = Term::stderr().clear_screen();
    story(&text(state));
}

fn text(state: &State) -> String {
    let dim = |text: &str| style(text.to_owned()).dim().for_stderr().to_string();
    let good = |text: String| format!("{} {text}", style("✓").green().bold().for_stderr());
    let bad = |text: String| format!("{} {text}", style("×").red().bold().for_stderr());
    let waits = |text: &str| format!("{} {}", dim("…"), dim(text));
    let mut lines =
        vec![format!("{} {} {}", style("webstir").bold().for_stderr(), state.name, dim(&state.profile)), String::new()];

    lines.push(match &state.built {
        None => waits("building"),
        Some(built) if built.ok => {
            let served = state.served.map(|served| format!(", served in {}", duration(served))).unwrap_or_default();
            good(format!("Built in {}{served}", duration(built.duration)))
        }
        Some(built) => {
            let kept = if state.started_before { "; what was built before is still served" } else { "" };
            bad(format!("The build failed: {}{kept}", built.counts()))
        }
    });
    lines.push(match &state.checked {
        _ if state.built.is_none() => String::new(),
        None => waits("checking types"),
        Some(checked) if checked.errors + checked.warnings == 0 => {
            good(format!("Checked in {}", duration(checked.duration)))
        }
        Some(checked) if checked.ok => good(format!("Checked in {}: {}", duration(checked.duration), checked.counts())),
        Some(checked) => bad(format!("Checked in {}: {}", duration(checked.duration), checked.counts())),
    });
    if !state.changed.is_empty() {
        lines.push(String::new());
        lines.push(cut(&format!("  {} {}", dim("changed"), super::listed(&state.changed))));
    }
    let ran = state.ran.iter().filter(|ran| ran.why.is_some() || state.ran.len() <= MOST_ACTIONS);
    for ran in ran.take(MOST_ACTIONS) {
        let why = ran.why.as_ref().map(|why| format!("  {}", dim(why))).unwrap_or_default();
        lines.push(cut(&format!("  {}     {} {}{why}", dim("ran"), ran.label, dim(&duration(ran.duration)))));
    }
    if state.ran.len() > MOST_ACTIONS {
        lines.push(format!("  {}", dim(&format!("{} actions ran", state.ran.len()))));
    }
    if !state.findings.is_empty() {
        lines.push(String::new());
        lines.extend(state.findings.iter().map(|text| text.trim_end_matches('\n').to_owned() + "\n"));
    }
    if let Some(notice) = &state.notice {
        lines.push(String::new());
        lines.push(format!("{} {notice}", style("!").yellow().bold().for_stderr()));
    }
    lines.push(String::new());
    if let Some(url) = &state.url {
        lines.push(format!("  {}", style(url).cyan().for_stderr()));
    }
    if state.has_keys {
        let open = if state.url.is_some() { " · o open" } else { "" };
        lines.push(format!("  {}", dim(&format!("r rebuild · t check types{open} · q quit"))));
    }
    lines.push(String::new());
    lines.join("\n")
}

/// A line that is no longer than the terminal is wide.
fn cut(line: &str) -> String {
    let width = usize::from(Term::stderr().size().1).max(20);
    truncate_str(line, width, "…").into_owned()
}
