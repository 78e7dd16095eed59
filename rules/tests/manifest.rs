//! Hydration: the behaviour that the existing system's tests pin, the deliberate differences, and real modules end to end.

#![expect(clippy::disallowed_methods, reason = "tests prepare real directories")]
#![expect(clippy::unwrap_used, reason = "helpers of tests unwrap as tests do")]

#[path = "manifest/modules.rs"]
mod modules;

use std::sync::Arc;

use proptest::prelude::*;
use serde_json::{Value, json};
use webstir_contract::validate_module_manifest;
use webstir_engine::diagnostic::{Diagnostic, Severity};
use webstir_engine::digest::Digest;
use webstir_engine::discovered::DiscoveredInput;
use webstir_engine::path::RelPath;
use webstir_engine::system::Memory;
use webstir_engine::view::View;
use webstir_rules::manifest::{HydrationInput, LoadFailure, ViewFiles, hydrate, load_error_diagnostic, projection};
use webstir_script::{
    Code, Definition, Entry, Evaluated, Evaluation, Limits, ModuleDescription, NoFiles, NoSourceMaps, Program,
    ScriptError, evaluate,
};

fn module_file() -> RelPath {
    RelPath::new("src/backend/module.ts").unwrap()
}

fn evaluation(source: &str) -> Result<Evaluated, ScriptError> {
    evaluate(Evaluation {
        program: Program::linked("src/backend/module.ts", "src/backend/module.ts", Code::new(source)),
        source_maps: &NoSourceMaps,
        environment: &[],
        files: &NoFiles,
        limits: Limits::default(),
    })
}

/// What a module with this source exports.
fn module(source: &str) -> ModuleDescription {
    evaluation(source).unwrap().module
}

/// Hydrates a workspace called `accounts` with an entry.
fn hydrated(package: &Value, module: Option<&ModuleDescription>) -> (Value, Vec<Diagnostic>) {
    hydrated_text(&serde_json::to_string_pretty(package).unwrap(), module, true)
}

fn hydrated_text(text: &str, module: Option<&ModuleDescription>, has_entries: bool) -> (Value, Vec<Diagnostic>) {
    let (projection, diagnostics) = projection(Some(text));
    assert_eq!(diagnostics, []);
    let file = module_file();
    let (manifest, diagnostics) = hydrate(&HydrationInput {
        projection: &projection,
        package_json: Some(text),
        directory_name: "accounts",
        module,
        module_file: Some(&file),
        has_entries,
    });
    assert_eq!(validate_module_manifest(&manifest).as_ref(), Ok(&manifest), "a hydrated manifest is valid");
    (manifest, diagnostics)
}

fn package(manifest: &Value) -> Value {
    json!({ "name": "@demo/package", "version": "1.2.3", "webstir": { "mode": "api", "moduleManifest": manifest } })
}

/// Messages of at least this severity.
fn messages(diagnostics: &[Diagnostic], least: Severity) -> Vec<&str> {
    diagnostics.iter().filter(|found| found.severity >= least).map(|found| found.message.as_str()).collect()
}

/// The text that a finding points at.
fn pointed<'a>(text: &'a str, diagnostic: &Diagnostic) -> &'a str {
    let span = diagnostic.span.unwrap();
    &text[span.start as usize..span.end as usize]
}

fn names(manifest: &Value, list: &str) -> Vec<String> {
    manifest[list].as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap().to_owned()).collect()
}

// The `manifest` tests of the existing system.

#[test]
fn manifest_1_the_declared_identity_wins_over_the_package() {
    let declared = json!({ "name": "@demo/module", "version": "9.9.9", "capabilities": ["auth", "views"] });
    let (manifest, diagnostics) = hydrated(&package(&declared), None);
    assert_eq!(
        (&manifest["name"], &manifest["version"], &manifest["capabilities"]),
        (&json!("@demo/module"), &json!("9.9.9"), &json!(["auth", "views"]))
    );
    assert_eq!(messages(&diagnostics, Severity::Info), ["Hydrated manifest routes=0 views=0 [auth, views]"]);
}

