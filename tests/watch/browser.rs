//! Pages of a watched workspace in a real browser, headless Chromium.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::watching::{PATIENCE, Watching};
use crate::serve::browser::{browser, driver};
use crate::support::Case;

/// A page that is open.
struct Page {
    process: Child,
    /// Taken at the end: the driver ends with it.
    input: Option<ChildStdin>,
    answers: Receiver<String>,
    _alone: MutexGuard<'static, ()>,
}

/// A browser is as much as a small machine can run at once.
static ALONE: Mutex<()> = Mutex::new(());

/// The findings on the page, one paragraph a line; empty where there are none.
const OVERLAY: &str = "[...(document.querySelector('webstir-overlay')?.shadowRoot.querySelectorAll('li > *') ?? [])]\
    .map((part) => part.textContent).join('\\n')";
const OVERLAY_KIND: &str = "document.querySelector('webstir-overlay')?.dataset.kind ?? 'none'";

impl Page {
    fn open(watching: &Watching, path: &str) -> Self {
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let mut command = Command::new("node");
        command.arg(driver("watch.mjs", include_str!("browser/drive.mjs"))).arg(browser());
        command.arg(format!("{}{path}", watching.url));
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let (tell, answers) = channel();
        thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                if tell.send(line).is_err() {
                    return;
                }
            }
        });
        Self { input: process.stdin.take(), process, answers, _alone: alone }
    }

    #[track_caller]
    fn ask(&mut self, expression: &str) -> Value {
        let input = self.input.as_mut().unwrap();
        input.write_all(format!("{expression}\n").as_bytes()).unwrap();
        serde_json::from_str(&self.answers.recv_timeout(PATIENCE).unwrap()).unwrap()
    }

    /// Asks again and again, until the answer is wanted.
    #[track_caller]
    fn until(&mut self, expression: &str, is_wanted: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let answer = self.ask(expression);
            if is_wanted(&answer) {
                return answer;
            }
            assert!(Instant::now() < deadline, "{expression} is still {answer}");
            thread::sleep(Duration::from_millis(10));
        }
    }

    #[track_caller]
    fn becomes(&mut self, expression: &str, expected: &Value) {
        self.until(expression, |answer| answer == expected);
    }

    /// Marks the document, so that another one can be told from it.
    fn mark(&mut self) {
        self.ask("window.isMarked = true");
    }

    fn is_marked(&mut self) -> bool {
        self.until("window.isMarked ?? false", Value::is_boolean) == true
    }

    /// A picture of the window, for people to look at; it must be one.
    #[track_caller]
    fn picture(&mut self, case: &Case, name: &str) {
        let path = case.beside(name);
        self.ask(&format!("picture:{}", path.display()));
        let bytes = fs::read(&path).unwrap();
        assert!(bytes.starts_with(b"\x89PNG\r\n\x1a\n"), "{name} is no picture");
        let number = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap());
        assert_eq!((number(16), number(20)), (1000, 700), "{name}");
        assert!((5_000..2_000_000).contains(&bytes.len()), "{name} has {} bytes", bytes.len());
        if let Some(directory) = std::env::var_os("WEBSTIR_TEST_PICTURES") {
            fs::write(std::path::Path::new(&directory).join(name), bytes).unwrap();
        }
    }

    /// Nothing went wrong in the page.
    #[track_caller]
    fn is_sound(&mut self) {
        assert_eq!(self.ask("faults"), json!([]));
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        // The driver closes its browser.
        drop(self.input.take());
        let deadline = Instant::now() + Duration::from_secs(10);
        while Instant::now() < deadline && matches!(self.process.try_wait(), Ok(None)) {
            thread::sleep(Duration::from_millis(5));
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn a_page_of_the_starter_follows_its_handler() {
    let case = Case::starter();
    let watching = Watching::start(&case, &[]);
    let mut page = Page::open(&watching, "/");
    page.becomes("document.title", &json!("Notes"));
    page.mark();
    case.replace("src/backend/routes/page.ts", "?? 'Notes'", "?? 'Jottings'");
    page.becomes("document.title", &json!("Jottings"));
    assert!(!page.is_marked());

    // Broken syntax: the page is covered, and nothing of it is lost.
    page.mark();
    page.ask("document.querySelector('textarea').value = 'half a note'");
    case.replace("src/backend/views/notes.ts", "return layout(", "return layout((");
    page.becomes(OVERLAY_KIND, &json!("build"));
    let told = page.until(OVERLAY, |told| told != "").as_str().unwrap().to_owned();
    assert!(told.starts_with("src/backend/views/notes.ts:"), "{told}");
    let mut lines = told.lines();
    let place: Vec<&str> = lines.next().unwrap().split(':').collect();
    assert!(place.len() == 3 && place[1].parse::<u32>().is_ok_and(|line| line > 20), "{told}");
    assert!(lines.next().is_some_and(|message| message.contains("xpected")), "{told}");
    page.picture(&case, "build.png");
    page.ask("key:Escape");
    page.becomes(OVERLAY_KIND, &json!("none"));
    page.becomes("document.querySelector('textarea').value", &json!("half a note"));
    assert!(page.is_marked());

    // Fixed, with a change to see.
    let text = case.read("src/backend/views/notes.ts").replace("layout((", "layout(").replace("no notes yet", "none");
    case.write("src/backend/views/notes.ts", &text);
    page.becomes("document.body.textContent.includes('There are none')", &json!(true));
    page.becomes(OVERLAY_KIND, &json!("none"));
    assert!(!page.is_marked());

    // Wrong types: the page goes on with what was written, and says so in a corner.
    page.mark();
    case.replace("src/backend/views/notes.ts", "There are none", "${page.adde}Empty");
    page.becomes("document.body.textContent.includes('Empty')", &json!(true));
    page.becomes(OVERLAY_KIND, &json!("types"));
    let told = page.until(OVERLAY, |told| told != "").as_str().unwrap().to_owned();
    assert!(told.starts_with("src/backend/views/notes.ts:"), "{told}");
    assert!(told.contains("Property 'adde' does not exist") && told.contains("^^^^"), "{told}");
    page.picture(&case, "types.png");
    case.replace("src/backend/views/notes.ts", "${page.adde}Empty", "All right");
    page.becomes("document.body.textContent.includes('All right')", &json!(true));
    page.becomes(OVERLAY_KIND, &json!("none"));
    page.is_sound();
}

const MODULE: &str = "
export const module = {
  manifest: { contractVersion: '1.0.0', name: 'shop', version: '0.1.0', kind: 'backend', capabilities: ['http'] },
  routes: [
    { definition: { name: 'data', method: 'GET', path: '/api/data' }, handler: () => ({ body: { ok: true } }) },
  ],
};
";

const HOME: &str = "<!doctype html><title>Shop</title><link rel=\"stylesheet\" href=\"/app/app.css\">\
    <h1>Shop</h1><input name=\"search\"><p style=\"height: 3000px\">Goods</p>\n";

const PACKAGE: &str = r#"{ "name": "shop", "type": "module", "webstir": { "mode": "full" } }
"#;

/// A workspace whose module has pages beside it.
fn full(frontend: &str, configuration: &str) -> Case {
    let case = Case::with(&[
        ("package.json", PACKAGE),
        ("src/backend/index.ts", "export {};\n"),
        ("src/backend/module.ts", MODULE),
    ]);
    case.write(&format!("{frontend}/pages/home/index.html"), HOME);
    case.write(&format!("{frontend}/app/app.css"), "h1 { color: rgb(1, 2, 3) }\n");
    if !configuration.is_empty() {
        case.write("webstir.kdl", configuration);
    }
    case
}

const COLOUR: &str = "getComputedStyle(document.querySelector('h1')).color";
const HEADING: &str = "document.querySelector('h1').textContent";

/// Styles, pages and modules are edited below `frontend`.
fn a_site_is_followed(case: &Case, frontend: &str) {
    let mut watching = Watching::start(case, &[]);
    let mut page = Page::open(&watching, "/");
    page.becomes(COLOUR, &json!("rgb(1, 2, 3)"));

    // A style sheet is swapped: the page stays as it was left.
    page.mark();
    page.ask("document.querySelector('input').value = 'socks'; scrollTo(0, 1234)");
    page.becomes("scrollY", &json!(1234));
    case.write(&format!("{frontend}/app/app.css"), "h1 { color: rgb(4, 5, 6) }\n");
    page.becomes(COLOUR, &json!("rgb(4, 5, 6)"));
    page.becomes("document.querySelectorAll('link').length", &json!(1));
    assert!(page.is_marked());
    page.becomes("[document.querySelector('input').value, scrollY]", &json!(["socks", 1234]));
    // Nothing comes after it.
    let events = watching.quiet();
    let served: Vec<&Value> = watching.told.iter().filter(|event| event["type"] == "served").collect();
    assert_eq!(served.last().unwrap()["paths"], json!(["/app/app.css"]), "{events:#?}");
    assert!(page.is_marked());

    // A page is loaded again.
    case.write(&format!("{frontend}/pages/home/index.html"), &HOME.replace("<h1>Shop", "<h1>Store"));
    page.becomes(HEADING, &json!("Store"));
    page.becomes("document.readyState", &json!("complete"));
    assert!(!page.is_marked());
    page.becomes(COLOUR, &json!("rgb(4, 5, 6)"));

    // A broken module covers it; styles are still swapped below.
    watching.quiet();
    page.mark();
    case.write("src/backend/module.ts", &MODULE.replace("ok: true", "ok: = true"));
    page.becomes(OVERLAY_KIND, &json!("build"));
    let told = page.ask(OVERLAY).as_str().unwrap().to_owned();
    assert!(told.starts_with("src/backend/module.ts:5:"), "{told}");
    page.picture(case, "site.png");
    assert!(page.is_marked());
    case.write("src/backend/module.ts", &MODULE.replace("ok: true", "ok: false"));
    page.becomes(OVERLAY_KIND, &json!("none"));
    // What a build puts there is no change.
    if !frontend.starts_with("build/") {
        let begun = watching.told.iter().filter(|event| event["type"] == "build-start");
        let changed: Vec<&Value> = begun.flat_map(|event| event["changed"].as_array().unwrap()).collect();
        assert!(!changed.iter().any(|path| path.as_str().unwrap().starts_with("build")), "{changed:?}");
    }
    page.becomes("fetch('/api/data').then((answer) => answer.json())", &json!({ "ok": false }));
    page.is_sound();
}

#[test]
fn a_site_beside_a_module_is_followed() {
    a_site_is_followed(&full("build/frontend", ""), "build/frontend");
}

#[test]
fn a_site_that_is_copied_is_followed() {
    let configuration = "workspace \"shop\" {\n  mode full\n}\nfiles site {\n  base \"src/frontend\"\n  include \"**/*\"\n}\n\
        copy site {\n  from files:site\n  to \"{out}/frontend\"\n}\n";
    a_site_is_followed(&full("src/frontend", configuration), "src/frontend");
}
