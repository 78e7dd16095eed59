//! Calls, bodies, operations, faults.

use std::time::Duration;

use crate::server::{LIMITS, start, start_with};
use bytes::Bytes;
use serde_json::{Value, json};
use webstir_script::{CallError, LogLevel, ScriptError, ServeLimits, SourceMap};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_are_answered() {
    let server =
        start("export const add = (a, b) => a + b; export const later = async () => { await null; return 'x' };").await;
    assert_eq!(server.loaded, r#"["add","later"]"#);
    assert_eq!(server.call("add", json!([1, 2])).await.unwrap(), json!(3));
    assert_eq!(server.call("later", json!([])).await.unwrap(), json!("x"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_cross_both_ways() {
    let server = start(
        "export const bytes = (i, { body }) => ({ raw: body.map((byte) => 255 - byte) });
         export const text = () => ({ raw: 'grün \\ud800' });
         export const none = (i, { body }) => body === null;",
    )
    .await;
    let all: Vec<u8> = (0..=255).collect();
    let reply = server.isolates.call(r#"["bytes",0]"#.to_owned(), Some(Bytes::from(all.clone()))).await.unwrap();
    assert_eq!(reply.body.unwrap(), all.iter().map(|byte| 255 - byte).collect::<Vec<u8>>());
    let reply = server.isolates.call(r#"["text"]"#.to_owned(), None).await.unwrap();
    assert_eq!(reply.body.unwrap(), "grün \u{fffd}".as_bytes());
    assert_eq!(server.call("none", json!([0])).await.unwrap(), json!(true));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn operations_are_promises() {
    let server = start(
        "export const echo = async (i, { port }) => { const [message, body] = await port.operation('echo', 'm', 'b'); return [message, [...body]] };
         export const bytes = async (i, { port }) => (await port.operation('echo', 'm', new Uint8Array([0, 200])))[1].length;
         export const none = async (i, { port }) => (await port.operation('echo', 'm'))[1];
         export const fail = async (i, { port }) => { try { await port.operation('fail', 'TypeError') } catch (e) { return [e instanceof TypeError, e.message, e.code] } };
         export const abort = async (i, { port }) => { try { await port.operation('fail', 'AbortError') } catch (e) { return [e.name, e instanceof DOMException] } };
         export const stop = async (i, { port }) => {
           const controller = new AbortController();
           setTimeout(() => controller.abort(), 5);
           try { await port.operation('forever', '', null, controller.signal) } catch (e) { return e.name }
         };",
    )
    .await;
    assert_eq!(server.call("echo", json!([0])).await.unwrap(), json!(["m", [98]]));
    assert_eq!(server.call("bytes", json!([0])).await.unwrap(), json!(2));
    assert_eq!(server.call("none", json!([0])).await.unwrap(), json!(null));
    assert_eq!(server.call("fail", json!([0])).await.unwrap(), json!([true, "failed", "E_FAILED"]));
    assert_eq!(server.call("abort", json!([0])).await.unwrap(), json!(["AbortError", true]));
    assert_eq!(server.call("stop", json!([0])).await.unwrap(), json!("AbortError"));
    server.operations.dropped_all(1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_calls_wait_together() {
    let server = start(
        "let inside = 0; let most = 0;
         export const wait = async (i, { port }) => { inside += 1; most = Math.max(most, inside); await port.operation('sleep', '10'); inside -= 1; return i };
         export const peak = () => most;",
    )
    .await;
    let calls: Vec<_> = (0..1000)
        .map(|index| {
            let server = server.clone();
            tokio::spawn(async move { server.call("wait", json!([index])).await.unwrap() })
        })
        .collect();
    for (index, call) in calls.into_iter().enumerate() {
        assert_eq!(call.await.unwrap(), json!(index));
    }
    assert!(server.call("peak", json!([])).await.unwrap().as_u64().unwrap() > 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thrown_values_have_mapped_frames_and_causes() {
    let source = "export function fail() {\n  throw new TypeError('no', { cause: new Error('why') });\n}\nexport const odd = () => { throw 'text' };";
    // Line 2, column 9 of the bundle is line 7, column 3 of `src/a.ts`.
    let map = r#"{"version":3,"sources":["../../src/a.ts"],"names":[],"mappings":";QAME"}"#;
    let map = SourceMap { json: map.into(), directory: "build/backend".to_owned() };
    let server = crate::server::start_mapped(source, Some(map)).await;
    let Err(CallError::Thrown(thrown)) = server.call("fail", json!([])).await else { panic!("it throws") };
    assert_eq!((thrown.name.as_deref(), thrown.message.as_str()), (Some("TypeError"), "no"));
    let frame = &thrown.frames[0];
    assert_eq!((frame.file.as_str(), frame.line, frame.column, frame.mapped), ("src/a.ts", 7, 3, true));
    assert_eq!(thrown.cause.unwrap().message, "why");
    let Err(CallError::Thrown(thrown)) = server.call("odd", json!([])).await else { panic!("it throws") };
    assert_eq!((thrown.name, thrown.message.as_str()), (None, "text"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn late_rejections_and_timers_that_throw_are_logged() {
    let server = start(
        "export const late = async () => { setTimeout(() => Promise.reject(new Error('late')), 1); return 1 };
         export const timer = async () => { setTimeout(() => { throw new Error('timer') }, 1); return 2 };
         export const handled = async () => { const p = Promise.reject(new Error('handled')); p.catch(() => {}); return 3 };",
    )
    .await;
    server.call("handled", json!([])).await.unwrap();
    server.call("late", json!([])).await.unwrap();
    server.call("timer", json!([])).await.unwrap();
    let records = server.operations.logged(2).await;
    let messages: Vec<&Value> = records.iter().map(|(_, record)| &record["message"]).collect();
    assert_eq!(messages, ["Unhandled rejection: Error: late", "Uncaught in a timer: Error: timer"]);
    assert!(records.iter().all(|(level, record)| {
        *level == LogLevel::Error && record["error"]["frames"][0]["file"] == "src/backend/module.ts"
    }));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn loading_may_wait_and_may_fail() {
    let server = start(
        "const value = await new Promise((resolve) => setTimeout(resolve, 1, 7)); export const get = () => value;",
    )
    .await;
    assert_eq!(server.call("get", json!([])).await.unwrap(), json!(7));
    let fails = async |source: &str| start_with(source, LIMITS, 1).await.map(|_| ()).unwrap_err();
    assert!(matches!(fails("throw new Error('x')").await, ScriptError::Thrown(_)));
    assert!(matches!(fails("let let").await, ScriptError::Syntax(_)));
    assert!(matches!(fails("import 'node:net'").await, ScriptError::Unsupported { .. }));
    assert!(matches!(fails("await new Promise(() => {})").await, ScriptError::NeverSettles));
    assert!(matches!(fails("for (;;) {}").await, ScriptError::CpuLimit { .. }));
    assert!(matches!(fails("for (;;) await null").await, ScriptError::CpuLimit { .. }));
    let limits = ServeLimits { memory: 512 << 20, ..LIMITS };
    let stuck = start_with("'ab'.repeat(1e7).replaceAll('a', 'c')", limits, 1).await.map(|_| ()).unwrap_err();
    assert!(matches!(stuck, ScriptError::CpuLimit { .. }), "{stuck:?}");
    assert!(matches!(fails("new ArrayBuffer(1 << 30)").await, ScriptError::MemoryLimit { .. }));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_isolates_share_the_load_and_no_state() {
    let server = start_with(
        "let count = 0; export const next = async (i, { port }) => { count += 1; await port.operation('sleep', '50'); return count };",
        LIMITS,
        2,
    )
    .await
    .unwrap();
    let (one, other) = tokio::join!(server.call("next", json!([0])), server.call("next", json!([0])));
    assert_eq!((one.unwrap(), other.unwrap()), (json!(1), json!(1)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_whose_dispatcher_answers_oddly_fails_alone() {
    let server = start("export const odd = () => ({ raw: 5 }); export const lone = () => ({ raw: '\\ud800' }); export const one = () => 1;").await;
    assert!(matches!(server.call("odd", json!([])).await, Err(CallError::Thrown(_))));
    let reply = server.isolates.call(r#"["lone"]"#.to_owned(), None).await.unwrap();
    assert_eq!(reply.body.unwrap(), "\u{fffd}".as_bytes());
    assert_eq!(server.call("one", json!([])).await.unwrap(), json!(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dropping_the_last_handle_ends_everything() {
    let server = start(
        "export const wait = async (i, { port }) => { await port.operation('forever', '') };
         export const spin = () => { setInterval(() => {}, 1) };",
    )
    .await;
    server.call("spin", json!([])).await.unwrap();
    let operations = std::sync::Arc::clone(&server.operations);
    let call = tokio::spawn({
        let server = server.clone();
        async move { server.call("wait", json!([0])).await }
    });
    operations.started().await;
    call.abort();
    let _ = call.await;
    drop(server);
    operations.dropped_all(1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_may_leave() {
    let server = start(
        "let done = 0; export const work = async (i, { port }) => { await port.operation('sleep', '20'); done += 1 }; export const count = () => done;",
    )
    .await;
    let left = tokio::time::timeout(Duration::from_millis(1), server.call("work", json!([0]))).await;
    assert!(left.is_err());
    while server.call("count", json!([])).await.unwrap() != json!(1) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