#[test]
fn manifest_2_the_package_is_the_fallback() {
    let (manifest, _) = hydrated(&json!({ "name": "@demo/package", "version": "1.2.3" }), None);
    assert_eq!(
        manifest,
        json!({
            "contractVersion": "1.0.0", "name": "@demo/package", "version": "1.2.3", "kind": "backend",
            "capabilities": [], "routes": [], "views": [], "jobs": [], "events": [], "services": []
        })
    );
    let (manifest, diagnostics) = hydrated(&json!({}), None);
    assert_eq!((&manifest["name"], &manifest["version"]), (&json!("backend-module-accounts"), &json!("0.0.0")));
    assert_eq!(messages(&diagnostics, Severity::Info), ["Hydrated manifest routes=0 views=0 []"]);
}

#[test]
fn manifest_3_the_code_wins_over_the_declaration() {
    let code = module(
        "export const module = { manifest: { contractVersion: '1.0.0', name: '@demo/code', version: '3.0.0', \
         kind: 'backend', capabilities: ['db'] } };",
    );
    let (manifest, diagnostics) =
        hydrated(&package(&json!({ "name": "@demo/declared", "version": "2.0.0" })), Some(&code));
    assert_eq!(
        (&manifest["name"], &manifest["version"], &manifest["capabilities"]),
        (&json!("@demo/code"), &json!("3.0.0"), &json!(["db"]))
    );
    assert_eq!(messages(&diagnostics, Severity::Warning), Vec::<&str>::new());
}

#[test]
fn manifest_4_routes_of_the_code_come_first() {
    let code = module(
        "const route = (name, method, path) => ({ definition: { name, method, path }, handler() {} });
         export const module = { manifest: { routes: [{ name: 'ignored', method: 'GET', path: '/ignored' }] },
           routes: [route('codeTwo', 'POST', '/two'), route('codeOne', 'GET', '/one')] };",
    );
    let declared = json!({ "routes": [
        { "name": "declaredOne", "method": "get", "path": "one//" },
        { "name": "declaredThree", "method": "GET", "path": "/three" },
        { "name": "declaredTwo", "method": "POST", "path": "/two" },
    ] });
    let (manifest, diagnostics) = hydrated(&package(&declared), Some(&code));
    assert_eq!(names(&manifest, "routes"), ["codeTwo", "codeOne", "declaredThree"]);
    assert_eq!(messages(&diagnostics, Severity::Info), ["Hydrated manifest routes=3 views=0 []"]);
}

#[test]
fn manifest_5_jobs_follow_the_same_rule_by_name() {
    let code = module(
        "export const module = { manifest: { jobs: [{ name: 'nightly', schedule: '0 3 * * *' }, { name: 'codeOnly', schedule: '@daily' }] } };",
    );
    let declared = json!({ "jobs": [
        { "name": "declaredOnly", "schedule": "rate(5 minutes)" },
        { "name": "nightly", "schedule": "never" },
    ] });
    let (manifest, diagnostics) = hydrated(&package(&declared), Some(&code));
    assert_eq!(names(&manifest, "jobs"), ["nightly", "codeOnly", "declaredOnly"]);
    assert_eq!(manifest["jobs"][0]["schedule"], "0 3 * * *");
    assert_eq!(
        messages(&diagnostics, Severity::Info),
        ["The manifest declares jobs=3 events=0 services=0", "Hydrated manifest routes=0 views=0 []"]
    );
}

#[test]
fn manifest_6_a_definition_in_the_entry_hydrates() {
    // As `index.ts` of the demos: it serves itself when started, and exports the definition.
    let code = module(
        "import { pathToFileURL } from 'node:url';
         import { startBunBackend } from '@webstir-io/webstir-backend';
         export const module = { manifest: { name: '@demo/index', routes: [{ name: 'home', path: '/' }] } };
         if (pathToFileURL(process.argv[1]).href === import.meta.url) await startBunBackend({});",
    );
    let (manifest, diagnostics) = hydrated(&package(&json!({})), Some(&code));
    assert_eq!(manifest["name"], "@demo/index");
    // A route without a method is a GET.
    assert_eq!(manifest["routes"], json!([{ "name": "home", "method": "GET", "path": "/" }]));
    assert_eq!(messages(&diagnostics, Severity::Warning), Vec::<&str>::new());
}

// The `routeMetadata` tests of the existing system.

