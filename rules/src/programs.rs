//! Programs of the machine: what a name stands for, and where the machine keeps what webstir fetches.
//!
//! What a program does is decided by its file, by the interpreter that its first line names, and by the packages that it loads. To hash
//! all that takes long, so what was found is kept with the [`Evidence`] for it, in memory and in a file of the workspace's state
//! directory, and holds as long as the evidence does: a few stats instead of a gigabyte. So is what is told of the
//! [compiler](compiler::ACCOUNT).

#![expect(clippy::disallowed_methods, reason = "programs are files of the machine")]

mod closure;
pub(crate) mod compiler;
mod evidence;

use std::collections::BTreeMap;
use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use webstir_engine::digest::{Digest, KeyHasher};
use webstir_engine::machine::{Machine, Program, Wanted};
use webstir_engine::state_directory::StateDirectory;

use closure::closure;
use compiler::Told;
use evidence::{Evidence, Looker};

use webstir_toolchain::LOCKFILES;

/// Below the state directory.
const FILE: &str = "programs";

/// Interpreters of interpreters: nobody has more.
const DEEPEST: usize = 4;

/// Where compilers are kept, for all workspaces of a user: `WEBSTIR_TOOLCHAIN`, else `webstir` in the user's cache directory,
/// else below the workspace.
pub(crate) fn cache_directory(root: &Path) -> PathBuf {
    let variable = |name: &str| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    variable("WEBSTIR_TOOLCHAIN")
        .or_else(|| variable("XDG_CACHE_HOME").map(|cache| cache.join("webstir")))
        .or_else(|| variable("HOME").map(|home| home.join(".cache/webstir")))
        .unwrap_or_else(|| StateDirectory::of(root).join("toolchain"))
}

/// The programs of this machine, as a workspace sees them.
#[derive(Debug)]
pub struct Programs {
    root: PathBuf,
    /// The workspace whose packages are installed.
    installed: PathBuf,
    search_path: Vec<PathBuf>,
    /// `None` until the file was read.
    found: Mutex<Option<Found>>,
}

/// What was found so far.
#[derive(Debug, Default)]
struct Found {
    programs: BTreeMap<Wanted, Kept>,
    compiler: Option<Told>,
}

/// A program that was looked up, with what it was concluded from.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Kept {
    evidence: Evidence,
    program: Option<Parts>,
}

/// A program without its name.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Parts {
    place: PathBuf,
    file: Digest,
    interpreter: Option<Digest>,
    looked_up: Vec<(Box<str>, PathBuf)>,
    packages: Option<Digest>,
    /// Where the packages lie that `packages` stands for.
    reached: Vec<PathBuf>,
}

/// What is kept for the next process.
#[derive(Debug, Serialize, Deserialize)]
struct File {
    search_path: Vec<PathBuf>,
    programs: Vec<(Wanted, Kept)>,
    compiler: Option<Told>,
}

impl Programs {
    /// The programs on the `PATH` of this process and in the packages of the workspace at `root`.
    pub fn new(root: &Path) -> Self {
        let path = env::var_os("PATH").unwrap_or_default();
        let search_path = env::split_paths(&path).filter(|directory| directory.is_absolute()).collect();
        // Programs are compared with the root by their real places.
        let root = std::fs::canonicalize(root).unwrap_or_else(|_| root.to_owned());
        Self { installed: root.clone(), root, search_path, found: Mutex::default() }
    }

