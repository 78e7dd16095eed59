//! The shape of `--report` and of `webstir init`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

/// `--report FORMAT[=FILE]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ReportArgument {
    pub(crate) format: ReportFormat,
    /// `None`: to stdout.
    pub(crate) file: Option<PathBuf>,
}

/// What reads a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReportFormat {
    /// SARIF 2.1.0, for code scanning
    Sarif,
    /// XML of tests, one for each action
    Junit,
    /// Annotations and the summary of a GitHub job
    Github,
    /// GitLab's Code Quality
    Gitlab,
}

impl ReportFormat {
    /// As it is written on the command line.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Sarif => "sarif",
            Self::Junit => "junit",
            Self::Github => "github",
            Self::Gitlab => "gitlab",
        }
    }
}

/// Takes `FORMAT[=FILE]` apart.
pub(super) fn report(text: &str) -> Result<ReportArgument, String> {
    let (format, file) = text.split_once('=').map_or((text, None), |(format, file)| (format, Some(file)));
    let format = ReportFormat::from_str(format, false)
        .map_err(|_| "`sarif`, `junit`, `github` or `gitlab` is needed, perhaps with `=FILE`".to_owned())?;
    if file.is_some_and(str::is_empty) {
        return Err("after `=` the name of a file is needed".to_owned());
    }
    Ok(ReportArgument { format, file: file.map(PathBuf::from) })
}

/// `webstir init`.
#[derive(Debug, Args)]
pub(crate) struct Init {
    #[command(subcommand)]
    pub(crate) what: What,
}

/// What to write.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum What {
    /// A backend: JSON and HTML routes, forms, sessions, a function and a job
    #[command(after_help = "Example: webstir init api notes")]
    Api {
        /// Where; must be empty or not there yet
        directory: PathBuf,
    },
    /// Workflows that build, publish and report in CI, for a workspace that is there
    #[command(after_help = "Examples:\n  webstir init ci\n  webstir init ci github --workspace apps/notes")]
    Ci {
        /// For which system [default: both]
        #[arg(value_enum)]
        system: Option<CiSystem>,
    },
}

/// What runs workflows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum CiSystem {
    /// `.github/workflows/webstir.yml`
    Github,
    /// `.gitlab-ci.yml`
    Gitlab,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_a_format_and_perhaps_a_file() {
        let read = |text: &str| report(text).map(|read| (read.format.as_str(), read.file));
        assert_eq!(read("sarif"), Ok(("sarif", None)));
        assert_eq!(read("junit=a=b.xml"), Ok(("junit", Some(PathBuf::from("a=b.xml")))));
        assert!(read("junit=").is_err() && read("xml").is_err() && read("").is_err() && read("=a").is_err());
    }
}
