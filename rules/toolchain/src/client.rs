//! HTTP as far as a registry needs it: one `GET` with redirects, proxies, attempts and limits.
//!
//! Redirects are followed here and not by the HTTP library, so that `Authorization` goes to the origin it belongs to and
//! nowhere else. What is transient (no connection, a broken one, 429, 5xx) is tried three times; nothing else is.

use std::io::Read;
use std::thread;
use std::time::Duration;

use ureq::http::header::{ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_LENGTH, LOCATION};
use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, Proxy};
use url::Url;

use super::error::ToolchainError;
use super::npmrc::Npmrc;
use super::settings::Environment;

const ATTEMPTS: u32 = 3;
const REDIRECTS: u32 = 5;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);
const RESPONSE_TIMEOUT: Duration = Duration::from_mins(1);
/// A download may take long, but not stand still.
const READ_TIMEOUT: Duration = Duration::from_mins(1);

/// What is asked for.
pub(super) struct Get<'a> {
    pub(super) url: Url,
    pub(super) accept: &'a str,
    /// Sent to the origin of `url` only.
    pub(super) authorization: Option<String>,
    /// The most bytes that the body may have.
    pub(super) limit: u64,
}

/// Why an attempt failed.
pub(super) enum Failure {
    /// May work the next time.
    Transient(ToolchainError),
    /// Will not.
    Fatal(ToolchainError),
}

impl From<ToolchainError> for Failure {
    fn from(error: ToolchainError) -> Self {
        Self::Fatal(error)
    }
}

/// The body of a successful response.
pub(super) struct Body<'a> {
    reader: &'a mut dyn Read,
    url: &'a Url,
    limit: u64,
    received: u64,
    /// The length that the server announced, in bytes.
    pub(super) length: Option<u64>,
}

impl Body<'_> {
    /// The next bytes; none at the end. More than the limit is an error.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Failure> {
        let count = self.reader.read(buffer).map_err(|error| {
            // Errors of the library travel inside: their text does not hold the request.
            Failure::Transient(ToolchainError::Transport { url: shown(self.url), reason: error.to_string() })
        })?;
        self.received += count as u64;
        if self.received > self.limit {
            return Err(too_large(self.url, self.limit).into());
        }
        Ok(count)
    }

    /// The bytes received so far.
    pub(super) fn received(&self) -> u64 {
        self.received
    }

    /// All bytes.
    pub(super) fn read_to_end(&mut self) -> Result<Vec<u8>, Failure> {
        let mut bytes = Vec::new();
        let mut buffer = vec![0; 64 * 1024];
        loop {
            match self.read(&mut buffer)? {
                0 => return Ok(bytes),
                count => bytes.extend_from_slice(&buffer[..count]),
            }
        }
    }
}

/// A connection to the world.
pub(super) struct Client {
    direct: Agent,
    http: Option<Agent>,
    https: Option<Agent>,
    no_proxy: Vec<String>,
    pause: Duration,
}

impl Client {
    /// Proxies come from `.npmrc`, then from `HTTPS_PROXY`, `HTTP_PROXY` and `ALL_PROXY`, in upper and lower case.
    pub(super) fn new(
        npmrc: &Npmrc,
        environment: &Environment,
        roots: RootCerts,
        pause: Duration,
    ) -> Result<Self, ToolchainError> {
        let https = npmrc
            .setting("https-proxy")
            .or_else(|| environment.first(&["HTTPS_PROXY", "https_proxy"]))
            .or_else(|| npmrc.setting("proxy"))
            .or_else(|| environment.first(&["ALL_PROXY", "all_proxy"]));
        let http = npmrc
            .setting("proxy")
            .or_else(|| environment.first(&["http_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy"]));
        let no_proxy = npmrc.setting("noproxy").or_else(|| environment.first(&["NO_PROXY", "no_proxy"]));

        let tls = TlsConfig::builder().root_certs(roots).build();
        let agent = |proxy| {
            let config = Agent::config_builder()
                .tls_config(tls.clone())
                .proxy(proxy)
                .user_agent(concat!("webstir/", env!("CARGO_PKG_VERSION")))
                .http_status_as_error(false)
                .max_redirects(0)
                .timeout_connect(Some(CONNECT_TIMEOUT))
                .timeout_recv_response(Some(RESPONSE_TIMEOUT))
                .timeout_per_read(Some(READ_TIMEOUT))
                .build();
            Agent::new_with_config(config)
        };
        let proxied = |address: Option<&str>| -> Result<Option<Agent>, ToolchainError> {
            let Some(address) = address else { return Ok(None) };
            let proxy = Proxy::new(address).map_err(|_| ToolchainError::Settings {
                place: "The proxy".to_owned(),
                problem: "this is not the address of a proxy".to_owned(),
            })?;
            Ok(Some(agent(Some(proxy))))
        };
        Ok(Self {
            direct: agent(None),
            http: proxied(http)?,
            https: proxied(https)?,
            no_proxy: no_proxy.map(no_proxy_entries).unwrap_or_default(),
            pause,
        })
    }