fn with_session(inline: &str, declared: &Value) -> (Value, Vec<Diagnostic>) {
    let code = module(&format!(
        "export const module = {{ manifest: {{}}, routes: [{{ definition: {{ name: 'a', method: 'POST', path: '/a', {inline} }}, handler() {{}} }}] }};"
    ));
    let declared = json!({ "routes": [{ "name": "x", "method": "post", "path": "/a/", "session": declared }] });
    let (manifest, diagnostics) = hydrated(&package(&declared), Some(&code));
    (manifest["routes"][0].clone(), diagnostics)
}

#[test]
fn route_metadata_1_a_declared_session_fills_in() {
    let (route, diagnostics) = with_session("", &json!({ "mode": "required", "write": true }));
    assert_eq!(
        route,
        json!({ "name": "a", "method": "POST", "path": "/a", "session": { "mode": "required", "write": true } })
    );
    assert_eq!(messages(&diagnostics, Severity::Warning), Vec::<&str>::new());
}

#[test]
fn route_metadata_2_a_conflict_is_required_with_one_warning() {
    for (inline, declared) in [("optional", "required"), ("required", "optional")] {
        let session = json!({ "mode": declared, "write": true });
        let (route, diagnostics) = with_session(&format!("session: {{ mode: '{inline}' }}"), &session);
        assert_eq!(route["session"], json!({ "mode": "required", "write": true }));
        let warnings = messages(&diagnostics, Severity::Warning);
        assert_eq!(
            warnings,
            [format!(
                "Route `POST /a` declares `session.mode` '{inline}' in the module but `session.mode` '{declared}' in \
                 `package.json`; 'required' is used"
            )]
        );
        let diagnostic = diagnostics.iter().find(|found| found.severity == Severity::Warning).unwrap();
        assert_eq!(diagnostic.code, "manifest::session_conflict");
        assert_eq!(diagnostic.file.as_ref().unwrap().as_str(), "package.json");
        assert!(diagnostic.span.is_some() && diagnostic.help.is_some());
    }
}

#[test]
fn route_metadata_3_without_a_declaration_nothing_changes() {
    for declared in [json!(null), json!("required"), json!([])] {
        let (route, diagnostics) = with_session("session: { mode: 'optional', write: false }", &declared);
        assert_eq!(route["session"], json!({ "mode": "optional", "write": false }));
        assert_eq!(messages(&diagnostics, Severity::Warning), Vec::<&str>::new());
    }
    let (route, _) = with_session("session: { write: false }", &json!({ "mode": "required", "write": true }));
    assert_eq!(route["session"], json!({ "mode": "required", "write": false }));
}

#[test]
fn route_metadata_4_a_declaration_cannot_loosen_the_form() {
    let (route, diagnostics) = with_session("form: { session: { mode: 'required' } }", &json!({ "mode": "optional" }));
    assert_eq!(route["session"], json!({ "mode": "required" }));
    assert_eq!(route["form"], json!({ "session": { "mode": "required" } }));
    let warnings = messages(&diagnostics, Severity::Warning);
    assert_eq!(warnings.len(), 1);
    assert!(
        warnings[0].contains("`form.session.mode` 'required'") && warnings[0].contains("'optional'"),
        "{warnings:?}"
    );
}

#[test]
fn route_metadata_5_agreement_is_silent() {
    let (route, diagnostics) =
        with_session("session: { mode: 'required' }", &json!({ "mode": "required", "write": false }));
    assert_eq!(route["session"], json!({ "mode": "required", "write": false }));
    assert_eq!(messages(&diagnostics, Severity::Warning), Vec::<&str>::new());
    // A mode in the form is lifted as it is.
    let (route, _) = with_session("form: { session: { mode: 'optional' } }", &json!({ "write": true }));
    assert_eq!(route["session"], json!({ "mode": "optional", "write": true }));
}

// The rest of the merge.

