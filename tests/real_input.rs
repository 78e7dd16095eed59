//! Input that nobody here wrote: packages of the npm registry.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::Case;

/// Runs npm in a directory and gives its standard output.
fn npm(directory: &Path, arguments: &[&str]) -> String {
    let output = Command::new("npm").args(arguments).current_dir(directory).stderr(Stdio::inherit()).output().unwrap();
    assert!(output.status.success(), "npm {arguments:?} failed");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_module_that_imports_zod() {
    let case = Case::with(&[
        ("package.json", "{ \"name\": \"page\", \"type\": \"module\", \"webstir\": { \"mode\": \"api\" } }\n"),
        (
            "src/backend/tsconfig.json",
            "{ \"compilerOptions\": { \"module\": \"nodenext\", \"target\": \"es2022\", \"strict\": true, \"noEmit\": true, \"types\": [] }, \"include\": [\"**/*.ts\"] }\n",
        ),
        (
            "src/backend/module.ts",
            "import { z } from \"zod\";\n\
             import { createModule, defineRoute } from \"@webstir-io/module-contract\";\n\
             export const account = z.object({ id: z.string().uuid(), email: z.string().email() });\n\
             const parsed = account.safeParse({ id: \"x\" });\n\
             export const module = createModule({\n\
               manifest: { contractVersion: \"1.0.0\", name: parsed.success ? \"good\" : \"accounts\", version: \"1.0.0\", kind: \"backend\" },\n\
               routes: [defineRoute({\n\
                 definition: { name: \"read\", method: \"GET\", path: \"/accounts/:id\", input: { params: { kind: \"zod\", name: \"account\" } } },\n\
                 schemas: { params: account, response: account },\n\
               handler: () => ({ status: 200, body: { id: \"x\", email: \"y\" } }),\n\
               })],\n\
             });\n",
        ),
        ("src/backend/index.ts", "export { account } from \"./module.js\";\n"),
    ]);
    npm(case.root(), &["install", "--no-save", "--no-package-lock", "zod@4.1.12"]);
    let document = case.build_ok(&[]).json();
    assert_eq!(document["manifest"]["name"], "accounts");
    assert_eq!(document["manifest"]["routes"][0]["input"]["params"]["name"], "account");
    let index: serde_json::Value = serde_json::from_str(&case.read("build/backend/artifacts.json")).unwrap();
    assert_eq!(index["module"]["hermetic"], true);
    // The module loads the package from a file beside it; published, it is linked into it.
    assert_eq!(index["module"]["imports"], serde_json::json!({ "zod": "module.packages/zod.js" }));
    assert!(case.read("build/backend/module.js").contains("from \"zod\""));
    assert_eq!(case.run(&["publish"]).code, Some(0));
    assert!(!case.read("dist/backend/module.js").contains("from \"zod\""));
    assert_eq!(case.build_ok(&[]).actions(&["ran"]), Vec::<String>::new());
}

#[test]
fn the_sources_of_the_backend_package() {
    let case = Case::empty();
    let packed = case.beside("packed");
    fs::create_dir(&packed).unwrap();
    let name = npm(&packed, &["pack", "--silent", "@webstir-io/webstir-backend@0.1.63"]);
    assert!(Command::new("tar").args(["xzf", name.trim()]).current_dir(&packed).status().unwrap().success());
    fs::create_dir(case.path("src")).unwrap();
    fs::rename(packed.join("package/src"), case.path("src/backend")).unwrap();
    // It reads its own description from the directory above its sources.
    fs::rename(packed.join("package/package.json"), case.path("src/package.json")).unwrap();
    case.write("package.json", "{ \"name\": \"real\", \"type\": \"module\", \"webstir\": { \"mode\": \"api\" } }\n");
    case.write(
        "src/backend/tsconfig.json",
        "{ \"compilerOptions\": { \"target\": \"es2022\", \"module\": \"nodenext\", \"strict\": true, \"esModuleInterop\": true, \"skipLibCheck\": true, \"types\": [\"node\"], \"resolveJsonModule\": true, \"noEmit\": true }, \"include\": [\"**/*\"] }\n",
    );
    case.write(
        "webstir.kdl",
        "workspace \"real\" { mode \"api\" }\nfiles backend-sources { include \"**/*.{ts,json}\" \"*.json\"; }\n",
    );
    npm(
        case.root(),
        &[
            "install",
            "--no-save",
            "--no-package-lock",
            "--ignore-scripts",
            "esbuild@0.28.2",
            "glob@10.4.1",
            "@types/node@20.19.21",
            "pino@10.1.0",
        ],
    );
    let built = case.build(&[]);
    let document = built.json();
    assert!(built.actions(&["ran"]).len() > 30, "{:?}", built.actions(&["ran"]));
    // Its contract package is not installed. Everything that is found is about that package, or follows from a type of it.
    let errors: Vec<_> =
        document["diagnostics"].as_array().unwrap().iter().filter(|found| found["severity"] == "error").collect();
    assert!(!errors.is_empty());
    for error in &errors {
        let about = error["message"].as_str().unwrap().contains("@webstir-io/module-contract");
        assert!(about || error["code"] == "typecheck::ts7006", "{error}");
    }
    assert!(case.exists("build/backend/runtime/views.js"), "{:?}", case.names("build"));

    // Linked and minified, every entry is a module that Node takes.
    case.write("webstir.kdl", "workspace \"real\" { mode \"api\" }\ntypecheck backend remove=#true\nfiles backend-sources { include \"**/*.{ts,json}\" }\n");
    let published = case.run(&["publish"]);
    assert_eq!(published.code, Some(0), "{}", published.stderr);
    let check = Command::new("node").arg("--check").arg(case.path("dist/backend/index.js")).status().unwrap();
    assert!(check.success());
}

#[test]
fn published_maps_lead_back_to_the_source() {
    let case = Case::with(&[
        ("package.json", "{ \"name\": \"page\", \"type\": \"module\", \"webstir\": { \"mode\": \"api\" } }\n"),
        (
            "src/backend/index.ts",
            "import { fail } from \"./lib/fail.js\";\n\ninterface Unused { a: 1 }\nfail(\"now\");\n",
        ),
        (
            "src/backend/lib/fail.ts",
            "type Text = string;\n\nexport function fail(text: Text): never {\n  throw new Error(text);\n}\n",
        ),
    ]);
    let output = case.command().arg("publish").env("WEBSTIR_BACKEND_SOURCEMAPS", "yes").output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    let map: serde_json::Value = serde_json::from_str(&case.read("dist/backend/index.js.map")).unwrap();
    assert!(
        map["sources"].as_array().unwrap().iter().any(|source| source == "../../src/backend/lib/fail.ts"),
        "{}",
        map["sources"]
    );
    let crashed =
        Command::new("node").arg("--enable-source-maps").arg(case.path("dist/backend/index.js")).output().unwrap();
    let trace = String::from_utf8_lossy(&crashed.stderr).into_owned();
    assert!(trace.contains("src/backend/lib/fail.ts:4\n"), "{trace}");

    let plain = case.run(&["publish"]);
    assert_eq!(plain.code, Some(0));
    // The map of the earlier publish went with the setting.
    assert!(!case.exists("dist/backend/index.js.map"));
}
