//! What surrounds a command without being declared.
//!
//! It is the same for every run, so that no result can depend on it by chance. [`Surroundings`] say in which [factors](Factor) it is
//! another one on purpose: a command whose result differs then depends on that factor.

use serde::{Deserialize, Serialize};

/// Something that a command finds and that nobody declared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Factor {
    /// Where its tree and its temporary files lie.
    Place,
    /// The name of the host.
    HostName,
    /// The number and the name of its user, and the home.
    User,
    /// `TZ`.
    TimeZone,
    /// `LC_ALL` and `LANG`.
    Locale,
    /// How many processors it may use.
    Processors,
    /// Which rights new files do not have.
    Umask,
    /// The order in which directories of its tree list their entries.
    EntryOrder,
    /// Its number.
    ProcessId,
    /// Which of the processes and threads that it starts gets on first.
    ParallelOrder,
}

impl Factor {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Place,
        Self::HostName,
        Self::User,
        Self::TimeZone,
        Self::Locale,
        Self::Processors,
        Self::Umask,
        Self::EntryOrder,
        Self::ProcessId,
        Self::ParallelOrder,
    ];

    /// Its name in documents.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Place => "path",
            Self::HostName => "hostName",
            Self::User => "user",
            Self::TimeZone => "timeZone",
            Self::Locale => "locale",
            Self::Processors => "processors",
            Self::Umask => "umask",
            Self::EntryOrder => "entryOrder",
            Self::ProcessId => "processId",
            Self::ParallelOrder => "parallelOrder",
        }
    }

    /// Its name for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Place => "the path of the tree",
            Self::HostName => "the host name",
            Self::User => "the user or the home",
            Self::TimeZone => "TZ",
            Self::Locale => "LC_ALL",
            Self::Processors => "the number of processors",
            Self::Umask => "the umask",
            Self::EntryOrder => "the order of directory entries",
            Self::ProcessId => "the process id",
            Self::ParallelOrder => "the order of parallel work",
        }
    }

    fn bit(self) -> u16 {
        1 << self as u16
    }
}

/// In which order something happens: the entries of a tree are made, which some file systems list them by, or parallel work gets on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    Sorted,
    Reversed,
}

/// The name of the host and of a user that is not root; the user and the host of other surroundings.
const NAME: &str = "build";
const OTHER_NAME: &str = "other";
/// A number that no user of a system has by default.
const OTHER_NUMBER: u32 = 54_321;

/// In which factors a command's surroundings are not the usual ones; in none by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Surroundings {
    changed: u16,
    is_ordered: bool,
    keeps_number: bool,
}

impl Surroundings {
    /// The usual ones, in which the entries of the tree are in a known order, where the file system has them in the order in which they
    /// are made, and so is what a command does at the same time: what others are compared with.
    pub fn ordered() -> Self {
        Self { is_ordered: true, ..Self::default() }
    }

    /// Another one in this factor as well.
    #[must_use]
    pub fn with(self, factor: Factor) -> Self {
        Self { changed: self.changed | factor.bit(), ..self }
    }

    /// The usual one in this factor.
    #[must_use]
    pub fn without(self, factor: Factor) -> Self {
        Self { changed: self.changed & !factor.bit(), ..self }
    }

    /// Usual but for this factor, where it is another one here.
    #[must_use]
    pub fn only(self, factor: Factor) -> Self {
        Self { changed: self.changed & factor.bit(), ..self }
    }

    /// Usual in every factor, with the same order of entries.
    #[must_use]
    pub fn usual(self) -> Self {
        Self { changed: 0, ..self }
    }

    /// The user has the number that it has outside: only names and the home are others.
    #[must_use]
    pub(crate) fn keeping_number(self) -> Self {
        Self { keeps_number: true, ..self }
    }

    /// Whether a factor is not as usual.
    pub fn changes(self, factor: Factor) -> bool {
        self.changed & factor.bit() != 0
    }

