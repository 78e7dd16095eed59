//! What a process takes from itself before it starts the command.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible as _, PathBeneath, PathFd, Ruleset,
    RulesetAttr as _, RulesetCreated, RulesetCreatedAttr as _, RulesetStatus, Scope,
};
use rustix::io::Errno;
use rustix::process::{Resource, Rlimit, setrlimit};
use rustix::thread::{
    CapabilitySet, CapabilitySets, remove_capability_from_bounding_set, set_capabilities, set_no_new_privs,
};

use super::filter::{Filter, Verdict};
use super::root::{DEVICES, SYSTEM};
use crate::plan::{Fault, Staged};
use crate::sandbox::Tier;

/// What root keeps: all that has to do with files of its own.
const KEPT: CapabilitySet = CapabilitySet::CHOWN
    .union(CapabilitySet::DAC_OVERRIDE)
    .union(CapabilitySet::DAC_READ_SEARCH)
    .union(CapabilitySet::FOWNER)
    .union(CapabilitySet::FSETID)
    .union(CapabilitySet::KILL)
    .union(CapabilitySet::SETGID)
    .union(CapabilitySet::SETUID);

fn fault(what: &str) -> impl Fn(Errno) -> Fault + '_ {
    move |error| Fault::Sandbox(what.to_owned(), error.raw_os_error())
}

/// No program that it starts may do more than it, and none leaves its memory behind.
pub(super) fn privileges() -> Result<(), Fault> {
    set_no_new_privs(true).map_err(fault("Giving up new privileges"))?;
    // Core files would lie in the tree.
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    for capability in CapabilitySet::all().difference(KEPT).iter() {
        // Those that this system has not, and those that are not ours to give up, are none.
        let _ = remove_capability_from_bounding_set(capability);
    }
    if rustix::process::geteuid().is_root() {
        let none = CapabilitySet::empty();
        let sets = CapabilitySets { effective: KEPT, permitted: KEPT, inheritable: none };
        // Who is root in name only has fewer already.
        let _ = set_capabilities(None, sets);
    }
    Ok(())
}

/// The filter of a tier, with the calls that are observed or without.
pub(super) fn filter(staged: &Staged<'_>, observe: bool) -> Filter {
    let has_own_network = staged.tier == Tier::Namespace;
    let mut filter = Filter::new();
    if !staged.network && !has_own_network {
        // Pairs of sockets are made by another call.
        let netlink = u32::try_from(libc::AF_NETLINK).unwrap_or(u32::MAX);
        filter.only_with(libc::SYS_socket, &[netlink], Verdict::Refuse(Errno::ACCESS));
    }
    if observe {
        super::observer::observe(&mut filter);
    }
    filter
}

/// Keeps this process from all files but those of its tree and of the system.
pub(super) fn landlock(staged: &Staged<'_>) -> Result<(), Fault> {
    let failed = |error: &dyn std::fmt::Display| Fault::Sandbox(format!("Landlock: {error}"), 0);
    let rules = || -> Result<RulesetStatus, Box<dyn std::error::Error>> {
        // The rights of Linux 5.13 are asked for, later ones are taken where they are.
        let all = AccessFs::from_all(ABI::V1);
        let read = AccessFs::from_read(ABI::V1);
        let mut ruleset = Ruleset::default().set_compatibility(CompatLevel::HardRequirement).handle_access(all)?;
        ruleset = ruleset.set_compatibility(CompatLevel::BestEffort).handle_access(AccessFs::from_all(ABI::V5))?;
        if !staged.network {
            ruleset = ruleset.handle_access(AccessNet::from_all(ABI::V4))?.scope(Scope::AbstractUnixSocket)?;
        }
        let mut rules = ruleset.scope(Scope::Signal)?.create()?.set_compatibility(CompatLevel::BestEffort);
        let (root, stage) = (staged.root.as_path(), staged.stage.as_path());
        let packages = staged.tree.packages.iter().map(|packages| root.join(packages));
        let visible = staged.visible.iter().map(|place| place.as_path().to_owned());
        let system = SYSTEM.iter().chain(&["/etc", "/proc"]).map(PathBuf::from);
        for place in packages.chain(visible).chain(system).chain([stage.join("programs")]) {
            rules = allow(rules, &place, read)?;
        }
        for name in ["tree", "temporary"] {
            rules = allow(rules, &stage.join(name), AccessFs::from_all(ABI::V5))?;
        }
        for name in DEVICES {
            let rights = AccessFs::ReadFile | AccessFs::WriteFile | AccessFs::IoctlDev;
            rules = allow(rules, &Path::new("/dev").join(OsStr::new(name)), rights)?;
        }
        Ok(rules.restrict_self()?.ruleset)
    };
    match rules() {
        Ok(RulesetStatus::NotEnforced) => Err(failed(&"it is not there")),
        Ok(_) => Ok(()),
        Err(error) => Err(failed(&error)),
    }
}

/// Allows something below a place; nothing where it is not there.
fn allow(
    rules: RulesetCreated,
    place: &Path,
    rights: BitFlags<AccessFs>,
) -> Result<RulesetCreated, landlock::RulesetError> {
    let Ok(opened) = PathFd::new(place) else { return Ok(rules) };
    let rights = if place.is_dir() { rights } else { rights & AccessFs::from_file(ABI::V5) };
    rules.add_rule(PathBeneath::new(opened, rights))
}
