//! Evaluating modules: what is described, what is deterministic, what is refused.

#![expect(clippy::unwrap_used, reason = "helpers of tests unwrap as tests do")]

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;

use serde_json::{Value, json};
use webstir_script::{
    Code, Evaluated, Evaluation, FileKind, FileReads, Limits, LogLevel, NoFiles, NoSourceMaps, Program, ScriptError,
    SourceMap, evaluate,
};

fn run_with(source: &str, files: &dyn FileReads) -> Result<Evaluated, ScriptError> {
    evaluate(Evaluation {
        program: Program::linked("src/backend/module.ts", "src/backend/module.ts", Code::new(source)),
        source_maps: &NoSourceMaps,
        environment: &[("NODE_ENV".to_owned(), "test".to_owned())],
        files,
        limits: Limits::default(),
    })
}

fn maps(path: &str, json: &str, directory: &str) -> BTreeMap<String, SourceMap> {
    BTreeMap::from([(path.to_owned(), SourceMap { json: json.into(), directory: directory.to_owned() })])
}

fn run(source: &str) -> Result<Evaluated, ScriptError> {
    run_with(source, &NoFiles)
}

/// The value of `expression`, which may use what `imports` brings.
fn value_with(imports: &str, expression: &str) -> Value {
    let source =
        format!("{imports}\nconst value = await ({expression});\nexport const module = {{ manifest: {{ value }} }};");
    match run(&source) {
        Ok(evaluated) => evaluated.module.definition.unwrap().manifest["value"].clone(),
        Err(error) => panic!("{expression}: {error}\n{:?}", error.thrown()),
    }
}

fn value(expression: &str) -> Value {
    value_with("", expression)
}

