//! The script in a real browser, headless Chromium.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::timeout;
use webstir_runtime::{LiveFinding, LiveSeverity};

use super::server::{PATIENCE, Running, module, release};

/// A page that is open.
struct Page {
    process: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    _alone: MutexGuard<'static, ()>,
}

/// A browser is as much as a small machine can run at once.
static ALONE: Mutex<()> = Mutex::const_new(());

/// The directory in which the driver finds its library.
fn driver() -> PathBuf {
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("puppeteer-core-24");
    if !home.exists() {
        let fresh = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let output = std::process::Command::new("npm")
            .args(["install", "--no-audit", "--no-fund", "--loglevel=error", "puppeteer-core@24", "--prefix"])
            .arg(fresh.path())
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        // Another test may have been faster.
        let _ = std::fs::rename(fresh.path(), &home);
    }
    std::fs::write(home.join("live.mjs"), include_str!("browser/drive.mjs")).unwrap();
    home.join("live.mjs")
}

fn browser() -> PathBuf {
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let directories: Vec<PathBuf> = std::env::split_paths(&std::env::var_os("PATH").unwrap()).collect();
    let found = names.iter().flat_map(|name| directories.iter().map(move |directory| directory.join(name)));
    found.into_iter().find(|path| path.is_file()).expect("a browser: `apt-get install chromium`")
}

impl Page {
    async fn open(server: &Running, path: &str) -> Self {
        let alone = ALONE.lock().await;
        let mut command = Command::new("node");
        command.arg(driver()).arg(browser()).arg(format!("http://{}{path}", server.address));
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
        let (input, output) = (process.stdin.take().unwrap(), process.stdout.take().unwrap());
        Self { process, input, output: BufReader::new(output).lines(), _alone: alone }
    }

    async fn ask(&mut self, expression: &str) -> Value {
        self.input.write_all(format!("{expression}\n").as_bytes()).await.unwrap();
        let line = timeout(PATIENCE, self.output.next_line()).await.unwrap().unwrap();
        serde_json::from_str(&line.expect("the driver goes on")).unwrap()
    }

    /// Asks again and again, until this is the answer.
    async fn becomes(&mut self, expression: &str, expected: Value) {
        let mut last = Value::Null;
        let end = std::time::Instant::now() + PATIENCE;
        while last != expected {
            assert!(std::time::Instant::now() < end, "{expression} stays {last}, not {expected}");
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            last = self.ask(expression).await;
        }
    }

    /// Nothing went wrong in it.
    async fn close(mut self) {
        assert_eq!(self.ask("faults").await, json!([]));
        drop(self.input);
        timeout(PATIENCE, self.process.wait()).await.unwrap().unwrap();
    }
}

const OVERLAY: &str = "(() => { const o = document.querySelector('webstir-overlay'); return o && [o.dataset.kind, \
     ...[...o.shadowRoot.querySelectorAll('h1, li > *')].map((e) => e.textContent)]; })()";
const COLOUR: &str = "getComputedStyle(document.body).color";

