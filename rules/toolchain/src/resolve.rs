//! Which compiler a workspace has: a pure function over texts.
//!
//! A version is believed only together with an [`Integrity`]. Both come from the first of: `webstir.lock`, the lockfile of the
//! workspace's package manager, the table in this program. The version that `webstir.kdl` names is never overruled: what
//! contradicts it is passed over or reported. [`Origin`] says where the answer came from.

mod pins;

use std::fmt;

use serde::{Deserialize, Serialize};

use webstir_engine::diagnostic::{Diagnostic, Severity, Span};
use webstir_engine::digest::Digest;
use webstir_engine::path::RelPath;

use super::builtin::{BUILT_IN_VERSION, built_in};
use super::document::Document;
use super::integrity::Integrity;
use super::lock::{Lock, LockedTool};
use super::lockfiles::believed_first;
use super::package::{Package, Platform, is_exact_version, numbers};
use pins::{Pins, pins};

/// The name of the compiler.
pub const TYPESCRIPT: &str = "typescript";

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
    /// The files of [`LOCKFILES`](super::LOCKFILES) that exist in the workspace root, in that order.
    pub lockfiles: &'a [Document<'a>],
    /// `package.json` of the workspace root.
    pub manifest: Option<Document<'a>>,
    /// The platform to run on.
    pub platform: Platform,
}

/// What runs the compiler.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Runtime {
    /// Nothing: it is a program of the platform.
    Native,
    /// It is JavaScript and needs Node.
    Node,
}

/// Where version and integrity came from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Origin {
    /// `webstir.lock`.
    Lock(RelPath),
    /// The lockfile of a package manager.
    Lockfile(RelPath),
    /// The table in this program.
    BuiltIn,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lock(path) | Self::Lockfile(path) => write!(f, "`{path}`"),
            Self::BuiltIn => f.write_str("the versions known to webstir"),
        }
    }
}

/// The compiler of a workspace.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ResolvedCompiler {
    /// The package that holds it.
    pub package: Package,
    /// What runs it.
    pub runtime: Runtime,
    /// Where version and integrity came from. Not part of the identity.
    pub origin: Origin,
    /// That of this program.
    #[serde(skip, default = "Platform::current")]
    platform: Platform,
}

impl ResolvedCompiler {
    /// The identity of the compiler for action keys, known without fetching it.
    pub fn digest(&self) -> Digest {
        self.package.digest()
    }

    /// The version of TypeScript.
    pub fn version(&self) -> &str {
        self.package.version()
    }