#[test]
fn lists_merge_as_the_contract_says() {
    let code = module(
        "export const module = { manifest: {
           capabilities: ['db', 'auth'], assets: ['b.svg', 'a.svg'], init: 'start',
           requestHooks: [{ id: 'audit', phase: 'beforeAuth', order: 2 }],
           events: [{ name: 'codeEvent' }],
         }, views: [{ definition: { name: 'Code', path: '/code' }, load() {} }] };",
    );
    let declared = json!({
        "kind": "frontend", "unknown": 1, "init": "declared", "dispose": "declared",
        "capabilities": ["auth", "mail"], "assets": ["a.svg"],
        "requestHooks": [
            { "id": "audit", "phase": "afterHandler", "order": 1 },
            { "id": "last", "phase": "afterHandler", "order": 1 },
        ],
        "views": [{ "name": "Declared", "path": "/declared" }],
        "events": [{ "name": "declaredEvent" }], "services": [{ "name": "mail" }],
    });
    let (manifest, diagnostics) = hydrated(&package(&declared), Some(&code));
    assert_eq!(manifest["kind"], "backend");
    assert_eq!(manifest["capabilities"], json!(["auth", "mail", "db"]));
    assert_eq!(manifest["assets"], json!(["a.svg", "b.svg"]));
    assert_eq!(
        manifest["requestHooks"],
        json!([
            { "id": "audit", "phase": "beforeAuth", "order": 2 },
            { "id": "last", "phase": "afterHandler", "order": 1 },
        ])
    );
    assert_eq!(names(&manifest, "views"), ["Code"]);
    assert_eq!(names(&manifest, "events"), ["codeEvent"]);
    assert_eq!(names(&manifest, "services"), ["mail"]);
    assert_eq!((&manifest["init"], &manifest["dispose"]), (&json!("start"), &json!("declared")));
    assert_eq!(messages(&diagnostics, Severity::Warning), Vec::<&str>::new());
    // Without a definition the package's own are kept: the existing system dropped assets and hooks.
    let (manifest, _) = hydrated(&package(&declared), None);
    assert_eq!((&manifest["assets"], manifest["requestHooks"].as_array().unwrap().len()), (&json!(["a.svg"]), 2));
}

#[test]
fn an_empty_route_list_is_a_list() {
    let code = module(
        "export const module = { manifest: { routes: [{ name: 'a', method: 'GET', path: '/a' }] }, routes: [] };",
    );
    let (manifest, _) = hydrated(&package(&json!({ "routes": [{ "name": "b", "path": "/b" }] })), Some(&code));
    assert_eq!(names(&manifest, "routes"), ["b"]);
    let code = module("export const module = { manifest: { routes: [{ name: 'a', method: 'GET', path: '/a' }] } };");
    let (manifest, _) = hydrated(&package(&json!({ "routes": [{ "name": "b", "path": "/b" }] })), Some(&code));
    assert_eq!(names(&manifest, "routes"), ["a", "b"]);
}

#[test]
fn a_frontend_kind_is_a_warning() {
    let code = module("export const module = { manifest: { kind: 'frontend' } };");
    let (manifest, diagnostics) = hydrated(&package(&json!({})), Some(&code));
    assert_eq!(manifest["kind"], "backend");
    assert_eq!(
        messages(&diagnostics, Severity::Warning),
        ["The module definition says that its kind is `frontend`; a backend module is `backend`"]
    );
}

#[test]
fn what_is_no_definition_is_a_warning() {
    let warnings = |source: &str| {
        let (_, diagnostics) = hydrated(&package(&json!({})), Some(&module(source)));
        messages(&diagnostics, Severity::Warning).join("\n")
    };
    assert_eq!(
        warnings("export const module = {}; export default { manifest: {} };"),
        "The export `module` is not a module definition: it has no `manifest`"
    );
    assert_eq!(warnings("export const other = 1;"), "The module exports no definition");
}

