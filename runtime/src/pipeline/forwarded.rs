//! The address under which the client sees the server.

use http::header::HOST;
use http::request::Parts;

/// Scheme and authority: this server speaks no TLS. A proxy in front is not believed: who is behind one sees its host in `host`, and links by path.
pub(super) fn origin(parts: &Parts) -> String {
    let sent = parts.uri.authority().map(ToString::to_string);
    let host = sent.or_else(|| parts.headers.get(HOST).and_then(|host| host.to_str().ok()).map(str::to_owned));
    let host = host.filter(|host| host.parse::<http::uri::Authority>().is_ok());
    format!("http://{}", host.as_deref().unwrap_or("localhost"))
}
