//! Which compiler a workspace has: a pure function over texts and [`Surroundings`].
//!
//! The first of these decides: `webstir.lock`; what is installed, which is used as it is; the lockfile of the workspace's package manager;
//! the range in `package.json`, of which the newest version counts that this program knows; the version that it knows best. A version that is
//! fetched is believed only together with an [`Integrity`], of the lockfile or of the table in this program. The version that
//! `webstir.kdl` names is never overruled: what contradicts it is passed over or reported. [`Origin`] says where the answer came from.

mod compiler;
mod pins;

use nodejs_semver::Range;

use webstir_engine::diagnostic::{Diagnostic, Severity, Span};
use webstir_engine::path::RelPath;

use super::builtin::{BUILT_IN_VERSION, allowed, built_in, built_in_lock};
use super::document::Document;
use super::integrity::Integrity;
use super::lock::{Lock, LockedTool};
use super::package::{Package, Platform, is_exact_version};
use super::surroundings::{Installed, Surroundings};
pub use compiler::{Origin, ResolvedCompiler, Runtime, Source};
pub use pins::Pinned;
use pins::{Pins, Says};

/// The name of the compiler.
pub const TYPESCRIPT: &str = "typescript";

/// The name of what runs a compiler written in JavaScript where nothing else does.
pub const BUN: &str = "bun";

/// The version that the configuration names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Requested<'a> {
    /// The version as it is written.
    pub version: &'a str,
    /// The file in which it is written.
    pub path: &'a RelPath,
    /// Where in the file.
    pub span: Option<Span>,
}

/// All that the answer depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request<'a> {
    /// What `webstir.kdl` asks for.
    pub requested: Option<Requested<'a>>,
    /// `webstir.lock`.
    pub lock: Option<Document<'a>>,
    /// What lies around the workspace.
    pub surroundings: &'a Surroundings,
    /// `package.json` of the workspace root.
    pub manifest: Option<Document<'a>>,
    /// The platform to run on.
    pub platform: Platform,
}

/// Finds the compiler. Without one, at least one diagnostic is an error.
pub fn resolve(request: &Request<'_>) -> (Option<ResolvedCompiler>, Vec<Diagnostic>) {
    let mut diagnostics = Vec::new();
    match find(request, &mut diagnostics) {
        Ok(compiler) => (Some(compiler), diagnostics),
        Err(diagnostic) => {
            diagnostics.push(*diagnostic);
            (None, diagnostics)
        }
    }
}

/// What `webstir lock` is to lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// Exactly this version.
    Version(String),
    /// The newest one in this range, of which this program knows none.
    Range(String),
}

/// The version that [`resolve`] would use if it knew the integrity of each and there were no lock.
pub fn asked(request: &Request<'_>) -> Asked {
    let Surroundings { installed, lockfile, .. } = request.surroundings;
    let installed = installed.as_ref().filter(|installed| &*installed.name == TYPESCRIPT);
    let said = request.requested.map(|requested| requested.version);
    let said = said.or_else(|| installed.map(|installed| &*installed.version));
    if let Some(version) = said.or_else(|| lockfile.as_ref().and_then(Pinned::version)) {
        return Asked::Version(version.to_owned());
    }
    let wanted = request.manifest.and_then(|document| dependency(document.text));
    match wanted.as_deref().map(Wanted::read) {
        Some(Wanted::Exact(version)) => Asked::Version(version.to_owned()),
        Some(Wanted::Range(range)) => match allowed(TYPESCRIPT, &range).next() {
            Some(version) => Asked::Version(version.to_owned()),
            None => Asked::Range(range.to_string()),
        },
        Some(Wanted::Other) | None => Asked::Version(BUILT_IN_VERSION.to_owned()),
    }
}

/// The Bun that is fetched where a compiler needs one: that of `webstir.lock`, else that of the table. `name` is the package with the Bun
/// of the machine.
pub fn bun(lock: Option<Document<'_>>, name: &str) -> Result<Option<Package>, Box<Diagnostic>> {
    let locked = lock.map(Lock::parse).transpose()?.and_then(|mut lock| lock.tools.remove(BUN));
    let tool = locked.filter(|tool| tool.packages.contains_key(name)).or_else(|| built_in_lock(BUN));
    Ok(tool.and_then(|tool| Package::new(name, &tool.version, *tool.packages.get(name)?).ok()))
}

