//! Which names a server answers to while a workspace is edited.
//!
//! Anybody can have a name of theirs lead to this machine, so that their page in the developer's browser reads what is served here as its
//! own (DNS rebinding). Addresses and names below `localhost` are nobody's; other names have to be [allowed](Hosts).

use std::net::IpAddr;

use http::uri::Authority;

/// Allowed names, in lower case. One that begins with a dot stands for every name below it.
#[derive(Debug, Clone, Default)]
pub(super) struct Hosts(Vec<String>);

impl Hosts {
    pub(super) fn new(names: impl IntoIterator<Item = String>) -> Self {
        Self(names.into_iter().map(|name| name.to_ascii_lowercase()).collect())
    }

    /// Whether a request for this authority is answered. One without is of no browser.
    pub(super) fn allow(&self, authority: Option<&str>) -> bool {
        let Some(authority) = authority else { return true };
        let Ok(authority) = authority.parse::<Authority>() else { return false };
        let host = authority.host().trim_end_matches('.').to_ascii_lowercase();
        let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(&host);
        let is_below = |name: &str| host.strip_suffix(name).is_some_and(|rest| !rest.is_empty());
        address.parse::<IpAddr>().is_ok()
            || host == "localhost"
            || is_below(".localhost")
            || self.0.iter().any(|name| *name == host || name.starts_with('.') && is_below(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_others_are_refused() {
        let hosts = Hosts::new(["Dev.Example".to_owned(), ".tunnel.example".to_owned()]);
        for allowed in [
            "localhost",
            "LOCALHOST:4321",
            "app.localhost:80",
            "127.0.0.1",
            "127.0.0.1:4321",
            "192.168.1.7:1",
            "[::1]:4321",
            "[::1]",
            "localhost.",
            "dev.example:8080",
            "a.tunnel.example",
        ] {
            assert!(hosts.allow(Some(allowed)), "{allowed}");
        }
        for refused in [
            "evil.example",
            "localhost.evil.example",
            "evil-localhost",
            ".localhost",
            "127.0.0.1.evil.example",
            "sub.dev.example",
            "tunnel.example",
            "eviltunnel.example",
            "",
            "a b",
            "[::1",
            "user@evil.example",
            "127.1.evil",
        ] {
            assert!(!hosts.allow(Some(refused)), "{refused}");
        }
        assert!(hosts.allow(None));
        assert!(!Hosts::default().allow(Some("dev.example")));
    }
}