#[test]
fn declared_routes_without_a_key_are_left_out() {
    let code = module("export const module = { manifest: {}, routes: [] };");
    let text = serde_json::to_string(&package(&json!({ "routes": [{ "name": "b" }, 1] }))).unwrap();
    let (manifest, diagnostics) = hydrated_text(&text, Some(&code), true);
    assert_eq!(manifest["routes"], json!([]));
    assert_eq!(messages(&diagnostics, Severity::Warning).len(), 2);
    assert_eq!(pointed(&text, &diagnostics[0]), r#"{"name":"b"}"#);
    let (_, diagnostics) = hydrated(&package(&json!({ "routes": {} })), Some(&code));
    assert_eq!(
        messages(&diagnostics, Severity::Warning),
        ["`routes` of `webstir.moduleManifest` is not a list and is ignored"]
    );
}

// Validation and checks.

#[test]
fn a_manifest_that_does_not_validate_is_an_error_and_replaced() {
    let declared =
        json!({ "name": "kept", "routes": [{ "name": "a", "method": "FETCH", "path": "/" }, { "path": "" }] });
    let text = serde_json::to_string_pretty(&package(&declared)).unwrap();
    let (manifest, diagnostics) = hydrated_text(&text, None, true);
    assert_eq!(
        manifest,
        json!({
            "contractVersion": "1.0.0", "name": "kept", "version": "1.2.3", "kind": "backend", "capabilities": [],
            "routes": [], "views": [], "jobs": [], "events": [], "services": []
        })
    );
    assert_eq!(
        messages(&diagnostics, Severity::Error),
        ["Backend module manifest validation failed (routes[0].method: Invalid enum value. Expected 'GET' | 'HEAD' | \
          'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'OPTIONS', received 'FETCH'; routes[1].name: Required; routes[1].path: \
          String must contain at least 1 character(s))"]
    );
    let error = &diagnostics[0];
    assert_eq!(pointed(&text, error), "\"FETCH\"");
    assert_eq!(error.related.len(), 2);
    assert_eq!(messages(&diagnostics, Severity::Info)[1], "Hydrated manifest routes=0 views=0 []");
}

#[test]
fn a_violation_points_to_who_declared_it() {
    let code = module(
        "export const module = { manifest: {}, routes: [{ definition: { name: 'a', path: '/a', input: { body: { _def: {}, parse() {} } } }, handler() {} },
           { definition: { name: 'b', path: 7 } }] };",
    );
    let text = serde_json::to_string_pretty(&package(&json!({ "routes": [{ "name": 1, "path": "/c" }] }))).unwrap();
    let (_, diagnostics) = hydrated_text(&text, Some(&code), true);
    let error = &diagnostics[0];
    assert!(error.message.contains("routes[1].path: Expected string, received number"), "{}", error.message);
    assert_eq!((error.file.as_ref().unwrap().as_str(), error.span), ("src/backend/module.ts", None));
    assert_eq!(error.notes, ["`routes[0].definition.input.body` was left out: it is a schema"]);
    // Index 2 of the merged list is index 0 of the declared one.
    assert!(error.related[0].message.starts_with("routes[2].name:"));
    let span = error.related[0].span.unwrap();
    assert_eq!(&text[span.start as usize..span.end as usize], "1");
}

#[test]
fn names_of_the_package_itself_are_found() {
    let text = "{ \"name\": \"\", \"version\": \"1\" }";
    let (manifest, diagnostics) = hydrated_text(text, None, true);
    assert_eq!(manifest["name"], "backend-module-accounts");
    assert_eq!((pointed(text, &diagnostics[0]), diagnostics[0].span.unwrap().column), ("\"\"", 11));
}

#[test]
fn c10_paths_that_nothing_can_reach_are_told() {
    let routes = json!([
        { "name": "a", "method": "GET", "path": "/notes/:id" },
        { "name": "b", "method": "GET", "path": "/notes/new" },
        { "name": "c", "method": "POST", "path": "/notes/new" },
        { "name": "d", "method": "GET", "path": "/:a/:a" },
        { "name": "e", "method": "GET", "path": "/v1.2" },
    ]);
    let views = json!([{ "name": "v", "path": "/notes/:slug" }, { "name": "p", "path": "/notes/:id", "page": "note" }]);
    let package = json!({ "webstir": { "moduleManifest": { "routes": routes, "views": views } } });
    let (manifest, diagnostics) = hydrated(&package, None);
    assert_eq!(manifest["routes"].as_array().unwrap().len(), 5);
    assert_eq!(
        messages(&diagnostics, Severity::Warning),
        [
            "`GET /notes/new` can never match: `GET /notes/:id`, which comes first, takes its requests",
            "`/:a/:a` cannot be served: the parameter `:a` stands twice in the path",
            "`view /notes/:slug` can never match: `GET /notes/:id`, which comes first, takes its requests",
        ]
    );
    let place = diagnostics.iter().find(|diagnostic| diagnostic.code == "manifest::bad_path").unwrap();
    assert!(place.span.is_some() && place.help.is_some(), "{place:?}");
}