#[test]
fn describes_a_definition() {
    let evaluated = run(r"
        const schema = { '~standard': {}, parse() {}, _def: {} };
        function start() {}
        export const other = 1;
        export const module = {
          manifest: { name: 'accounts', tags: ['a', undefined, () => 1], nested: { at: new Date(0), no: undefined }, schema },
          routes: [
            { definition: { name: 'list', method: 'GET', path: '/', input: { body: schema } }, handler: async () => ({}) },
            { definition: { name: 'broken' }, handler: 1 },
            null,
          ],
          views: [{ definition: { name: 'home', path: '/' }, load() {} }, {}],
          requestHooks: [{ id: 'audit', handler() {} }, { id: 3 }],
          init: start,
          dispose: async () => {},
        };
    ")
    .unwrap();
    let module = evaluated.module;
    assert_eq!(module.exports, ["module", "other"]);
    assert_eq!(module.picked.as_deref(), Some("module"));
    let definition = module.definition.unwrap();
    assert_eq!(
        definition.manifest,
        json!({ "name": "accounts", "tags": ["a", null, null], "nested": { "at": "1970-01-01T00:00:00.000Z" } })
    );
    let routes = definition.routes.unwrap();
    assert_eq!(routes[0].definition, json!({ "name": "list", "method": "GET", "path": "/", "input": {} }));
    assert_eq!(routes.iter().map(|route| route.callable).collect::<Vec<_>>(), [true, false, false]);
    assert_eq!(routes[2].definition, Value::Null);
    let views = definition.views.unwrap();
    assert_eq!((views[0].callable, views[1].callable), (true, false));
    let hooks = definition.request_hooks.unwrap();
    assert_eq!((hooks[0].id.as_deref(), hooks[0].callable), (Some("audit"), true));
    assert_eq!((hooks[1].id.as_deref(), hooks[1].callable), (None, false));
    assert_eq!(definition.init.as_deref(), Some("start"));
    assert_eq!(definition.dispose.as_deref(), Some("dispose"));
    let dropped: Vec<_> = module.dropped.iter().map(|drop| format!("{}: {}", drop.path, drop.what)).collect();
    assert_eq!(
        dropped,
        ["manifest.tags[2]: a function", "manifest.schema: a schema", "routes[0].definition.input.body: a schema"]
    );
}

#[test]
fn the_first_present_export_is_picked() {
    let picked = |source: &str| {
        let module = run(source).unwrap().module;
        (module.picked, module.definition.map(|definition| definition.manifest))
    };
    let some = |name: &str, manifest: Option<Value>| (Some(name.to_owned()), manifest);
    assert_eq!(picked("export default { manifest: {} }"), some("default", Some(json!({}))));
    assert_eq!(
        picked("export const backendModule = { manifest: { a: 1 } }; export const module = null;"),
        some("backendModule", Some(json!({ "a": 1 })))
    );
    assert_eq!(
        picked("export const moduleDefinition = { manifest: 1 }, module = undefined; export default 1;"),
        some("moduleDefinition", Some(json!(1)))
    );
    // The first present one that is no definition hides those after it.
    assert_eq!(picked("export const module = {}; export default { manifest: {} }"), some("module", None));
    assert_eq!(picked("export const module = 0; export default { manifest: {} }"), some("module", None));
    assert_eq!(picked("export const other = { manifest: {} }"), (None, None));
    assert_eq!(picked(""), (None, None));
}

#[test]
fn cycles_and_depth_end() {
    let evaluated = run(r"
        const manifest = { name: 'a', list: [] };
        manifest.self = manifest;
        manifest.list.push(manifest.list, 1);
        let deep = {};
        const top = deep;
        for (let i = 0; i < 1000; i += 1) deep = deep.next = {};
        manifest.deep = top;
        const handler = {
          ownKeys: () => ['x'],
          getOwnPropertyDescriptor: () => ({ enumerable: true, configurable: true }),
          get: (_, key) => (key === 'x' ? new Proxy({}, handler) : undefined),
          has: () => false,
        };
        manifest.endless = new Proxy({}, handler);
        export const module = { manifest };
    ")
    .unwrap();
    let manifest = evaluated.module.definition.unwrap().manifest;
    assert_eq!(manifest["name"], "a");
    assert_eq!(manifest.get("self"), None);
    assert_eq!(manifest["list"], json!([null, 1]));
    assert_eq!(evaluated.module.dropped[0].what, "a cycle");
}

#[test]
fn lone_surrogates_become_replacement_characters() {
    assert_eq!(value(r"'a\ud800b'"), "a\u{fffd}b");
    let error = run(r"throw new Error('\udc00')").unwrap_err();
    assert_eq!(error.thrown().unwrap().message, "\u{fffd}");
}

#[test]
fn a_getter_that_throws_is_an_error() {
    let error =
        run("export const module = { manifest: { get routes() { throw new TypeError('lazy'); } } };").unwrap_err();
    let ScriptError::Thrown(thrown) = error else { panic!("{error:?}") };
    assert_eq!(thrown.to_string(), "TypeError: lazy");
    assert_eq!((thrown.frames[0].line, thrown.frames[0].file.as_str()), (1, "src/backend/module.ts"));
}

#[test]
fn what_a_module_throws_is_reported_with_frames_and_causes() {
    let error = run("function load() {\n  throw new RangeError('far', { cause: new Error('near', { cause: 'deep' }) });\n}\nload();")
        .unwrap_err();
    let ScriptError::Thrown(thrown) = error else { panic!("{error:?}") };
    assert_eq!(thrown.name.as_deref(), Some("RangeError"));
    assert_eq!(thrown.frames[0].function.as_deref(), Some("load"));
    assert_eq!((thrown.frames[0].line, thrown.frames[1].line), (2, 4));
    let cause = thrown.cause.unwrap();
    assert_eq!(cause.to_string(), "Error: near");
    let deep = cause.cause.unwrap();
    assert_eq!((deep.name, deep.message.as_str()), (None, "deep"));
}

#[test]
fn thrown_values_of_every_kind_are_shown() {
    let message = |source: &str| {
        let error = run(source).unwrap_err();
        assert!(matches!(error, ScriptError::Thrown(_)), "{source}: {error:?}");
        error.to_string()
    };
    assert_eq!(message("throw 'text'"), "text");
    assert_eq!(message("throw null"), "null");
    assert_eq!(message("throw undefined"), "undefined");
    assert_eq!(message("throw Symbol('s')"), "Symbol(s)");
    assert_eq!(message("throw { get message() { throw 1 } }"), "a value that cannot be shown");
    assert_eq!(message("throw { message: 'like an error' }"), "undefined: like an error");
    assert_eq!(message("throw new Proxy(Error('x'), { get() { throw 1 } })"), "a value that cannot be shown");
    assert_eq!(message("const e = new Error('me'); e.cause = e; throw e"), "Error: me");
    assert_eq!(message("JSON.parse('{')").split(':').next(), Some("SyntaxError"));
}

#[test]
fn syntax_errors_have_a_place() {
    let error = run("const a = 1;\nconst = 2;").unwrap_err();
    let ScriptError::Syntax(thrown) = error else { panic!("{error:?}") };
    assert_eq!(thrown.name.as_deref(), Some("SyntaxError"));
    assert_eq!((thrown.frames[0].file.as_str(), thrown.frames[0].line), ("src/backend/module.ts", 2));
    let error = run("import { nothing } from 'node:path';").unwrap_err();
    assert!(matches!(&error, ScriptError::Syntax(thrown) if thrown.message.contains("nothing")), "{error:?}");
    assert!(matches!(run("const a = '\0';").unwrap_err(), ScriptError::Syntax(_)));
}

#[test]
fn frames_go_through_the_source_map() {
    // Line 1 of the bundle is empty in the map; line 2 column 0 is src/a.ts 10:4, column 8 is src/b.ts 1:0.
    let map = r#"{"version":3,"sources":["../../src/a.ts","../../src/b.ts"],"names":[],"mappings":";AASI,QCTJ"}"#;
    let run = |source: &str| {
        let evaluation = Evaluation {
            program: Program::linked("build/backend/module.js", "src/backend/module.ts", Code::new(source)),
            source_maps: &maps("build/backend/module.js", map, "build/backend"),
            environment: &[],
            files: &NoFiles,
            limits: Limits::default(),
        };
        evaluate(evaluation).unwrap_err().thrown().unwrap().clone()
    };
    let frame = |thrown: &webstir_script::Thrown| {
        let frame = &thrown.frames[0];
        (frame.file.clone(), frame.line, frame.column, frame.mapped)
    };
    assert_eq!(frame(&run("\nthrow new Error('x')")), ("src/b.ts".to_owned(), 1, 1, true));
    assert_eq!(frame(&run("\nx = 1;")), ("src/a.ts".to_owned(), 10, 5, true));
    assert_eq!(frame(&run("throw new Error('x')")).0, "src/backend/module.ts");
    // A map with a cause: both are mapped. A map that is none changes nothing.
    let thrown = run("\nx: try { y() } catch (cause) { throw new Error('outer', { cause }) }");
    assert!(thrown.cause.unwrap().frames[0].mapped);
}

#[test]
fn syntax_errors_go_through_the_source_map() {
    let map = r#"{"version":3,"sources":["../src/a.ts"],"names":[],"mappings":";AAAA"}"#;
    let error = evaluate(Evaluation {
        program: Program::linked("build/module.js", "build/module.js", Code::new("\nconst = 2;")),
        source_maps: &maps("build/module.js", map, "build"),
        environment: &[],
        files: &NoFiles,
        limits: Limits::default(),
    })
    .unwrap_err();
    let frame = &error.thrown().unwrap().frames[0];
    assert_eq!((frame.file.as_str(), frame.line, frame.mapped), ("src/a.ts", 1, true));
}

#[test]
fn unhandled_rejections_are_errors() {
    let error = run("Promise.reject(new Error('lost'));").unwrap_err();
    assert!(matches!(&error, ScriptError::UnhandledRejection(thrown) if thrown.message == "lost"), "{error:?}");
    let error = run("(async () => { await 1; null.x; })();").unwrap_err();
    assert!(matches!(&error, ScriptError::UnhandledRejection(_)), "{error:?}");
    run("Promise.reject(1).catch(() => {});").unwrap();
    run("const p = Promise.reject(1); await null; p.catch(() => {});").unwrap();
    let error = run("await Promise.reject(new Error('awaited'));").unwrap_err();
    assert!(matches!(&error, ScriptError::Thrown(thrown) if thrown.message == "awaited"), "{error:?}");
    let error = run("export const module = { manifest: { get a() { Promise.reject(1); return 1; } } };").unwrap_err();
    assert!(matches!(error, ScriptError::UnhandledRejection(_)), "{error:?}");
}

#[test]
fn timers_run_in_order_without_waiting() {
    let source = r"
        const order = [];
        const at = Date.now();
        setTimeout((what) => order.push(what), 60_000, 'late');
        setTimeout(() => order.push('early'), 10);
        setTimeout(() => order.push('early too'), 10);
        const cancelled = setTimeout(() => order.push('never'), 20);
        clearTimeout(cancelled);
        let ticks = 0;
        const interval = setInterval(() => { order.push('tick'); if (++ticks === 2) clearInterval(interval); }, 30);
        queueMicrotask(() => order.push('microtask'));
        await new Promise((resolve) => setTimeout(resolve, 90_000));
        export const module = { manifest: { order, passed: Date.now() - at, performance: performance.now() } };
    ";
    let manifest = run(source).unwrap().module.definition.unwrap().manifest;
    assert_eq!(manifest["order"], json!(["microtask", "early", "early too", "tick", "tick", "late"]));
    assert_eq!((&manifest["passed"], &manifest["performance"]), (&json!(90_000), &json!(90_000)));
    // A module that is loaded waits for nothing: what would only run later never does.
    let evaluated = run("setInterval(() => console.log('tick'), 1); setTimeout(() => { throw 1 }, 0);").unwrap();
    assert_eq!(evaluated.log, []);
}

#[test]
fn a_module_that_waits_for_nothing_is_an_error() {
    assert!(matches!(run("await new Promise(() => {});").unwrap_err(), ScriptError::NeverSettles));
}

#[test]
fn a_timer_that_throws_is_an_error() {
    let error = run("setTimeout(() => { throw new Error('in timer') }, 1); await new Promise(r => setTimeout(r, 5));");
    assert!(matches!(error.unwrap_err(), ScriptError::Thrown(thrown) if thrown.message == "in timer"));
}

#[test]
fn two_evaluations_are_equal() {
    let source = r"
        import { randomBytes, randomUUID, randomInt } from 'node:crypto';
        console.log(Date(), Math.random());
        export const module = { manifest: {
          now: Date.now(), date: new Date(), text: String(new Date()), performance: performance.now(),
          random: [Math.random(), Math.random()], uuid: [crypto.randomUUID(), randomUUID()],
          values: Array.from(crypto.getRandomValues(new Uint32Array(4))), bytes: randomBytes(8).toString('hex'),
          int: randomInt(1000), origin: performance.timeOrigin, hrtime: process.hrtime(), pid: process.pid,
        } };
    ";
    let (first, second) = (run(source).unwrap(), run(source).unwrap());
    assert_eq!(first, second);
    let manifest = first.module.definition.unwrap().manifest;
    assert_eq!(manifest["now"], 1_704_067_200_000_u64);
    assert_eq!(manifest["text"], "Mon Jan 01 2024 00:00:00 GMT+0000 (Coordinated Universal Time)");
    assert_ne!(manifest["random"][0], manifest["random"][1]);
    assert_ne!(manifest["uuid"][0], manifest["uuid"][1]);
    let uuid = manifest["uuid"][0].as_str().unwrap();
    assert_eq!((uuid.len(), &uuid[14..15]), (36, "4"));
}

/// Set in the process that [`the_time_zone_of_the_machine_is_not_seen`] starts.
const ZONE_PROBE: &str = "WEBSTIR_SCRIPT_ZONE_PROBE";

#[test]
fn the_time_zone_of_the_machine_is_not_seen() {
    if std::env::var_os(ZONE_PROBE).is_none() {
        let program = std::env::current_exe().unwrap();
        let output = std::process::Command::new(program)
            .args(["--exact", "the_time_zone_of_the_machine_is_not_seen"])
            .env("TZ", "America/St_Johns")
            .env(ZONE_PROBE, "1")
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }
    assert_eq!(value("new Date(2020, 5, 1, 12).toISOString()"), "2020-06-01T12:00:00.000Z");
    assert_eq!(value("new Date('2020-06-01T12:00:00').toISOString()"), "2020-06-01T12:00:00.000Z");
    assert_eq!(value("new Date('2020-06-01').getHours()"), 0);
    assert_eq!(value("new Date('2020-06-01T12:00:00+02:00').getHours()"), 10);
    assert_eq!(value("Date.parse('Jun 1 2020 12:00')"), 1_591_012_800_000_u64);
    assert_eq!(value("Date.parse('Mon, 01 Jun 2020 12:00:00 GMT')"), 1_591_012_800_000_u64);
    assert_eq!(value("String(new Date(0))"), "Thu Jan 01 1970 00:00:00 GMT+0000 (Coordinated Universal Time)");
    assert_eq!(value("new Date(0).toLocaleString()"), "1/1/1970, 12:00:00 AM");
    assert_eq!(value("new Date(0).getTimezoneOffset()"), 0);
    assert_eq!(value("new Date(new Date(5)).getTime()"), 5);
    assert_eq!(value("String(new Date('nonsense'))"), "Invalid Date");
    assert_eq!(
        value("[typeof Date(), new Date(1) instanceof Date, Date.name, Date.length]"),
        json!(["string", true, "Date", 7])
    );
    assert_eq!(value("(() => { class D extends Date { x() { return this.getTime() } } return new D(7).x() })()"), 7);
    assert_eq!(
        value("(() => { const d = new Date(0); d.setHours(5); return d.toJSON() })()"),
        "1970-01-01T05:00:00.000Z"
    );
}

#[test]
fn only_known_modules_can_be_imported() {
    for specifier in
        ["node:http", "pino", "./other.js", "webstir:prelude/host", "/etc/passwd", "file:///etc/passwd", ""]
    {
        let error = run(&format!("import '{specifier}';")).unwrap_err();
        let ScriptError::Unsupported { specifier: named } = error else { panic!("{specifier}: {error:?}") };
        assert_eq!(named, specifier);
        let error = run(&format!("await import('{specifier}');")).unwrap_err();
        assert!(matches!(error, ScriptError::Unsupported { .. }), "{specifier}: {error:?}");
    }
    // A module that can do without may try.
    run("try { await import('bun:sqlite') } catch {}").unwrap();
    run("import('bun:sqlite').catch(() => {});").unwrap();
}

#[test]
fn every_supported_module_can_be_imported() {
    for specifier in webstir_script::supported_modules() {
        let source =
            format!("import * as all from '{specifier}'; export const module = {{ manifest: Object.keys(all) }};");
        let names = run(&source).unwrap().module.definition.unwrap().manifest;
        assert!(!names.as_array().unwrap().is_empty(), "{specifier}");
    }
}

#[test]
fn the_environment_holds_only_what_was_given() {
    assert_eq!(value("process.env"), json!({ "NODE_ENV": "test" }));
    assert_eq!(value("process.env.PATH === undefined && !('HOME' in process.env)"), true);
    assert_eq!(
        value("[process.cwd(), process.platform, process.version, process.argv.length]"),
        json!(["/workspace", "linux", "v20.18.1", 2])
    );
    assert_eq!(
        value("[import.meta.url, import.meta.filename, import.meta.dirname]"),
        json!([
            "file:///workspace/src/backend/module.ts",
            "/workspace/src/backend/module.ts",
            "/workspace/src/backend"
        ])
    );
    assert!(
        matches!(run("process.exit(1)").unwrap_err(), ScriptError::Thrown(thrown) if thrown.message.contains("process.exit(1)"))
    );
    // What runs only when started as a program does not run.
    assert_eq!(
        value_with(
            "import { pathToFileURL } from 'node:url';",
            "pathToFileURL(process.argv[1]).href === import.meta.url"
        ),
        false
    );
}

#[test]
fn nothing_leads_outside() {
    for name in ["Bun", "Deno", "require", "std", "os", "WebAssembly", "__webstirHost", "navigator", "Worker"] {
        assert_eq!(value(&format!("typeof {name}")), "undefined", "{name}");
    }
    let error = run("await fetch('http://localhost')").unwrap_err();
    assert!(error.to_string().contains("only available while a request is served"));
}

#[test]
fn evaluations_do_not_see_each_other() {
    run("globalThis.leak = 1; Array.prototype.leak = 2; Object.prototype.toJSON = () => 3;").unwrap();
    assert_eq!(
        value("[typeof leak, typeof [].leak, typeof {}.toJSON]"),
        json!(["undefined", "undefined", "undefined"])
    );
}

#[test]
fn a_module_that_breaks_the_language_harms_only_itself() {
    let breaking = [
        "Object.prototype.toJSON = () => 3; Array.prototype.toJSON = () => 4; String.prototype.toJSON = () => 5;",
        "Array.prototype.push = Array.prototype.includes = () => { throw 1 };",
        "Array.prototype[Symbol.iterator] = function* () {};",
        "String.prototype.toWellFormed = () => ({});",
        "globalThis.JSON = globalThis.Object = globalThis.Array = undefined;",
        "Error.prepareStackTrace = () => 1; Error.stackTraceLimit = { valueOf() { throw 1 } };",
        "Promise.prototype.then = 1; Function.prototype.call = Function.prototype.apply = undefined;",
        "delete globalThis.Proxy; for (const name of Object.getOwnPropertyNames(globalThis)) delete globalThis[name];",
    ];
    for text in breaking {
        for end in ["export const module = { manifest: { a: ['x'] } };", "throw new Error('x');", "Promise.reject(1);"]
        {
            match run(&format!("{text}\n{end}")) {
                Ok(evaluated) => assert!(end.starts_with("export") && evaluated.module.picked.is_some(), "{text}"),
                Err(ScriptError::Thrown(_) | ScriptError::UnhandledRejection(_)) => {}
                Err(error) => panic!("{text}\n{end}\n{error:?}"),
            }
        }
    }
}

#[test]
fn evaluations_run_side_by_side() {
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|index| scope.spawn(move || value(&format!("{index} * 2")))).collect();
        for (index, thread) in threads.into_iter().enumerate() {
            assert_eq!(thread.join().unwrap(), json!(index * 2));
        }
    });
}

