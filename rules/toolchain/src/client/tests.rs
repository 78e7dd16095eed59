use super::super::certificates;
use super::super::settings::Settings;
use super::super::testing::{Received, Reply, Server, settings};
use super::*;

fn client(settings: &Settings) -> Client {
    let npmrc = Npmrc::read(settings).unwrap();
    let roots = certificates::roots(&npmrc, &settings.environment).unwrap();
    Client::new(&npmrc, &settings.environment, roots, settings.pause).unwrap()
}

fn ask(settings: &Settings, address: &str, authorization: Option<&str>) -> Result<Vec<u8>, ToolchainError> {
    let url = Url::parse(address).unwrap();
    let get = Get { url, accept: "*/*", authorization: authorization.map(str::to_owned), limit: 1000 };
    client(settings).get(&get, &mut |body| body.read_to_end())
}

fn reply(bytes: &[u8]) -> Reply {
    Reply::Bytes(bytes.to_vec())
}

#[test]
fn what_is_transient_is_tried_again() {
    let server = Server::new(|_, before| match before {
        0 => Reply::Status(503),
        1 => Reply::Nothing,
        _ => reply(b"third"),
    });
    assert_eq!(ask(&settings(&[]), &server.url(), None).unwrap(), b"third");
    assert_eq!(server.received().len(), 3);

    let server = Server::new(|_, before| if before == 0 { Reply::Status(429) } else { reply(b"second") });
    assert_eq!(ask(&settings(&[]), &server.url(), None).unwrap(), b"second");
}

#[test]
fn a_body_that_ends_early_starts_anew() {
    let server = Server::new(|_, before| match before {
        0 => Reply::Truncated(b"twelve bytes".to_vec()),
        _ => reply(b"twelve bytes"),
    });
    assert_eq!(ask(&settings(&[]), &server.url(), None).unwrap(), b"twelve bytes");

    let server = Server::new(|_, _| Reply::Truncated(b"twelve bytes".to_vec()));
    let error = ask(&settings(&[]), &server.url(), None).unwrap_err();
    assert!(matches!(error, ToolchainError::Transport { .. }), "{error}");
    assert_eq!(server.received().len(), 3);
}

#[test]
fn what_is_not_transient_is_not_tried_again() {
    for status in [401, 403, 404] {
        let server = Server::new(move |_, _| Reply::Status(status));
        let error = ask(&settings(&[]), &server.url(), None).unwrap_err();
        assert!(matches!(error, ToolchainError::Status { status: found, .. } if found == status), "{error}");
        assert_eq!(server.received().len(), 1);
    }
}

#[test]
fn a_body_over_the_limit_is_refused() {
    let server = Server::new(|_, _| reply(&[0; 1001]));
    let error = ask(&settings(&[]), &server.url(), None).unwrap_err();
    assert!(matches!(error, ToolchainError::TooLarge { limit: 1000, .. }), "{error}");
    assert_eq!(server.received().len(), 1);
}

#[test]
fn authorization_stays_with_its_origin() {
    let other = Server::new(|request, _| reply(request.line.as_bytes()));
    let elsewhere = format!("{}away", other.url());
    let server = Server::new(move |request: &Received, _| match request.line.as_str() {
        "GET /here" => Reply::Redirect("/there?x=1".to_owned()),
        "GET /away" => Reply::Redirect(elsewhere.clone()),
        _ => reply(b"here"),
    });
    let token = Some("Bearer secret");

    assert_eq!(ask(&settings(&[]), &format!("{}here", server.url()), token).unwrap(), b"here");
    assert!(server.received().iter().all(|request| request.authorization.as_deref() == token));
    assert_eq!(server.lines(), ["GET /here", "GET /there?x=1"]);

    assert_eq!(ask(&settings(&[]), &format!("{}away", server.url()), token).unwrap(), b"GET /away");
    assert_eq!(other.received().len(), 1);
    assert_eq!(other.received()[0].authorization, None);
}

