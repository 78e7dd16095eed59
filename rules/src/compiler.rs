//! Which compiler checks a workspace, and what runs it.
//!
//! [`choose`] decides while planning, from `webstir.kdl`, `webstir.lock`, `package.json` and what the machine tells of its
//! [surroundings](Surroundings). A compiler written in JavaScript is run by Node, else by Bun, else by a Bun that is fetched. What was
//! chosen is the tool of an action, and [`Chosen::install`] has it ready where the action runs.

pub(crate) mod help;

use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use webstir_engine::action::{self, Tool};
use webstir_engine::config::Place;
use webstir_engine::diagnostic::Diagnostic;
use webstir_engine::digest::{Digest, KeyHasher};
use webstir_engine::file;
use webstir_engine::machine::{Machine, Program, Wanted, account, program};
use webstir_engine::path::RelPath;
use webstir_engine::plan::{PlanDb, Planner};
use webstir_toolchain::{
    Document, LOCK_FILE, Network, Package, Packages, Platform, Request, Requested, ResolvedCompiler, Runtime, Source,
    Surroundings, TYPESCRIPT, ToolchainError,
};
use webstir_typescript::typecheck::Compiler;

use crate::programs::{Programs, compiler::ACCOUNT};

/// What runs a compiler written in JavaScript, the first that there is.
const INTERPRETERS: [&str; 2] = ["node", "bun"];

/// A compiler, and the Bun that is fetched to run it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Chosen {
    compiler: ResolvedCompiler,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    bun: Option<Package>,
}

/// What lies around the workspace of these programs and decides which compiler it has.
pub fn surroundings(programs: &Programs) -> Surroundings {
    read(programs.account(ACCOUNT).as_ref())
}

fn read(said: Option<&Arc<str>>) -> Surroundings {
    said.and_then(|said| serde_json::from_str(said).ok()).unwrap_or_default()
}

/// What a check is planned with.
pub(crate) struct Choice {
    /// The compiler.
    pub(crate) tool: Tool,
    /// Its version.
    pub(crate) version: String,
    /// Where packages below `@types` lie that it does not see.
    pub(crate) unseen: Vec<Box<str>>,
}

/// The compiler of the workspace; what is wrong with the choice is reported.
pub(crate) fn choose(planner: &mut Planner<'_>) -> Option<Choice> {
    let db = planner.db;
    follow(db);
    let said = account(db, ACCOUNT).cloned();
    let surroundings = read(said.as_ref());
    let text = |name: &str| {
        let path = RelPath::new(name).ok()?;
        file::text(db, &path).map(|text| (path, text))
    };
    let (lock, manifest) = (text(LOCK_FILE), text("package.json"));
    let lock = lock.as_ref().map(|(path, text)| Document { path, text });
    let compiler =
        resolve(planner, &surroundings, lock, manifest.as_ref().map(|(path, text)| Document { path, text }))?;
    let (program, bun) = match compiler.runtime {
        Runtime::Native => (None, None),
        Runtime::Script => interpreter(planner, compiler.version(), &surroundings, lock)?,
    };
    let account = match compiler.source {
        Source::Installed(_) => said.map(|said| (ACCOUNT.into(), said)),
        Source::Fetched(_) => None,
    };
    // What is run by its command line reads the disk.
    let unseen = if compiler.runtime == Runtime::Native { surroundings.types } else { Vec::new() };
    let version = compiler.version().to_owned();
    let chosen = Chosen { compiler, bun };
    let source = serde_json::to_string(&chosen).expect("a compiler is plain data").into();
    let tool = Tool::Package(action::Package { digest: chosen.digest(), source, account }, program);
    Some(Choice { tool, version, unseen })
}

/// Asks for files of an installed compiler, so that the directories in which they lie are followed while watching. What they hold the
/// machine tells.
fn follow(db: &dyn PlanDb) {
    let platform = Platform::current();
    for runtime in [Runtime::Script, Runtime::Native] {
        let place = format!("node_modules/{}", runtime.package(platform));
        for name in ["package.json", runtime.executable(platform)] {
            if let Ok(path) = RelPath::new(&format!("{place}/{name}")) {
                let _ = file::kind(db, &path);
            }
        }
    }
}

fn resolve(
    planner: &mut Planner<'_>,
    surroundings: &Surroundings,
    lock: Option<Document<'_>>,
    manifest: Option<Document<'_>>,
) -> Option<ResolvedCompiler> {
    let config = RelPath::new("webstir.kdl").expect("a plain file name");
    let requested = planner.config.toolchain().text(TYPESCRIPT).map(|version| Requested {
        version: &version.value,
        path: &config,
        span: match version.place {
            Place::Written(span) => Some(span),
            _ => None,
        },
    });
    let request = Request { requested, lock, surroundings, manifest, platform: Platform::current() };
    let (resolved, diagnostics) = webstir_toolchain::resolve(&request);
    for diagnostic in diagnostics {
        planner.report(diagnostic);
    }
    resolved
}

