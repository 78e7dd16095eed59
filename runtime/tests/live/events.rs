//! What browsers are told.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use webstir_runtime::{Deployed, LiveFinding, LiveSeverity};

use super::server::{Running, module, release};

const EMPTY: &str = r#"{"build":{"findings":[],"more":0},"types":{"findings":[],"more":0}}"#;

fn finding(message: &str) -> LiveFinding {
    LiveFinding {
        severity: LiveSeverity::Error,
        code: Some("bundle::syntax".to_owned()),
        message: message.to_owned(),
        file: Some("src/backend/module.ts".to_owned()),
        line: Some(3),
        column: Some(7),
        frame: None,
        help: None,
    }
}

fn pair(event: &str, data: &str) -> (String, String) {
    (event.to_owned(), data.to_owned())
}

fn styles(paths: &[&str]) -> Deployed {
    Deployed::Site { changed: paths.iter().map(ToString::to_string).collect(), styles_only: true }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_is_greeted_and_told_in_order() {
    let server = Running::start().await;
    let mut client = server.listen("/sse", &[]).await;
    let greeting = client.until("data: ").await;
    // A chunk head, then the line that clients of the former server wait for.
    assert!(greeting.split_once("\r\n").unwrap().1.starts_with("\nretry: "), "{greeting}");
    client.until("\n\n").await;
    server.live.building();
    server.live.succeeded(&Deployed::Module);
    server.live.building();
    server.live.succeeded(&styles(&["/app/app.css", "/app/app.css.map"]));
    server.live.building();
    server.live.succeeded(&styles(&["/a.css"]));
    server.live.succeeded(&Deployed::Unchanged);
    server.live.failed(vec![finding("No")]);
    let told = client.told("\"message\":\"No\"").await;
    let update = |styles: Value| json!({ "requiresReload": false, "modules": [], "styles": styles });
    let mut one = update(json!(["/a.css"]));
    one["changedFile"] = json!("/a.css");
    let expected = [
        pair("status", "building"),
        pair("status", "hmr-fallback"),
        pair("", "reload"),
        pair("status", "success"),
        pair("status", "building"),
        pair("hmr", &update(json!(["/app/app.css"])).to_string()),
        pair("status", "success"),
        pair("status", "building"),
        pair("hmr", &one.to_string()),
        pair("status", "success"),
        pair("status", "success"),
        pair("status", "error"),
    ];
    assert_eq!(told[..told.len() - 1], expected);
    let findings: Value = serde_json::from_str(&told.last().unwrap().1).unwrap();
    assert_eq!(findings["types"], json!({ "findings": [], "more": 0 }));
    let shown = json!({
        "severity": "error", "code": "bundle::syntax", "message": "No", "file": "src/backend/module.ts",
        "line": 3, "column": 7,
    });
    assert_eq!(findings["build"], json!({ "findings": [shown], "more": 0 }));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_comes_later_is_told_how_it_is() {
    let server = Running::start().await;
    server.live.failed(Vec::new());
    let mut client = server.listen("/__webstir/events", &[]).await;
    let told = client.told("event: findings").await;
    assert_eq!(told[0], pair("status", "error"));
    assert!(told[1].1.contains("The build failed; the terminal says why"), "{told:?}");
    // Types are said when they are known, and stay until the next check.
    server.live.findings(vec![finding("Type"); 103]);
    server.live.succeeded(&Deployed::Unchanged);
    server.live.findings(vec![finding("Type"); 103]);
    server.live.findings(Vec::new());
    let told = client.told(EMPTY).await;
    let names: Vec<&str> = told.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["findings", "findings", "status", "findings"]);
    assert!(told[0].1.contains(r#""more":3"#) && told[0].1.contains("the terminal"), "{told:?}");
    assert!(told[1].1.contains(r#""more":3"#) && !told[1].1.contains("the terminal"), "{told:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_missed_a_revision_loads_again() {
    let server = Running::start().await;
    server.show(&release(server.root(), &module(&[("/a", "{ body: '<p>' }")]), &[])).await;
    let page = server.get("/a").await.revision().to_owned();
    let path = format!("/__webstir/events?revision={page}");
    let mut client = server.listen(&path, &[]).await;
    assert_eq!(client.told(EMPTY).await, [pair("status", "success"), pair("findings", EMPTY)]);
    server.live.succeeded(&styles(&["/a.css"]));
    let events = client.events("success").await;
    let next = events[0]["id"].clone();
    assert_ne!(next, page);
    assert!(events.iter().all(|event| event["id"] == next), "{events:?}");
    // What it heard last counts; a page of another process has missed everything.
    let of_others = format!("{}-1", "0".repeat(32));
    for (path, heard, reloads) in [
        (path.as_str(), Some(next.as_str()), false),
        (path.as_str(), None, true),
        (path.as_str(), Some(of_others.as_str()), true),
        ("/sse", None, false),
    ] {
        let headers = heard.map(|heard| ("last-event-id", heard));
        let mut again = server.listen(path, headers.as_slice()).await;
        let first = again.told(EMPTY).await.remove(0);
        assert_eq!(first == pair("", "reload"), reloads, "{path} {heard:?}: {first:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_route_of_the_module_goes_first() {
    let server = Running::start().await;
    server.show(&release(server.root(), &module(&[("/sse", "{ body: 'mine' }")]), &[])).await;
    assert!(server.get("/sse").await.text.starts_with("mine"));
    let mut client = server.listen("/__webstir/events", &[]).await;
    client.until("retry").await;
    let head = server.send("HEAD", "/__webstir/events", &[]).await;
    assert_eq!((head.status, head.header("content-type")), (200, Some("text/event-stream")));
    assert_eq!(server.send("POST", "/__webstir/events", &[("content-length", "0")]).await.status, 405);
    let script = server.get("/__webstir/live.js").await;
    assert_eq!(script.header("content-type"), Some("text/javascript; charset=utf-8"));
    assert!(script.text.contains("EventSource"));
    // Nothing is there without a hub.
    let plain = Running::with(None, &[]).await;
    plain.show(&release(plain.root(), &module(&[]), &[])).await;
    for path in ["/sse", "/__webstir/events", "/__webstir/live.js"] {
        assert_eq!(plain.get(path).await.status, 404, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_end_is_told_and_waits_for_nobody() {
    let server = Running::start().await;
    let mut client = server.listen("/sse", &[]).await;
    client.until("findings").await;
    let took = server.stop().await;
    let rest = client.rest().await;
    assert!(rest.contains("data: shutdown\n\n"), "{rest}");
    assert!(took < Duration::from_secs(5), "{took:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_takes_nothing_holds_nothing_up() {
    let server = Running::start().await;
    let mut stuck = TcpStream::connect(server.address).await.unwrap();
    stuck.write_all(b"GET /sse HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let mut client = server.listen("/sse", &[]).await;
    client.until("findings").await;
    // More than sockets and the hub hold together.
    let long = "x".repeat(100_000);
    for _ in 0..200 {
        server.live.failed(vec![finding(&long)]);
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    client.until("data: reload\n").await;
    let took = server.stop().await;
    assert!(took < Duration::from_secs(5), "{took:?}");
}
