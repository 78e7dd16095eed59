//! The command line's shape.

mod report;
mod tasks;
mod verify;
mod watch;

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub(crate) use report::{CiSystem, Init, ReportArgument, ReportFormat, What};
pub(crate) use tasks::{Database, DatabaseArguments, DatabaseCommand, Jobs, ReleaseArguments};
pub(crate) use verify::{Sample, Verify};
pub(crate) use watch::Watch;

/// Checks, builds, caches and serves a TypeScript web workspace.
#[derive(Debug, Parser)]
#[command(name = "webstir", version, max_term_width = 100, propagate_version = true)]
#[command(after_help = "Example: webstir init api notes && webstir build --workspace notes")]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command takes.
#[derive(Debug, Clone, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag")]
pub(crate) struct Global {
    /// The workspace to work on [default: `WORKSPACE_ROOT`, then the current directory]
    #[arg(short, long, global = true, value_name = "DIRECTORY")]
    pub(crate) workspace: Option<PathBuf>,
    /// Print one JSON document on stdout
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Fetch nothing; say what is missing
    #[arg(long, global = true)]
    pub(crate) offline: bool,
    /// Accept no process that is not kept from what it did not declare [on where `CI` is set]
    #[arg(long, global = true)]
    pub(crate) ci: bool,
    /// How many actions run at once [default: one for each processor]
    #[arg(short, long, global = true, value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) jobs: Option<u16>,
    /// Say less: only errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// Say more: each action
    #[arg(short, long, global = true)]
    pub(crate) verbose: bool,
    /// When to use colour
    #[arg(long, global = true, value_enum, default_value_t = Colour::Auto, value_name = "WHEN")]
    pub(crate) color: Colour,
}

impl Global {
    /// Whether others rely on what is built.
    pub(crate) fn is_ci(&self) -> bool {
        let is_set = |value: &std::ffi::OsStr| !value.is_empty() && value != "false" && value != "0";
        self.ci || std::env::var_os("CI").is_some_and(|value| is_set(&value))
    }
}

