//! The programs of the machine as salsa inputs.
//!
//! A command names a program; what that name stands for is a matter of the machine: a file, the interpreter that its first line names,
//! and the packages that it loads. A [`Machine`] says so. What else lies outside of the workspace and decides plans it tells as an
//! *account*, a text that rules write and read. Each is asked for again with every change of the workspace and at the start of every build
//! ([`Programs::look`]), so that a plan never depends on what was there before.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustc_hash::FxHashMap;
use salsa::Setter as _;

use crate::digest::{Digest, KeyHasher};

/// A program that is asked for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct Wanted {
    /// Its name, to be looked up as a shell would; an absolute path; or a path below the workspace root.
    pub name: Box<str>,
    /// Whether it runs code of the workspace, which may load every package that is installed there.
    pub loads_packages: bool,
}

/// A program as it was found: where it is, and all that decides what it does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// What was asked for.
    pub wanted: Wanted,
    /// Where it is; not part of a key.
    pub place: PathBuf,
    /// The digest of its bytes.
    pub file: Digest,
    /// The digest of the interpreter that its first line names.
    pub interpreter: Option<Digest>,
    /// The programs that `env` looks up for that line, by name, and where they were found; not part of a key.
    pub looked_up: Vec<(Box<str>, PathBuf)>,
    /// The digest of the packages that it may load: those of the package that it belongs to, and of the workspace if it loads them.
    pub packages: Option<Digest>,
}

impl Program {
    /// What stands for all of it that is part of a key.
    pub fn digest(&self) -> Digest {
        let mut hasher = KeyHasher::new("webstir program v1");
        hasher.text(&self.wanted.name).digest(self.file);
        for part in [self.interpreter, self.packages] {
            match part {
                None => hasher.number(0),
                Some(digest) => hasher.number(1).digest(digest),
            };
        }
        hasher.finish()
    }
}

/// What says which program a name stands for.
pub trait Machine: Send + Sync + fmt::Debug {
    /// The program, or `None` where there is none that may be executed.
    fn program(&self, wanted: &Wanted) -> Option<Program>;

    /// The account of this name, or `None` where there is none of it.
    fn account(&self, name: &str) -> Option<Arc<str>>;
}

/// A machine without programs.
#[derive(Debug, Clone, Copy, Default)]
pub struct Bare;

impl Machine for Bare {
    fn program(&self, _: &Wanted) -> Option<Program> {
        None
    }

    fn account(&self, _: &str) -> Option<Arc<str>> {
        None
    }
}

/// The part of the database that knows programs.
#[salsa::db]
pub trait ProgramDb: salsa::Database {
    /// The machine, for looking up programs.
    fn machine(&self) -> &dyn Machine;
    /// The programs that were looked up so far.
    fn programs(&self) -> &Programs;
}

/// What the machine said of one program.
#[salsa::input(debug)]
pub struct ProgramInput {
    /// What was asked for.
    #[returns(ref)]
    pub wanted: Wanted,
    /// What was found.
    #[returns(ref)]
    pub found: Option<Arc<Program>>,
}

/// What the machine said of one account.
#[salsa::input(debug)]
pub struct AccountInput {
    /// Its name.
    #[returns(ref)]
    pub name: Box<str>,
    /// What it says.
    #[returns(ref)]
    pub said: Option<Arc<str>>,
}

/// All program inputs so far, and all accounts. Shared by every handle of one database; holds identities only.
#[derive(Debug, Default)]
pub struct Programs {
    programs: Mutex<FxHashMap<Wanted, ProgramInput>>,
    accounts: Mutex<FxHashMap<Box<str>, AccountInput>>,
}

impl Programs {
    /// Asks the machine again about every program and every account, and sets what changed. Returns whether anything did.
    pub fn look(db: &mut dyn ProgramDb) -> bool {
        let inputs: Vec<ProgramInput> = locked(&db.programs().programs).values().copied().collect();
        let accounts: Vec<AccountInput> = locked(&db.programs().accounts).values().copied().collect();
        let mut any = false;
        for input in accounts {
            let said = db.machine().account(input.name(db));
            if *input.said(db) != said {
                input.set_said(db).to(said);
                any = true;
            }
        }
        for input in inputs {
            let found = db.machine().program(input.wanted(db));
            if input.found(db).as_deref() != found.as_ref() {
                input.set_found(db).to(found.map(Arc::new));
                any = true;
            }
        }
        any
    }

    /// Every program that was asked for, sorted.
    pub fn wanted(&self) -> Vec<Wanted> {
        let mut wanted: Vec<_> = locked(&self.programs).keys().cloned().collect();
        wanted.sort();
        wanted
    }

    /// Every account that was asked for, sorted.
    pub fn accounts(&self) -> Vec<Box<str>> {
        let mut names: Vec<_> = locked(&self.accounts).keys().cloned().collect();
        names.sort();
        names
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What the machine says of a program: a dependency of the running query.
pub fn program(db: &dyn ProgramDb, wanted: Wanted) -> Option<&Arc<Program>> {
    let mut inputs = locked(&db.programs().programs);
    let input = *inputs.entry(wanted).or_insert_with_key(|wanted| {
        let found = db.machine().program(wanted).map(Arc::new);
        ProgramInput::builder(wanted.clone(), found)
            .wanted_durability(salsa::Durability::NEVER_CHANGE)
            .found_durability(salsa::Durability::MEDIUM)
            .new(db)
    });
    drop(inputs);
    input.found(db).as_ref()
}

/// What the machine says in an account: a dependency of the running query.
pub fn account<'db>(db: &'db dyn ProgramDb, name: &str) -> Option<&'db Arc<str>> {
    let mut inputs = locked(&db.programs().accounts);
    let input = *inputs.entry(name.into()).or_insert_with_key(|name| {
        let said = db.machine().account(name);
        AccountInput::builder(name.clone(), said)
            .name_durability(salsa::Durability::NEVER_CHANGE)
            .said_durability(salsa::Durability::MEDIUM)
            .new(db)
    });
    drop(inputs);
    input.said(db).as_ref()
}