    /// The file to run, or to have run by Node, below the directory of the package.
    pub fn executable(&self) -> &'static str {
        match self.runtime {
            Runtime::Node => "lib/tsc.js",
            Runtime::Native if self.platform.os == "win32" => "lib/tsc.exe",
            Runtime::Native => "lib/tsc",
        }
    }
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
    let manifest = request.manifest.map(|manifest| manifest.text);
    for document in believed_first(request.lockfiles.to_vec(), manifest, |document| document.path.file_name()) {
        let Some(pins) = pins(document)? else { continue };
        match request.requested {
            Some(requested) if requested.version != pins.version => {
                diagnostics.push(differs(document.path, &pins, &requested));
                break;
            }
            _ => return pinned(platform, document.path, &pins),
        }
    }
    match request.requested {
        Some(requested) => known(platform, requested.version)
            .ok_or_else(|| Box::new(unknown(platform, requested.version, Some(&requested)))),
        None => wanted(request, diagnostics),
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
fn pinned(platform: Platform, path: &RelPath, pins: &Pins) -> Result<ResolvedCompiler, Box<Diagnostic>> {
    let origin = Origin::Lockfile(path.clone());
    let pinned = compiler(platform, &pins.version, origin, |name| {
        let pin = pins.packages.get(name).filter(|pin| pin.version == pins.version)?;
        Some((pin.integrity.as_ref()?.parse().ok()?, pin.address.as_deref()))
    });
    // A lockfile made on another platform may lack the package of this one.
    pinned.or_else(|| known(platform, &pins.version)).ok_or_else(|| {
        let package = compiler_package(platform, &pins.version).0;
        let message = format!("`{path}` has no sha512 integrity of `{package}` {}", pins.version);
        let diagnostic = Diagnostic::error("toolchain::integrity_missing", message).in_file(path);
        Box::new(diagnostic.help("Run `webstir lock`"))
    })
}

fn differs(path: &RelPath, pins: &Pins, requested: &Requested<'_>) -> Diagnostic {
    let message = format!("TypeScript {} is used, `{path}` has {}", requested.version, pins.version);
    Diagnostic::info("toolchain::lockfile_differs", message)
        .in_file(path)
        .note("An editor that uses the workspace's TypeScript may report other errors")
        .related("This version is asked for", Some(requested.path), requested.span)
}

/// The version in the table, held against what `package.json` says.
fn wanted(request: &Request<'_>, diagnostics: &mut Vec<Diagnostic>) -> Result<ResolvedCompiler, Box<Diagnostic>> {
    let platform = request.platform;
    let built_in =
        || known(platform, BUILT_IN_VERSION).ok_or_else(|| Box::new(unknown(platform, BUILT_IN_VERSION, None)));
    let Some(document) = request.manifest else { return built_in() };
    let Some(range) = dependency(document.text) else { return built_in() };

    let quoted = format!("\"{range}\"");
    let span = document.text.find(&quoted).map(|at| Span::locate(document.text, at, at + quoted.len()));
    let requested = Requested { version: &range, path: document.path, span };
    let exact = range.trim_start_matches(['=', 'v']).trim();
    if is_exact_version(exact) {
        return known(platform, exact).ok_or_else(|| Box::new(unknown(platform, exact, Some(&requested))));
    }
    if excludes(&range, BUILT_IN_VERSION) {
        let message = format!("TypeScript {BUILT_IN_VERSION} is used, which `{range}` does not allow");
        let mut warning = placed("toolchain::range_excluded", message, &requested)
            .help("Name a version of TypeScript in `webstir.kdl` and run `webstir lock`");
        warning.severity = Severity::Warning;
        diagnostics.push(warning);
    }
    built_in()
}

/// The version in the table; none for any other version and for platforms without a package.
fn known(platform: Platform, version: &str) -> Option<ResolvedCompiler> {
    if version != BUILT_IN_VERSION {
        return None;
    }
    compiler(platform, version, Origin::BuiltIn, |name| Some((built_in(name)?, None)))
}

fn compiler<'a>(
    platform: Platform,
    version: &str,
    origin: Origin,
    integrity_of: impl FnOnce(&str) -> Option<(Integrity, Option<&'a str>)>,
) -> Option<ResolvedCompiler> {
    let (name, runtime) = compiler_package(platform, version);
    let (integrity, address) = integrity_of(&name)?;
    let package = Package::new(&name, version, integrity).ok()?.resolved(address);
    Some(ResolvedCompiler { package, runtime, origin, platform })
}

/// The package to run: since TypeScript 7 `typescript` only finds the native package of the platform.
fn compiler_package(platform: Platform, version: &str) -> (String, Runtime) {
    match numbers(version) {
        Some([major, ..]) if major < 7 => (TYPESCRIPT.to_owned(), Runtime::Node),
        _ => (format!("@typescript/typescript-{platform}"), Runtime::Native),
    }
}

/// Why [`known`] knows nothing.
fn unknown(platform: Platform, version: &str, requested: Option<&Requested<'_>>) -> Diagnostic {
    let place = |code, message| match requested {
        Some(requested) => placed(code, message, requested),
        None => Diagnostic::error(code, message),
    };
    if version == BUILT_IN_VERSION {
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

/// Whether `range` certainly does not allow `version`. Only single `^`, `~` and partial versions are understood; of everything
/// else nothing is claimed.
fn excludes(range: &str, version: &str) -> bool {
    let Some(version) = numbers(version) else { return false };
    let (operator, bound) = match range.chars().next() {
        Some(operator @ ('^' | '~')) => (operator, &range[1..]),
        _ => (' ', range),
    };
    let mut parts = Vec::new();
    for part in bound.split('-').next().unwrap_or_default().split('.') {
        match part.parse::<u64>() {
            Ok(number) => parts.push(number),
            Err(_) if matches!(part, "x" | "X" | "*") && !parts.is_empty() => break,
            Err(_) => return false,
        }
    }
    // How many leading numbers are fixed by the range; `^0.…` fixes up to the first that is not zero.
    let fixed = match operator {
        '^' => parts.iter().position(|number| *number != 0).map_or(parts.len(), |zeros| zeros + 1),
        '~' => parts.len().min(2),
        _ => parts.len(),
    };
    let floor = [0, 1, 2].map(|index| parts.get(index).copied().unwrap_or(0));
    version < floor || version.iter().zip(&parts).take(fixed).any(|(have, want)| have != want)
}

#[cfg(test)]
mod tests;