fn find(request: &Request<'_>, diagnostics: &mut Vec<Diagnostic>) -> Result<ResolvedCompiler, Box<Diagnostic>> {
    let platform = request.platform;
    if let Some(requested) = request.requested
        && !is_exact_version(requested.version)
    {
        let message = format!("`{}` is not an exact version of TypeScript", requested.version);
        let help = format!("Name all three numbers, for example `{BUILT_IN_VERSION}`");
        return Err(Box::new(placed("toolchain::version_not_exact", message, &requested).help(help)));
    }
    if let Some(document) = request.lock
        && let Some(tool) = Lock::parse(document)?.tools.get(TYPESCRIPT)
    {
        return locked(platform, document.path, tool, request.requested);
    }
    let Surroundings { installed, lockfile, .. } = request.surroundings;
    let is_other = |version: &str| request.requested.filter(|requested| requested.version != version);
    if let Some(installed) = installed {
        if &*installed.name != TYPESCRIPT {
            let what = format!("{}@{}", installed.name, installed.version);
            return Err(replaced(&installed.shown, None, &what));
        }
        match is_other(&installed.version) {
            Some(requested) => diagnostics.push(differs(&installed.shown, None, &installed.version, &requested)),
            None => return Ok(as_installed(platform, installed)),
        }
    }
    if let Some(lockfile) = lockfile {
        let (shown, path) = (&*lockfile.shown, lockfile.path());
        match &lockfile.says {
            Says::Unreadable(problem) => return Err(Box::new(problem.finding(shown, path.as_ref()))),
            Says::Replaced(what) => return Err(replaced(shown, path.as_ref(), what)),
            Says::Pins(pins) => match is_other(&pins.version) {
                None => return pinned(platform, shown, path.as_ref(), pins),
                // What is installed is what the user sees.
                Some(_) if installed.is_some() => {}
                Some(requested) => diagnostics.push(differs(shown, path.as_ref(), &pins.version, &requested)),
            },
        }
    }
    match request.requested {
        Some(requested) => known(platform, requested.version)
            .ok_or_else(|| Box::new(unknown(platform, requested.version, Some(&requested)))),
        None => wanted(request, diagnostics),
    }
}

fn as_installed(platform: Platform, installed: &Installed) -> ResolvedCompiler {
    let origin = Origin::Installed(installed.shown.clone());
    let runtime = Runtime::of(&installed.version);
    ResolvedCompiler { source: Source::Installed(installed.clone()), runtime, origin, platform }
}

fn replaced(shown: &str, path: Option<&RelPath>, what: &str) -> Box<Diagnostic> {
    let message = format!("`{shown}` has `{what}` in place of `typescript`");
    let diagnostic = Diagnostic::error("toolchain::compiler_replaced", message)
        .help("Name a version of TypeScript in `webstir.kdl` and run `webstir lock`");
    Box::new(in_file(diagnostic, path))
}

fn in_file(diagnostic: Diagnostic, path: Option<&RelPath>) -> Diagnostic {
    match path {
        Some(path) => diagnostic.in_file(path),
        None => diagnostic,
    }
}

/// The version of `webstir.lock`, which must be the one that is asked for.
fn locked(
    platform: Platform,
    path: &RelPath,
    tool: &LockedTool,
    requested: Option<Requested<'_>>,
) -> Result<ResolvedCompiler, Box<Diagnostic>> {
    if let Some(requested) = requested.filter(|requested| requested.version != tool.version) {
        let message = format!("TypeScript {} is asked for, `{path}` has {}", requested.version, tool.version);
        return Err(Box::new(placed("toolchain::lock_mismatch", message, &requested).help("Run `webstir lock`")));
    }
    let origin = Origin::Lock(path.clone());
    compiler(platform, &tool.version, origin, |name| Some((*tool.packages.get(name)?, None))).ok_or_else(|| {
        let message = format!("`{path}` has no package of TypeScript {} for {platform}", tool.version);
        Box::new(Diagnostic::error("toolchain::platform", message).in_file(path))
    })
}

/// The version of a lockfile, with the integrity that it has or that is known otherwise.
fn pinned(
    platform: Platform,
    shown: &str,
    path: Option<&RelPath>,
    pins: &Pins,
) -> Result<ResolvedCompiler, Box<Diagnostic>> {
    let origin = Origin::Lockfile(shown.into());
    let pinned = compiler(platform, &pins.version, origin, |name| {
        let pin = pins.packages.get(name)?;
        Some((pin.integrity.as_ref()?.parse().ok()?, pin.address.as_deref()))
    });
    // A lockfile made on another platform may lack the package of this one, and one of Yarn has no hash of a tarball.
    pinned.or_else(|| known(platform, &pins.version)).ok_or_else(|| {
        let package = Runtime::of(&pins.version).package(platform);
        let message = format!("`{shown}` has no sha512 integrity of `{package}` {}", pins.version);
        let diagnostic = Diagnostic::error("toolchain::integrity_missing", message).help("Run `webstir lock`");
        Box::new(in_file(diagnostic, path))
    })
}

