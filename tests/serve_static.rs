//! A published `full` workspace: module and pages on one port.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::symlink;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{Case, Ran, ran};

const MODULE: &str = "
export const module = {
  manifest: { contractVersion: '1.0.0', name: 'shop', version: '0.1.0', kind: 'backend', capabilities: ['http'] },
  routes: [
    { definition: { name: 'showDashboard', method: 'GET', path: '/dashboard' },
      handler: () => ({ body: '<h1>dashboard</h1>', headers: { 'x-frame-options': 'DENY' } }) },
    { definition: { name: 'saveDashboard', method: 'POST', path: '/dashboard' }, handler: () => ({ redirect: { location: 'dashboard/done' } }) },
    { definition: { name: 'contact', method: 'POST', path: '/contact' }, handler: () => ({ body: { sent: true } }) },
    { definition: { name: 'data', method: 'GET', path: '/api/data' }, handler: () => ({ body: { ok: true } }) },
    { definition: { name: 'encoded', method: 'GET', path: '/api/encoded' },
      handler: () => ({ body: new Uint8Array([31, 139, 8, 0]), headers: { 'content-encoding': 'gzip' } }) },
  ],
  views: [
    { definition: { name: 'account', path: '/account/:id' }, load: ({ params }) => ({ id: params.id }) },
    { definition: { name: 'item', path: '/items/:id' } },
  ],
};
";

const PACKAGE: &str = r#"{
  "name": "shop", "type": "module",
  "webstir": { "mode": "full", "moduleManifest": { "views": [
    { "name": "item", "path": "/items/:id", "page": "item" },
    { "name": "new-item", "path": "/items/new", "page": "new-item" }
  ] } }
}
"#;

/// The longest wait for something that must happen.
const PATIENCE: Duration = Duration::from_mins(1);

const SECRET: &str = "a secret of more than thirty-two characters";

struct Server {
    process: Child,
    port: u16,
}

