//! Tokens: service tokens, signed tokens, and keys from a provider.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

use super::key::Key;
use super::reply::Reply;
use super::server::{HOSTS, Host, Server, module};

const MODULE: &str = "export const module = {
  manifest: { contractVersion: '1.0.0', name: 'auth', version: '1.0.0', kind: 'backend' },
  routes: [{
    definition: { name: 'who', path: '/who' },
    handler: (ctx: any) => ctx.auth === undefined ? { status: 401, body: 'nobody' } : { body: ctx.auth },
  }],
};
";

const SECRET: &str = "a secret of the tests, which is long enough";

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

fn hs256(claims: &Value) -> String {
    encode(&Header::new(Algorithm::HS256), claims, &EncodingKey::from_secret(SECRET.as_bytes())).unwrap()
}

fn ask(server: &Server, headers: &[(&str, &str)]) -> Reply {
    headers.iter().fold(server.request("GET", "/who"), |request, (name, value)| request.header(name, value)).send()
}

fn bearer(server: &Server, token: &str) -> Reply {
    ask(server, &[("authorization", &format!("Bearer {token}"))])
}

#[test]
fn signed_tokens_name_their_bearer() {
    let environment = [
        ("AUTH_JWT_SECRET", SECRET),
        ("AUTH_JWT_ISSUER", "us"),
        ("AUTH_JWT_AUDIENCE", "api"),
        ("AUTH_SERVICE_TOKENS", "robot"),
    ];
    for host in HOSTS {
        let server = Server::start(module(MODULE), host, &[], &environment);
        let claims = json!({
            "sub": "ada", "email": "ada@example.org", "iss": "us", "aud": ["api", "web"], "scope": "read write",
            "roles": "admin, editor", "exp": now() + 60, "nbf": now() - 60,
        });
        let token = hs256(&claims);
        let auth = bearer(&server, &token).json();
        assert_eq!((&auth["source"], &auth["userId"], &auth["token"]), (&json!("jwt"), &json!("ada"), &json!(token)));
        assert_eq!(
            (&auth["scopes"], &auth["roles"]),
            (&json!(["read", "write"]), &json!(["admin", "editor"])),
            "{host:?}"
        );
        assert_eq!((&auth["email"], &auth["claims"]["iss"]), (&json!("ada@example.org"), &json!("us")));

        let changed = |name: &str, value: Value| {
            let mut claims = claims.clone();
            claims[name] = value;
            hs256(&claims)
        };
        for (what, token) in [
            ("over", changed("exp", json!(now() - 1))),
            ("not yet", changed("nbf", json!(now() + 60))),
            ("no number", changed("exp", json!("soon"))),
            ("another issuer", changed("iss", json!("them"))),
            ("another audience", changed("aud", json!("web"))),
            ("another signature", format!("{}x", &token[..token.len() - 1])),
            ("two parts", "a.b".to_owned()),
        ] {
            assert_eq!(bearer(&server, &token).status, 401, "{what}");
        }
        // A service token counts beside a bearer that does not.
        let service = ask(&server, &[("authorization", "Bearer a.b.c"), ("x-service-token", "robot")]).json();
        let expected = json!({ "source": "service-token", "token": "robot", "scopes": ["service"], "roles": ["service"], "claims": {} });
        assert_eq!(service, expected);
        assert_eq!(ask(&server, &[("x-api-key", "robot")]).status, 200);
        assert_eq!(ask(&server, &[("x-service-token", "robots"), ("x-api-key", "robot")]).status, 401);
        for record in server.records() {
            assert!(!record.to_string().contains(&token), "no token is logged: {record}");
        }
        server.message("Bearer token validation failed");
        server.stop();
    }
}

/// A token without an end would be good for ever.
#[test]
fn s7_tokens_have_an_end() {
    let environment = [("AUTH_JWT_SECRET", SECRET)];
    let server = Server::start(module(MODULE), Host::Embedded, &[], &environment);
    assert_eq!(bearer(&server, &hs256(&json!({ "sub": "ada" }))).status, 401);
    assert_eq!(bearer(&server, &hs256(&json!({ "sub": "ada", "exp": now() + 60 }))).status, 200);
    let lenient = [environment[0], ("AUTH_JWT_REQUIRE_EXP", "false")];
    let server = Server::start(module(MODULE), Host::Embedded, &[], &lenient);
    assert_eq!(bearer(&server, &hs256(&json!({ "sub": "ada" }))).status, 200);
}

#[test]
fn tokens_are_verified_by_a_public_key() {
    let key = Key::generate();
    let case = module(MODULE);
    case.write("keys/public.pem", &key.public);
    let environment = [("AUTH_JWT_PUBLIC_KEY_FILE", "keys/public.pem")];
    let server = Server::start(case, Host::Embedded, &[], &environment);
    let claims = json!({ "sub": "ada", "exp": now() + 60 });
    assert_eq!(bearer(&server, &key.sign(None, &claims)).json()["userId"], "ada");
    assert_eq!(bearer(&server, &Key::generate().sign(None, &claims)).status, 401);
    assert_eq!(bearer(&server, &hs256(&claims)).status, 401);
}

/// A provider of keys that counts who asks it, and that can fail.
struct Provider {
    address: String,
    asked: Arc<AtomicUsize>,
    fails: Arc<AtomicBool>,
}

impl Provider {
    fn start(keys: &Value) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}/keys", listener.local_addr().unwrap());
        let provider = Self { address, asked: Arc::default(), fails: Arc::default() };
        let (asked, fails, body) = (Arc::clone(&provider.asked), Arc::clone(&provider.fails), keys.to_string());
        // It ends with the process.
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let _ = stream.read(&mut [0; 4096]);
                asked.fetch_add(1, Ordering::SeqCst);
                let status = if fails.load(Ordering::SeqCst) { "500 No" } else { "200 OK" };
                let head = format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\nconnection: close");
                let _ = write!(stream, "{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
            }
        });
        provider
    }
}

#[test]
fn s6_unknown_keys_neither_flood_the_provider_nor_lose_its_keys() {
    let key = Key::generate();
    let provider = Provider::start(&json!({ "keys": [key.jwk("first")] }));
    let environment = [("AUTH_JWKS_URL", provider.address.as_str())];
    let server = Server::start(module(MODULE), Host::Worker, &[], &environment);
    let claims = json!({ "sub": "ada", "exp": now() + 60 });
    let good = key.sign(Some("first"), &claims);
    assert_eq!(bearer(&server, &good).json()["userId"], "ada");
    provider.fails.store(true, Ordering::SeqCst);
    let bogus = Key::generate();
    for number in 0..20 {
        assert_eq!(bearer(&server, &bogus.sign(Some(&format!("unknown-{number}")), &claims)).status, 401);
    }
    assert!(provider.asked.load(Ordering::SeqCst) <= 2, "{}", provider.asked.load(Ordering::SeqCst));
    assert_eq!(bearer(&server, &good).status, 200, "the good keys are still known");
}
