//! Every way for a call to use too much: it gets its error, the isolate is replaced, nobody else is harmed.

use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::json;
use webstir_script::{CallError, ServeLimits};

use crate::server::{LIMITS, start, start_with};

const ENDLESS: &str = "
    let count = 0;
    export const sync = () => { for (;;) {} };
    export const caught = () => { try { for (;;) {} } catch {} finally { for (;;) {} } };
    export const after = async (i, { port }) => { await port.operation('sleep', '1'); for (;;) {} };
    export const jobs = async () => { for (;;) await null };
    export const again = () => new Promise(() => { (function again() { Promise.resolve().then(again) })() });
    export const timer = () => new Promise((resolve) => setTimeout(() => { for (;;) resolve.name }, 1));
    export const pattern = () => /^(a+)+$/.test('a'.repeat(40) + 'b');
    export const next = () => { count += 1; return count };";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn endless_work_ends_and_the_isolate_is_replaced() {
    for name in ["sync", "caught", "after", "jobs", "again", "timer", "pattern"] {
        let server = start(ENDLESS).await;
        assert_eq!(server.call("next", json!([])).await.unwrap(), json!(1));
        let error = server.call(name, json!([0])).await.unwrap_err();
        assert!(matches!(error, CallError::CpuLimit { limit } if limit == LIMITS.cpu), "{name}: {error:?}");
        assert_eq!(server.call("next", json!([])).await.unwrap(), json!(1), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn waiting_is_not_charged() {
    let server = start("export const wait = async (i, { port }) => { for (let n = 0; n < 30; n += 1) await port.operation('sleep', '10'); return 'done' };").await;
    assert_eq!(server.call("wait", json!([0])).await.unwrap(), json!("done"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_in_flight_outlive_the_fault_of_another_within_the_grace() {
    let limits = ServeLimits { grace: Duration::from_millis(400), ..LIMITS };
    let server = start_with(
        "export const spin = () => { for (;;) {} };
         export const wait = async (ms, { port }) => { await port.operation('sleep', String(ms)); return 'done' };",
        limits,
        1,
    )
    .await
    .unwrap();
    let short = tokio::spawn({
        let server = server.clone();
        async move { server.call("wait", json!([300])).await }
    });
    let long = tokio::spawn({
        let server = server.clone();
        async move { server.call("wait", json!([600_000])).await }
    });
    server.operations.sleeping(2).await;
    assert!(matches!(server.call("spin", json!([])).await, Err(CallError::CpuLimit { .. })));
    assert_eq!(server.call("wait", json!([1])).await.unwrap(), json!("done"));
    assert_eq!(short.await.unwrap().unwrap(), json!("done"));
    assert!(matches!(long.await.unwrap(), Err(CallError::Ended)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_is_bounded() {
    let limits = ServeLimits { cpu: Duration::from_secs(20), ..LIMITS };
    let server = start_with(
        "globalThis.kept = [];
         export const keep = () => { for (;;) kept.push({ a: { b: 'c'.repeat(100) } }) };
         export const local = () => { const all = []; for (;;) all.push(new Array(1000).fill(all.length)) };
         export const later = async () => { await null; let text = 'x'; for (;;) text = [text, text].join('') };
         export const buffer = () => new ArrayBuffer(1 << 30);
         export const size = () => kept.length;",
        limits,
        1,
    )
    .await
    .unwrap();
    for name in ["keep", "local", "later", "buffer"] {
        let error = server.call(name, json!([])).await.unwrap_err();
        assert!(matches!(error, CallError::MemoryLimit { limit } if limit == LIMITS.memory), "{name}: {error:?}");
        assert_eq!(server.call("size", json!([])).await.unwrap(), json!(0), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn recursion_is_bounded_and_costs_the_call_alone() {
    let server = start(
        "let count = 0; export const deep = () => { count += 1; return (function down() { return down() + 1 })() }; export const size = () => count;",
    )
    .await;
    let error = server.call("deep", json!([])).await.unwrap_err();
    assert!(matches!(error, CallError::StackOverflow(_)), "{error:?}");
    assert_eq!(server.call("size", json!([])).await.unwrap(), json!(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_the_engine_cannot_interrupt_harms_nobody() {
    let server = start_with(
        "export const stuck = () => 'ab'.repeat(1e7).replaceAll('a', 'c').length;
         export const one = () => 1;
         export const wait = async (i, { port }) => { await port.operation('sleep', '600000') };",
        ServeLimits { memory: 512 << 20, ..LIMITS },
        1,
    )
    .await
    .unwrap();
    let waiting = tokio::spawn({
        let server = server.clone();
        async move { server.call("wait", json!([0])).await }
    });
    server.operations.sleeping(1).await;
    let error = server.call("stuck", json!([])).await.unwrap_err();
    assert!(matches!(error, CallError::CpuLimit { .. }), "{error:?}");
    assert_eq!(server.call("one", json!([])).await.unwrap(), json!(1));
    assert!(matches!(waiting.await.unwrap(), Err(CallError::Ended)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_never_settles_is_told() {
    let server = start(
        "export const never = () => new Promise(() => {});
         let open; export const poll = () => new Promise((resolve) => { open = resolve }); export const push = (x) => { open(x) };
         export const polls = () => open !== undefined;",
    )
    .await;
    assert!(matches!(server.call("never", json!([])).await, Err(CallError::NeverSettles)));
    let polling = tokio::spawn({
        let server = server.clone();
        async move { server.call("poll", json!([])).await }
    });
    while server.call("polls", json!([])).await.unwrap() != json!(true) {}
    // It is still waited for after the next look for calls that never settle.
    assert!(matches!(server.call("never", json!([])).await, Err(CallError::NeverSettles)));
    server.call("push", json!(["news"])).await.unwrap();
    assert_eq!(polling.await.unwrap().unwrap(), json!("news"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_neighbour_of_an_endless_call_answers_and_keeps_its_state() {
    let source = "let count = 0; export const spin = () => { for (;;) {} }; export const next = () => { count += 1; return count };";
    let server = start_with(source, LIMITS, 2).await.unwrap();
    let spinning = tokio::spawn({
        let server = server.clone();
        async move { server.call("spin", json!([])).await }
    });
    while server.call("next", json!([])).await.unwrap() != json!(5) {}
    assert!(matches!(spinning.await.unwrap(), Err(CallError::CpuLimit { .. })));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_that_cannot_be_loaded_again_is_logged() {
    let server = start_with(
        "const { existsSync } = await import('node:fs'); if (existsSync('gone')) throw new Error('second');
         export const spin = () => { for (;;) {} }; export const one = () => 1;",
        LIMITS,
        1,
    )
    .await
    .unwrap();
    server.files.present.store(true, Ordering::SeqCst);
    assert!(matches!(server.call("spin", json!([])).await, Err(CallError::CpuLimit { .. })));
    assert!(matches!(server.call("one", json!([])).await, Err(CallError::Ended)));
    let records = server.operations.logged(1).await;
    assert_eq!(records[0].1["message"], "The module cannot be loaded again: Error: second");
    server.files.present.store(false, Ordering::SeqCst);
    let mut last = server.call("one", json!([])).await;
    // The replacement that failed may still be ending.
    while matches!(last, Err(CallError::Ended)) {
        last = server.call("one", json!([])).await;
    }
    assert_eq!(last.unwrap(), json!(1));
}