/// When to use colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Colour {
    /// On a terminal, unless `NO_COLOR` is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Write a new workspace, or what runs one in CI
    #[command(after_help = "Examples:\n  webstir init api notes\n  webstir init ci")]
    Init(Init),
    /// Check, transpile and bundle the workspace into `build/`
    #[command(
        after_help = "Examples:\n  webstir build\n  webstir build --profile test --json\n  webstir build --trace trace.json\n  webstir build --report github --report sarif=webstir.sarif\n  webstir build --serve"
    )]
    Build(Build),
    /// Check, bundle and minify the workspace into `dist/`
    #[command(
        after_help = "Examples:\n  webstir publish --workspace notes\n  webstir publish --report junit=webstir.xml --report gitlab=quality.json"
    )]
    Publish(Publish),
    /// Serve a build over HTTP
    #[command(
        after_help = "Examples:\n  webstir serve --build\n  webstir serve --profile publish --port 8080\n  webstir serve --build --with-jobs"
    )]
    Serve(Serve),
    /// Build, check and serve, again with every change
    #[command(
        after_help = "Examples:\n  webstir watch\n  webstir watch --open --port 8080\n  webstir watch --no-serve --json\n\nKeys: r builds again, t checks types again, o opens the browser, q quits."
    )]
    Watch(Watch),
    /// List, run and schedule jobs
    #[command(
        after_help = "Examples:\n  webstir jobs --list\n  webstir jobs --job nightly --build\n  webstir jobs --watch"
    )]
    Jobs(Jobs),
    /// Migrate the database of `DATABASE_URL`
    #[command(
        after_help = "Examples:\n  webstir db status --build\n  webstir db migrate\n  webstir db rollback --steps 1"
    )]
    Db(Database),
    /// Say what made actions run in the last build
    #[command(
        after_help = "Examples:\n  webstir why\n  webstir why transpile:backend\n  webstir why src/backend/index.ts --json\n  webstir why --against ../other-checkout"
    )]
    Why(Why),
    /// Show the rules and actions of the last build
    #[command(
        after_help = "Examples:\n  webstir graph\n  webstir graph --kind transpile\n  webstir graph --format dot | dot -Tsvg > graph.svg\n  webstir graph --format html > graph.html"
    )]
    Graph(Graph),
    /// Ask about the rules and actions of the last build
    #[command(
        after_help = "Examples:\n  webstir query rdeps src/shared/notes.ts\n  webstir query somepath artifacts:backend files:backend-sources\n  webstir query outputs transpile:backend"
    )]
    Query(Query),
    /// List the rules that differ from another revision
    #[command(
        after_help = "Examples:\n  webstir affected --base origin/main\n  webstir affected --base HEAD --profile publish --json"
    )]
    Affected(Affected),
    /// Write `webstir.lock`: the compiler's exact version and integrity
    #[command(after_help = "Example: webstir lock")]
    Lock,
    /// List what a command declares, what it read, and what it never did
    #[command(after_help = "Examples:\n  webstir inputs command:schema\n  webstir inputs schema --json")]
    Inputs(Inputs),
    /// Write into `webstir.kdl` what is missing there
    #[command(
        after_help = "Examples:\n  webstir fix inputs\n  webstir fix inputs command:schema\n  webstir fix inputs --check"
    )]
    Fix(FixArguments),
    /// Run actions again with everything around them changed, and say what their results depend on
    #[command(
        after_help = "Each action runs twice: as usual, and with another place, host name, user, home, TZ, LC_ALL, number of processors, umask, order of directory entries, process id and order of parallel work, at another time. What differs is named with the factor, the file and the byte; nothing of it is kept.\n\nExamples:\n  webstir verify\n  webstir verify command:schema --json\n  webstir verify --sample 2%"
    )]
    Verify(Verify),
    /// Show the configuration
    #[command(after_help = "Examples:\n  webstir config --expanded\n  webstir config --reference")]
    Config(Config),
    /// Inspect or clear the build cache
    #[command(after_help = "Examples:\n  webstir cache stats\n  webstir cache gc --size 1GiB\n  webstir cache clear")]
    Cache(Cache),
    /// Print a completion script
    #[command(after_help = "Example: webstir completions bash > ~/.local/share/bash-completion/completions/webstir")]
    Completions(Completions),
    /// List the packages in this program with their licences
    #[command(after_help = "Examples:\n  webstir licenses\n  webstir licenses --full > NOTICES.txt")]
    Licenses(Licenses),
}

impl Command {
    /// The verb.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Init(_) => "init",
            Self::Build(_) => "build",
            Self::Publish(_) => "publish",
            Self::Serve(_) => "serve",
            Self::Watch(_) => "watch",
            Self::Jobs(_) => "jobs",
            Self::Db(_) => "db",
            Self::Why(_) => "why",
            Self::Affected(_) => "affected",
            Self::Graph(_) => "graph",
            Self::Query(_) => "query",
            Self::Lock => "lock",
            Self::Inputs(_) => "inputs",
            Self::Fix(_) => "fix",
            Self::Verify(_) => "verify",
            Self::Config(_) => "config",
            Self::Cache(_) => "cache",
            Self::Completions(_) => "completions",
            Self::Licenses(_) => "licenses",
        }
    }
}

/// `webstir licenses`.
#[derive(Debug, Args)]
pub(crate) struct Licenses {
    /// With the texts of all licences and notices
    #[arg(long)]
    pub(crate) full: bool,
}

/// `webstir build`.
#[derive(Debug, Args)]
pub(crate) struct Build {
    /// The profile of `webstir.kdl` to build
    #[arg(long, default_value = "build")]
    pub(crate) profile: String,
    /// Then serve the result, as `webstir serve --build` does
    #[arg(long, conflicts_with_all = ["trace", "events", "report"])]
    pub(crate) serve: bool,
    #[command(flatten)]
    pub(crate) record: Record,
}

/// `webstir inputs`.
#[derive(Debug, Args)]
pub(crate) struct Inputs {
    /// The command, such as `command:schema`
    pub(crate) rule: String,
    /// The profile to build
    #[arg(long, default_value = "build")]
    pub(crate) profile: String,
}

