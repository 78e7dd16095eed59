//! What the environment decides.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use rustix::process::Signal;
use serde_json::{Value, json};

use super::server::{Host, Server, common, eventually};

const SECRET: (&str, &str) = ("SESSION_SECRET", "0123456789abcdef0123456789abcdef");
const PRODUCTION: (&str, &str) = ("NODE_ENV", " Production ");

/// What is printed by a server that must not start.
#[track_caller]
fn refused(environment: &[(&str, &str)]) -> String {
    let case = common();
    let mut command = case.command();
    command.args(["serve", "--build", "--host", "127.0.0.1", "--port", "0"]).envs(environment.iter().copied());
    let ran = crate::support::ran(command.output().unwrap());
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    ran.stderr
}

#[test]
fn s10_production_needs_a_secret_of_its_own() {
    let stderr = refused(&[PRODUCTION]);
    assert!(stderr.contains("SESSION_SECRET is required when NODE_ENV=production."), "{stderr}");
    let stderr = refused(&[PRODUCTION, ("AUTH_JWT_SECRET", "0123456789abcdef0123456789abcdef")]);
    assert!(stderr.contains("SESSION_SECRET is required"), "{stderr}");
    let stderr = refused(&[PRODUCTION, ("SESSION_SECRET", "change-me")]);
    assert!(stderr.contains("SESSION_SECRET"), "{stderr}");
}

#[test]
fn s5_s10_production_tells_nothing_and_secures_its_cookie() {
    for host in super::server::HOSTS {
        let store = ("SESSION_STORE_DRIVER", "memory");
        let server = Server::of_common(host, &[], &[PRODUCTION, SECRET, store, ("CONFORMANCE_VALUE", "x")]);
        for path in ["/fault/throw", "/nowhere", "/result/bad-header"] {
            assert_eq!(server.get(path).json(), json!({ "error": "internal_error" }), "{host:?} {path}");
        }
        server.record("the log knows", |record| record["err"]["message"] == "secret place /etc/hidden");
        let mut visitor = server.visitor();
        let cookie = visitor.post("/session/sign-in", "").header("set-cookie").to_owned();
        assert!(cookie.ends_with("; HttpOnly; Secure"), "{cookie}");
        let preflight = server.request("OPTIONS", "/both").header("origin", "http://elsewhere").send();
        assert_eq!(preflight.all("access-control-allow-origin"), Vec::<&str>::new());
        server.stop();
    }
}

/// On disk by default, below the workspace; what was committed survives the process.
#[test]
fn sessions_survive_a_process_that_is_killed() {
    let environment = [PRODUCTION, SECRET];
    let server = Server::of_common(Host::Embedded, &[], &environment);
    let mut visitor = server.visitor();
    visitor.post_json("/session/put/count", "0");
    let cookie = visitor.cookie.clone().unwrap();
    assert!(server.case.exists("data/sessions.sqlite"));
    let committed = AtomicU64::new(0);
    thread::scope(|scope| {
        scope.spawn(|| {
            for count in 1.. {
                let request = server.request("POST", "/session/put/count").json(&count.to_string());
                match request.header("cookie", &cookie).open() {
                    Ok(reply) if reply.status() == 204 => committed.store(count, Ordering::SeqCst),
                    _ => return,
                }
            }
        });
        eventually("some are written", || committed.load(Ordering::SeqCst) > 20);
        server.signal(Signal::KILL);
        server.exit_code();
    });
    let server = server.again(Host::Embedded, &environment);
    let session = server.request("GET", "/session/look").header("cookie", &cookie).send().json()["session"].clone();
    let (found, committed) = (session["count"].as_u64().unwrap(), committed.load(Ordering::SeqCst));
    // One more may have been written without an answer.
    assert!(found == committed || found == committed + 1, "{found} where {committed} was answered");
}

