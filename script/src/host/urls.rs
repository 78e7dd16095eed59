//! The URL parser behind the engine's `URL`.

#![expect(clippy::needless_pass_by_value, reason = "the engine passes arguments by value")]

use serde_json::json;
use url::{Url, quirks};

/// The parts of a URL as the URL Standard's class shows them; none when the text is no URL.
pub(super) fn parse(address: String, base: Option<String>) -> Option<String> {
    let base = match base {
        Some(base) => Some(Url::parse(&base).ok()?),
        None => None,
    };
    Url::options().base_url(base.as_ref()).parse(&address).ok().map(|url| parts(&url))
}

/// The parts after one of them was set; none when the new value is refused, which leaves the URL as it was.
pub(super) fn set_part(address: String, part: String, value: String) -> Option<String> {
    let mut url = Url::parse(&address).ok()?;
    let taken = match part.as_str() {
        "protocol" => quirks::set_protocol(&mut url, &value),
        "username" => quirks::set_username(&mut url, &value),
        "password" => quirks::set_password(&mut url, &value),
        "host" => quirks::set_host(&mut url, &value),
        "hostname" => quirks::set_hostname(&mut url, &value),
        "port" => quirks::set_port(&mut url, &value),
        "pathname" => {
            quirks::set_pathname(&mut url, &value);
            Ok(())
        }
        "search" => {
            quirks::set_search(&mut url, &value);
            Ok(())
        }
        "hash" => {
            quirks::set_hash(&mut url, &value);
            Ok(())
        }
        _ => Err(()),
    };
    taken.ok().map(|()| parts(&url))
}

fn parts(url: &Url) -> String {
    json!({
        "href": quirks::href(url),
        "origin": quirks::origin(url),
        "protocol": quirks::protocol(url),
        "username": quirks::username(url),
        "password": quirks::password(url),
        "host": quirks::host(url),
        "hostname": quirks::hostname(url),
        "port": quirks::port(url),
        "pathname": quirks::pathname(url),
        "search": quirks::search(url),
        "hash": quirks::hash(url),
    })
    .to_string()
}
