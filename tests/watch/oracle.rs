//! Random edits against an oracle: when a watch has come to rest, its tree and its findings are those of a clean build, and every
//! response on the way was made by a build that is no older than the one before.
//!
//! `WEBSTIR_WATCH_STEPS` says how many edits (200), `WEBSTIR_ORACLE_SEED` where they start.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use super::watching::Watching;
use crate::oracle::{Model, Numbers, setting};
use crate::support::Case;

/// As many edits are made before the tree is compared.
const BETWEEN: u64 = 20;

/// Files beside the model's: a module that answers with a number of its own and one that it imports.
fn module(round: u64) -> [(String, String); 2] {
    let number = format!("export const imported = {round};\n");
    let definition = format!(
        r#"import {{ imported }} from "./imported.js";
export const module = {{
  manifest: {{ contractVersion: "1.0.0", name: "oracle", version: "1.0.0", kind: "backend", capabilities: ["http"] }},
  routes: [
    {{ definition: {{ name: "numbers", method: "GET", path: "/numbers" }}, handler: () => ({{ status: 200, body: {{ own: {round}, imported }} }}) }},
  ],
}};
"#
    );
    [("src/backend/imported.ts".to_owned(), number), ("src/backend/module.ts".to_owned(), definition)]
}

/// Saves as different programs do.
fn save(case: &Case, path: &str, text: &str, numbers: &mut Numbers) {
    match numbers.below(3) {
        0 => case.write(path, text),
        1 => {
            case.write(path, "");
            case.write(path, text);
        }
        _ => {
            let aside = format!("{path}~");
            case.write(&aside, text);
            fs::rename(case.path(&aside), case.path(path)).unwrap();
        }
    }
}

#[test]
#[ignore = "long: an oracle"]
fn what_it_comes_to_is_what_a_clean_build_makes() {
    let mut numbers = Numbers(setting("WEBSTIR_ORACLE_SEED", 1));
    let mut model = Model::new(&mut numbers);
    let case = Case::empty();
    let mut before = model.files();
    before.extend(module(0));
    for (path, text) in &before {
        case.write(path, text);
    }
    let mut watching = Watching::start(&case, &[]);
    let client = Client::start(&watching);
    let steps = setting("WEBSTIR_WATCH_STEPS", 200);
    for step in 1..=steps {
        let name = model.edit_files(&mut numbers);
        let mut files = model.files();
        files.extend(module(step));
        let changed: Vec<&String> =
            files.keys().chain(before.keys()).filter(|path| files.get(*path) != before.get(*path)).collect();
        for path in changed {
            match files.get(path) {
                Some(text) => save(&case, path, text, &mut numbers),
                None if case.exists(path) => case.remove(path),
                None => {}
            }
        }
        before = files;
        // Bursts, and edits that meet a build in any state.
        if numbers.below(4) == 0 {
            thread::sleep(Duration::from_millis(numbers.below(60) as u64));
        }
        if step % BETWEEN == 0 || step == steps {
            // A busy machine may tell of an edit late.
            watching.until_page("/numbers", &format!(r#"{{"own":{step},"imported":{step}}}"#));
            compare(&case, &before, &mut watching, &format!("step {step} ({name})"));
        }
    }
    client.stop();
    assert_eq!(watching.quiet(), Vec::<serde_json::Value>::new(), "it never comes to rest");
}

fn compare(case: &Case, files: &BTreeMap<String, String>, watching: &mut Watching, told: &str) {
    watching.rest();
    let clean = Case::named("workspace");
    for (path, text) in files {
        clean.write(path, text);
    }
    let fresh = clean.build(&[]);
    assert_eq!(fresh.code, Some(0), "{told}: {}", fresh.stderr);
    let (ours, theirs) = (case.tree("build"), clean.tree("build"));
    let differing: Vec<&String> = ours.iter().filter(|file| !theirs.contains(file)).map(|(path, _)| path).collect();
    assert!(ours == theirs, "{told}: {differing:?} differ, {} and {} files", ours.len(), theirs.len());
    let checked = watching.received.iter().rev().find(|event| event["type"] == "watch-idle").unwrap();
    assert_eq!(checked["diagnostics"], fresh.json()["diagnostics"], "{told}");
}

/// Asks for a page all the time.
struct Client {
    ends: Arc<AtomicBool>,
    thread: thread::JoinHandle<usize>,
}

impl Client {
    fn start(watching: &Watching) -> Self {
        let ends = Arc::<AtomicBool>::default();
        let (url, over) = (format!("{}/numbers", watching.url), ends.clone());
        let thread = thread::spawn(move || {
            let mut answers = 0;
            let mut last = (0, 0);
            while !over.load(Ordering::Relaxed) {
                // A build that saw a file before it was written has no route.
                let Ok(mut response) = ureq::get(&url).call() else { continue };
                let body = response.body_mut().read_to_string().unwrap();
                let body: serde_json::Value = serde_json::from_str(&body).unwrap();
                let (own, imported) = (body["own"].as_u64().unwrap(), body["imported"].as_u64().unwrap());
                // Files are read one after the other, so a build may see one of them before and the other after an edit; but once
                // seen, nothing older comes back.
                assert!(own >= last.0 && imported >= last.1, "an older build is served again: {body} after {last:?}");
                last = (own, imported);
                answers += 1;
            }
            answers
        });
        Self { ends, thread }
    }

    fn stop(self) {
        self.ends.store(true, Ordering::Relaxed);
        assert!(self.thread.join().unwrap() > 0, "nothing was answered");
    }
}
