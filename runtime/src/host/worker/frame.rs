//! What goes over the socket between the server and a worker.
//!
//! A *frame* is, in this order and with little-endian numbers: the length of what follows (u32), the kind (u8), the id that ties
//! an answer to its question (u32), whether there is a body (u8), the length of the message (u32), the message (UTF-8), the body.
//! Questions of both sides are numbered by the side that asks.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt};

/// More than this is refused: a body is bounded well below.
pub(super) const MAX_FRAME: usize = 256 << 20;

const HEAD: usize = 10;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) kind: Kind,
    pub(super) id: u32,
    pub(super) message: String,
    pub(super) body: Option<Bytes>,
}

/// The numbers are those of `bootstrap.mjs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Worker: the token that it was started with.
    Hello = 0,
    /// Server: load the module; answered by `Reply` or `Thrown`.
    Load = 1,
    /// Server: a call; answered by `Reply` or `Thrown`.
    Call = 2,
    /// Worker: what a call gave.
    Reply = 3,
    /// Worker: what a call threw, described.
    Thrown = 4,
    /// Worker: an operation; the message starts with its name and a newline. Answered by `Done` or `Refused`.
    Operation = 5,
    /// Server: what an operation gave.
    Done = 6,
    /// Server: why an operation failed, `{name, message, code}`.
    Refused = 7,
    /// Worker: a log record; the message starts with its level and a newline.
    Log = 8,
    /// Server: are you there; answered by `Pong`.
    Ping = 9,
    /// Worker: yes.
    Pong = 10,
}

impl Kind {
    fn from_number(number: u8) -> Option<Self> {
        const KINDS: [Kind; 11] = [
            Kind::Hello,
            Kind::Load,
            Kind::Call,
            Kind::Reply,
            Kind::Thrown,
            Kind::Operation,
            Kind::Done,
            Kind::Refused,
            Kind::Log,
            Kind::Ping,
            Kind::Pong,
        ];
        KINDS.get(usize::from(number)).copied()
    }
}

/// Why bytes are not a frame.
#[derive(Debug, thiserror::Error)]
pub(super) enum FrameError {
    #[error("a frame of {0} bytes is too large")]
    TooLarge(usize),
    #[error("a frame is malformed")]
    Malformed,
    #[error(transparent)]
    Read(#[from] std::io::Error),
}

impl Frame {
    pub(super) fn new(kind: Kind, id: u32, message: impl Into<String>, body: Option<Bytes>) -> Self {
        Self { kind, id, message: message.into(), body }
    }

    /// Fails when it is larger than a reader takes.
    pub(super) fn encode(&self) -> Result<Bytes, FrameError> {
        let body: &[u8] = self.body.as_deref().unwrap_or_default();
        let length = HEAD + self.message.len() + body.len();
        let (Ok(total), Ok(message)) = (u32::try_from(length), u32::try_from(self.message.len())) else {
            return Err(FrameError::TooLarge(length));
        };
        if length > MAX_FRAME {
            return Err(FrameError::TooLarge(length));
        }
        let mut bytes = BytesMut::with_capacity(4 + length);
        bytes.put_u32_le(total);
        bytes.put_u8(self.kind as u8);
        bytes.put_u32_le(self.id);
        bytes.put_u8(u8::from(self.body.is_some()));
        bytes.put_u32_le(message);
        bytes.put_slice(self.message.as_bytes());
        bytes.put_slice(body);
        Ok(bytes.freeze())
    }

    /// Reads what follows the length.
    pub(super) fn decode(mut bytes: Bytes) -> Result<Self, FrameError> {
        if bytes.len() < HEAD {
            return Err(FrameError::Malformed);
        }
        let kind = Kind::from_number(bytes.get_u8()).ok_or(FrameError::Malformed)?;
        let id = bytes.get_u32_le();
        let has_body = match bytes.get_u8() {
            0 => false,
            1 => true,
            _ => return Err(FrameError::Malformed),
        };
        let length = usize::try_from(bytes.get_u32_le()).map_err(|_| FrameError::Malformed)?;
        if length > bytes.len() || (!has_body && length < bytes.len()) {
            return Err(FrameError::Malformed);
        }
        let message = bytes.split_to(length);
        let message = std::str::from_utf8(&message).map_err(|_| FrameError::Malformed)?.to_owned();
        Ok(Self { kind, id, message, body: has_body.then_some(bytes) })
    }

    /// The next frame; none when the other side has closed.
    pub(super) async fn read(source: &mut (impl AsyncRead + Unpin)) -> Result<Option<Self>, FrameError> {
        let length = match source.read_u32_le().await {
            Ok(length) => usize::try_from(length).unwrap_or(usize::MAX),
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        if length > MAX_FRAME {
            return Err(FrameError::TooLarge(length));
        }
        // Grows with what arrives: a length alone reserves nothing.
        let mut bytes = Vec::new();
        let read = source.take(length as u64).read_to_end(&mut bytes).await?;
        if read < length {
            return Ok(None);
        }
        Self::decode(bytes.into()).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frames() -> impl Strategy<Value = Frame> {
        (0_u8..11, any::<u32>(), "\\PC{0,20}", proptest::option::of(prop::collection::vec(any::<u8>(), 0..20)))
            .prop_map(|(kind, id, message, body)| {
                Frame::new(Kind::from_number(kind).unwrap(), id, message, body.map(Bytes::from))
            })
    }

    proptest! {
        #[test]
        fn a_frame_comes_back(frame in frames()) {
            let bytes = frame.encode().unwrap();
            prop_assert_eq!(bytes.len(), 4 + u32::from_le_bytes(bytes[..4].try_into().unwrap()) as usize);
            prop_assert_eq!(Frame::decode(bytes.slice(4..)).unwrap(), frame);
        }

        #[test]
        fn any_bytes_are_a_frame_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let _ = Frame::decode(bytes.into());
        }

        #[test]
        fn a_cut_frame_is_no_frame(frame in frames(), cut in 1_usize..10) {
            let bytes = frame.encode().unwrap();
            let mut source = &bytes[..bytes.len() - cut.min(bytes.len())];
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            prop_assert!(runtime.block_on(Frame::read(&mut source)).unwrap().is_none());
        }
    }

    #[tokio::test]
    async fn a_length_beyond_the_limit_is_refused() {
        let mut source: &[u8] = &[0xff, 0xff, 0xff, 0xff, 0];
        assert!(matches!(Frame::read(&mut source).await, Err(FrameError::TooLarge(_))));
    }
}
