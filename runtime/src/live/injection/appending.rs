//! A streamed document with something after it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::Frame;

use super::super::SCRIPT_PATH;
use crate::response::Body;

/// Passes a body on as it comes, then adds the element. A document that turns out to have the script already is given no other.
pub(super) struct Appending {
    /// None once it has ended: it may not be asked again.
    body: Option<Body>,
    /// None once it was added.
    element: Option<Bytes>,
    /// The end of what was passed on, one byte shorter than what is sought.
    seen: Vec<u8>,
}

impl Appending {
    pub(super) fn new(body: Body, element: Bytes) -> Self {
        Self { body: Some(body), element: Some(element), seen: Vec::new() }
    }

    #[cfg(test)]
    pub(super) fn is_done(&self) -> bool {
        self.element.is_none()
    }

    pub(super) fn look(&mut self, piece: &[u8]) {
        let sought = SCRIPT_PATH.as_bytes();
        if self.element.is_none() {
            return;
        }
        self.seen.extend_from_slice(piece);
        if super::find(&self.seen, sought) {
            self.element = None;
        }
        self.seen.drain(..self.seen.len().saturating_sub(sought.len() - 1));
    }
}

impl http_body::Body for Appending {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        match ready!(Pin::new(body).poll_frame(context)) {
            Some(Ok(frame)) => {
                if let Some(piece) = frame.data_ref() {
                    self.look(piece);
                }
                Poll::Ready(Some(Ok(frame)))
            }
            // A document that broke off must not look whole.
            Some(Err(error)) => {
                self.body = None;
                Poll::Ready(Some(Err(error)))
            }
            None => {
                self.body = None;
                Poll::Ready(self.element.take().map(|element| Ok(Frame::data(element))))
            }
        }
    }
}
