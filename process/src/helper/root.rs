//! The root of a command that runs in namespaces: what is there for it, and nothing else.
//!
//! ```text
//! /w                       the tree
//! /tmp /home/build         empty, its own
//! /usr /bin /lib … /etc    of the system, readable only; of `/etc` what programs need and what says nothing of the machine
//! /dev /proc               the harmless devices; its own processes
//! /run/programs            links to programs that are offered by name
//! …                        where its program is installed, readable only
//! ```

use std::ffi::CString;
use std::fs;
use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::mount::{MountFlags, UnmountFlags, mount, mount_bind, mount_bind_recursive, unmount};
use rustix::net::{AddressFamily, SocketType, socket};
use rustix::process::pivot_root;
use rustix::thread::UnshareFlags;

use super::engine::code;
use crate::plan::{Fault, Kind, Staged};
use crate::sandbox::{PROGRAMS, TEMPORARY};
use crate::surroundings::{Factor, Surroundings};
use crate::system;

/// Directories of the system's programs. Those that are links are links here, too.
pub(super) const SYSTEM: [&str; 9] =
    ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/nix/store", "/gnu/store"];

/// What is shown of `/etc`.
const SETTINGS: [&str; 16] = [
    "alternatives",
    "ca-certificates",
    "ca-certificates.conf",
    "crypto-policies",
    "fonts",
    "ld-musl-x86_64.path",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "mime.types",
    "os-release",
    "pki",
    "protocols",
    "services",
    "ssl",
    "terminfo",
];

/// What is shown besides where the network may be used.
const NETWORK: [&str; 3] = ["gai.conf", "host.conf", "resolv.conf"];

/// Harmless devices.
pub(super) const DEVICES: [&str; 5] = ["null", "zero", "full", "random", "urandom"];

/// Where the new root is mounted, relative to the stage: a directory that is not needed by this name any more.
const NEW: &str = "temporary";

fn fault(what: impl Into<String>) -> impl FnOnce(rustix::io::Errno) -> Fault {
    move |error| Fault::Sandbox(what.into(), error.raw_os_error())
}

fn io_fault(what: impl Into<String>) -> impl FnOnce(io::Error) -> Fault {
    move |error| Fault::Sandbox(what.into(), code(&error))
}

/// A directory to be bound, whatever lies above its name then.
pub(super) fn open(place: &Path) -> Result<OwnedFd, Fault> {
    openat(CWD, place, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
        .map_err(|error| Fault::io("Reading", &place.to_string_lossy(), &error.into()))
}

/// The directories that a command has for itself, made by the helper.
pub(super) struct Own {
    pub(super) temporary: OwnedFd,
    pub(super) home: OwnedFd,
}

impl Own {
    /// Makes both below `directory`.
    pub(super) fn make(directory: &Path) -> Result<Self, Fault> {
        let make = |name: &str| {
            let place = directory.join(name);
            let made = match fs::create_dir(&place) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
                made => made,
            };
            made.map_err(|error| Fault::io("Making the directory", &place.to_string_lossy(), &error))?;
            open(&place)
        };
        let own = Self { temporary: make("t")?, home: make("h")? };
        let rights = Mode::from_raw_mode(0o1777);
        let place = format!("/proc/self/fd/{}", own.temporary.as_raw_fd());
        fs::set_permissions(&place, fs::Permissions::from_mode(rights.as_raw_mode()))
            .map_err(|error| Fault::io("Making the directory", &place, &error))?;
        Ok(own)
    }
}