/// `webstir fix`.
#[derive(Debug, Args)]
pub(crate) struct FixArguments {
    #[command(subcommand)]
    pub(crate) command: FixCommand,
}

/// What is written.
#[derive(Debug, Subcommand)]
pub(crate) enum FixCommand {
    /// The files and rules that commands read and do not declare
    #[command(
        after_help = "It builds, and says and writes which lines are missing; comments and format stay.\n\nExamples:\n  webstir fix inputs\n  webstir fix inputs command:schema\n  webstir fix inputs --check"
    )]
    Inputs(Fix),
}

/// `webstir fix inputs`.
#[derive(Debug, Args)]
pub(crate) struct Fix {
    /// Rules, such as `command:schema` [default: all]
    #[arg(value_name = "RULE")]
    pub(crate) rules: Vec<String>,
    /// The profile to build
    #[arg(long, default_value = "build")]
    pub(crate) profile: String,
    /// Write nothing; fail when something is missing
    #[arg(long)]
    pub(crate) check: bool,
}

/// `webstir publish`.
#[derive(Debug, Args)]
pub(crate) struct Publish {
    #[command(flatten)]
    pub(crate) record: Record,
}

/// What to write down of a build.
#[derive(Debug, Args)]
pub(crate) struct Record {
    /// Write a trace that Chrome and Perfetto show
    #[arg(long, value_name = "FILE")]
    pub(crate) trace: Option<PathBuf>,
    /// Write what happens as lines of JSON
    #[arg(long, value_name = "FILE")]
    pub(crate) events: Option<PathBuf>,
    /// Report to CI: `sarif`, `junit`, `github` or `gitlab`, each to its file or one to stdout [default: what the system that runs this
    /// reads by itself]
    #[arg(long, value_name = "FORMAT[=FILE]", value_parser = report::report)]
    pub(crate) report: Vec<ReportArgument>,
}

/// `webstir serve`.
#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// The address to listen on [default: `HOST`, then 0.0.0.0]
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) host: Option<std::net::IpAddr>,
    /// The port to listen on, 0 for any that is free [default: `PORT`, then 4000]
    #[arg(short, long, value_name = "NUMBER")]
    pub(crate) port: Option<u16>,
    /// How many isolates or workers run handlers; with more than one, state of a module is not shared
    #[arg(long, value_name = "NUMBER", default_value_t = NonZeroUsize::MIN)]
    pub(crate) instances: NonZeroUsize,
    /// How long a client may take to send the head of a request [default: 30]
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub(crate) head_timeout: Option<Duration>,
    /// How long a client may take to send a body [default: 60]
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub(crate) body_timeout: Option<Duration>,
    /// Run jobs on schedule as well, in this process
    #[arg(long)]
    pub(crate) with_jobs: bool,
    /// How long one run of a job may take
    #[arg(long, value_name = "SECONDS", value_parser = seconds, default_value = tasks::TASK_LIMIT)]
    pub(crate) job_timeout: Duration,
    #[command(flatten)]
    pub(crate) release: ReleaseArguments,
}

impl Serve {
    /// A build that is served with all defaults.
    pub(crate) fn of_build(profile: &str) -> Self {
        Self {
            host: None,
            port: None,
            instances: NonZeroUsize::MIN,
            head_timeout: None,
            body_timeout: None,
            with_jobs: false,
            job_timeout: seconds(tasks::TASK_LIMIT).unwrap_or_default(),
            release: ReleaseArguments::of_build(profile),
        }
    }
}

/// A size in bytes.
fn size(text: &str) -> Result<u64, String> {
    webstir_engine::config::parse_size(text)
        .ok_or_else(|| "a number and a unit are needed, such as `500MiB`".to_owned())
}

/// A time that is more than none.
fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().filter(|seconds: &f64| *seconds > 0.0);
    seconds
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .ok_or_else(|| "a number of seconds above 0 is needed".to_owned())
}

/// What runs handlers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum EngineChoice {
    /// What the build decided
    Auto,
    /// The engine inside this program
    Embedded,
    /// Processes of Bun or Node
    Worker,
}

