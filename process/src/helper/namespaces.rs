//! The namespaces that a command is alone in.

use std::fs;

use rustix::mount::{MountPropagationFlags, mount_change};
use rustix::process::{getegid, geteuid};
use rustix::thread::UnshareFlags;

use super::engine::code;
use crate::plan::{Fault, Staged};
use crate::system::unshare;

/// Enters namespaces for mounts, processes, System V objects, the host name and, unless it may be used, the network. Who may not needs
/// one for users, where it stays who it is; so does whom other surroundings give another number.
pub(super) fn enter(staged: &Staged<'_>) -> Result<(), Fault> {
    let failed = |what: String, error: i32| Fault::Sandbox(what, error);
    let (user, group) = (geteuid(), getegid());
    let mut flags = UnshareFlags::NEWNS | UnshareFlags::NEWPID | UnshareFlags::NEWIPC | UnshareFlags::NEWUTS;
    if !staged.network {
        flags |= UnshareFlags::NEWNET;
    }
    let number = staged.surroundings.user_number();
    if number.is_some() || unshare(flags).is_err() {
        let inside = |own: u32| number.unwrap_or(own);
        let (user, group) = (user.as_raw(), group.as_raw());
        unshare(flags | UnshareFlags::NEWUSER)
            .map_err(|error| failed("Entering namespaces".to_owned(), error.raw_os_error()))?;
        for (file, text) in [
            ("setgroups", "deny".to_owned()),
            ("uid_map", format!("{} {user} 1", inside(user))),
            ("gid_map", format!("{} {group} 1", inside(group))),
        ] {
            fs::write(format!("/proc/self/{file}"), text)
                .map_err(|error| failed(format!("Writing `{file}`"), code(&error)))?;
        }
    }
    // What is mounted here is seen nowhere else.
    mount_change("/", MountPropagationFlags::DOWNSTREAM | MountPropagationFlags::REC)
        .map_err(|error| failed("Keeping mounts to itself".to_owned(), error.raw_os_error()))
}