    /// With the packages that are installed in another checkout of the same workspace.
    #[must_use]
    pub fn with_packages_of(self, workspace: &Path) -> Self {
        let installed = std::fs::canonicalize(workspace).unwrap_or_else(|_| workspace.to_owned());
        Self { installed, ..self }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Found>> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The program, absolute and free of links: below the root when its name has a `/`; else of the packages of the workspace, else on
    /// the search path.
    fn locate(&self, looker: &mut Looker, name: &str) -> Option<PathBuf> {
        if name.starts_with('/') {
            return looker.program(Path::new(name));
        }
        if name.contains('/') {
            return looker.program(&self.root.join(name));
        }
        let bin = self.installed.join("node_modules/.bin").join(name);
        if let Some(program) = looker.program(&bin) {
            return Some(program);
        }
        self.search_path.iter().find_map(|directory| looker.program(&directory.join(name)))
    }

    /// Where the packages lie that a program may load, free of links.
    pub(crate) fn packages_of(&self, wanted: &Wanted) -> Vec<PathBuf> {
        self.kept(wanted).program.map(|program| program.reached).unwrap_or_default()
    }

    /// What is known of a program, as far as that still holds.
    fn kept(&self, wanted: &Wanted) -> Kept {
        let mut found = self.lock();
        let found = found.get_or_insert_with(|| self.read());
        if let Some(kept) = found.programs.get(wanted).filter(|kept| kept.evidence.holds()) {
            return kept.clone();
        }
        let kept = self.find(wanted);
        found.programs.insert(wanted.clone(), kept.clone());
        self.write(found);
        kept
    }

    fn find(&self, wanted: &Wanted) -> Kept {
        let mut looker = Looker::default();
        let program = self.locate(&mut looker, &wanted.name).and_then(|place| self.parts(&mut looker, wanted, place));
        Kept { evidence: looker.evidence(), program }
    }

    fn parts(&self, looker: &mut Looker, wanted: &Wanted, place: PathBuf) -> Option<Parts> {
        let (file, first_line) = looker.hash(&place)?;
        let mut looked_up = Vec::new();
        let interpreter = first_line.and_then(|line| self.interpreter(looker, &mut looked_up, &line, DEEPEST));
        let mut hasher = KeyHasher::new("webstir packages v1");
        let own = closure::package_of(looker, &place, &self.installed);
        let mut reached = Vec::new();
        if let Some(own) = own {
            let closure = closure(looker, &own, &self.installed, true);
            hasher.number(1).digest(closure.digest);
            reached.extend(closure.packages);
        }
        if wanted.loads_packages && looker.is_directory(&self.installed.join("node_modules")) {
            let closure = closure(looker, &self.installed, &self.installed, false);
            hasher.number(2).digest(closure.digest);
            reached.extend(closure.packages);
            // Where packages are not installed as this checkout has it, its lockfile tells them apart.
            for name in LOCKFILES {
                if let Some((lockfile, _)) = looker.hash(&self.root.join(name)) {
                    hasher.text(name).digest(lockfile);
                }
            }
        }
        // The package itself is among those that it reaches.
        let packages = (!reached.is_empty()).then(|| hasher.finish());
        reached.sort();
        reached.dedup();
        Some(Parts { place, file, interpreter, looked_up, packages, reached })
    }

    /// The digest of the interpreter that a first line names, and of its own. What `env` looks up for it is added to `looked_up`.
    fn interpreter(
        &self,
        looker: &mut Looker,
        looked_up: &mut Vec<(Box<str>, PathBuf)>,
        line: &str,
        depth: usize,
    ) -> Option<Digest> {
        let mut words = line.strip_prefix("#!")?.split_ascii_whitespace();
        let named = words.next()?;
        let place = if Path::new(named).file_name() == Some(OsStr::new("env")) {
            // `env -S NAME=value node --flag`.
            let name = words.find(|word| !word.starts_with('-') && !word.contains('='))?;
            let place = self.locate(looker, name)?;
            if !name.contains('/') {
                looked_up.push((name.into(), place.clone()));
            }
            place
        } else {
            looker.program(Path::new(named))?
        };
        let (file, first_line) = looker.hash(&place)?;
        let below =
            first_line.filter(|_| depth > 0).and_then(|line| self.interpreter(looker, looked_up, &line, depth - 1));
        let mut hasher = KeyHasher::new("webstir interpreter v1");
        hasher.digest(file);
        if let Some(below) = below {
            hasher.digest(below);
        }
        Some(hasher.finish())
    }

    fn file(&self) -> PathBuf {
        StateDirectory::of(&self.root).join(FILE)
    }

    /// What an earlier process found; nothing when there is no such file, or none of this version.
    fn read(&self) -> Found {
        let read = || -> Option<Found> {
            let file: File = serde_json::from_slice(&std::fs::read(self.file()).ok()?).ok()?;
            // Evidence is of the places that were searched.
            (file.search_path == self.search_path)
                .then(|| Found { programs: file.programs.into_iter().collect(), compiler: file.compiler })
        };
        read().unwrap_or_default()
    }

    /// Best effort: what is not kept is found again.
    fn write(&self, found: &Found) {
        let programs = found.programs.iter().filter(|(_, kept)| kept.evidence.is_settled());
        let programs = programs.map(|(wanted, kept)| (wanted.clone(), kept.clone())).collect();
        let kept = File { search_path: self.search_path.clone(), programs, compiler: found.compiler.clone() };
        let place = self.file();
        let Some(directory) = place.parent().filter(|directory| directory.is_dir()) else { return };
        let written = || -> std::io::Result<()> {
            let mut file = tempfile::NamedTempFile::new_in(directory)?;
            serde_json::to_writer(&mut file, &kept)?;
            file.persist(&place)?;
            Ok(())
        };
        let _ = written();
    }
}

impl Machine for Programs {
    fn program(&self, wanted: &Wanted) -> Option<Program> {
        let Parts { place, file, interpreter, looked_up, packages, .. } = self.kept(wanted).program?;
        Some(Program { wanted: wanted.clone(), place, file, interpreter, looked_up, packages })
    }

    fn account(&self, name: &str) -> Option<Arc<str>> {
        if name != compiler::ACCOUNT {
            return None;
        }
        let mut found = self.lock();
        let found = found.get_or_insert_with(|| self.read());
        let (told, is_new) = Told::now(found.compiler.take(), &self.root, &self.installed);
        let surroundings = told.surroundings(self.root != self.installed);
        found.compiler = Some(told);
        if is_new {
            self.write(found);
        }
        Some(serde_json::to_string(&surroundings).expect("surroundings are plain data").into())
    }
}

#[cfg(test)]
mod tests;
