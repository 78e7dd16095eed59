//! JSON-RPC 2.0 over a pipe, framed by `Content-Length` as in the Language Server Protocol.
//!
//! [`Frames`] cuts the compiler's output into messages; an [`Envelope`] is a message up to its result. What the methods are called
//! and what they carry is the matter of the adapter of one protocol generation.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use serde::de::{self, IgnoredAny, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

/// The longest message that is read: far above the diagnostics of any real project.
const LONGEST_MESSAGE: usize = 256 << 20;
/// The longest header that is read.
const LONGEST_HEADER: usize = 1 << 10;

/// The output is not what the protocol says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProtocolError {
    /// No header where one must be.
    #[error("Expected a message header, found `{0}`")]
    Header(String),
    /// A message above the limit.
    #[error("A message of {0} bytes is too long")]
    TooLong(u64),
    /// A message that is not JSON of the expected shape.
    #[error("A message of an unknown shape: {0}")]
    Message(String),
}

/// The bytes that have arrived and the messages among them.
#[derive(Debug, Default)]
pub(super) struct Frames {
    bytes: Vec<u8>,
    start: usize,
}

impl Frames {
    /// Where arriving bytes are added.
    pub(super) fn buffer(&mut self) -> &mut Vec<u8> {
        self.bytes.drain(..self.start);
        self.start = 0;
        &mut self.bytes
    }

    /// Where in the bytes the next whole message lies; `None` when more must arrive first.
    pub(super) fn next(&mut self) -> Result<Option<Range<usize>>, ProtocolError> {
        let rest = &self.bytes[self.start..];
        let searched = &rest[..rest.len().min(LONGEST_HEADER)];
        let Some(end) = searched.windows(4).position(|window| window == b"\r\n\r\n") else {
            // A header begins like one: garbage is told at once, not when it becomes too long.
            let begins = searched.len().min(CONTENT_LENGTH.len());
            return if rest.len() >= LONGEST_HEADER
                || !searched[..begins].eq_ignore_ascii_case(&CONTENT_LENGTH[..begins])
            {
                Err(ProtocolError::Header(excerpt(rest)))
            } else {
                Ok(None)
            };
        };
        let length = content_length(&rest[..end]).ok_or_else(|| ProtocolError::Header(excerpt(rest)))?;
        let length = usize::try_from(length)
            .ok()
            .filter(|&length| length <= LONGEST_MESSAGE)
            .ok_or(ProtocolError::TooLong(length))?;
        let body = end + 4;
        if rest.len() - body < length {
            return Ok(None);
        }
        let message = self.start + body..self.start + body + length;
        self.start = message.end;
        Ok(Some(message))
    }

    /// The bytes of a message.
    pub(super) fn message(&self, range: Range<usize>) -> &[u8] {
        &self.bytes[range]
    }
}

const CONTENT_LENGTH: &[u8] = b"Content-Length:";

fn content_length(header: &[u8]) -> Option<u64> {
    header.split(|&byte| byte == b'\n').find_map(|line| {
        let (name, value) = line.split_at_checked(CONTENT_LENGTH.len())?;
        let value = name.eq_ignore_ascii_case(CONTENT_LENGTH).then_some(value)?;
        std::str::from_utf8(value).ok()?.trim().parse().ok()
    })
}

fn excerpt(bytes: &[u8]) -> String {
    let excerpt = String::from_utf8_lossy(&bytes[..bytes.len().min(80)]).into_owned();
    excerpt.lines().next().unwrap_or_default().to_owned()
}

/// Appends `message` with its header to `outgoing`; `scratch` is reused between messages.
pub(super) fn frame(message: &impl Serialize, scratch: &mut Vec<u8>, outgoing: &mut impl FnMut(&[u8])) {
    scratch.clear();
    serde_json::to_writer(&mut *scratch, message).expect("messages are plain data and memory takes every byte");
    outgoing(format!("Content-Length: {}\r\n\r\n", scratch.len()).as_bytes());
    outgoing(scratch);
}

/// The number of our request, or the text that the compiler chose for its own.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Id<'a> {
    Ours(u64),
    Theirs(Cow<'a, str>),
}

impl<'de: 'a, 'a> Deserialize<'de> for Id<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct IdVisitor;
        impl<'de> Visitor<'de> for IdVisitor {
            type Value = Id<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number or a string")
            }
            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Self::Value, E> {
                Ok(Id::Ours(number))
            }
            fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Id::Theirs(Cow::Borrowed(text)))
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Id::Theirs(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_any(IdVisitor)
    }
}

/// Text that borrows from the message where it holds no escapes.
#[derive(Debug, Deserialize)]
pub(super) struct Borrowed<'a>(#[serde(borrow)] pub(super) Cow<'a, str>);

/// A message: a question when it has a method, an answer otherwise. The result of an answer is read by who asked.
#[derive(Debug, Deserialize)]
pub(super) struct Envelope<'a> {
    #[serde(borrow)]
    pub(super) id: Option<Id<'a>>,
    #[serde(borrow)]
    pub(super) method: Option<Borrowed<'a>>,
    /// The questions of the compiler carry one path.
    #[serde(borrow)]
    pub(super) params: Option<Borrowed<'a>>,
    pub(super) error: Option<RpcError>,
}