/// Makes the root, in the mount namespace of the helper, over a tree that is made already.
pub(super) fn make(staged: &Staged<'_>, own: &Own) -> Result<(), Fault> {
    let stage = staged.stage.as_path();
    std::env::set_current_dir(stage).map_err(io_fault("Entering the stage"))?;
    let tree = open(&stage.join("tree"))?;
    let programs = open(&stage.join("programs")).ok();
    let flags = MountFlags::NOSUID | MountFlags::NODEV;
    mount("tmpfs", NEW, "tmpfs", flags, Some(c"mode=0755,size=1m")).map_err(fault("Mounting a root"))?;
    std::env::set_current_dir(NEW).map_err(io_fault("Entering the root"))?;
    for place in SYSTEM {
        show(Path::new(place))?;
    }
    settings(staged.network, staged.surroundings)?;
    devices()?;
    directory("proc")?;
    let (tree_name, home) = (staged.surroundings.tree(), staged.surroundings.home());
    for (name, from) in [(tree_name, &tree), (TEMPORARY, &own.temporary), (home, &own.home)] {
        bind(from, &name[1..])?;
    }
    for packages in staged.tree.packages.iter().filter(|packages| is_elsewhere(staged, packages)) {
        let (from, name) = (staged.root.as_path().join(packages), format!("{}/{packages}", &tree_name[1..]));
        mount_bind_recursive(from, &name).map_err(fault(format!("Showing `{packages}`")))?;
        read_only(&name, true)?;
    }
    if let Some(programs) = programs {
        bind(&programs, &PROGRAMS[1..])?;
    }
    // Some may lie below those.
    for place in staged.visible.iter().map(|place| place.as_path()).filter(|place| !is_shown(place)) {
        show(place)?;
    }
    directory("var")?;
    symlink(TEMPORARY, "var/tmp").map_err(io_fault("Making `/var/tmp`"))?;
    std::env::set_current_dir(stage).map_err(io_fault("Entering the stage"))
}

/// Enters the root. This process is the first one of its process namespace.
pub(super) fn enter(staged: &Staged<'_>) -> Result<(), Fault> {
    // The helper still needs the mounts as they are.
    system::unshare(UnshareFlags::NEWNS).map_err(fault("Entering a mount namespace"))?;
    let root = staged.stage.as_path().join(NEW);
    std::env::set_current_dir(root).map_err(io_fault("Entering the root"))?;
    let hidden = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    mount("proc", "proc", "proc", hidden, None).map_err(fault("Mounting `/proc`"))?;
    if staged.surroundings.changes(Factor::Processors) {
        show_one_processor()?;
    }
    // Root could change settings of the whole system there.
    read_only("proc", true)?;
    // The root goes below itself, and is taken away from there.
    pivot_root(".", ".").map_err(fault("Entering the root"))?;
    unmount(".", UnmountFlags::DETACH).map_err(fault("Leaving the old root"))?;
    std::env::set_current_dir("/").map_err(io_fault("Entering the root"))?;
    read_only("/", false)?;
    rustix::system::sethostname(staged.surroundings.host().as_bytes()).map_err(fault("Naming the host"))?;
    if !staged.network {
        let lo = socket(AddressFamily::INET, SocketType::DGRAM, None).map_err(fault("Making a socket"))?;
        system::raise_loopback(std::os::fd::AsFd::as_fd(&lo)).map_err(fault("Starting the loopback device"))?;
    }
    Ok(())
}

/// Whether a directory of packages is not in the tree by itself: that is a copy, or the workspace has a link in its place.
fn is_elsewhere(staged: &Staged<'_>, packages: &str) -> bool {
    let root = staged.root.as_path();
    let real = |place: &Path| fs::canonicalize(place).ok();
    real(&root.join(packages)).is_some_and(|place| {
        place.is_dir() && (staged.kind == Kind::Copy || real(root).is_none_or(|root| root.join(packages) != place))
    })
}

fn directory(name: &str) -> Result<(), Fault> {
    fs::create_dir_all(name).map_err(io_fault(format!("Making `/{name}`")))
}

fn bind(from: &OwnedFd, name: &str) -> Result<(), Fault> {
    directory(name)?;
    mount_bind_recursive(format!("/proc/self/fd/{}", from.as_raw_fd()), name)
        .map_err(fault(format!("Showing `/{name}`")))
}

fn read_only(name: &str, all: bool) -> Result<(), Fault> {
    let what = || format!("Making `{name}` readable only");
    let place = CString::new(name).map_err(|_| Fault::Sandbox(what(), 0))?;
    system::make_read_only(&place, all).map_err(fault(what()))
}