#[test]
fn duplicates_are_found_with_the_normaliser_of_the_merge() {
    let declared = json!({ "routes": [
        { "name": "a", "method": "GET", "path": "/x/y" },
        { "name": "b", "path": "x//y/" },
        { "name": "c", "method": "POST", "path": "/x/y" },
        { "name": "d", "method": "GET", "path": "/x//y" },
    ] });
    let text = serde_json::to_string(&package(&declared)).unwrap();
    let (manifest, diagnostics) = hydrated_text(&text, None, true);
    assert_eq!(manifest["routes"].as_array().unwrap().len(), 4);
    assert_eq!(messages(&diagnostics, Severity::Warning), ["Found duplicate route definitions: `GET /x/y` (3x)"]);
    assert!(pointed(&text, &diagnostics[0]).contains("\"b\""));
    assert_eq!(diagnostics[0].related.len(), 2);
}

#[test]
fn routes_need_an_entry() {
    let text = serde_json::to_string(&package(&json!({ "routes": [{ "name": "a", "path": "/" }] }))).unwrap();
    let (_, diagnostics) = hydrated_text(&text, None, false);
    assert_eq!(
        messages(&diagnostics, Severity::Warning),
        ["The manifest has 1 route(s), but there is no entry that could serve them"]
    );
    let (_, diagnostics) = hydrated_text("{}", None, false);
    assert_eq!(messages(&diagnostics, Severity::Warning), Vec::<&str>::new());
}

#[test]
fn unscheduled_jobs_are_named_up_to_ten() {
    let jobs: Vec<Value> = (0..12).map(|index| json!({ "name": format!("job{index}") })).collect();
    let declared = json!({ "jobs": jobs, "events": [{ "name": "e" }], "services": [{ "name": "s" }] });
    let (_, diagnostics) = hydrated(&package(&declared), None);
    let found = messages(&diagnostics, Severity::Info);
    assert_eq!(found[0], "The manifest declares jobs=12 events=1 services=1");
    assert_eq!(
        found[1],
        "Found jobs without a schedule: `job0`, `job1`, `job2`, `job3`, `job4`, `job5`, `job6`, `job7`, `job8`, `job9`, and 2 more"
    );
    let (_, diagnostics) = hydrated(&package(&json!({ "jobs": [{ "name": "a", "schedule": "@daily" }] })), None);
    assert_eq!(messages(&diagnostics, Severity::Warning), Vec::<&str>::new());
}

#[test]
fn page_views_are_checked() {
    let declared = json!({ "views": [{ "name": "A", "path": "/:a/:a", "page": "p" }] });
    let text = serde_json::to_string(&package(&declared)).unwrap();
    let (_, diagnostics) = hydrated_text(&text, None, true);
    assert_eq!(
        messages(&diagnostics, Severity::Error),
        ["The path `/:a/:a` of a page view repeats the parameter `:a`"]
    );
    assert_eq!(pointed(&text, &diagnostics[0]), "\"/:a/:a\"");
}

#[test]
fn an_edit_of_something_else_changes_nothing() {
    let manifest = json!({ "routes": [{ "name": "a", "path": "/" }] });
    let mut other = package(&manifest);
    other["description"] = json!("another");
    other["scripts"] = json!({ "build": "x" });
    let text = |package: &Value| serde_json::to_string_pretty(package).unwrap();
    let (first, second) = (projection(Some(&text(&package(&manifest)))).0, projection(Some(&text(&other))).0);
    assert_eq!(first.to_json(), second.to_json());
}

// Loading.

