//! The parts of Node and of the web that the prelude gives.

#![expect(clippy::unwrap_used, reason = "helpers of tests unwrap as tests do")]

use serde_json::{Value, json};
use webstir_script::{Code, Evaluation, Limits, NoFiles, NoSourceMaps, Program, evaluate};

fn value_with(imports: &str, expression: &str) -> Value {
    let source = format!("{imports}\nexport const module = {{ manifest: {{ value: ({expression}) }} }};");
    let evaluated = evaluate(Evaluation {
        program: Program::linked("module.ts", "module.ts", Code::new(source)),
        source_maps: &NoSourceMaps,
        environment: &[],
        files: &NoFiles,
        limits: Limits::default(),
    });
    match evaluated {
        Ok(evaluated) => evaluated.module.definition.unwrap().manifest["value"].clone(),
        Err(error) => panic!("{expression}: {error}\n{:?}", error.thrown()),
    }
}

/// `builtins.txt` holds expressions and the values that Node 20 gives them.
#[test]
fn expressions_have_the_values_that_node_gives() {
    let imports = "import path from 'node:path'; import url from 'node:url'; import crypto2 from 'node:crypto';";
    let mut wrong = Vec::new();
    let mut count = 0;
    for case in include_str!("builtins.txt").split("\n\n") {
        let (expression, expected) = case.trim().split_once("\n=> ").unwrap();
        let value = value_with(imports, expression);
        if value != serde_json::from_str::<Value>(expected).unwrap() {
            wrong.push(format!("{expression}\n  is       {value}\n  but Node {expected}"));
        }
        count += 1;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count > 70, "{count}");
}

fn contract(expression: &str) -> Value {
    value_with("import * as contract from '@webstir-io/module-contract';", expression)
}

#[test]
fn the_contract_helpers_give_back_what_they_take() {
    assert_eq!(contract("contract.CONTRACT_VERSION"), "1.0.0");
    let identity = "[contract.createModule, contract.defineRoute, contract.defineView].every((f) => { const x = {}; return f(x) === x })";
    assert_eq!(contract(identity), true);
}

#[test]
fn the_contract_schemas_check() {
    assert_eq!(
        contract("contract.routeDefinitionSchema.parse({ name: 'a', method: 'GET', path: '/', x: 1 })"),
        json!({ "name": "a", "method": "GET", "path": "/" })
    );
    assert_eq!(
        contract(
            "(() => { const r = contract.moduleManifestSchema.safeParse({ name: '', routes: [{}] }); \
             return [r.success, r.error.issues.map((i) => [i.path.join('.'), i.message])] })()"
        ),
        json!([
            false,
            [
                ["contractVersion", "Required"],
                ["name", "String must contain at least 1 character(s)"],
                ["version", "Required"],
                ["kind", "Required"],
                ["routes.0.name", "Required"],
                ["routes.0.method", "Required"],
                ["routes.0.path", "Required"],
            ]
        ])
    );
    let names = ["requestHookDefinition", "routeInput", "routeOutput", "viewDefinition", "moduleError"];
    for name in names {
        let thrown = format!("(() => {{ try {{ contract.{name}Schema.parse(1) }} catch (e) {{ return e.name }} }})()");
        assert_eq!(contract(&thrown), "ZodError", "{name}");
    }
}

#[test]
fn ts_rest_routes_become_specifications() {
    let router = "{ list: { method: 'GET', path: '/accounts', responses: { 500: 1, 200: 2 } }, \
                  nested: { 'save-it': { method: 'PUT', path: '/accounts/:id', pathParams: {}, body: {}, summary: 's', responses: { 204: 1, 404: 2 } } } }";
    let specifications = contract(&format!(
        "contract.fromTsRestRouter({{ router: {router}, baseName: 'accounts', \
         createRoute: ({{ keyPath }}) => ({{ handler: () => keyPath }}) }}).map((s) => [s.definition, typeof s.handler, s.handler()])"
    ));
    let reference = |name: &str| json!({ "kind": "ts-rest", "name": name });
    assert_eq!(
        specifications,
        json!([
            [
                { "name": "accountsList", "method": "GET", "path": "/accounts",
                  "output": { "body": reference("AccountsListResponse"), "status": 200 } },
                "function",
                ["list"]
            ],
            [
                { "name": "accountsNestedSave-it", "method": "PUT", "path": "/accounts/:id", "summary": "s",
                  "input": { "params": reference("AccountsNestedSaveItParams"), "body": reference("AccountsNestedSaveItBody") },
                  "output": { "body": reference("AccountsNestedSaveItResponse"), "status": 204 } },
                "function",
                ["nested", "save-it"]
            ]
        ])
    );
    let status = |responses: &str, preferred: &str| {
        contract(&format!(
            "contract.fromTsRestRoute({{ name: 'a', successStatus: {preferred}, appRoute: {{ method: 'GET', path: '/', \
             responses: {responses} }} }}).definition.output.status"
        ))
    };
    assert_eq!(status("{ 404: 1, 302: 1 }", "undefined"), 302);
    assert_eq!(status("{ 200: 1, 202: 1 }", "202"), 202);
    assert_eq!(status("{ 204: 1, 201: 1 }", "undefined"), 201);
}

#[test]
fn what_needs_a_server_says_so() {
    let cases = [
        ("@webstir-io/webstir-backend", "startBunBackend"),
        ("@webstir-io/webstir-backend/runtime/views", "renderRequestTimeView"),
    ];
    for (specifier, name) in cases {
        let expression = format!("(() => {{ try {{ {name}() }} catch (e) {{ return e.message }} }})()");
        let message = value_with(&format!("import {{ {name} }} from '{specifier}';"), &expression);
        assert_eq!(message, format!("`{name}` is only available while a request is served"));
    }
}

