//! The built-in backend modules, in the embedded engine and under Node.

use serde_json::json;
use webstir_script::portable_module;

use crate::node::run_in_node;
use crate::server::{LIMITS, start_with};

const CASES: &str = concat!(include_str!("backend.js"), include_str!("check.js"));

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_modules_hold_in_the_embedded_engine() {
    // A program cannot import what the dispatcher can.
    let names = "{ adoptFormState, formStateOf, hasCsrfToken, spendCsrfToken, wasCsrfChecked }";
    let import = format!("import {names} from 'webstir:backend/form-state';");
    assert!(CASES.contains(&import));
    let given = "export const give = ({ formState }) => { given = formState };";
    let functions = names.trim_matches(['{', '}', ' ']).split(", ");
    let getters: Vec<String> = functions.map(|name| format!("{name} = (...v) => given.{name}(...v)")).collect();
    let getters = format!("const {};", getters.join(", "));
    let program = CASES.replace(&import, &format!("let given; {given} {getters}"));
    let server = start_with(&program, LIMITS, 1).await.unwrap();
    server.call("give", json!([])).await.unwrap();
    assert_eq!(server.call("run", json!([])).await.unwrap(), json!([]));
}

#[test]
fn the_modules_hold_in_node() {
    let names = [
        ("@webstir-io/webstir-backend/runtime/forms", "forms.mjs"),
        ("@webstir-io/webstir-backend/runtime/request-hooks", "request-hooks.mjs"),
        ("@webstir-io/webstir-backend/runtime/session", "session.mjs"),
        ("@webstir-io/webstir-backend/runtime/views", "views.mjs"),
        ("webstir:backend/cookies", "cookies.mjs"),
        ("webstir:backend/form-state", "form-state.mjs"),
    ];
    let with_files = |text: &str| {
        names
            .iter()
            .fold(text.to_owned(), |text, (name, file)| text.replace(&format!("'{name}'"), &format!("'./{file}'")))
    };
    let files = names.map(|(name, file)| (file, with_files(portable_module(name).unwrap())));
    run_in_node(&files, &with_files(CASES));
}
