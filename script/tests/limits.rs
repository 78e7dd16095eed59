//! The limits of an evaluation: every way to use too much ends with an error that says so.

use std::time::Duration;

use webstir_script::{Code, Evaluated, Evaluation, Limits, NoFiles, NoSourceMaps, Program, ScriptError, evaluate};

/// Small enough that the whole file runs in seconds.
const LIMITS: Limits =
    Limits { cpu: Duration::from_millis(200), memory: 32 << 20, stack: 1 << 20, silence: Duration::from_mins(1) };

fn run_within(source: &str, limits: Limits) -> Result<Evaluated, ScriptError> {
    evaluate(Evaluation {
        program: Program::linked("module.ts", "module.ts", Code::new(source)),
        source_maps: &NoSourceMaps,
        environment: &[],
        files: &NoFiles,
        limits,
    })
}

fn run(source: &str) -> ScriptError {
    run_within(source, LIMITS).expect_err(source)
}

#[test]
fn endless_work_ends() {
    let cases = [
        "for (;;) {}",
        "try { for (;;) {} } catch {} finally { for (;;) {} }",
        "await null; for (;;) {}",
        "(function again() { Promise.resolve().then(again); })();",
        "(async () => { for (;;) await null; })();",
        "for (;;) await new Promise((resolve) => setTimeout(resolve, 1000));",
        "setInterval(() => {}, 1); await new Promise(() => {});",
        "/^(a+)+$/.test('a'.repeat(40) + 'b');",
        "new Array(1e4).fill(0).sort(() => { for (;;) {} });",
        "export const module = { manifest: { get a() { for (;;) {} } } };",
        "export const module = { get manifest() { return (async () => { for (;;) await null; })(); } };",
        "throw { get message() { for (;;) {} } };",
        "Promise.reject({ get message() { for (;;) {} } });",
        "const { proxy } = Proxy.revocable({}, { has() { for (;;) {} } }); export { proxy as module };",
    ];
    for source in cases {
        assert!(matches!(run(source), ScriptError::CpuLimit { .. }), "{source}: {:?}", run(source));
    }
}

#[test]
fn memory_is_bounded() {
    let cases = [
        "const all = []; for (;;) all.push(new Array(1000).fill(all.length));",
        "let text = 'x'; for (;;) text = [text, text].join('');",
        "new ArrayBuffer(1 << 30);",
        "globalThis.kept = []; for (;;) kept.push({ a: { b: 'c'.repeat(100) } });",
        "(() => { const all = []; for (;;) all.push(new Array(1000).fill(all.length)); })();",
        "(() => { const all = []; for (;;) all.push({ a: [{}] }); })();",
        "(() => { let text = 'x'; for (;;) text = [text, text].join(''); })();",
        "const map = new Map(); for (let i = 0; ; i += 1) map.set(i, { i });",
        "const list = new Array(1e5).fill('some text that repeats'); JSON.stringify(new Array(1000).fill(list));",
    ];
    for source in cases {
        let error = run_within(source, Limits { cpu: Duration::from_secs(20), ..LIMITS }).expect_err(source);
        assert!(matches!(error, ScriptError::MemoryLimit { .. }), "{source}: {error:?}");
    }
}

/// The engine throws `null` when it has no room for an error; a module may throw it too.
#[test]
fn a_thrown_null_is_not_mistaken_for_full_memory() {
    for source in ["throw null;", "await Promise.reject(null);", "for (let i = 0; i < 1e5; i += 1) {} throw null;"] {
        assert!(matches!(run(source), ScriptError::Thrown(_)), "{source}");
    }
    assert!(matches!(run("Promise.reject(null);"), ScriptError::UnhandledRejection(_)));
}

/// The engine does not look at its clock inside of `replaceAll`: memory is what bounds it.
#[test]
fn a_long_call_that_cannot_be_interrupted_is_bounded_by_memory() {
    let error = run_within("'ab'.repeat(2e7).replaceAll('a', 'xyz');", LIMITS).unwrap_err();
    assert!(matches!(error, ScriptError::MemoryLimit { .. }), "{error:?}");
}

/// And the caller does not wait longer than it wants to.
#[test]
fn the_caller_can_leave_a_long_call() {
    let source = "const text = 'ab'.repeat(4e6); for (;;) text.replaceAll('a', 'xyz');";
    let limits = Limits {
        cpu: Duration::from_hours(1),
        memory: 1 << 30,
        silence: Duration::from_millis(300),
        ..Limits::default()
    };
    let error = run_within(source, limits).unwrap_err();
    assert!(matches!(error, ScriptError::Silence { .. }), "{error:?}");
}

