//! Real modules: TypeScript with npm packages, bundled by a bundler of its own.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use serde_json::json;
use webstir_engine::diagnostic::Severity;
use webstir_engine::path::RelPath;
use webstir_rules::manifest::{LoadFailure, load_error_diagnostic};
use webstir_script::{Code, Evaluated, Evaluation, Limits, NoFiles, Program, ScriptError, SourceMap, evaluate};

use crate::{hydrated, messages, module_file, names, package};

/// A directory with the packages of these tests. It is made whole beside its place and moved there, so that test processes which
/// start at once do not meet half of it.
fn packages() -> &'static Path {
    static PACKAGES: OnceLock<PathBuf> = OnceLock::new();
    PACKAGES.get_or_init(|| {
        let wanted = ["zod@3.25.76", "@ts-rest/core@3.52.1", "esbuild@0.28.2"];
        let root = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let name: String = wanted.join("-").replace(['/', '@'], "_");
        let directory = root.join(format!("manifest-packages-{name}"));
        if !directory.is_dir() {
            let staged = tempfile::tempdir_in(root).unwrap();
            let output = Command::new("npm")
                .args(["install", "--no-audit", "--no-fund", "--no-save", "--loglevel=error", "--prefix"])
                .arg(staged.path())
                .args(wanted)
                .output()
                .unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            // Another process may have been faster: its directory is as good.
            let moved = std::fs::rename(staged.path(), &directory);
            assert!(moved.is_ok() || directory.is_dir(), "{moved:?}");
        }
        directory
    })
}

