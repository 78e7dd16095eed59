//! What one client is told.

use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt as _;
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::timeout;

use super::{Event, Live};
use crate::response::Body;

/// One client. Events wait in the hub, within its bound: a client that takes none costs nothing more.
pub(crate) struct Subscription {
    live: Live,
    greeting: Option<Bytes>,
    events: Receiver<Event>,
    is_over: bool,
}

/// Proxies and browsers give up connections on which nothing is said, and a client that is gone is noticed by writing to it.
const SILENCE: Duration = Duration::from_secs(15);

impl Subscription {
    pub(super) fn new(live: Live, greeting: Bytes, events: Receiver<Event>, is_over: bool) -> Self {
        Self { live, greeting: Some(greeting), events, is_over }
    }

    /// The next piece of the stream; none at its end.
    pub(crate) async fn next(&mut self) -> Option<Bytes> {
        if let Some(greeting) = self.greeting.take() {
            return Some(greeting);
        }
        if self.is_over {
            return None;
        }
        match timeout(SILENCE, self.events.recv()).await {
            Err(_) => Some(Event::comment()),
            Ok(Ok(event)) => {
                self.is_over = event.is_last;
                Some(event.into_bytes())
            }
            // What it missed is gone, so it has no revision that is known.
            Ok(Err(RecvError::Lagged(_))) => {
                *self = self.live.subscribe(Some(""));
                self.greeting.take()
            }
            Ok(Err(RecvError::Closed)) => None,
        }
    }

    pub(crate) fn into_body(self) -> Body {
        let pieces = futures_util::stream::unfold(self, |mut client| async move {
            client.next().await.map(|piece| (Ok(Frame::data(piece)), client))
        });
        StreamBody::new(pieces.boxed()).boxed_unsync()
    }
}
