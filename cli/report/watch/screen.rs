//! The screen: everything that matters now, drawn anew.

use console::{Term, measure_text_width, pad_str, style, truncate_str};

use super::state::{Checks, State};
use crate::report::{duration, story};

/// More actions than these fill the screen without saying more.
const MOST_ACTIONS: usize = 8;

/// As many lines of the log are shown, however little room there is.
const LEAST_LOG: usize = 3;

/// Where the screen cannot be measured.
const USUAL_SIZE: (u16, u16) = (24, 80);

pub(super) fn draw(state: &State) {
    let terminal = Term::stderr();
    let (rows, columns) = terminal.size_checked().unwrap_or(USUAL_SIZE);
    let text = text(state, usize::from(rows), usize::from(columns));
    if state.built.is_none() {
        // What is there is somebody else's. What cannot be cleared is written below.
        let _ = terminal.clear_screen();
        story(&text);
    } else if terminal.features().is_attended() {
        // Written over what was there: a screen that is empty for a moment flickers.
        story(&format!("\x1b[H{}\x1b[K\x1b[J", text.replace('\n', "\x1b[K\n")));
    } else {
        story(&text);
    }
}

/// What fits into one line stays in it; what does not fit on the screen scrolls away above what must be seen.
fn text(state: &State, rows: usize, columns: usize) -> String {
    let cut = |line: String| truncate_str(&line, columns, "…").into_owned();
    let head = head(state).into_iter().map(cut);
    let mut status: Vec<String> = status(state).iter().flat_map(|text| text.split('\n')).map(str::to_owned).collect();
    status.extend(actions(state, columns).into_iter().map(cut));
    let findings = state.findings.iter().flat_map(|text| text.trim_end_matches('\n').lines().chain([""]));
    let mut findings: Vec<String> = findings.map(str::to_owned).collect();
    let mut foot = foot(state);
    foot.push(String::new());
    let height = |lines: &[String]| -> usize {
        lines.iter().map(|line| measure_text_width(line).div_ceil(columns.max(1)).max(1)).sum()
    };
    let mut lines: Vec<String> = head.collect();
    let taken = height(&lines) + height(&status) + height(&findings) + height(&foot);
    // An empty line follows the log, and the cursor stands below everything.
    let left = rows.saturating_sub(taken + 2).max(LEAST_LOG);
    let mut log: Vec<String> = state.log.last(left).map(|line| cut(format!("  {line}"))).collect();
    if !log.is_empty() {
        log.push(String::new());
    }
    if taken + log.len() > rows {
        lines.append(&mut findings);
    }
    lines.append(&mut status);
    lines.append(&mut findings);
    lines.append(&mut log);
    lines.append(&mut foot);
    lines.join("\n")
}

fn dim(text: &str) -> String {
    style(text).dim().for_stderr().to_string()
}

fn bad(text: &str) -> String {
    format!("{} {text}", style("×").red().bold().for_stderr())
}

fn head(state: &State) -> Vec<String> {
    let name = style("webstir").bold().for_stderr();
    vec![format!("{name} {} {}", state.name, dim(&state.profile)), String::new()]
}

/// How things are.
fn status(state: &State) -> Vec<String> {
    let good = |text: String| format!("{} {text}", style("✓").green().bold().for_stderr());
    let waits = |text: &str| format!("{} {}", dim("…"), dim(text));
    let mut lines = Vec::new();
    lines.push(match &state.built {
        None => waits("building"),
        Some(_) if state.building.is_some() => waits("building"),
        Some(built) if built.ok => {
            let served = state
                .served
                .map(|served| format!(", served in {}", duration(served.max(built.duration))))
                .unwrap_or_default();
            good(format!("Built in {}{served}", duration(built.duration)))
        }
        Some(built) => {
            let kept = if state.started_before { "; what was built before is still served" } else { "" };
            bad(&format!("The build failed: {}{kept}", built.counts()))
        }
    });
    lines.push(match &state.checks {
        Checks::Absent => String::new(),
        Checks::Awaited if state.built.is_none() => String::new(),
        Checks::Awaited => waits("checking types"),
        Checks::Done(checked) if checked.errors + checked.warnings == 0 => {
            good(format!("Checked in {}", duration(checked.duration)))
        }
        Checks::Done(checked) => {
            let text = format!("Checked in {}: {}", duration(checked.duration), checked.counts());
            if checked.ok { good(text) } else { bad(&text) }
        }
    });
    if let Some(refused) = &state.refused {
        lines.push(bad(&format!("Not served, what was before is: {refused}")));
    }
    lines.extend(state.trouble.as_deref().map(bad));
    if let Some(notice) = &state.notice {
        lines.push(format!("{} {notice}", style("!").yellow().bold().for_stderr()));
    }
    lines.push(String::new());
    lines
}

/// What changed, what ran, and why.
fn actions(state: &State, columns: usize) -> Vec<String> {
    let mut lines = Vec::new();
    if !state.changed.is_empty() {
        lines.push(format!("  {} {}", dim("changed"), super::listed(&state.changed)));
    }
    let mut ran: Vec<_> = state.ran.iter().collect();
    let number = ran.len();
    if number > MOST_ACTIONS {
        ran.retain(|ran| ran.why.is_some());
        // The same cause for all of them, as in the first build, says nothing about one.
        let is_one = ran.windows(2).all(|pair| pair[0].why == pair[1].why);
        ran.truncate(if is_one { 0 } else { MOST_ACTIONS });
    }
    // Half of the line is for the causes.
    let width = ran.iter().map(|ran| measure_text_width(&ran.label)).max().unwrap_or(0).min(columns / 2);
    for (index, ran) in ran.into_iter().enumerate() {
        let name = if index == 0 { dim("ran    ") } else { "       ".to_owned() };
        let label = pad_str(&ran.label, width, console::Alignment::Left, Some("…"));
        let took = format!("{:>7}", duration(ran.duration));
        let why = ran.why.as_deref().map(|why| format!("  {}", dim(&shortened(why, state)))).unwrap_or_default();
        lines.push(format!("  {name} {label} {}{why}", dim(&took)));
    }
    if let (true, Some(longest)) = (number > MOST_ACTIONS, state.ran.first()) {
        let took = duration(longest.duration);
        lines.push(format!("  {} {number} actions, the longest {} {}", dim("ran    "), longest.label, dim(&took)));
    }
    if !lines.is_empty() {
        lines.push(String::new());
    }
    lines
}

/// A cause without the name of the file that stands above it.
fn shortened(why: &str, state: &State) -> String {
    match &state.changed[..] {
        [changed] => why.replacen(&format!("`{changed}` changed"), "it changed", 1),
        _ => why.to_owned(),
    }
}

/// Where it is, and what can be done.
fn foot(state: &State) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(url) = &state.url {
        lines.push(format!("  {}", style(url).cyan().for_stderr()));
    }
    if state.has_keys {
        let open = if state.url.is_some() { " · o open" } else { "" };
        lines.push(format!("  {}", dim(&format!("r rebuild · t check types{open} · q quit"))));
    }
    lines
}