#[test]
fn the_limit_of_bodies_is_a_setting() {
    let server = Server::of_common(Host::Embedded, &[], &[("REQUEST_BODY_MAX_BYTES", "16")]);
    let post = |body: &str| server.request("POST", "/echo").body("text/plain", body).send();
    assert_eq!(post("hello").json()["body"], "hello");
    let large = post("this is far too long");
    assert_eq!(
        large.shown(),
        (413, "application/json", r#"{"error":"payload_too_large","message":"Request body exceeded 16 bytes."}"#)
    );
    assert_eq!(large.header("x-request-id").len(), 36);
    // C11: what comes in chunks is measured while it comes, and not only when all of it is there.
    let chunks =
        "POST /echo HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n10\r\n0123456789abcdef\r\n1\r\nx\r\n";
    let answer = server.raw(chunks);
    assert!(answer.starts_with("HTTP/1.1 413 ") && answer.contains("Request body exceeded 16 bytes."), "{answer}");
}

#[test]
fn metrics_can_be_off() {
    let server = Server::of_common(Host::Embedded, &[], &[("METRICS_ENABLED", "no")]);
    assert_eq!(server.get("/metrics").json(), json!({ "enabled": false }));
    assert_eq!(server.get("/readyz").json()["metrics"], Value::Null);
}

#[test]
fn metrics_count_requests() {
    let server = Server::of_common(Host::Embedded, &[], &[("METRICS_WINDOW", "3")]);
    for path in ["/named", "/named", "/none", "/fault/throw", "/healthz"] {
        server.get(path);
    }
    let metrics = server.get("/metrics").json();
    assert_eq!(metrics["byStatus"], json!({ "200": 2, "404": 1, "500": 1 }));
    assert_eq!(
        (&metrics["totalRequests"], &metrics["errorCount"], &metrics["windowSize"]),
        (&json!(4), &json!(1), &json!(3))
    );
    let text = server.request("GET", "/metrics").header("accept", "text/plain").send();
    assert!(text.text().contains("route=\"named\""), "{}", text.text());
}

#[test]
fn cookies_have_settings() {
    let environment =
        [("SESSION_COOKIE_NAME", "own"), ("SESSION_MAX_AGE", "60.9"), ("SESSION_COOKIE_SECURE", "yes"), SECRET];
    let server = Server::of_common(Host::Embedded, &[], &environment);
    let reply = server.request("POST", "/session/put/a").json("1").send();
    let cookie = reply.header("set-cookie");
    assert!(
        cookie.starts_with("own=") && cookie.ends_with("; Path=/; Max-Age=60; SameSite=Lax; HttpOnly; Secure"),
        "{cookie}"
    );
}

/// In memory, unless the mode or an address says otherwise; below the workspace, wherever one stands.
#[test]
fn stores_are_chosen_by_the_environment() {
    let database = |environment: &[(&str, &str)]| {
        let server = Server::of_common(Host::Embedded, &[], environment);
        server.visitor().post_json("/session/put/a", "1");
        server.case.names("data").into_iter().filter(|name| name.ends_with(".sqlite")).collect::<Vec<_>>()
    };
    assert_eq!(database(&[]), Vec::<String>::new());
    assert_eq!(database(&[("SESSION_STORE_URL", "file:./data/own.sqlite")]), ["data/own.sqlite"]);
    assert_eq!(database(&[PRODUCTION, SECRET, ("SESSION_STORE_DRIVER", "memory")]), Vec::<String>::new());
    let stderr = refused(&[("SESSION_STORE_DRIVER", "redis")]);
    assert!(stderr.contains("Unsupported SESSION_STORE_DRIVER 'redis'"), "{stderr}");
}

/// What is given wins over `.env.local`, and that over `.env`.
#[test]
fn variables_come_from_files_too() {
    let case = common();
    case.write(".env.local", "# a comment\nCONFORMANCE_FILE = 'local'\nLOG_SERVICE_NAME=\"own name\"\n");
    let server = Server::start(case, Host::Worker, &[], &[("CONFORMANCE_VALUE", "given")]);
    let environment = server.get("/context/environment").json();
    assert_eq!((&environment["fromFile"], &environment["value"]), (&json!("local"), &json!("given")));
    assert_eq!(server.message("API server running")["service"], "own name");
}