/// An answer that is an error.
#[derive(Debug, Deserialize)]
pub(super) struct RpcError {
    pub(super) message: String,
}

impl<'a> Envelope<'a> {
    /// Reads a message.
    pub(super) fn read(message: &'a [u8]) -> Result<Self, ProtocolError> {
        serde_json::from_slice(message).map_err(|error| ProtocolError::Message(error.to_string()))
    }
}

/// The result of an answer.
pub(super) fn result<'a, T: Deserialize<'a>>(message: &'a [u8]) -> Result<T, ProtocolError> {
    #[derive(Deserialize)]
    struct Answer<T> {
        result: T,
    }
    let answer: Result<Answer<T>, _> = serde_json::from_slice(message);
    answer.map(|answer| answer.result).map_err(|error| ProtocolError::Message(error.to_string()))
}

/// A result of no interest.
#[derive(Debug, Deserialize)]
pub(super) struct Ignored(IgnoredAny);

/// A question of ours.
#[derive(Debug, Serialize)]
pub(super) struct Question<'a, P> {
    pub(super) jsonrpc: &'a str,
    pub(super) id: u64,
    pub(super) method: &'a str,
    pub(super) params: P,
}

/// Our answer to a question of the compiler.
#[derive(Debug, Serialize)]
pub(super) struct Reply<'a, R> {
    pub(super) jsonrpc: &'a str,
    pub(super) id: &'a str,
    pub(super) result: R,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn frames(bytes: &[u8]) -> Frames {
        let mut frames = Frames::default();
        frames.buffer().extend_from_slice(bytes);
        frames
    }

    #[test]
    fn cuts_messages() {
        let mut frames = frames(b"Content-Length: 2\r\n\r\n{}content-length:1\r\nX: y\r\n\r\n7Content-Le");
        let range = frames.next().unwrap().unwrap();
        assert_eq!(frames.message(range), b"{}");
        let range = frames.next().unwrap().unwrap();
        assert_eq!(frames.message(range), b"7");
        assert_eq!(frames.next(), Ok(None));
        frames.buffer().extend_from_slice(b"ngth: 3\r\n\r\nab");
        assert_eq!(frames.next(), Ok(None));
        frames.buffer().extend_from_slice(b"c");
        let range = frames.next().unwrap().unwrap();
        assert_eq!(frames.message(range), b"abc");
    }

    #[test]
    fn garbage_is_told_at_once() {
        assert!(matches!(frames(b"panic: nil").next(), Err(ProtocolError::Header(text)) if text == "panic: nil"));
        assert!(matches!(frames(b"Content-Length: x\r\n\r\n").next(), Err(ProtocolError::Header(_))));
        assert_eq!(frames(b"Content-Length: 99999999999\r\n\r\n").next(), Err(ProtocolError::TooLong(99_999_999_999)));
    }

    #[test]
    fn envelopes() {
        let question =
            Envelope::read(br#"{"jsonrpc":"2.0","id":"api1","method":"readFile","params":"/a\u00e4"}"#).unwrap();
        assert_eq!(question.id, Some(Id::Theirs(Cow::Borrowed("api1"))));
        assert_eq!(question.params.unwrap().0, "/aä");
        let answer = br#"{"jsonrpc":"2.0","id":3,"result":{"a":[1]}}"#;
        assert_eq!(Envelope::read(answer).unwrap().id, Some(Id::Ours(3)));
        assert_eq!(result::<serde_json::Value>(answer).unwrap(), serde_json::json!({"a": [1]}));
    }

    proptest! {
        #[test]
        fn any_bytes_are_cut_without_a_panic(pieces: Vec<Vec<u8>>) {
            let mut frames = Frames::default();
            for piece in pieces {
                frames.buffer().extend_from_slice(&piece);
                while let Ok(Some(range)) = frames.next() {
                    let _ = Envelope::read(frames.message(range)).is_ok();
                }
            }
        }

        #[test]
        fn messages_come_out_as_they_went_in(messages: Vec<String>, split in 1_usize..64) {
            let (mut scratch, mut bytes) = (Vec::new(), Vec::new());
            for message in &messages {
                frame(message, &mut scratch, &mut |piece| bytes.extend_from_slice(piece));
            }
            let (mut frames, mut out) = (Frames::default(), Vec::new());
            for piece in bytes.chunks(split) {
                frames.buffer().extend_from_slice(piece);
                while let Some(range) = frames.next().unwrap() {
                    out.push(serde_json::from_slice::<String>(frames.message(range)).unwrap());
                }
            }
            prop_assert_eq!(out, messages);
        }

        #[test]
        fn any_message_is_read_without_a_panic(message in "[{}\\[\\]\",:a-z0-9\\\\u]{0,60}") {
            let _ = Envelope::read(message.as_bytes()).is_ok();
        }
    }
}