/// The names that version 0.1.63 of the package exports from each entry.
#[test]
fn every_name_of_the_package_is_there() {
    let cases = [
        (
            "@webstir-io/webstir-backend",
            "CLIENT_ERRORS_PATH CLIENT_ERROR_MAX_BYTES backendProvider compareSpecificity \
             createDefaultBunBackendBootstrap formatClientErrorReport getBackendScaffoldAssets isClientErrorsPath \
             matchPageRoute normalizePagePattern normalizePageRoutes readClientErrorReport readWorkspacePageRoutes \
             runAddJob runAddRoute runUpdateRouteContract startBackendWatch startBunBackend \
             startPublishedWorkspaceServer",
        ),
        ("@webstir-io/webstir-backend/runtime/forms", "groupFormIssuesByField prepareFormState processFormSubmission"),
        ("@webstir-io/webstir-backend/runtime/request-hooks", "executeRequestHookPhase resolveRequestHooks"),
        (
            "@webstir-io/webstir-backend/runtime/session",
            "createInMemorySessionStore parseCookieHeader prepareSessionState resetInMemorySessionStore",
        ),
        (
            "@webstir-io/webstir-backend/runtime/views",
            "compileViews escapeHtml html matchView raw renderRequestTimeView toHeaderRecord",
        ),
    ];
    for (specifier, names) in cases {
        let found = value_with(&format!("import * as all from '{specifier}';"), "Object.keys(all).join(' ')");
        assert_eq!(found, names, "{specifier}");
    }
}

#[test]
fn what_needs_no_server_works() {
    let forms = "import { groupFormIssuesByField } from '@webstir-io/webstir-backend/runtime/forms';";
    assert_eq!(
        value_with(
            forms,
            "groupFormIssuesByField([{ field: 'a', message: '1' }, { field: 'a', message: '2' }, { message: '3' }, { field: 'b' }])"
        ),
        json!({ "form": ["3"], "fields": { "a": ["1", "2"] } })
    );
    assert_eq!(value_with(forms, "groupFormIssuesByField(undefined)"), json!({ "form": [], "fields": {} }));
    let session =
        "import { parseCookieHeader, createInMemorySessionStore } from '@webstir-io/webstir-backend/runtime/session';";
    assert_eq!(
        value_with(session, "parseCookieHeader('a=1; b=%C3%BC; c; =d; a=2; e=%; f=\"q\"')"),
        json!({ "a": "2", "b": "ü", "e": "%", "f": "\"q\"" })
    );
    assert_eq!(
        value_with(
            session,
            "(() => { const s = createInMemorySessionStore(); s.set({ id: 'x' }); const r = s.get('x').id; s.delete('x'); return [r, s.get('x') === undefined] })()"
        ),
        json!(["x", true])
    );
    let views = "import { toHeaderRecord } from '@webstir-io/webstir-backend/runtime/views';";
    assert_eq!(value_with(views, "toHeaderRecord({ A: ['1', '2'], b: undefined })"), json!({ "a": "1, 2" }));
    let markup = "import { escapeHtml, html, raw } from '@webstir-io/webstir-backend/runtime/views';";
    assert_eq!(value_with(markup, "escapeHtml(`<a href=\"x\">'&`)"), json!("&lt;a href=&quot;x&quot;&gt;&#39;&amp;"));
    let list = "String(html`<ul>${['<', html`<li>${'&'}</li>`, raw('<br>'), null, false, 0]}</ul>`)";
    assert_eq!(value_with(markup, list), json!("<ul>&lt;<li>&amp;</li><br>0</ul>"));
}

#[test]
fn page_routes_are_checked_ordered_and_matched() {
    let imports = "import { normalizePageRoutes, normalizePagePattern, matchPageRoute } from '@webstir-io/webstir-backend';
        const routes = (...paths) => normalizePageRoutes(paths.map((path) => ({ page: path, path })));
        const match = (routes, path) => { const found = matchPageRoute(routes, path); return found && [found.route.pattern, found.params] };
        const fails = (f) => { try { f() } catch (e) { return e.message.startsWith('[webstir]') } };";
    assert_eq!(
        value_with(imports, "routes('/:a/:b', '/:a', '/a/:b', '/:a/b', '/a').map((r) => r.pattern)"),
        json!(["/a", "/:a", "/a/:b", "/:a/b", "/:a/:b"])
    );
    assert_eq!(
        value_with(imports, "match(routes('/files/:name'), '/files/a%20b.txt/')"),
        json!(["/files/:name", { "name": "a b.txt" }])
    );
    for path in ["/files", "/files/..", "/files/%2e%2e", "/files/a%2Fb", "/files/%zz", "/files/a/b"] {
        assert_eq!(
            value_with(imports, &format!("match(routes('/files/:name'), '{path}') === undefined")),
            true,
            "{path}"
        );
    }
    for path in ["", "a", "/", "/a/b.html", "/a b", "/:", "/:a-b", "/:a/:a", "/../a"] {
        assert_eq!(value_with(imports, &format!("fails(() => normalizePagePattern('{path}'))")), true, "{path}");
    }
    assert_eq!(value_with(imports, "normalizePagePattern('/v1.2/:id')"), "/v1.2/:id");
    assert_eq!(
        value_with(
            imports,
            "fails(() => normalizePageRoutes([{ page: 'a', path: '/:x' }, { page: 'b', path: '/:y' }]))"
        ),
        true
    );
    assert_eq!(
        value_with(
            imports,
            "normalizePageRoutes([1, null, {}, { page: 'a', path: '/x', renderMode: 'ssg' }, { page: 'a', path: '/x', name: 'n' }])"
        ),
        json!([{ "page": "a", "pattern": "/x", "name": "n" }])
    );
}