/// Shows a file or a directory of the machine at its own place, readable only; a link as the link that it is. What is not there is not.
fn show(place: &Path) -> Result<(), Fault> {
    let Ok(metadata) = fs::symlink_metadata(place) else { return Ok(()) };
    let Ok(name) = place.strip_prefix("/") else { return Ok(()) };
    let what = || format!("Showing `{}`", place.display());
    if let Some(parent) = name.parent() {
        fs::create_dir_all(parent).map_err(io_fault(what()))?;
    }
    if metadata.is_symlink() && place.parent() == Some(Path::new("/")) {
        let target = fs::read_link(place).map_err(io_fault(what()))?;
        return symlink(target, name).map_err(io_fault(what()));
    }
    if place.is_dir() {
        fs::create_dir_all(name).map_err(io_fault(what()))?;
        mount_bind_recursive(place, name).map_err(fault(what()))?;
    } else if place.is_file() {
        fs::write(name, "").map_err(io_fault(what()))?;
        mount_bind(place, name).map_err(fault(what()))?;
    } else {
        return Ok(());
    }
    read_only(&name.to_string_lossy(), true)
}

/// Whether it lies in a directory that is shown already.
fn is_shown(place: &Path) -> bool {
    let name = place.strip_prefix("/").unwrap_or(place);
    SYSTEM.iter().any(|system| place.starts_with(system)) || fs::symlink_metadata(name).is_ok()
}

fn settings(network: bool, surroundings: Surroundings) -> Result<(), Fault> {
    directory("etc")?;
    for name in SETTINGS.iter().chain(network.then_some(&NETWORK).into_iter().flatten()) {
        show(&PathBuf::from("/etc").join(name))?;
    }
    let (user, group) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    let (name, home, host) = (surroundings.user(user == 0), surroundings.home(), surroundings.host());
    let people = format!("{name}:x:{user}:{group}::{home}:/bin/sh\n");
    let groups = format!("{name}:x:{group}:\n");
    let (hosts, host) = (format!("127.0.0.1 localhost {host}\n::1 localhost\n"), format!("{host}\n"));
    for (name, text) in [
        ("passwd", people.as_str()),
        ("group", groups.as_str()),
        ("hosts", hosts.as_str()),
        ("hostname", host.as_str()),
        ("nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n"),
    ] {
        fs::write(format!("etc/{name}"), text).map_err(io_fault(format!("Writing `/etc/{name}`")))?;
    }
    Ok(())
}

/// Has `/proc` list one processor, for programs that count those and do not ask how many they may use.
fn show_one_processor() -> Result<(), Fault> {
    let place = "run/processors";
    directory(place)?;
    let stat = fs::read_to_string("proc/stat").unwrap_or_default();
    let is_other = |line: &&str| line.starts_with("cpu") && !line.starts_with("cpu ") && !line.starts_with("cpu0 ");
    let stat: String = stat.split_inclusive('\n').filter(|line| !is_other(line)).collect();
    let all = fs::read_to_string("proc/cpuinfo").unwrap_or_default();
    let first = all.split("\n\n").next().unwrap_or_default();
    for (name, text) in [("stat", stat), ("cpuinfo", format!("{first}\n\n"))] {
        let (from, to) = (format!("{place}/{name}"), format!("proc/{name}"));
        fs::write(&from, text).map_err(io_fault(format!("Writing `/{from}`")))?;
        mount_bind(&from, &to).map_err(fault(format!("Showing `/{to}`")))?;
    }
    Ok(())
}

fn devices() -> Result<(), Fault> {
    directory("dev")?;
    for name in DEVICES {
        let (from, to) = (format!("/dev/{name}"), format!("dev/{name}"));
        fs::write(&to, "").map_err(io_fault(format!("Making `{from}`")))?;
        mount_bind(&from, &to).map_err(fault(format!("Showing `{from}`")))?;
    }
    for (name, target) in [
        ("fd", "/proc/self/fd"),
        ("stdin", "/proc/self/fd/0"),
        ("stdout", "/proc/self/fd/1"),
        ("stderr", "/proc/self/fd/2"),
        ("shm", TEMPORARY),
    ] {
        symlink(target, format!("dev/{name}")).map_err(io_fault(format!("Making `/dev/{name}`")))?;
    }
    Ok(())
}