/// How the log looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogStyle {
    /// One JSON object a line
    Json,
    /// Lines for people
    Pretty,
}

/// `webstir why`.
#[derive(Debug, Args)]
pub(crate) struct Why {
    /// An action, a rule, the name of a rule, or a file [default: everything that ran]
    pub(crate) target: Option<String>,
    /// The profile that was built
    #[arg(long, default_value = "build")]
    pub(crate) profile: String,
    /// Compare with the last build of another workspace, or with a key dump
    #[arg(long, value_name = "PATH")]
    pub(crate) against: Option<PathBuf>,
}

/// `webstir affected`.
#[derive(Debug, Args)]
pub(crate) struct Affected {
    /// The revision to compare the work tree with
    #[arg(long, value_name = "REVISION")]
    pub(crate) base: String,
    /// The profile to plan
    #[arg(long, default_value = "build")]
    pub(crate) profile: String,
}

/// `webstir graph`.
#[derive(Debug, Args)]
pub(crate) struct Graph {
    /// How to show it; `--json` is `json`
    #[arg(long, value_enum, default_value_t = GraphFormat::Text, value_name = "FORMAT")]
    pub(crate) format: GraphFormat,
    /// The profile that was built
    #[arg(long, default_value = "build")]
    pub(crate) profile: String,
    /// Only rules of this kind, and their actions
    #[arg(long)]
    pub(crate) kind: Option<String>,
}

/// How a graph is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum GraphFormat {
    /// One line a rule
    Text,
    /// For Graphviz
    Dot,
    /// For machines
    Json,
    /// A page to look at, in one file
    Html,
}

/// `webstir query`.
#[derive(Debug, Args)]
pub(crate) struct Query {
    /// The profile that was built
    #[arg(long, default_value = "build", global = true)]
    pub(crate) profile: String,
    #[command(subcommand)]
    pub(crate) question: Question,
}

/// What is asked. A target is a rule, the name of a rule, an action or a file.
#[derive(Debug, Subcommand)]
pub(crate) enum Question {
    /// Everything that a target builds on
    Deps { target: String },
    /// Everything that builds on a target
    Rdeps { target: String },
    /// One chain from a target down to another
    Somepath { from: String, to: String },
    /// The files that a target reads
    Inputs { target: String },
    /// The files that a target makes
    Outputs { target: String },
    /// The rules of a kind
    Kind { kind: String },
    /// The actions that read or make a file
    File { path: String },
}

/// `webstir config`.
#[derive(Debug, Args)]
pub(crate) struct Config {
    /// With the rules of the preset, as they will be planned
    #[arg(long)]
    pub(crate) expanded: bool,
    /// Everything that may be written in `webstir.kdl`, in Markdown
    #[arg(long, conflicts_with = "expanded")]
    pub(crate) reference: bool,
}

/// `webstir cache`.
#[derive(Debug, Args)]
pub(crate) struct Cache {
    #[command(subcommand)]
    pub(crate) command: CacheCommand,
}

/// What to do with the store.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum CacheCommand {
    /// How much it holds
    Stats,
    /// Evict what was not used for longest, as builds do once a day by themselves
    #[command(after_help = "Example: webstir cache gc --size 500MiB --days 7")]
    Gc(CollectGarbage),
    /// Read all of it and remove what is damaged
    #[command(after_help = "Example: webstir cache verify --json")]
    Verify,
    /// Remove all of it; the next build starts cold
    Clear,
}

/// `webstir cache gc`.
#[derive(Debug, Clone, Args)]
pub(crate) struct CollectGarbage {
    /// How much may stay [default: `WEBSTIR_STORE_SIZE`, then 5GiB]
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub(crate) size: Option<u64>,
    /// For how many days what is not used may stay [default: `WEBSTIR_STORE_DAYS`, then 30]
    #[arg(long, value_name = "NUMBER")]
    pub(crate) days: Option<u64>,
}

/// `webstir completions`.
#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// For which shell
    #[arg(value_enum)]
    pub(crate) shell: clap_complete::Shell,
}