#[test]
fn the_console_is_collected() {
    let evaluated = run(r"
        console.log('a %s %d %j', 'b', 4, { c: 1 }, [1, 'x', { y: null }]);
        console.warn(new Map([[1, { deep: true }]]));
        console.error(new TypeError('bad'));
        console.debug();
        const cycle = {}; cycle.self = cycle; console.info(cycle);
        for (let i = 0; i < 5000; i += 1) console.log('x'.repeat(10000));
    ")
    .unwrap();
    let lines: Vec<_> = evaluated.log.iter().take(5).map(|line| (line.level, line.text.as_str())).collect();
    assert_eq!(lines[0], (LogLevel::Info, "a b 4 {\"c\":1} [ 1, 'x', { y: null } ]"));
    assert_eq!(lines[1], (LogLevel::Warn, "Map(1) { 1 => { deep: true } }"));
    assert_eq!(lines[2].0, LogLevel::Error);
    assert!(lines[2].1.starts_with("TypeError: bad\n"));
    assert_eq!(lines[4], (LogLevel::Info, "{ self: [Circular] }"));
    assert_eq!(evaluated.log.len(), 1000);
    assert_eq!(evaluated.log[999].text.chars().count(), 4096);
}

/// A workspace of two files, which records what it is asked.
#[derive(Default)]
struct Recorded(RefCell<Vec<String>>);

impl FileReads for Recorded {
    fn kind(&self, path: &str) -> io::Result<FileKind> {
        self.0.borrow_mut().push(format!("kind {path}"));
        Ok(match path {
            "data/greeting.txt" | "data/raw.bin" => FileKind::File,
            "" | "data" => FileKind::Directory,
            _ => FileKind::Absent,
        })
    }

    fn read(&self, path: &str) -> io::Result<Option<Vec<u8>>> {
        self.0.borrow_mut().push(format!("read {path}"));
        match path {
            "data/greeting.txt" => Ok(Some("Grüße".as_bytes().to_vec())),
            "data/raw.bin" => Ok(Some(vec![0xff, 0x00, 0x80])),
            "data/locked" => Err(io::ErrorKind::PermissionDenied.into()),
            _ => Ok(None),
        }
    }

    fn list(&self, path: &str) -> io::Result<Option<Vec<(String, FileKind)>>> {
        self.0.borrow_mut().push(format!("list {path}"));
        let file = |name: &str| (name.to_owned(), FileKind::File);
        Ok(match path {
            "" => Some(vec![("data".to_owned(), FileKind::Directory)]),
            "data" => Some(vec![file("greeting.txt"), file("raw.bin")]),
            _ => None,
        })
    }
}

fn file_value(expression: &str, files: &Recorded) -> Value {
    let source = format!(
        "import fs, {{ readFileSync, existsSync, statSync, readdirSync, promises }} from 'node:fs';
         import path from 'node:path'; import {{ fileURLToPath }} from 'node:url';
         const code = (f) => {{ try {{ f() }} catch (e) {{ return e.code }} }};
         export const module = {{ manifest: {{ value: await ({expression}) }} }};"
    );
    run_with(&source, files).unwrap().module.definition.unwrap().manifest["value"].clone()
}

#[test]
fn files_are_read_through_the_given_view_only() {
    let files = Recorded::default();
    assert_eq!(file_value("readFileSync('data/greeting.txt', 'utf8')", &files), "Grüße");
    assert_eq!(*files.0.borrow(), ["read data/greeting.txt"]);
    let here = "path.join(path.dirname(fileURLToPath(import.meta.url)), '../../data/greeting.txt')";
    assert_eq!(file_value(&format!("readFileSync({here}, {{ encoding: 'utf-8' }})"), &files), "Grüße");
    assert_eq!(
        file_value("readFileSync(new URL('../../data/greeting.txt', import.meta.url), 'utf8')", &files),
        "Grüße"
    );
    assert_eq!(file_value("[...readFileSync('/workspace/data/raw.bin')]", &files), json!([255, 0, 128]));
    assert_eq!(file_value("Buffer.isBuffer(await promises.readFile('data/raw.bin'))", &files), true);
    assert_eq!(file_value("[existsSync('data'), existsSync('none')]", &files), json!([true, false]));
    assert_eq!(
        file_value("[statSync('data').isDirectory(), statSync('data/raw.bin').isFile()]", &files),
        json!([true, true])
    );
    assert_eq!(file_value("statSync('data/raw.bin').size", &files), 3);
    assert_eq!(file_value("readdirSync('data')", &files), json!(["greeting.txt", "raw.bin"]));
    assert_eq!(
        file_value("readdirSync('.', { recursive: true })", &files),
        json!(["data", "data/greeting.txt", "data/raw.bin"])
    );
    assert_eq!(
        file_value("readdirSync('', { withFileTypes: true }).map((e) => [e.name, e.isDirectory()])", &files),
        json!([["data", true]])
    );
    assert_eq!(
        file_value(
            "[() => readFileSync('none'), () => readFileSync('data'), () => statSync('none'), () => readdirSync('none'), \
             () => readdirSync('data/raw.bin'), () => fs.writeFileSync('x', ''), () => fs.mkdirSync('x')].map(code)",
            &files
        ),
        json!(["ENOENT", "EISDIR", "ENOENT", "ENOENT", "ENOTDIR", "EROFS", "EROFS"])
    );
}

#[test]
fn nothing_outside_of_the_workspace_is_asked_for() {
    let files = Recorded::default();
    for path in ["/etc/passwd", "../x", "/workspace/../etc", "/workspacex/a", "../../../etc/passwd"] {
        assert_eq!(file_value(&format!("code(() => readFileSync('{path}'))"), &files), "ENOENT", "{path}");
        assert_eq!(file_value(&format!("existsSync('{path}')"), &files), false, "{path}");
    }
    assert_eq!(*files.0.borrow(), Vec::<String>::new());
    assert_eq!(file_value("[existsSync('/'), existsSync('/workspace')]", &files), json!([true, true]));
}

#[test]
fn a_world_that_fails_ends_the_evaluation() {
    let error = run_with(
        "import fs from 'node:fs'; try { fs.readFileSync('data/locked') } catch {} export const module = { manifest: {} };",
        &Recorded::default(),
    )
    .unwrap_err();
    assert!(matches!(&error, ScriptError::Files { path, .. } if path == "data/locked"), "{error:?}");
    assert!(error.is_world());
}