#[test]
fn recursion_is_bounded() {
    let cases = [
        "function down() { return down() + 1; } down();",
        "const deep = []; let at = deep; for (let i = 0; i < 1e5; i += 1) { at.push([]); at = at[0]; } JSON.stringify(deep);",
        "let source = '('.repeat(1e5); new Function(source);",
        "class A { get x() { return this.x; } } new A().x;",
        "const p = new Proxy({}, { get: (_, key, self) => self[key] }); p.x;",
        "[1].map(function f() { return [1].map(f); });",
    ];
    for source in cases {
        let error =
            run_within(source, Limits { cpu: Duration::from_secs(10), memory: 256 << 20, ..LIMITS }).unwrap_err();
        assert!(matches!(error, ScriptError::StackOverflow(_)), "{source}: {error:?}");
    }
    let deep_source = format!("const a = {}1{};", "[".repeat(100_000), "]".repeat(100_000));
    let error = run_within(&deep_source, Limits { cpu: Duration::from_secs(10), memory: 256 << 20, ..LIMITS });
    assert!(matches!(error, Err(ScriptError::StackOverflow(_) | ScriptError::Syntax(_))), "{error:?}");
    // A module that catches it goes on.
    let caught = "function down() { down(); } try { down(); } catch {} export const module = { manifest: {} };";
    assert!(run_within(caught, LIMITS).unwrap().module.definition.is_some());
}

#[test]
fn a_description_is_bounded() {
    let source = "const text = 'x'.repeat(1e6); export const module = { manifest: new Array(40).fill(text) };";
    let error = run_within(source, Limits { memory: 256 << 20, cpu: Duration::from_secs(20), ..LIMITS }).unwrap_err();
    assert!(matches!(error, ScriptError::TooLarge { .. }), "{error:?}");
}

/// CPU time of the evaluation counts, not time on the wall: what waits for files is not charged.
#[test]
fn waiting_is_not_charged() {
    struct Slow;
    impl webstir_script::FileReads for Slow {
        fn kind(&self, _path: &str) -> std::io::Result<webstir_script::FileKind> {
            std::thread::sleep(Duration::from_millis(600));
            Ok(webstir_script::FileKind::Absent)
        }
        fn read(&self, _path: &str) -> std::io::Result<Option<Vec<u8>>> {
            Ok(None)
        }
        fn list(&self, _path: &str) -> std::io::Result<Option<Vec<(String, webstir_script::FileKind)>>> {
            Ok(None)
        }
    }
    let source = "import { existsSync } from 'node:fs'; existsSync('a'); for (let i = 0; i < 1e5; i += 1) {}";
    evaluate(Evaluation {
        program: Program::linked("module.ts", "module.ts", Code::new(source)),
        source_maps: &NoSourceMaps,
        environment: &[],
        files: &Slow,
        limits: Limits { cpu: Duration::from_millis(500), ..LIMITS },
    })
    .unwrap();
}

#[test]
fn a_limit_that_leaves_no_room_to_start_is_reported() {
    let error = run_within("", Limits { memory: 100 << 10, ..LIMITS }).unwrap_err();
    assert!(matches!(error, ScriptError::Start(_)), "{error:?}");
}

/// The engine's heap may end anywhere, also inside of the prelude or of the description: that is an error and never a crash.
#[test]
fn memory_may_end_anywhere() {
    let source = "import path from 'node:path'; import { createHash } from 'node:crypto';
        const kept = Array.from({ length: 300 }, (_, i) => ({ name: `route${i}`, path: path.join('/a', String(i)) }));
        const url = new URL('https://example.com/?a=1'); structuredClone(kept); Buffer.from('x'.repeat(5000)).toString('hex');
        createHash('sha256').update(JSON.stringify(kept)).digest('hex');
        try { await Promise.reject(new Error('caught', { cause: url })) } catch {}
        export const module = { manifest: { routes: kept }, routes: kept.map((definition) => ({ definition, handler() {} })) };";
    let (mut ended, mut finished) = (0, 0);
    for memory in (200 << 10..4 << 20).step_by(41_003) {
        match run_within(source, Limits { memory, cpu: Duration::from_secs(20), ..LIMITS }) {
            Ok(evaluated) => {
                assert!(evaluated.module.definition.is_some());
                finished += 1;
            }
            Err(ScriptError::MemoryLimit { .. } | ScriptError::Start(_)) => ended += 1,
            Err(error) => panic!("{memory}: {error:?}"),
        }
    }
    assert!(ended > 10 && finished > 10, "{ended} {finished}");
}

/// After every way to fail another evaluation works: nothing is shared.
#[test]
fn the_next_evaluation_is_not_harmed() {
    for source in ["for (;;) {}", "let text = 'x'; for (;;) text += text;", "(function f() { f() })()", "x"] {
        run(source);
        assert!(run_within("export const module = { manifest: {} };", LIMITS).unwrap().module.definition.is_some());
    }
}