    /// Whether runs in them are compared with each other: each has to find what the others find.
    pub fn is_ordered(self) -> bool {
        self.is_ordered
    }

    /// The factors that are not as usual.
    pub fn changed(self) -> impl Iterator<Item = Factor> {
        Factor::ALL.into_iter().filter(move |factor| self.changes(*factor))
    }

    fn pick<T>(self, factor: Factor, usual: T, other: T) -> T {
        if self.changes(factor) { other } else { usual }
    }

    /// Where a command in namespaces finds its tree.
    pub(crate) fn tree(self) -> &'static str {
        self.pick(Factor::Place, "/w", "/another/place")
    }

    /// The name under which a command in namespaces is told of its temporary files.
    pub(crate) fn temporary(self) -> &'static str {
        self.pick(Factor::Place, "/tmp", "/var/tmp")
    }

    /// The home of a command in namespaces.
    pub(crate) fn home(self) -> &'static str {
        self.pick(Factor::User, "/home/build", "/home/other")
    }

    /// The name of the host of a command in namespaces.
    pub(crate) fn host(self) -> &'static str {
        self.pick(Factor::HostName, NAME, OTHER_NAME)
    }

    /// The name of a user in namespaces.
    pub(crate) fn user(self, is_root: bool) -> &'static str {
        match self.user_name() {
            Some(other) => other,
            None if is_root => "root",
            None => NAME,
        }
    }

    /// The name that the user has instead of its own, which is told to nobody.
    pub(crate) fn user_name(self) -> Option<&'static str> {
        self.changes(Factor::User).then_some(OTHER_NAME)
    }

    /// The number that user and group have instead of their own.
    pub(crate) fn user_number(self) -> Option<u32> {
        (self.changes(Factor::User) && !self.keeps_number).then_some(OTHER_NUMBER)
    }

    /// West of Greenwich, so that midnight there is another day here, and not by whole hours; without a data base of zones by its rule.
    pub(crate) fn time_zone(self) -> &'static str {
        let has_zones = std::path::Path::new("/usr/share/zoneinfo/America/St_Johns").exists();
        self.pick(Factor::TimeZone, "UTC", if has_zones { "America/St_Johns" } else { "NST3:30NDT" })
    }

    /// Other letters of another case, another decimal point, other formats; for the C library, which has it seldom, that of plain ASCII.
    pub(crate) fn locale(self) -> &'static str {
        self.pick(Factor::Locale, "C.UTF-8", "tr_TR.UTF-8")
    }

    /// Which rights new files do not have.
    pub(crate) fn umask(self) -> u32 {
        self.pick(Factor::Umask, 0o022, 0o077)
    }

    /// The order in which a tree is made; `None` where it does not matter.
    pub(crate) fn order(self) -> Option<Order> {
        self.order_of(Factor::EntryOrder)
    }

    /// The order in which processes that start at once get on; `None` where it is left to them.
    pub(crate) fn turns(self) -> Option<Order> {
        self.order_of(Factor::ParallelOrder)
    }

    fn order_of(self, factor: Factor) -> Option<Order> {
        match (self.changes(factor), self.is_ordered) {
            (true, _) => Some(Order::Reversed),
            (false, true) => Some(Order::Sorted),
            (false, false) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn factors_are_changed_one_by_one() {
        let all = Factor::ALL.into_iter().fold(Surroundings::ordered(), Surroundings::with);
        assert_eq!(all.changed().count(), Factor::ALL.len());
        for factor in Factor::ALL {
            assert_eq!(all.only(factor).changed().collect::<Vec<_>>(), [factor]);
            assert!(!all.without(factor).changes(factor));
        }
        assert_eq!(all.usual(), Surroundings::ordered());
        let user = Surroundings::default().with(Factor::User);
        assert_eq!((user.user_number(), user.keeping_number().user_number()), (Some(OTHER_NUMBER), None));
    }
}
