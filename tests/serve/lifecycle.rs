//! From start to end: loading, swapping, stopping.

use std::thread;

use rustix::process::Signal;
use serde_json::json;

use super::server::{HOSTS, Host, Server, eventually, module};

/// A module that says its text, and logs when it begins and ends.
fn saying(text: &str) -> String {
    format!(
        "const waiting: (() => void)[] = [];
export const module = {{
  manifest: {{ contractVersion: '1.0.0', name: 'life', version: '1.0.0', kind: 'backend' }},
  routes: [
    {{ definition: {{ name: 'say', path: '/say' }}, handler: () => ({{ body: '{text}' }}) }},
    {{
      definition: {{ name: 'slow', path: '/slow' }},
      async handler() {{
        await new Promise<void>((resolve) => {{ waiting.push(resolve); setTimeout(resolve, 400); }});
        return {{ body: 'slow {text}' }};
      }},
    }},
    {{ definition: {{ name: 'waiting', path: '/waiting' }}, handler: () => ({{ body: waiting.length }}) }},
  ],
  init({{ logger, env }}: any) {{ logger.info('init {text}', {{ mode: env.get('NODE_ENV') }}); }},
  async dispose() {{
    await new Promise((resolve) => setTimeout(resolve, 1));
    console.log('dispose {text}');
  }},
}};
"
    )
}

#[test]
fn c13_modules_are_initialised_and_disposed_of() {
    for host in HOSTS {
        let server = Server::start(module(&saying("one")), host, &[], &[]);
        let init = server.message("init one");
        assert_eq!(init["mode"], "development", "{host:?}");
        assert_eq!(server.get("/say").text(), "one");
        server.stop();
        server.message("dispose one");
    }
}

#[test]
fn requests_in_flight_are_finished_before_the_end() {
    for host in HOSTS {
        let server = Server::start(module(&saying("one")), host, &[], &[]);
        thread::scope(|scope| {
            let slow = scope.spawn(|| server.get("/slow"));
            eventually("the request waits", || server.get("/waiting").json() == 1);
            server.signal(Signal::TERM);
            let slow = slow.join().unwrap();
            assert_eq!(slow.shown(), (200, "text/html; charset=utf-8", "slow one"), "{host:?}");
        });
        assert_eq!(server.exit_code(), Some(0));
        server.message("dispose one");
        assert!(server.request("GET", "/say").open().is_err(), "nobody listens any more");
    }
}

#[test]
fn a_new_release_takes_over_and_the_old_one_finishes() {
    for host in HOSTS {
        let server = Server::start(module(&saying("one")), host, &[], &[]);
        thread::scope(|scope| {
            let slow = scope.spawn(|| server.get("/slow").text().to_owned());
            eventually("the request waits", || server.get("/waiting").json() == 1);
            server.put("src/backend/module.ts", &saying("two"));
            server.signal(Signal::HUP);
            eventually("the new release serves", || server.get("/say").text() == "two");
            assert_eq!(slow.join().unwrap(), "slow one", "{host:?}");
        });
        server.message("init two");
        server.message("dispose one");
        server.stop();
    }
}

#[test]
fn a_release_of_the_same_bytes_changes_nothing() {
    let server = Server::start(module(&saying("one")), Host::Embedded, &[], &[]);
    let inits = || server.records().iter().filter(|record| record["msg"] == "init one").count();
    server.put("src/backend/module.ts", &saying("one"));
    server.signal(Signal::HUP);
    // The one after it is another: when it serves, the first has been looked at.
    let changed = saying("two");
    server.put("src/backend/module.ts", &changed);
    server.signal(Signal::HUP);
    eventually("the new release serves", || server.get("/say").text() == "two");
    assert_eq!(inits(), 1);
}

#[test]
fn what_does_not_build_leaves_what_is_served() {
    let server = Server::start(module(&saying("one")), Host::Embedded, &[], &[]);
    server.put("src/backend/module.ts", "export const module = {\n");
    server.signal(Signal::HUP);
    server.put("src/backend/module.ts", "throw new Error('not this time');\nexport const module = {};\n");
    server.signal(Signal::HUP);
    server.message("[webstir-backend] module load failed");
    assert_eq!((server.get("/say").text(), server.get("/readyz").status), ("one", 200));
    server.put("src/backend/module.ts", &saying("three"));
    server.signal(Signal::HUP);
    eventually("the good release serves", || server.get("/say").text() == "three");
}