fn page(color: &str, text: &str) -> Vec<(&'static str, String)> {
    vec![
        ("app.css", format!("body {{ color: {color}; min-height: 5000px }}")),
        (
            "pages/home/index.html",
            format!(
                "<!doctype html><html><head><link rel=\"stylesheet\" href=\"/app.css\">\
                 <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'self'\"></head>\
                 <body><input id=\"field\"><p>{text}</p></body></html>"
            ),
        ),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "long: a browser"]
async fn a_page_follows_the_workspace() {
    let server = Running::start().await;
    let of = |color: &str, text: &str| {
        let files = page(color, text);
        let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
        release(server.root(), &module(&[("/api/now", "{ body: 1 }")]), &files)
    };
    // Nothing was ever built: the page says why, and comes alive with the first build.
    server.live.failed(vec![LiveFinding {
        severity: LiveSeverity::Error,
        code: Some("bundle::syntax".to_owned()),
        message: "Unexpected `<b>`".to_owned(),
        file: Some("src/a.ts".to_owned()),
        line: Some(3),
        column: Some(7),
        frame: Some("3 | <b>bold</b>".to_owned()),
        help: Some("Remove it".to_owned()),
    }]);
    let mut page = Page::open(&server, "/").await;
    let told = json!([
        "build",
        "The build failed",
        "src/a.ts:3:7",
        "Unexpected `<b>`",
        "bundle::syntax",
        "3 | <b>bold</b>",
        "help: Remove it"
    ]);
    page.becomes(OVERLAY, told).await;
    server.show(&of("rgb(1, 0, 0)", "first")).await;
    page.becomes("document.querySelector('p').textContent", json!("first")).await;
    page.becomes(COLOUR, json!("rgb(1, 0, 0)")).await;
    page.becomes(OVERLAY, Value::Null).await;

    // A style sheet is exchanged in place.
    let state = "(() => { const f = document.getElementById('field'); \
         return [f.value, document.activeElement === f, scrollY, window.same, document.querySelectorAll('link').length]; })()";
    page.ask("(() => { window.same = 1; const f = document.getElementById('field'); f.value = 'typed'; f.focus(); scrollTo(0, 700); })()")
        .await;
    for color in ["rgb(2, 0, 0)", "rgb(3, 0, 0)"] {
        server.show(&of(color, "first")).await;
        page.becomes(COLOUR, json!(color)).await;
        page.becomes(state, json!(["typed", true, 700, 1, 1])).await;
    }

    // Type errors can be put away, and stay away until they say something else.
    let wrong = |message: &str| vec![LiveFinding { message: message.to_owned(), ..LiveFinding::default() }];
    server.live.findings(wrong("One"));
    page.becomes(OVERLAY, json!(["types", "1 finding", "One"])).await;
    page.ask("key:Escape").await;
    page.becomes(OVERLAY, Value::Null).await;
    server.live.failed(wrong("Broken"));
    page.becomes(OVERLAY, json!(["build", "The build failed", "Broken"])).await;
    server.show(&of("rgb(3, 0, 0)", "first")).await;
    page.becomes(OVERLAY, Value::Null).await;
    server.live.findings(wrong("Two"));
    page.becomes(OVERLAY, json!(["types", "1 finding", "Two"])).await;
    server.live.findings(Vec::new());
    page.becomes(OVERLAY, Value::Null).await;
    assert_eq!(page.ask("window.same").await, 1);

    // Everything else loads the page again.
    server.show(&of("rgb(3, 0, 0)", "second")).await;
    page.becomes("document.querySelector('p').textContent", json!("second")).await;
    assert_eq!(page.ask("window.same ?? null").await, Value::Null);
    page.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "long: a browser"]
async fn a_page_catches_up_with_what_it_missed() {
    let server = Running::start().await;
    let of = |text: &str| {
        let page = format!("<!doctype html><body><p>{text}</p></body>");
        release(server.root(), &module(&[]), &[("index.html", &page)])
    };
    server.show(&of("first")).await;
    let mut page = Page::open(&server, "/").await;
    let text = "document.querySelector('p').textContent";
    page.becomes(text, json!("first")).await;
    // A page that was put aside has no connection: what another one hears meanwhile is nothing to it.
    page.ask("dispatchEvent(new PageTransitionEvent('pagehide', { persisted: true }))").await;
    page.ask("(() => { window.heard = 0; window.other = new EventSource('/__webstir/events'); other.onmessage = () => heard += 1; })()")
        .await;
    page.becomes("other.readyState", json!(1)).await;
    server.show(&of("second")).await;
    page.becomes("heard", json!(1)).await;
    assert_eq!(page.ask(text).await, "first");
    page.ask("other.close()").await;
    page.ask("dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))").await;
    page.becomes(text, json!("second")).await;
    page.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "long: a browser"]
async fn style_sheets_that_others_import_load_the_page_again() {
    let server = Running::start().await;
    let of = |tokens: &str, unused: &str| {
        let page = "<!doctype html><link rel=stylesheet href=/app.css><body><p>text</p></body>";
        let files =
            [("app.css", "@import './tokens.css';"), ("index.html", page), ("tokens.css", tokens), ("z.css", unused)];
        release(server.root(), &module(&[]), &files)
    };
    server.show(&of("body { color: rgb(1, 0, 0) }", "")).await;
    let mut page = Page::open(&server, "/").await;
    page.becomes(COLOUR, json!("rgb(1, 0, 0)")).await;
    page.ask("(() => { window.same = 1; window.requests = () => performance.getEntriesByType('resource').filter((entry) => entry.name.includes('.css')).length; })()")
        .await;
    let requests = page.ask("requests()").await;
    // A style sheet of other pages is nothing to this one.
    server.show(&of("body { color: rgb(1, 0, 0) }", "p {}")).await;
    // What is said afterwards is heard afterwards.
    server.live.findings(vec![LiveFinding { message: "Said".to_owned(), ..LiveFinding::default() }]);
    page.becomes(OVERLAY, json!(["types", "1 finding", "Said"])).await;
    assert_eq!([page.ask("window.same").await, page.ask("requests()").await], [json!(1), requests]);
    server.show(&of("body { color: rgb(2, 0, 0) }", "p {}")).await;
    page.becomes(COLOUR, json!("rgb(2, 0, 0)")).await;
    assert_eq!(page.ask("window.same ?? null").await, Value::Null);
    page.close().await;
}
