//! The door of the fuzz target `worker_frame`.

use futures_util::FutureExt as _;

use super::frame::Frame;

/// Reads frames until there is none, and writes each again; gives how many there were.
pub fn read_frames(mut stream: &[u8]) -> usize {
    let mut count = 0;
    // Nothing waits: the whole stream is there.
    while let Some(Ok(Some(frame))) = Frame::read(&mut stream).now_or_never() {
        let written = frame.encode().map(|bytes| Frame::decode(bytes.slice(4..)));
        assert!(matches!(written, Ok(Ok(again)) if again == frame), "a frame that changes when it is written");
        count += 1;
    }
    count
}