/// Bundles `src/backend/module.ts` with these files beside it: the text and the source map.
fn bundled(files: &[(&str, &str)]) -> (String, String) {
    let workspace = tempfile::tempdir_in(packages()).unwrap();
    for (path, text) in files {
        let path = workspace.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let mut esbuild = Command::new(packages().join("node_modules/.bin/esbuild"));
    esbuild.current_dir(workspace.path()).args([
        "src/backend/module.ts",
        "--bundle",
        "--format=esm",
        "--platform=node",
        "--target=node20",
        "--sourcemap=external",
        "--outfile=build/backend/module.js",
        "--log-level=error",
    ]);
    esbuild.args(webstir_script::supported_modules().map(|specifier| format!("--external:{specifier}")));
    let output = esbuild.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let read = |name: &str| std::fs::read_to_string(workspace.path().join("build/backend").join(name)).unwrap();
    (read("module.js"), read("module.js.map"))
}

fn evaluated(bundle: &(String, String)) -> Result<Evaluated, ScriptError> {
    let map = SourceMap { json: bundle.1.as_str().into(), directory: "build/backend".to_owned() };
    let path = "build/backend/module.js";
    evaluate(Evaluation {
        program: Program::linked(path, "src/backend/module.ts", Code::new(bundle.0.as_str())),
        source_maps: &BTreeMap::from([(path.to_owned(), map)]),
        environment: &[],
        files: &NoFiles,
        limits: Limits::default(),
    })
}

const ACCOUNTS: &str = r"
import { CONTRACT_VERSION, createModule, defineRoute, defineView } from '@webstir-io/module-contract';
import { processFormSubmission } from '@webstir-io/webstir-backend/runtime/forms';
import { z } from 'ZOD';

const params = z.object({ id: z.string().uuid() });
const account = z.object({ id: z.string(), email: z.string().email().transform((text: string) => text.toLowerCase()) });
type Account = z.infer<typeof account>;

const reference = (name: string) => ({ kind: 'zod' as const, name, source: 'src/backend/module.ts' });

const show = defineRoute({
  definition: { name: 'showAccount', method: 'GET', path: '/accounts/:id', session: { mode: 'required' },
    input: { params: reference('params') }, output: { body: reference('account'), status: 200 } },
  schemas: { params, response: account },
  handler: async (ctx: any): Promise<{ status: number; body: Account }> => ({ status: 200, body: account.parse(ctx) }),
});
const save = defineRoute({
  definition: { name: 'saveAccount', method: 'POST', path: '/accounts/:id', interaction: 'mutation',
    form: { csrf: true }, fragment: { target: 'account' }, requestHooks: [{ id: 'audit' }] },
  handler: async (ctx: any) => processFormSubmission({ session: ctx.session, body: ctx.body, formId: 'account' }),
});
const view = defineView({
  definition: { name: 'AccountView', path: '/accounts/:id', data: reference('account'), renderMode: 'ssr' },
  params, data: account, load: async () => ({}),
});

if (!params.safeParse({ id: '0d9f9a3e-6b0c-4c83-b4a3-0c6ea6b8c1f5' }).success) throw new Error('zod does not work');

export const module = createModule({
  manifest: { contractVersion: CONTRACT_VERSION, name: '@demo/accounts', version: '0.1.0', kind: 'backend',
    capabilities: ['auth', 'db', 'views'], requestHooks: [{ id: 'audit', phase: 'beforeHandler', order: 0 }],
    routes: [show.definition, save.definition], views: [view.definition] },
  routes: [show, save], views: [view], requestHooks: [{ id: 'audit', handler() {} }],
  init() {}, dispose() {},
});
";

#[test]
fn a_module_with_zod_hydrates() {
    for zod in ["zod", "zod/v4"] {
        let bundle = bundled(&[("src/backend/module.ts", &ACCOUNTS.replace("ZOD", zod))]);
        let code = evaluated(&bundle).unwrap_or_else(|error| panic!("{zod}: {error}")).module;
        assert_eq!(code.dropped, []);
        let (manifest, diagnostics) = hydrated(&package(&json!({ "capabilities": ["mail"] })), Some(&code));
        assert_eq!(names(&manifest, "routes"), ["showAccount", "saveAccount"], "{zod}");
        assert_eq!(manifest["routes"][0]["input"]["params"]["name"], "params");
        assert_eq!(names(&manifest, "views"), ["AccountView"]);
        assert_eq!(
            messages(&diagnostics, Severity::Info),
            [
                "`view /accounts/:id` can never match: `GET /accounts/:id`, which comes first, takes its requests",
                "Hydrated manifest routes=2 views=1 [mail, auth, db, views]"
            ],
            "{zod}"
        );
        assert_eq!(evaluated(&bundle).unwrap().module, code);
    }
}

#[test]
fn a_module_with_ts_rest_hydrates() {
    let source = r"
        import { initContract } from '@ts-rest/core';
        import { createModule, fromTsRestRouter, CONTRACT_VERSION } from '@webstir-io/module-contract';
        import { z } from 'zod';
        const c = initContract();
        const account = z.object({ id: z.string().uuid() });
        const router = c.router({
          list: c.query({ path: '/accounts', method: 'GET', responses: { 200: z.object({ data: z.array(account) }) } }),
          detail: c.query({ path: '/accounts/:id', method: 'GET', pathParams: account, responses: { 200: account, 404: z.null() } }),
        });
        const routes = fromTsRestRouter({ router, baseName: 'accounts', createRoute: ({ keyPath }) => ({ handler: async () => keyPath }) });
        export const module = createModule({
          manifest: { contractVersion: CONTRACT_VERSION, name: '@demo/accounts', version: '0.1.0', kind: 'backend',
            capabilities: ['db'], routes: routes.map((route) => route.definition) },
          routes,
        });
    ";
    let code = evaluated(&bundled(&[("src/backend/module.ts", source)])).unwrap().module;
    let (manifest, diagnostics) = hydrated(&package(&json!({})), Some(&code));
    assert_eq!(messages(&diagnostics, Severity::Warning), Vec::<&str>::new());
    assert_eq!(names(&manifest, "routes"), ["accountsList", "accountsDetail"]);
    assert_eq!(manifest["routes"][1]["path"], "/accounts/:id");
    assert_eq!(manifest["routes"][1]["input"]["params"]["name"], "AccountsDetailParams");
}

#[test]
fn a_module_that_throws_points_to_the_line_that_threw() {
    let module_text =
        "import { load } from './db/load.ts';\n\nexport const module = { manifest: { name: load('ü') } };\n";
    let load_text = "interface Row { name: string }\n\nexport function load(key: string): Row {\n  // Grüße\n  const row = rows[key] as Row; throw new TypeError(`No row for ${key}`);\n}\nconst rows: Record<string, Row> = {};\n";
    let files = [("src/backend/module.ts", module_text), ("src/backend/db/load.ts", load_text)];
    let error = evaluated(&bundled(&files)).unwrap_err();
    let file = module_file();
    let text =
        |path: &RelPath| files.iter().find(|(name, _)| *name == path.as_str()).map(|(_, text)| (*text).to_owned());
    let diagnostic = load_error_diagnostic(&error, &LoadFailure { module_file: &file, strict: true, text: &text });
    assert_eq!(diagnostic.message, "Failed to load module definition: TypeError: No row for ü");
    assert_eq!(diagnostic.file.as_ref().unwrap().as_str(), "src/backend/db/load.ts");
    let span = diagnostic.span.unwrap();
    // The engine's column is where the arguments of the constructor end.
    assert_eq!((span.line, &load_text[span.start as usize..span.end as usize]), (5, "key"));
    let related = &diagnostic.related[0];
    assert_eq!(related.file.as_ref().unwrap().as_str(), "src/backend/module.ts");
    let span = related.span.unwrap();
    assert_eq!((span.line, &module_text[span.start as usize..span.end as usize]), (3, "load"));
}
