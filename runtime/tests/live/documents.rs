//! Which responses are given the script.

use super::server::{Running, in_worker, module, release};

const SCRIPT: &str = "<script src=\"/__webstir/live.js\" defer data-revision=\"";

const FILES: &[(&str, &str)] = &[
    ("app.css", "body{}"),
    ("app.0a1b2c3d.css", "body{}"),
    ("data.bin", "0123456789"),
    ("pages/404/index.html", "<body>no such page</body>"),
    ("pages/about/index.html", "<BODY>about</BODY>"),
    ("pages/about/index.html.br", "compressed"),
    ("pages/account/index.html", "<body>account</body>"),
];

fn mixed() -> String {
    let routes = module(&[
        ("/fragment", "{ body: 'plain text' }"),
        (
            "/page",
            "{ body: '<html><body>page</body></html>', headers: { etag: '\"own\"', 'cache-control': 'max-age=9' } }",
        ),
        ("/json", "{ body: { a: '</body>' } }"),
        ("/same", "{ status: 304 }"),
        ("/elsewhere", "{ redirect: { location: '/page' } }"),
        (
            "/stream",
            "new Response(new ReadableStream({ async start(c) { for (const t of ['<body>', 'a', '</body>']) { \
          c.enqueue(new TextEncoder().encode(t)); await null; } c.close(); } }), { headers: { 'content-type': 'text/html' } })",
        ),
        (
            "/zipped",
            "{ body: new Uint8Array([31, 139]), headers: { 'content-type': 'text/html', 'content-encoding': 'gzip' } }",
        ),
        ("/throws", "(() => { throw new Error('no'); })()"),
    ]);
    format!(
        "{routes}module.views = [{{ definition: {{ name: 'account', path: '/account/:id' }}, load: () => ({{ a: 1 }}) }}];\n"
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn documents_are_given_the_script_and_nothing_else_is() {
    for is_worker in [false, true] {
        let server = Running::start().await;
        let release = release(server.root(), &mixed(), FILES);
        server.show(&if is_worker { in_worker(release) } else { release }).await;
        let html = [("accept", "text/html")];
        for (path, status, start, end) in [
            ("/fragment", 200, "plain text<script", "</script>"),
            ("/page", 200, "<html><body>page<script", "</script></body></html>"),
            ("/stream", 200, "<body>a</body><script", "</script>"),
            ("/about", 200, "<BODY>about<script", "</script></BODY>"),
            ("/missing", 404, "<body>no such page<script", "</script></body>"),
            ("/account/7", 200, "<body data-webstir-view-name=\"account\"", "</script></body>"),
        ] {
            let reply = server.send("GET", path, &html).await;
            let is_given = reply.text.starts_with(start) && reply.text.ends_with(end);
            assert!(reply.status == status && is_given, "{path}: {reply:?}");
            assert_eq!(reply.text.matches(SCRIPT).count(), 1, "{path}: {reply:?}");
            assert!(reply.header("cache-control").unwrap().contains("no-store"), "{path}: {reply:?}");
            assert_eq!([reply.header("etag"), reply.header("accept-ranges")], [None, None], "{path}");
            if let Some(length) = reply.header("content-length") {
                assert_eq!(length, reply.text.len().to_string(), "{path}");
            }
            let head = server.send("HEAD", path, &html).await;
            assert_eq!((head.status, head.text.as_str()), (status, ""), "{path}");
            if let Some(length) = head.header("content-length") {
                assert_eq!(length, reply.text.len().to_string(), "{path}: {head:?}");
            }
            let fetched = server.send("GET", path, &[("accept", "text/html"), ("sec-fetch-dest", "empty")]).await;
            assert!(!fetched.text.contains(SCRIPT), "{path}");
        }
        for (path, status) in
            [("/json", 200), ("/same", 304), ("/elsewhere", 303), ("/zipped", 200), ("/throws", 500), ("/app.css", 200)]
        {
            let reply = server.send("GET", path, &html).await;
            assert!(reply.status == status && !reply.text.contains(SCRIPT), "{path}: {reply:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn published_pages_are_sent_plain_and_whole() {
    let server = Running::start().await;
    server.show(&release(server.root(), &module(&[]), FILES)).await;
    let plain = server.get("/about").await;
    for header in [("accept-encoding", "br"), ("range", "bytes=0-3"), ("if-none-match", "*")] {
        let reply = server.send("GET", "/about", &[header]).await;
        assert_eq!((reply.status, &reply.text), (200, &plain.text), "{header:?}");
        assert_eq!([reply.header("content-encoding"), reply.header("vary")], [None, None], "{header:?}");
    }
    // Files that are no documents are what they were.
    let file = server.get("/data.bin").await;
    assert_eq!((file.header("cache-control"), file.header("accept-ranges")), (Some("no-cache"), Some("bytes")));
    let tag = file.header("etag").unwrap();
    assert_eq!(server.send("GET", "/data.bin", &[("if-none-match", tag)]).await.status, 304);
    assert_eq!(server.send("GET", "/data.bin", &[("range", "bytes=2-3")]).await.text, "23");
    let cached = async |path: &str| server.get(path).await.headers.remove("cache-control");
    assert_eq!(cached("/app.css").await.as_deref(), Some("no-cache, must-revalidate"));
    assert_eq!(cached("/app.0a1b2c3d.css").await.as_deref(), Some("public, max-age=31536000, immutable"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_changes_without_a_hub() {
    let server = Running::with(None, &[]).await;
    server.show(&release(server.root(), &module(&[("/page", "{ body: '<body></body>' }")]), FILES)).await;
    let page = server.get("/page").await;
    assert_eq!((page.text.as_str(), page.header("cache-control")), ("<body></body>", None));
    let about = server.send("GET", "/about", &[("accept-encoding", "br")]).await;
    assert_eq!((about.text.as_str(), about.header("content-encoding")), ("compressed", Some("br")));
    assert!(about.header("etag").is_some());
    assert_eq!(server.get("/data.bin").await.header("cache-control"), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn until_something_is_deployed_a_page_waits() {
    let server = Running::start().await;
    let broken = release(server.root(), "throw new Error('broken');", &[]);
    for is_deployed in [false, true] {
        if is_deployed {
            server.deployments.deploy(&broken).await.unwrap_err();
        }
        let page = server.send("GET", "/some/page", &[("accept", "text/html,*/*")]).await;
        assert_eq!((page.status, page.header("content-type")), (503, Some("text/html; charset=utf-8")));
        assert!(page.text.contains(SCRIPT) && page.header("retry-after").is_some(), "{page:?}");
        let data = server.send("GET", "/api/data", &[("accept", "*/*")]).await;
        assert_eq!((data.status, &data.json()["error"]), (503, &"service_unavailable".into()));
        let posted = server.send("POST", "/some/page", &[("accept", "text/html"), ("content-length", "0")]).await;
        assert_eq!((posted.status, posted.header("content-type")), (503, Some("application/json")));
        assert_eq!(server.get("/healthz").await.status, 200);
        assert_eq!(server.get("/readyz").await.status, 503);
    }
    let waiting = server.send("GET", "/", &[("accept", "text/html")]).await.revision().to_owned();
    let mut client = server.listen(&format!("/__webstir/events?revision={waiting}"), &[]).await;
    client.until("findings").await;
    server.show(&release(server.root(), &module(&[("/", "{ body: 'here' }")]), &[])).await;
    client.until("data: reload\n").await;
    assert!(server.get("/").await.text.starts_with("here"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_of_others_are_answered_nothing() {
    let server = Running::start().await;
    server.show(&release(server.root(), &module(&[("/", "{ body: 'secret' }")]), &[])).await;
    for path in ["/", "/__webstir/events", "/__webstir/live.js", "/healthz"] {
        let refused = server.send("GET", path, &[("host", "evil.example:4321")]).await;
        assert_eq!((refused.status, &refused.json()["error"]), (403, &"forbidden_host".into()), "{path}");
        assert!(refused.text.contains("`evil.example:4321`") && refused.text.contains("--allow-host"), "{refused:?}");
    }
    for host in ["127.0.0.1:4321", "app.localhost", "[::1]:4321"] {
        assert_eq!(server.send("GET", "/", &[("host", host)]).await.status, 200, "{host}");
    }
}