#[derive(Debug)]
struct Reply {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

/// A workspace with a published backend and these pages.
fn published() -> Case {
    let case = Case::with(&[
        ("package.json", PACKAGE),
        ("src/backend/index.ts", "export {};\n"),
        ("src/backend/module.ts", MODULE),
        ("dist/frontend/pages/home/index.html", "home"),
        ("dist/frontend/pages/about/index.html", "about"),
        ("dist/frontend/pages/contact/index.html", "contact"),
        ("dist/frontend/pages/account/index.html", "<body></body>"),
        ("dist/frontend/pages/item/index.html", "item"),
        ("dist/frontend/pages/new-item/index.html", "new item"),
        ("dist/frontend/pages/404/index.html", "no such page"),
        ("dist/frontend/app/app-0a1b2c3d.css", "body{}"),
        ("dist/frontend/app/app-0a1b2c3d.css.br", "brotli"),
        ("dist/frontend/app/app-0a1b2c3d.css.gz", "gzip"),
        ("dist/frontend/manifest.json", r#"{"pages":{},"shared":{"css":"app-0a1b2c3d.css"}}"#),
        ("dist/frontend/docs/deep/page.html", "deep"),
        ("dist/frontend/data.bin", "0123456789"),
    ]);
    let ran = case.run(&["publish"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    case
}

/// What `serve` says when there is nothing that it could serve.
#[track_caller]
fn refused(case: &Case) -> Ran {
    let mut command = case.command();
    let ran = ran(command.args(["serve", "--port", "0"]).env("SESSION_SECRET", SECRET).output().unwrap());
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    ran
}

impl Server {
    fn start(case: &Case, environment: &[(&str, &str)]) -> Self {
        let mut command = case.command();
        command
            .args(["serve", "--host", "127.0.0.1", "--port", "0", "--log", "json"])
            .env("SESSION_SECRET", SECRET)
            .envs(environment.iter().copied());
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines().map_while(Result::ok);
        let mut records = lines.by_ref().filter_map(|line| serde_json::from_str::<Value>(&line).ok());
        let port = records.find_map(|record| record["port"].as_u64());
        // What nobody reads would stop the server.
        thread::spawn(move || lines.count());
        Self { port: port.unwrap().try_into().unwrap(), process }
    }

    #[track_caller]
    fn send(&self, method: &str, target: &str, headers: &[(&str, &str)]) -> Reply {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut head = format!("{method} {target} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n");
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        stream.write_all(format!("{head}content-length: 0\r\n\r\n").as_bytes()).unwrap();
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).unwrap();
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let mut lines = head.lines();
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers = lines.map(|line| line.split_once(": ").unwrap());
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Reply { status, headers, body: bytes[end + 4..].to_vec() }
    }

    #[track_caller]
    fn get(&self, target: &str) -> Reply {
        self.send("GET", target, &[])
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Reply {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    fn text(&self) -> (u16, &str) {
        (self.status, std::str::from_utf8(&self.body).unwrap())
    }

    fn json(&self) -> (u16, Value) {
        (self.status, serde_json::from_slice(&self.body).unwrap())
    }
}

#[test]
fn c2_routes_views_and_pages_share_one_port() {
    let case = published();
    let server = Server::start(&case, &[]);
    assert_eq!(server.get("/dashboard").text(), (200, "<h1>dashboard</h1>"));
    let view = server.get("/account/7");
    assert!(view.text().1.contains(r#""data":{"id":"7"}"#), "{view:?}");
    assert_eq!(view.header("cache-control"), Some("no-store"));
    assert_eq!(server.get("/api/data").json(), (200, json!({ "ok": true })));
    assert_eq!(server.get("/%61pi/data").json(), (200, json!({ "ok": true })));
    assert_eq!(server.get("/healthz").status, 200);
    let home = server.get("/");
    assert_eq!((home.text(), home.header("content-type")), ((200, "home"), Some("text/html; charset=utf-8")));
    assert_eq!(home.header("cache-control"), Some("no-cache, no-store, must-revalidate"));
    assert_eq!((home.header("pragma"), home.header("expires")), (Some("no-cache"), Some("0")));
    assert_eq!(server.get("/about/").text(), (200, "about"));
    // A route of another method does not hide a page; a page does not hide the method.
    assert_eq!(server.get("/contact").text(), (200, "contact"));
    assert_eq!(server.send("POST", "/contact", &[]).json(), (200, json!({ "sent": true })));
    assert_eq!(server.send("POST", "/about", &[]).json(), (404, json!({ "error": "not_found", "path": "/about" })));
}

#[test]
fn c7_what_a_handler_sends_is_not_rewritten() {
    let case = published();
    let server = Server::start(&case, &[]);
    let encoded = server.get("/api/encoded");
    assert_eq!((encoded.header("content-encoding"), encoded.body.as_slice()), (Some("gzip"), &[31, 139, 8, 0][..]));
    assert_eq!(encoded.header("content-type"), Some("application/octet-stream"));
    let redirect = server.send("POST", "/dashboard", &[]);
    assert_eq!((redirect.status, redirect.header("location")), (303, Some("dashboard/done")));
}

#[test]
fn nothing_is_a_page_for_browsers_and_json_below_api() {
    let case = published();
    let server = Server::start(&case, &[]);
    let html = [("accept", "text/html,*/*;q=0.8")];
    let missing = server.send("GET", "/missing", &html);
    assert_eq!(
        (missing.text(), missing.header("content-type")),
        ((404, "no such page"), Some("text/html; charset=utf-8"))
    );
    let head = server.send("HEAD", "/missing", &html);
    assert_eq!((head.text(), head.header("content-length")), ((404, ""), Some("12")));
    assert_eq!(server.get("/missing").text(), (404, "Not found."));
    let below = server.send("GET", "/api/missing", &html);
    assert_eq!(below.json(), (404, json!({ "error": "not_found", "path": "/api/missing" })));
    assert_eq!(server.send("GET", "/readyz", &html).header("content-type"), Some("application/json"));
}

#[test]
fn page_views_serve_their_page() {
    let case = published();
    let server = Server::start(&case, &[]);
    for (path, text) in [("/items/7", "item"), ("/items/a.b/", "item"), ("/items/new", "new item")] {
        assert_eq!(server.get(path).text(), (200, text), "{path}");
    }
    assert_eq!(server.get("/items/a%2fb").status, 404);
    assert_eq!(server.get("/items/7/8").status, 404);
    case.replace("package.json", "/items/new", "/items/new.html");
    let ran = refused(&case);
    assert!(ran.stderr.contains("The path `/items/new.html` of a page view ends like a file name"), "{}", ran.stderr);
}

#[test]
fn c9_odd_paths_have_a_status_and_head_has_a_length() {
    let case = published();
    let server = Server::start(&case, &[]);
    for directory in ["/docs", "/docs/", "/docs/deep", "/app", "/pages/home/.."] {
        assert_eq!(server.get(directory).text(), (404, "Not found."), "{directory}");
    }
    for malformed in ["/%", "/%zz", "/a%2", "/%ff", "/a%00b", "/%0a"] {
        assert_eq!(server.get(malformed).status, 400, "{malformed}");
    }
    assert_eq!(server.get("/x/../../docs/./deep/page").text(), (200, "deep"));
    let head = server.send("HEAD", "/data.bin", &[]);
    assert_eq!((head.text(), head.header("content-length")), ((200, ""), Some("10")));
    assert_eq!(head.header("content-type"), Some("application/octet-stream"));
}

#[test]
fn s9_nothing_but_the_published_tree_is_served() {
    let case = published();
    case.write("dist/frontend/.env", "secret");
    case.write("dist/frontend/.git/config", "secret");
    symlink(case.path("package.json"), case.path("dist/frontend/package.json")).unwrap();
    symlink(case.root(), case.path("dist/frontend/linked")).unwrap();
    let server = Server::start(&case, &[]);
    for path in [
        "/.env",
        "/%2eenv",
        "/.git/config",
        "/package.json",
        "/linked/package.json",
        "/../package.json",
        "/../../package.json",
        "/%2e%2e/%2e%2e/package.json",
        "/..%2f..%2fpackage.json",
        "/app/..%5c..%5cpackage.json",
        "//etc/passwd",
    ] {
        assert_eq!(server.get(path).status, 404, "{path}");
    }
}

#[test]
fn s9_documents_and_files_carry_security_headers() {
    let case = published();
    let server = Server::start(&case, &[]);
    for path in ["/", "/data.bin", "/missing", "/account/7"] {
        let reply = server.get(path);
        assert_eq!(reply.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(reply.header("referrer-policy"), Some("strict-origin-when-cross-origin"), "{path}");
        assert_eq!(reply.header("x-frame-options"), Some("SAMEORIGIN"), "{path}");
        assert_eq!(reply.header("cross-origin-opener-policy"), Some("same-origin"), "{path}");
    }
    let own = server.get("/dashboard");
    assert_eq!((own.header("x-frame-options"), own.header("referrer-policy").is_some()), (Some("DENY"), true));
    let data = server.get("/api/data");
    assert_eq!((data.header("x-content-type-options"), data.header("x-frame-options")), (Some("nosniff"), None));
    let server = Server::start(&case, &[("SECURITY_HEADERS", "off")]);
    assert_eq!(server.get("/").header("x-content-type-options"), None);
}

#[test]
fn w20_assets_are_cached_conditional_and_compressed() {
    let case = published();
    let server = Server::start(&case, &[]);
    let path = "/app/app-0a1b2c3d.css";
    let plain = server.get(path);
    assert_eq!(plain.text(), (200, "body{}"));
    assert_eq!(plain.header("cache-control"), Some("public, max-age=31536000, immutable"));
    assert_eq!(plain.header("vary"), Some("accept-encoding"));
    let compressed = server.send("GET", path, &[("accept-encoding", "gzip, br")]);
    assert_eq!((compressed.text(), compressed.header("content-encoding")), ((200, "brotli"), Some("br")));
    let (plain, compressed) = (plain.header("etag").unwrap(), compressed.header("etag").unwrap());
    assert_ne!(plain, compressed);
    let known = server.send("GET", path, &[("if-none-match", plain)]);
    assert_eq!((known.text(), known.header("etag")), ((304, ""), Some(plain)));
    assert_eq!(server.send("GET", path, &[("if-none-match", compressed)]).status, 200);
    let part = server.send("GET", "/data.bin", &[("range", "bytes=2-4")]);
    assert_eq!((part.text(), part.header("content-range")), ((206, "234"), Some("bytes 2-4/10")));
    let beyond = server.send("GET", "/data.bin", &[("range", "bytes=10-")]);
    assert_eq!((beyond.status, beyond.header("content-range")), (416, Some("bytes */10")));
    // Several ranges, and dates of what has none, are as if they were not asked for.
    let date = "Fri, 01 Jan 2100 00:00:00 GMT";
    for (name, value) in [
        ("range", "bytes=0-1, 4-5"),
        ("range", "bytes=20-, 30-"),
        ("if-modified-since", date),
        ("if-unmodified-since", date),
    ] {
        let whole = server.send("GET", "/data.bin", &[(name, value)]);
        assert_eq!(whole.text(), (200, "0123456789"), "{name}: {value}");
        assert_eq!([whole.header("content-range"), whole.header("last-modified")], [None, None]);
    }
}

#[test]
fn another_tree_is_served_after_a_hangup() {
    let case = published();
    let server = Server::start(&case, &[]);
    case.write("dist/frontend/pages/later/index.html", "later");
    assert_eq!(server.get("/later").status, 404);
    let hangup = Command::new("kill").args(["-HUP", &server.process.id().to_string()]).status().unwrap();
    assert!(hangup.success());
    let started = Instant::now();
    while server.get("/later").status != 200 {
        assert!(started.elapsed() < PATIENCE);
        thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(server.get("/later").text(), (200, "later"));
}

#[test]
fn only_full_workspaces_serve_files() {
    let case = published();
    case.replace("package.json", r#""mode": "full""#, r#""mode": "api""#);
    let server = Server::start(&case, &[]);
    assert_eq!(server.get("/about").json(), (404, json!({ "error": "not_found", "path": "/about" })));
    drop(server);
    case.replace("package.json", r#""mode": "api""#, r#""mode": "full""#);
    case.remove("dist/frontend");
    let ran = refused(&case);
    assert!(ran.stderr.contains("dist/frontend"), "{}", ran.stderr);
}
