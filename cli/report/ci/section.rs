//! The systems that read the log of a build, and the sections that they fold.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use webstir_engine::event::{Event, EventSink};

use crate::args::{ReportArgument, ReportFormat};
use crate::report::story;

/// Who reads the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Host {
    GitHub,
    GitLab,
}

/// The value of a variable that is set to something.
pub(super) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

impl Host {
    /// The one whose report was asked for; where none was asked for at all, the one that runs this process.
    pub(super) fn of(asked: &[ReportArgument]) -> Option<Self> {
        let is_set = |name: &str| variable(name).is_some_and(|value| value != "false");
        if asked.is_empty() {
            return match (is_set("GITHUB_ACTIONS"), is_set("GITLAB_CI")) {
                (true, _) => Some(Self::GitHub),
                (_, true) => Some(Self::GitLab),
                _ => None,
            };
        }
        asked.iter().find_map(|report| match report.format {
            ReportFormat::Github => Some(Self::GitHub),
            ReportFormat::Gitlab => Some(Self::GitLab),
            ReportFormat::Sarif | ReportFormat::Junit => None,
        })
    }

    /// The line that starts a section.
    fn start(self, name: &str, title: &str, seconds: i64) -> String {
        match self {
            Self::GitHub => format!("::group::{title}"),
            Self::GitLab => format!("\u{1b}[0Ksection_start:{seconds}:{name}[collapsed=true]\r\u{1b}[0K{title}"),
        }
    }

    /// The line that ends it.
    fn end(self, name: &str, seconds: i64) -> String {
        match self {
            Self::GitHub => "::endgroup::".to_owned(),
            Self::GitLab => format!("\u{1b}[0Ksection_end:{seconds}:{name}\r\u{1b}[0K"),
        }
    }
}

/// Lines of the log that are folded. It starts when there is something to fold.
pub(crate) struct Section {
    host: Option<Host>,
    name: String,
    title: String,
    is_open: Arc<AtomicBool>,
}

impl Section {
    /// Not started; without a host it stays so.
    pub(crate) fn new(host: Option<Host>, name: &str, title: &str) -> Self {
        let name = format!("webstir_{name}");
        Self { host, name, title: title.to_owned(), is_open: Arc::default() }
    }

    /// Starts it, once.
    pub(crate) fn open(&self) {
        if let Some(host) = self.host
            && !self.is_open.swap(true, Ordering::Relaxed)
        {
            story(&host.start(&self.name, &self.title, now()));
        }
    }

    /// A sink that starts it with the first action that runs, and passes on to `next`.
    pub(crate) fn sink(&self, next: EventSink) -> EventSink {
        if self.host.is_none() {
            return next;
        }
        let section =
            Self { host: self.host, name: self.name.clone(), title: self.title.clone(), is_open: self.is_open.clone() };
        Arc::new(move |event| {
            if matches!(event, Event::Started { .. }) {
                section.open();
            }
            next(event);
        })
    }

    /// Ends it, if it was started.
    pub(crate) fn close(&self) {
        if let Some(host) = self.host
            && self.is_open.swap(false, Ordering::Relaxed)
        {
            story(&host.end(&self.name, now()));
        }
    }
}

fn now() -> i64 {
    jiff::Timestamp::now().as_second()
}

/// The root of the repository that a workspace lies in: where the system that runs this checked it out, else what git takes for it, else
/// the workspace.
pub(super) fn repository(workspace: &Path) -> PathBuf {
    let mut named = ["GITHUB_WORKSPACE", "CI_PROJECT_DIR"].into_iter().filter_map(variable);
    let around = |path: &String| std::fs::canonicalize(path).ok().filter(|root| workspace.starts_with(root));
    named
        .find_map(|path| around(&path))
        .or_else(|| workspace.ancestors().find(|directory| directory.join(".git").exists()).map(Path::to_owned))
        .unwrap_or_else(|| workspace.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_are_what_each_system_folds() {
        assert_eq!(Host::GitHub.start("webstir_actions", "Actions", 7), "::group::Actions");
        assert_eq!(Host::GitHub.end("webstir_actions", 9), "::endgroup::");
        assert_eq!(
            Host::GitLab.start("webstir_actions", "Actions", 7),
            "\u{1b}[0Ksection_start:7:webstir_actions[collapsed=true]\r\u{1b}[0KActions"
        );
        assert_eq!(Host::GitLab.end("webstir_actions", 9), "\u{1b}[0Ksection_end:9:webstir_actions\r\u{1b}[0K");
    }

    #[test]
    fn a_repository_is_around_its_workspace() {
        let root = tempfile::tempdir().unwrap();
        let root = std::fs::canonicalize(root.path()).unwrap();
        let workspace = root.join("repository/apps/notes");
        std::fs::create_dir_all(&workspace).unwrap();
        assert_eq!(repository(&workspace), workspace);
        std::fs::create_dir(root.join("repository/.git")).unwrap();
        assert_eq!(repository(&workspace), root.join("repository"));
    }
}