/// What runs a compiler written in JavaScript: a program of the workspace or of the machine, else a package that is fetched.
fn interpreter(
    planner: &mut Planner<'_>,
    version: &str,
    surroundings: &Surroundings,
    lock: Option<Document<'_>>,
) -> Option<(Option<Program>, Option<Package>)> {
    let wanted = INTERPRETERS.map(|name| Wanted { name: name.into(), loads_packages: false });
    if let Some(found) = wanted.into_iter().find_map(|wanted| program(planner.db, wanted)) {
        return Some((Some(Program::clone(found)), None));
    }
    match surroundings.bun.as_ref().map(|name| webstir_toolchain::bun(lock, name)) {
        Some(Ok(Some(bun))) => return Some((None, Some(bun))),
        Some(Err(diagnostic)) => planner.report(*diagnostic),
        Some(Ok(None)) | None => planner.report(needs_node(version, "there is no Bun for this machine")),
    }
    None
}

fn needs_node(version: &str, problem: &str) -> Diagnostic {
    let message = format!("TypeScript {version} needs Node.js or Bun; neither was found, and {problem}");
    let help = "Install Node.js or Bun, or use TypeScript 7, which needs neither";
    Diagnostic::error("typecheck::needs_node", message).help(help)
}

/// Where the packages lie that an installed compiler is made of.
pub(crate) fn installed(package: &action::Package) -> Vec<PathBuf> {
    match serde_json::from_str::<Chosen>(&package.source).map(|chosen| chosen.compiler.source) {
        Ok(Source::Installed(installed)) => installed.packages,
        Ok(Source::Fetched(_)) | Err(_) => Vec::new(),
    }
}

impl Chosen {
    /// The one that an action was planned with.
    pub(crate) fn of(package: &action::Package) -> Self {
        serde_json::from_str(&package.source).expect("planned as a compiler")
    }

    /// What stands for all of it.
    fn digest(&self) -> Digest {
        match &self.bun {
            None => self.compiler.digest(),
            Some(bun) => KeyHasher::new("webstir interpreted compiler v1")
                .digest(self.compiler.digest())
                .digest(bun.digest())
                .finish(),
        }
    }

    /// The compiler, ready to be run: what is missing is fetched.
    pub(crate) fn install(
        &self,
        packages: &Packages,
        network: Network<'_>,
        program: Option<&Program>,
    ) -> Result<Compiler, Box<Diagnostic>> {
        let (compiler, version) = (&self.compiler, self.compiler.version());
        let fetched = |package: &Package| packages.ensure(package, network, &|_| {}).map(|package| package.directory);
        let directory = match &compiler.source {
            Source::Fetched(package) => fetched(package).map_err(|error| Box::new(unavailable(version, &error)))?,
            Source::Installed(installed) => installed.packages.last().cloned().unwrap_or_default(),
        };
        if compiler.runtime == Runtime::Native {
            return Ok(Compiler::native(version, directory.join(compiler.executable())));
        }
        let interpreter = match (program, &self.bun) {
            (Some(program), _) => Some(program.place.clone()),
            (None, Some(bun)) => {
                let failed = |error| Box::new(needs_node(version, &format!("Bun cannot be used: {error}")));
                Some(fetched(bun).map_err(failed)?.join(BUN_EXECUTABLE))
            }
            (None, None) => None,
        };
        Ok(Compiler::script(version, &directory, interpreter))
    }
}

/// The program in a package with a Bun.
const BUN_EXECUTABLE: &str = if cfg!(windows) { "bin/bun.exe" } else { "bin/bun" };

fn unavailable(version: &str, error: &ToolchainError) -> Diagnostic {
    let message = format!("TypeScript {version} cannot be used: {error}");
    Diagnostic::error("toolchain::unavailable", message).help(match error {
        ToolchainError::Offline { .. } => "Install it in the workspace, or run the command once without `--offline`",
        ToolchainError::Status { status: 404, .. } => {
            "Name a version that the registry has in `webstir.kdl` or `package.json`, and run `webstir lock`"
        }
        ToolchainError::AnotherPackage { .. } => "Restore the lockfile, or run `webstir lock`",
        _ => "Check the network, the registry in `.npmrc` and the proxy settings",
    })
}