/// A module that throws when it is loaded makes an unready server, with the place in the log.
#[test]
fn c1_a_module_that_throws_makes_an_unready_server() {
    for host in HOSTS {
        let text = "const broken: any = undefined;\nexport const module = { routes: [broken.missing] };\n";
        let server = Server::start(module(text), host, &[], &[]);
        let ready = server.get("/readyz");
        assert_eq!((ready.status, ready.json()["status"].clone()), (503, json!("error")), "{host:?}");
        assert!(ready.json()["message"].as_str().unwrap().contains("undefined"), "{ready:?}");
        assert_eq!(server.get("/healthz").status, 200);
        assert_eq!(server.get("/say").status, 404);
        let record = server.message("[webstir-backend] module load failed");
        let stack = record["err"]["stack"].as_str().unwrap();
        assert!(stack.contains("src/backend/module.ts:2:"), "{host:?}: {stack}");
        server.stop();
    }
}

#[test]
fn an_init_that_throws_makes_an_unready_server() {
    let text = "export const module = {
  manifest: { contractVersion: '1.0.0', name: 'life', version: '1.0.0', kind: 'backend' },
  init() { throw new Error('no database'); },
};
";
    let server = Server::start(module(text), Host::Embedded, &[], &[]);
    let ready = server.get("/readyz");
    assert_eq!((ready.status, ready.json()["status"].clone()), (503, json!("error")));
}

#[test]
fn a_workspace_without_a_module_is_served() {
    let server = Server::start(module("export const other = 1;\n"), Host::Embedded, &[], &[]);
    server.message("[webstir-backend] no module definition found. Add src/backend/module.ts to describe routes.");
    assert_eq!((server.get("/readyz").status, server.get("/").status), (200, 404));
}

/// Any of four names, an object first.
#[test]
fn definitions_have_several_names() {
    for name in ["moduleDefinition", "backendModule", "default"] {
        let text = saying(name).replace("export const module =", "const definition =")
            + &match name {
                "default" => "export const module = 'no object';\nexport default definition;\n".to_owned(),
                name => format!("export const {name} = definition;\n"),
            };
        let server = Server::start(module(&text), Host::Embedded, &[], &[]);
        assert_eq!(server.get("/say").text(), name);
    }
}

/// A pattern that means nothing costs its route, not the module.
#[test]
fn c10_a_bad_pattern_costs_one_route() {
    let text = saying("one").replace("path: '/slow'", "path: '/slow/:a:b'");
    let case = module(&text);
    let built = case.build(&[]);
    assert!(
        built.findings().contains(&"manifest::bad_path src/backend/module.ts".to_owned()),
        "{:?}",
        built.findings()
    );
    let server = Server::start(case, Host::Embedded, &[], &[]);
    assert_eq!((server.get("/say").text(), server.get("/slow/1").status), ("one", 404));
    assert_eq!(server.get("/readyz").json()["manifest"]["routes"], 2);
}

/// The line that says that the server runs is not one that a log level hides.
#[test]
fn c16_no_log_level_hides_that_the_server_runs() {
    for level in ["warn", "fatal"] {
        let server = Server::start(module(&saying("one")), Host::Embedded, &[], &[("LOG_LEVEL", level)]);
        server.get("/say");
        assert_eq!(server.records().len(), 1, "{level}: {:?}", server.records());
    }
}

/// Where the workspace asks for it, and there alone.
#[test]
fn c13_schemas_are_applied_on_demand() {
    let text = "const schema = {
  safeParse: (value: any) => /^[0-9]+$/.test(value.id)
    ? { success: true, data: { id: Number(value.id) } }
    : { success: false, error: { issues: [{ path: ['id'], message: 'Not a number', code: 'custom' }] } },
};
export const module = {
  manifest: { contractVersion: '1.0.0', name: 'life', version: '1.0.0', kind: 'backend' },
  routes: [{
    definition: { name: 'read', method: 'GET', path: '/read/:id' },
    schemas: { params: schema },
    handler: (ctx: any) => ({ body: { id: ctx.params.id } }),
  }],
};
";
    for host in HOSTS {
        let server = Server::start(module(text), host, &[], &[]);
        assert_eq!(server.get("/read/x").json(), json!({ "id": "x" }), "{host:?}");
        let case = module(text);
        case.write("webstir.kdl", "workspace \"small\" {\n  mode api\n}\nartifacts backend {\n  validate #true\n}\n");
        let server = Server::start(case, host, &[], &[]);
        assert_eq!(server.get("/read/7").json(), json!({ "id": 7 }), "{host:?}");
        let refused = server.get("/read/x");
        assert_eq!((refused.status, refused.json()["errors"][0]["code"].clone()), (400, json!("validation")));
        assert_eq!(refused.json()["errors"][0]["details"]["path"], "id");
    }
}