    /// Asks until it works, fails for good, or has failed three times. `receive` starts anew with each attempt.
    pub(super) fn get<T>(
        &self,
        get: &Get<'_>,
        receive: &mut dyn FnMut(&mut Body<'_>) -> Result<T, Failure>,
    ) -> Result<T, ToolchainError> {
        let mut pause = self.pause;
        for _ in 1..ATTEMPTS {
            match self.attempt(get, receive) {
                Ok(value) => return Ok(value),
                Err(Failure::Fatal(error)) => return Err(error),
                Err(Failure::Transient(_)) => {
                    thread::sleep(pause);
                    pause *= 2;
                }
            }
        }
        self.attempt(get, receive).map_err(|failure| match failure {
            Failure::Transient(error) | Failure::Fatal(error) => error,
        })
    }

    fn attempt<T>(
        &self,
        get: &Get<'_>,
        receive: &mut dyn FnMut(&mut Body<'_>) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let mut url = get.url.clone();
        let mut authorization = get.authorization.as_deref();
        for _ in 0..=REDIRECTS {
            // The tarball is hashed as it lies at the registry: no transport may recode it.
            let mut request =
                self.agent(&url).get(url.as_str()).header(ACCEPT, get.accept).header(ACCEPT_ENCODING, "identity");
            if let Some(authorization) = authorization {
                request = request.header(AUTHORIZATION, authorization);
            }
            let mut response = request.call().map_err(|error| transport(&url, &error))?;
            match response.status().as_u16() {
                200..=299 => {
                    let length = response.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok());
                    let length = length.and_then(|length| length.parse().ok());
                    if length.is_some_and(|length| length > get.limit) {
                        return Err(too_large(&url, get.limit).into());
                    }
                    let reader = &mut response.body_mut().as_reader();
                    return receive(&mut Body { reader, url: &url, limit: get.limit, received: 0, length });
                }
                301 | 302 | 303 | 307 | 308 => {
                    let location = response.headers().get(LOCATION).and_then(|location| location.to_str().ok());
                    let next = location.and_then(|location| url.join(location).ok());
                    let problem = match &next {
                        Some(next) if next.scheme() == "https" || next.scheme() == url.scheme() => None,
                        Some(next) if next.scheme() == "http" => Some("from `https` to `http`"),
                        _ => Some("to something that is not an address"),
                    };
                    match (next, problem) {
                        (Some(next), None) => {
                            if next.origin() != url.origin() {
                                authorization = None;
                            }
                            url = next;
                        }
                        (_, problem) => {
                            let problem = problem.unwrap_or("nowhere");
                            return Err(ToolchainError::Redirect { url: shown(&url), problem }.into());
                        }
                    }
                }
                status @ (429 | 500..=599) => {
                    return Err(Failure::Transient(ToolchainError::Status { url: shown(&url), status }));
                }
                status => return Err(ToolchainError::Status { url: shown(&url), status }.into()),
            }
        }
        Err(ToolchainError::Redirect { url: shown(&get.url), problem: "too often" }.into())
    }

    fn agent(&self, url: &Url) -> &Agent {
        let proxied = if url.scheme() == "https" { &self.https } else { &self.http };
        match proxied {
            Some(agent) if !bypasses_proxy(&self.no_proxy, url) => agent,
            _ => &self.direct,
        }
    }
}

/// The entries of `NO_PROXY`: `*`, a host, a host and its port, or a domain, with or without a leading dot.
fn no_proxy_entries(text: &str) -> Vec<String> {
    text.split([',', ' '])
        .map(|entry| entry.trim_start_matches("*.").trim_start_matches('.').to_ascii_lowercase())
        .filter(|entry| !entry.is_empty())
        .collect()
}

/// Whether `url` lies at one of the hosts or below one of the domains.
fn bypasses_proxy(entries: &[String], url: &Url) -> bool {
    let Some(host) = url.host_str() else { return false };
    let host = host.to_ascii_lowercase();
    let address = format!("{host}:{}", url.port_or_known_default().unwrap_or_default());
    let within = |place: &str, entry: &str| {
        place.strip_suffix(entry).is_some_and(|before| before.is_empty() || before.ends_with('.'))
    };
    entries.iter().any(|entry| entry == "*" || within(&host, entry) || within(&address, entry))
}

/// An address for people: without user, password, query and fragment, where credentials may be.
pub(super) fn shown(url: &Url) -> String {
    let mut url = url.clone();
    // Both only fail for addresses that have no host, and so no credentials.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_query(None);
    url.set_fragment(None);
    url.to_string()
}

fn too_large(url: &Url, limit: u64) -> ToolchainError {
    ToolchainError::TooLarge { url: shown(url), limit }
}

fn transport(url: &Url, error: &ureq::Error) -> Failure {
    let reason = match error {
        ureq::Error::BadUri(_) => "the address is not valid".to_owned(),
        error => error.to_string(),
    };
    let failure = ToolchainError::Transport { url: shown(url), reason };
    match error {
        ureq::Error::BadUri(_) | ureq::Error::Http(_) | ureq::Error::InvalidProxyUrl => Failure::Fatal(failure),
        _ => Failure::Transient(failure),
    }
}

#[cfg(test)]
mod tests;
