//! What differs between systems: who gets orphans, how the end of a process is waited for, and how all of it is ended.
//!
//! [`linux`] does it all. Elsewhere only the process group of the command is ended; another system is filled in beside it.

mod calls;
#[cfg(target_os = "linux")]
mod linux;
#[cfg(not(target_os = "linux"))]
mod other;

pub(crate) use calls::{Forked, fork};
#[cfg(target_os = "linux")]
pub(crate) use calls::{
    filter, is_waiting, let_go_on, make_read_only, notification, raise_loopback, read_memory, unshare,
};
#[cfg(target_os = "linux")]
pub(crate) use linux::{EndOf, begin, end_all, end_others, resident_below};
#[cfg(not(target_os = "linux"))]
pub(crate) use other::{EndOf, begin, end_all, end_others, resident_below};