#[test]
fn redirects_end() {
    let server = Server::new(|_, _| Reply::Redirect("/again".to_owned()));
    let error = ask(&settings(&[]), &server.url(), None).unwrap_err().to_string();
    assert!(error.ends_with("redirects too often"), "{error}");

    let server = Server::new(|_, _| Reply::Redirect("file:///etc/passwd".to_owned()));
    let error = ask(&settings(&[]), &server.url(), None).unwrap_err().to_string();
    assert!(error.ends_with("redirects to something that is not an address"), "{error}");
}

#[test]
fn proxies_are_used_and_bypassed() {
    let proxy = Server::new(|request, _| reply(request.line.as_bytes()));
    let address = proxy.address.to_string();
    let variables = [("HTTP_PROXY", address.as_str()), ("NO_PROXY", "localhost,.internal.test")];

    // The name does not exist: only the proxy can have answered.
    assert_eq!(ask(&settings(&variables), "http://registry.test/x", None).unwrap(), b"GET /x");
    assert_eq!(proxy.lines(), ["CONNECT registry.test:80", "GET /x"]);

    let direct = Server::new(|_, _| reply(b"direct"));
    let variables = [("HTTP_PROXY", address.as_str()), ("NO_PROXY", "127.0.0.1")];
    assert_eq!(ask(&settings(&variables), &direct.url(), None).unwrap(), b"direct");
    assert_eq!(proxy.received().len(), 2);
}

#[test]
fn secure_addresses_have_a_proxy_of_their_own() {
    let proxy = Server::new(|_, _| Reply::Nothing);
    let address = proxy.address.to_string();
    for name in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "npm_config_https_proxy"] {
        let before = proxy.received().len();
        // The proxy does not speak TLS: that it was asked is all there is to see.
        assert!(
            ask(&settings(&[(name, &address), ("HTTP_PROXY", "127.0.0.1:1")]), "https://registry.test/x", None)
                .is_err()
        );
        assert_eq!(proxy.lines()[before], "CONNECT registry.test:443", "{name}");
    }
}

#[test]
fn no_proxy_entries_are_hosts_and_domains() {
    let bypasses = |entries: &str, url: &str| bypasses_proxy(&no_proxy_entries(entries), &Url::parse(url).unwrap());
    assert!(bypasses("*", "https://a.test/"));
    assert!(bypasses("b.test, a.test", "https://A.test/"));
    assert!(bypasses("a.test", "https://x.a.test/"));
    assert!(bypasses("*.a.test", "https://x.a.test/"));
    assert!(bypasses(".a.test:443", "https://x.a.test/"));
    assert!(bypasses("a.test:8443", "https://a.test:8443/"));
    assert!(!bypasses("a.test:8443", "https://a.test/"));
    assert!(!bypasses("a.test", "https://ba.test/"));
    assert!(!bypasses("", "https://a.test/"));
}

#[test]
fn nothing_shown_holds_a_credential() {
    let url = Url::parse("https://user:secret@a.test/x?token=secret#secret").unwrap();
    assert_eq!(shown(&url), "https://a.test/x");

    let server = Server::new(|_, _| Reply::Status(403));
    let address = server.url().replace("http://", "http://user:secret@") + "?token=secret";
    let error = ask(&settings(&[]), &address, Some("Bearer secret")).unwrap_err();
    assert!(!format!("{error} {error:?}").contains("secret"), "{error:?}");
    let error = ask(&settings(&[]), "http://user:secret@127.0.0.1:1/", Some("Bearer sec\nret")).unwrap_err();
    assert!(!format!("{error} {error:?}").contains("sec"), "{error:?}");

    let settings = settings(&[("HTTPS_PROXY", "http://user:secret@[")]);
    let npmrc = Npmrc::read(&settings).unwrap();
    let error = Client::new(&npmrc, &settings.environment, RootCerts::WebPki, settings.pause).err().unwrap();
    assert!(!format!("{error} {error:?}").contains("secret"), "{error:?}");
}