#[test]
fn files_are_read_through_the_view_and_recorded() {
    let view = View::new(Arc::new(Memory::with_files(&[("data/routes.json", r#"[{ "name": "a", "path": "/a" }]"#)])));
    let source = "import { existsSync, readFileSync, readdirSync } from 'node:fs';
        const routes = JSON.parse(readFileSync(new URL('../../data/routes.json', import.meta.url), 'utf8'));
        existsSync('data/none'); readdirSync('data');
        export const module = { manifest: { routes } };";
    let evaluated = evaluate(Evaluation {
        program: Program::linked("src/backend/module.ts", "src/backend/module.ts", Code::new(source)),
        source_maps: &NoSourceMaps,
        environment: &[],
        files: &ViewFiles(&view),
        limits: Limits::default(),
    })
    .unwrap();
    let (manifest, _) = hydrated(&package(&json!({})), Some(&evaluated.module));
    assert_eq!(names(&manifest, "routes"), ["a"]);
    let path = |text: &str| RelPath::new(text).unwrap();
    let discovered = view.discovered();
    let content = DiscoveredInput::Content(Some(Digest::of(br#"[{ "name": "a", "path": "/a" }]"#)));
    assert!(discovered.contains(&(path("data/routes.json"), content)), "{discovered:?}");
    assert!(discovered.iter().any(|(asked, _)| *asked == path("data/none")));
    assert!(
        discovered
            .iter()
            .any(|(asked, seen)| *asked == path("data") && matches!(seen, DiscoveredInput::Entries(Some(_))))
    );
}

fn load_failure(source: &str, strict: bool) -> Diagnostic {
    let file = module_file();
    let failure = LoadFailure { module_file: &file, strict, text: &|_| None };
    load_error_diagnostic(&evaluation(source).unwrap_err(), &failure)
}

#[test]
fn a_module_that_cannot_be_loaded_is_an_error_where_it_counts() {
    assert!(load_failure("throw 1", true).is_error());
    assert_eq!(load_failure("throw 1", false).severity, Severity::Warning);
    let diagnostic = load_failure("import 'node:http';", true);
    assert_eq!(diagnostic.code, "manifest::unsupported_import");
    assert_eq!(
        diagnostic.message,
        "Failed to load module definition: Cannot import `node:http`: the embedded engine does not have it"
    );
    assert_eq!(diagnostic.file, Some(module_file()));
    let diagnostic = load_failure("throw new Error('first\\nsecond.', { cause: new TypeError('why') });", true);
    assert_eq!(diagnostic.message, "Failed to load module definition: Error: first");
    assert_eq!(diagnostic.notes, ["second.", "Caused by TypeError: why"]);
    assert_eq!(load_failure("for (;;) {}", true).code, "manifest::cpu_limit");
}

fn arbitrary_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        proptest::sample::select(vec!["", "GET", "/", "/a/", "a//b", "required", "optional", "backend", "home"])
            .prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 48, 5, |inner| {
        let keys = proptest::sample::select(vec![
            "name",
            "version",
            "kind",
            "capabilities",
            "assets",
            "requestHooks",
            "routes",
            "views",
            "jobs",
            "events",
            "services",
            "init",
            "method",
            "path",
            "session",
            "form",
            "mode",
            "write",
            "page",
            "renderMode",
            "schedule",
            "id",
        ]);
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::vec((keys, inner), 0..6)
                .prop_map(|entries| entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()),
        ]
    })
}

proptest! {
    /// Whatever both sides declare, the result is a valid manifest and every finding about `package.json` lies in it.
    #[test]
    fn any_declaration_hydrates(
        declared in arbitrary_json(),
        manifest in arbitrary_json(),
        routes in proptest::option::of(proptest::collection::vec(arbitrary_json(), 0..4)),
    ) {
        let entry = |definition| Entry { definition, callable: true };
        let definition = Definition {
            manifest,
            routes: routes.map(|routes| routes.into_iter().map(entry).collect()),
            ..Definition::default()
        };
        let module = ModuleDescription { definition: Some(definition), ..ModuleDescription::default() };
        let text = package(&declared).to_string();
        let (projection, _) = projection(Some(&text));
        for module in [None, Some(&module)] {
            let (manifest, diagnostics) = hydrate(&HydrationInput {
                projection: &projection,
                package_json: Some(&text),
                directory_name: "accounts",
                module,
                module_file: None,
                has_entries: false,
            });
            let validated = validate_module_manifest(&manifest);
            prop_assert_eq!(validated.as_ref(), Ok(&manifest));
            prop_assert_eq!(&manifest["kind"], "backend");
            for span in diagnostics.iter().filter_map(|diagnostic| diagnostic.span) {
                prop_assert!(text.get(span.start as usize..span.end as usize).is_some());
            }
        }
    }
}
