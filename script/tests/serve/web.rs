//! The web platform and the parts of Node while a module is served.

use serde_json::json;

use crate::node::run_in_node;
use crate::server::{LIMITS, start, start_with};

const CASES: &str = concat!(include_str!("web.js"), include_str!("check.js"));

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_platform_holds_in_the_embedded_engine() {
    let server = start_with(CASES, LIMITS, 1).await.unwrap();
    assert_eq!(server.call("run", json!([])).await.unwrap(), json!([]));
}

#[test]
fn the_same_holds_in_node() {
    run_in_node(&[], CASES);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fetch_is_an_operation_of_the_host() {
    let server = start(
        "export const get = async () => {
           const response = await fetch('http://x/a', { method: 'put', headers: { B: 'c' }, body: 'sent' });
           return [response.status, response.statusText, response.ok, response.url, response.headers.getSetCookie(), await response.json()];
         };
         export const stop = async () => { try { await fetch('http://x/', { signal: AbortSignal.abort() }) } catch (e) { return e.name } };",
    )
    .await;
    let request = json!({ "url": "http://x/a", "method": "PUT", "redirect": "follow",
                          "headers": [["b", "c"], ["content-type", "text/plain;charset=UTF-8"]] });
    let expected = json!([201, "Created", true, "http://x/a", ["a=1", "b=2"], { "request": request, "sent": "sent" }]);
    assert_eq!(server.call("get", json!([])).await.unwrap(), expected);
    assert_eq!(server.call("stop", json!([])).await.unwrap(), json!("AbortError"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_process_is_the_one_that_was_described() {
    let server = start(
        "import { readFileSync, existsSync, writeFileSync, readdirSync } from 'node:fs';
         import { join } from 'node:path';
         import { fileURLToPath } from 'node:url';
         export const about = () => {
           let refused; try { writeFileSync('x', 'y') } catch (e) { refused = e.code }
           return [process.env.NODE_ENV, process.env.HOME, process.cwd(), fileURLToPath(import.meta.url),
             readFileSync(join(process.cwd(), 'data.txt'), 'utf8'), existsSync('/etc/passwd'), existsSync('../data.txt'), readdirSync('.'), refused];
         };
         export const log = () => { console.log('a', { b: 1 }); console.warn('%s!', 'w') };",
    )
    .await;
    let expected = json!([
        "test",
        null,
        "/srv/app",
        "/srv/app/src/backend/module.ts",
        "some data",
        false,
        false,
        ["data.txt"],
        "EROFS"
    ]);
    assert_eq!(server.call("about", json!([])).await.unwrap(), expected);
    server.call("log", json!([])).await.unwrap();
    let records = server.operations.logged(2).await;
    let shown: Vec<_> =
        records.iter().map(|(level, record)| format!("{level:?} {}", record["message"].as_str().unwrap())).collect();
    assert_eq!(shown, ["Info a { b: 1 }", "Warn w!"]);
}
