//! The web platform and the parts of Node while a module is served.

use serde_json::json;

use crate::node::{output_of_node, run_in_node};
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cookies_are_read_and_changed() {
    let server = start(
        "export const run = () => {
           const cookies = new Bun.CookieMap('a=1; b=x%20y; broken; =c; q=\"z\"; a=2');
           const read = [[...cookies], cookies.get('b'), cookies.get('none'), cookies.has('q'), cookies.size];
           cookies.set('plain', 'v w');
           cookies.set({ name: 'full', value: 'x', path: '/p', httpOnly: true, sameSite: 'strict', maxAge: 60, secure: true });
           cookies.delete('a');
           let refused; try { cookies.set('x', 'y', { path: '/; Domain=z' }) } catch (e) { refused = e.name }
           return [read, cookies.toSetCookieHeaders(), cookies.toJSON(), refused];
         };",
    )
    .await;
    let expected = json!([
        [[["a", "1"], ["b", "x y"], ["q", "\"z\""], ["a", "2"]], "x y", null, true, 4],
        [
            "plain=v%20w; Path=/; SameSite=Lax",
            "full=x; Path=/p; Max-Age=60; Secure; HttpOnly; SameSite=Strict",
            "a=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; SameSite=Lax"
        ],
        { "b": "x y", "q": "\"z\"", "plain": "v w", "full": "x" },
        "TypeError"
    ]);
    assert_eq!(server.call("run", json!([])).await.unwrap(), expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn signed_tokens_are_verified() {
    let server = start(
        "export const run = async () => {
           const token = Bun.CSRF.generate('secret', { expiresIn: 60000 });
           const short = Bun.CSRF.generate('secret', { expiresIn: 1 });
           await new Promise((resolve) => setTimeout(resolve, 5));
           const changed = (token[0] === 'A' ? 'B' : 'A') + token.slice(1);
           let empty; try { Bun.CSRF.verify('', { secret: 'secret' }) } catch (e) { empty = e.name }
           return [Bun.CSRF.verify(token, { secret: 'secret' }), Bun.CSRF.verify(token, { secret: 'other' }), Bun.CSRF.verify(changed, { secret: 'secret' }),
             Bun.CSRF.verify(short, { secret: 'secret' }), Bun.CSRF.verify(token, { secret: 'secret', maxAge: 1 }), Bun.CSRF.verify('!', { secret: 'secret' }),
             Bun.CSRF.verify(Bun.CSRF.generate()), empty, /^[0-9a-f-]{14}7/.test(Bun.randomUUIDv7()), Bun.env.NODE_ENV];
         };",
    )
    .await;
    let expected = json!([true, false, false, false, false, false, true, "TypeError", true, "test"]);
    assert_eq!(server.call("run", json!([])).await.unwrap(), expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn numbers_and_dates_look_as_in_node() {
    let source = include_str!("intl.js");
    let server = start_with(source, LIMITS, 1).await.unwrap();
    let here = server.call("formats", json!([])).await.unwrap();
    let node = output_of_node(&[], &format!("{source}\nconsole.log(JSON.stringify(formats()));"));
    let node: serde_json::Value = serde_json::from_str(&node).unwrap();
    let pairs = here.as_array().unwrap().iter().zip(node.as_array().unwrap());
    let wrong: Vec<String> =
        pairs.filter(|(here, node)| here != node).map(|(here, node)| format!("{here}\n{node}")).collect();
    assert_eq!(here.as_array().unwrap().len(), node.as_array().unwrap().len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_locales_are_never_silently_wrong() {
    let server = start(
        "const caught = (work) => { try { return work() } catch (e) { return e.message } };
         export const run = () => [
           (1234.5).toLocaleString('de-DE'), (1).toLocaleString('fr'), new Date(0).toLocaleDateString('ja-JP', { timeZone: 'UTC' }),
           caught(() => new Date().toLocaleString('en-US', { timeZone: 'Europe/Zurich' })).includes('engine \"worker\"'),
           caught(() => (1).toLocaleString('en-US', { style: 'unit', unit: 'liter' })).includes('engine \"worker\"'),
           caught(() => (1).toLocaleString('en-US', { style: 'currency', currency: 'CHF' })).includes('engine \"worker\"'),
         ];",
    )
    .await;
    assert_eq!(server.call("run", json!([])).await.unwrap(), json!(["1,234.5", "1", "1/1/1970", true, true, true]));
    let records = server.operations.logged(1).await;
    let expected = "The embedded engine formats for \"en-US\" only, not for \"de-DE\": set `engine \"worker\"` in webstir.kdl for the full Intl";
    assert_eq!(records.len(), 1);
    assert_eq!(records[0].1["message"], expected);
}
