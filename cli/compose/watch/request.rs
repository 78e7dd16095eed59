//! What a user asks of a session that stays.

use std::sync::mpsc::{Receiver, Sender, channel};

use webstir_engine::schedule::{Inbox, Message};

/// What can be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Request {
    /// Look at everything again and make sure of every output.
    Rebuild,
    /// Run the checks again, whatever is known of them.
    Check,
    /// Go away.
    Stop,
}

/// Where requests are put, of any thread. Each wakes the scheduler, which knows nothing of them.
#[derive(Debug, Clone)]
pub(crate) struct Requests {
    sender: Sender<Request>,
    scheduler: Inbox,
}

impl Requests {
    /// With where they come out: one for each time that the scheduler reports having been woken.
    pub(super) fn new(scheduler: Inbox) -> (Self, Receiver<Request>) {
        let (sender, receiver) = channel();
        (Self { sender, scheduler }, receiver)
    }

    /// Whether somebody still receives it.
    pub(crate) fn ask(&self, request: Request) -> bool {
        self.sender.send(request).is_ok() && self.scheduler.send(Message::Woken)
    }
}
