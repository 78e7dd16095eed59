//! Messages into the scheduler, and events out of it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::mpsc::Sender;

use crate::execute::Completion;
use crate::file::Changes;
use crate::label::Label;
use crate::path::RelPath;

/// Everything that a scheduler receives.
#[derive(Debug)]
pub enum Message {
    /// An action is over.
    Completed(Completion),
    /// The world may be another one.
    Changed(Changes),
    /// Whoever owns the scheduler is to be woken: there is something for it elsewhere.
    Woken,
}

/// Where messages go. After the scheduler is gone they are for nobody.
#[derive(Debug, Clone)]
pub struct Inbox(Sender<Message>);

impl Inbox {
    pub(super) fn new(sender: Sender<Message>) -> Self {
        Self(sender)
    }

    /// Whether somebody still receives it.
    pub fn send(&self, message: Message) -> bool {
        self.0.send(message).is_ok()
    }
}

/// What is to be brought up to date.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Targets {
    /// The profile.
    pub profile: Arc<str>,
    /// Target groups: rules whose end is reported when it comes, whatever else still runs; where several end together, in this order.
    /// A rule may be in several.
    pub groups: Vec<Vec<Label>>,
    /// All rules, those of the groups as well.
    pub all: Vec<Label>,
}

impl Targets {
    /// The rules that are in these groups alone.
    pub(super) fn rules_in_no_other_than(&self, numbers: &BTreeSet<usize>) -> BTreeSet<Label> {
        let rules_where = |is_wanted: &dyn Fn(usize) -> bool| -> BTreeSet<&Label> {
            let groups = self.groups.iter().enumerate().filter(|(number, _)| is_wanted(*number));
            groups.flat_map(|(_, rules)| rules).collect()
        };
        let others = rules_where(&|number| !numbers.contains(&number));
        rules_where(&|number| numbers.contains(&number)).difference(&others).map(|rule| (*rule).clone()).collect()
    }
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BuildEvent {
    /// Files are not as they were: these.
    Changed(BTreeSet<RelPath>),
    /// Nothing is left to do for the target group with this number.
    GroupDone(usize),
    /// Nothing is left to do.
    Idle,
    /// Somebody [woke](Message::Woken) it; reported once each time.
    Woken,
}