fn differs(shown: &str, path: Option<&RelPath>, version: &str, requested: &Requested<'_>) -> Diagnostic {
    let message = format!("TypeScript {} is used, `{shown}` has {version}", requested.version);
    in_file(Diagnostic::info("toolchain::lockfile_differs", message), path)
        .note("An editor that uses the workspace's TypeScript may report other errors")
        .related("This version is asked for", Some(requested.path), requested.span)
}

/// What `package.json` wants.
enum Wanted<'a> {
    Exact(&'a str),
    Range(Range),
    /// A tag or an address.
    Other,
}

impl<'a> Wanted<'a> {
    fn read(text: &'a str) -> Self {
        let exact = text.trim_start_matches(['=', 'v']).trim();
        if is_exact_version(exact) {
            return Self::Exact(exact);
        }
        Range::parse(text).map_or(Self::Other, Self::Range)
    }
}

/// The version in the table that `package.json` wants.
fn wanted(request: &Request<'_>, diagnostics: &mut Vec<Diagnostic>) -> Result<ResolvedCompiler, Box<Diagnostic>> {
    let platform = request.platform;
    let built_in =
        || known(platform, BUILT_IN_VERSION).ok_or_else(|| Box::new(unknown(platform, BUILT_IN_VERSION, None)));
    let Some(document) = request.manifest else { return built_in() };
    let Some(text) = dependency(document.text) else { return built_in() };

    let quoted = format!("\"{text}\"");
    let span = document.text.find(&quoted).map(|at| Span::locate(document.text, at, at + quoted.len()));
    let requested = Requested { version: &text, path: document.path, span };
    let range = match Wanted::read(&text) {
        Wanted::Exact(version) => {
            return known(platform, version).ok_or_else(|| Box::new(unknown(platform, version, Some(&requested))));
        }
        Wanted::Range(range) => range,
        Wanted::Other => return built_in(),
    };
    if let Some(compiler) = allowed(TYPESCRIPT, &range).find_map(|version| known(platform, version)) {
        return Ok(compiler);
    }
    let compiler = built_in()?;
    let message = format!("TypeScript {BUILT_IN_VERSION} is used, which `{text}` does not allow");
    let mut warning = placed("toolchain::range_excluded", message, &requested).help("Run `webstir lock`");
    warning.severity = Severity::Warning;
    diagnostics.push(warning);
    Ok(compiler)
}

/// A version in the table; none for any other version and for platforms without a package.
fn known(platform: Platform, version: &str) -> Option<ResolvedCompiler> {
    compiler(platform, version, Origin::BuiltIn, |name| Some((built_in(TYPESCRIPT, version, name)?, None)))
}

fn compiler<'a>(
    platform: Platform,
    version: &str,
    origin: Origin,
    integrity_of: impl FnOnce(&str) -> Option<(Integrity, Option<&'a str>)>,
) -> Option<ResolvedCompiler> {
    let runtime = Runtime::of(version);
    let name = runtime.package(platform);
    let (integrity, address) = integrity_of(&name)?;
    let package = Package::new(&name, version, integrity).ok()?.resolved(address);
    Some(ResolvedCompiler { source: Source::Fetched(package), runtime, origin, platform })
}

/// Why [`known`] knows nothing.
fn unknown(platform: Platform, version: &str, requested: Option<&Requested<'_>>) -> Diagnostic {
    let place = |code, message| match requested {
        Some(requested) => placed(code, message, requested),
        None => Diagnostic::error(code, message),
    };
    if built_in(TYPESCRIPT, version, TYPESCRIPT).is_some() {
        place("toolchain::platform", format!("There is no TypeScript {version} for {platform}"))
    } else {
        place("toolchain::version_unknown", format!("The integrity of TypeScript {version} is not known"))
            .help("Run `webstir lock`")
    }
}

fn placed(code: &'static str, message: String, requested: &Requested<'_>) -> Diagnostic {
    let diagnostic = Diagnostic::error(code, message);
    match requested.span {
        Some(span) => diagnostic.at(requested.path, span),
        None => diagnostic.in_file(requested.path),
    }
}

/// What `package.json` says of `typescript`. A manifest that cannot be read is reported elsewhere.
fn dependency(manifest: &str) -> Option<String> {
    let manifest: serde_json::Value = serde_json::from_str(manifest.trim_start_matches('\u{feff}')).ok()?;
    let groups = ["devDependencies", "dependencies", "optionalDependencies"];
    groups.iter().find_map(|group| Some(manifest.get(group)?.get(TYPESCRIPT)?.as_str()?.trim().to_owned()))
}

#[cfg(test)]
mod tests;
