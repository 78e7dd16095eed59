//! The first bytes of a connection.
//!
//! They tell HTTP/1.1 from HTTP/2, which starts with a fixed *preface*. No limit on requests holds before they are there.

use std::io;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::sleep;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// Between two looks at a preface that comes in pieces.
const PAUSE: Duration = Duration::from_millis(10);

/// Until there is enough to tell the protocol, or the client has closed. Takes nothing from the stream.
pub(super) async fn opened(stream: &TcpStream) -> io::Result<()> {
    let mut bytes = [0; PREFACE.len()];
    loop {
        let length = stream.peek(&mut bytes).await?;
        if !is_beginning(&bytes[..length]) {
            return Ok(());
        }
        sleep(PAUSE).await;
    }
}

/// Whether it is some of the preface and not all of it.
fn is_beginning(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.len() < PREFACE.len() && PREFACE.starts_with(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_beginning_of_a_preface_tells_nothing_yet() {
        for (bytes, expected) in
            [("", false), ("P", true), ("PRI * HT", true), ("PO", false), ("GET / HTTP/1.1", false), ("PRI *x", false)]
        {
            assert_eq!(is_beginning(bytes.as_bytes()), expected, "{bytes}");
        }
        assert!(!is_beginning(PREFACE));
    }
}
