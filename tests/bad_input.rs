//! One clear error each: the file and the place where there is one, exit code 1 or 2, nothing lost.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use crate::support::Case;

const PACKAGE: (&str, &str) =
    ("package.json", "{ \"name\": \"page\", \"type\": \"module\", \"webstir\": { \"mode\": \"api\" } }\n");
const TSCONFIG: (&str, &str) = (
    "src/backend/tsconfig.json",
    "{ \"compilerOptions\": { \"module\": \"nodenext\", \"strict\": true, \"noEmit\": true, \"types\": [] }, \"include\": [\"**/*.ts\"] }\n",
);

/// Builds, and compares the findings and the exit code.
#[track_caller]
fn check(case: &Case, code: i32, expected: &[&str]) {
    let ran = case.build(&[]);
    assert_eq!(ran.findings(), expected, "{}", ran.stdout);
    assert_eq!(ran.code, Some(code));
}

#[test]
fn a_missing_tsconfig_is_a_warning() {
    check(&Case::with(&[PACKAGE, ("src/backend/index.ts", "export {};\n")]), 0, &["typecheck::no_project"]);
}

#[test]
fn an_import_of_nothing_names_the_likely_file() {
    let case = Case::with(&[
        PACKAGE,
        TSCONFIG,
        ("src/backend/index.ts", "import { a } from \"./helpre.js\";\nconsole.log(a);\n"),
        ("src/backend/helper.ts", "export const a = 1;\n"),
    ]);
    let ran = case.build(&[]);
    assert_eq!(ran.code, Some(1));
    let document = ran.json();
    let found =
        document["diagnostics"].as_array().unwrap().iter().find(|found| found["code"] == "resolve::missing").unwrap();
    assert_eq!((&found["file"], &found["span"]["line"]), (&"src/backend/index.ts".into(), &1.into()));
    assert_eq!(found["help"], "Did you mean `./helper.js`?");
}

#[test]
fn a_syntax_error_in_each_kind_of_file() {
    let source =
        ("src/backend/index.ts", "import data from \"./data.json\" with { type: \"json\" };\nconsole.log(data);\n");
    let data = ("src/backend/data.json", "{ \"a\": 1 }\n");
    let files = [PACKAGE, source, data];
    let with = |path: &str, text: &str| {
        let case = Case::with(&files);
        case.write(path, text);
        case
    };
    check(
        &with("src/backend/data.json", "{ \"ä\": 1,\n  oops }\n"),
        1,
        &["typecheck::no_project", "transpile::syntax src/backend/data.json:2:3"],
    );
    check(
        &with("src/backend/index.ts", "const ä = \"🙂\"; const = 1;\n"),
        1,
        &["typecheck::no_project", "transpile::syntax src/backend/index.ts:1:22"],
    );
    check(&with("package.json", "{ \"name\": \"x\",, }\n"), 1, &["package::syntax package.json:1:15"]);
    let kdl = with("webstir.kdl", "workspace \"page\" {\n  mode \"api\"\n");
    let ran = kdl.build(&[]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.findings()[0].starts_with("config::syntax webstir.kdl:"), "{:?}", ran.findings());
    let tsconfig = with("src/backend/tsconfig.json", "{ \"compilerOptions\": { \"strict\": tru } }\n");
    let ran = tsconfig.build(&[]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.findings().iter().any(|found| found.contains("src/backend/tsconfig.json:1:")), "{:?}", ran.findings());
}

#[test]
fn circular_modules_build() {
    let case = Case::with(&[
        PACKAGE,
        ("src/backend/index.ts", "import { b } from \"./b.js\";\nexport const a = () => b();\n"),
        ("src/backend/b.ts", "import { a } from \"./index.js\";\nexport const b = (): unknown => a;\n"),
    ]);
    check(&case, 0, &["typecheck::no_project"]);
    assert!(case.exists("build/backend/b.js"));
    assert_eq!(case.run(&["publish"]).code, Some(0));
}

#[test]
fn a_large_source_builds() {
    let mut text = String::with_capacity(11 << 20);
    let mut number = 0;
    while text.len() < 10 << 20 {
        text.push_str(&format!(
            "export const value{number} = {{ id: {number}, text: \"some text to make it long\" }};\n"
        ));
        number += 1;
    }
    let case = Case::with(&[PACKAGE, ("src/backend/index.ts", &text)]);
    check(&case, 0, &["typecheck::no_project"]);
}

#[test]
fn spaces_and_letters_beyond_ascii() {
    let case = Case::named("ein Ordner mit Ümläuten 🙂");
    case.write(PACKAGE.0, PACKAGE.1);
    case.write("src/backend/index.ts", "import { wert } from \"./ein modul/größe.js\";\nconsole.log(wert);\n");
    case.write("src/backend/ein modul/größe.ts", "export const wert: number = 1;\n");
    check(&case, 0, &["typecheck::no_project"]);
    assert!(case.exists("build/backend/ein modul/größe.js"));
    let output = std::process::Command::new("node").arg(case.path("build/backend/index.js")).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "1\n");
}

#[test]
fn two_sources_of_one_output() {
    let case = Case::with(&[
        PACKAGE,
        ("src/backend/functions/a/index.ts", "export {};\n"),
        ("src/backend/functions/a/index.js", "export {};\n"),
    ]);
    check(&case, 1, &["typecheck::no_project", "transpile::output_claimed src/backend/functions/a/index.ts"]);
}

#[test]
fn a_workspace_without_anything() {
    let case = Case::empty();
    let ran = case.run(&["build"]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("is not a workspace"), "{}", ran.stderr);
    assert_eq!(case.run(&["build", "--workspace", "nowhere"]).code, Some(2));
    assert_eq!(Case::starter().run(&["build", "--profile", "nope"]).code, Some(2));
}

#[test]
fn a_directory_in_the_place_of_an_output() {
    let case = Case::with(&[PACKAGE, ("src/backend/index.ts", "console.log(1);\n")]);
    case.write("build/backend/index.js/user.txt", "keep");
    let ran = case.run(&["build"]);
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    assert!(ran.stderr.contains("in the way"), "{}", ran.stderr);
    assert_eq!(case.read("build/backend/index.js/user.txt"), "keep");
}

/// What root may do says nothing about permissions: the binary runs as nobody.
fn as_nobody(case: &Case, arguments: &[&str]) -> Option<crate::support::Ran> {
    if !rustix_is_root() {
        return Some(case.run(arguments));
    }
    let mut command = std::process::Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--"]);
    let binary = case.beside("webstir");
    fs::copy(env!("CARGO_BIN_EXE_webstir"), &binary).unwrap();
    fs::set_permissions(case.beside(""), fs::Permissions::from_mode(0o755)).unwrap();
    command.arg(binary).args(arguments).current_dir(case.root()).env("WEBSTIR_TOOLCHAIN", case.beside("toolchain"));
    Some(crate::support::ran(command.output().ok()?))
}

fn rustix_is_root() -> bool {
    fs::read_to_string("/proc/self/status").is_ok_and(|status| status.contains("\nUid:\t0\t"))
}

#[test]
fn a_read_only_workspace_fails_clearly_and_an_unreadable_file_is_named() {
    let case = Case::with(&[PACKAGE, ("src/backend/index.ts", "console.log(1);\n")]);
    let Some(ran) = as_nobody(&case, &["build"]) else { return };
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    assert!(
        ran.stderr.contains("[webstir] build failed:") && ran.stderr.contains("ermission denied"),
        "{}",
        ran.stderr
    );

    fs::set_permissions(case.root(), fs::Permissions::from_mode(0o777)).unwrap();
    fs::set_permissions(case.path("src/backend/index.ts"), fs::Permissions::from_mode(0o000)).unwrap();
    let Some(ran) = as_nobody(&case, &["build", "--json"]) else { return };
    assert_eq!(ran.code, Some(1), "{}{}", ran.stdout, ran.stderr);
    assert!(ran.findings().contains(&"file::unreadable src/backend/index.ts".to_owned()), "{:?}", ran.findings());
}

#[test]
fn findings_do_not_fill_the_screen() {
    let long = format!("export const x = [{}]; const = 1;\n", "1, ".repeat(20_000));
    let case = Case::with(&[PACKAGE, ("src/backend/index.ts", &long)]);
    let ran = case.run(&["build"]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.stderr.len() < 2000, "{} bytes", ran.stderr.len());
    assert!(ran.stderr.contains("index.ts:1:60028"), "{}", ran.stderr);

    // Each of these is a finding of its own.
    let many = format!("export const x = [{}] = ;\n", "1,\n".repeat(2_000));
    let case = Case::with(&[PACKAGE, ("src/backend/index.ts", &many)]);
    let shown = |most: Option<&str>| {
        let mut command = case.command();
        command.arg("build").envs(most.map(|most| ("WEBSTIR_BACKEND_DIAG_MAX", most)));
        let ran = crate::support::ran(command.output().unwrap());
        assert!(ran.stderr.contains("findings more are not shown"), "{}", ran.stderr);
        ran.stderr.matches("transpile::syntax").count()
    };
    // One of the 50 is the missing tsconfig.
    assert_eq!(shown(None), 49);
    assert_eq!(shown(Some("3")), 2);
}

#[test]
fn a_syntax_error_is_told_once() {
    let case = Case::starter();
    case.write("src/shared/notes.ts", "export const a = ;\n");
    let findings = case.build(&[]).findings();
    let told: Vec<&String> = findings.iter().filter(|finding| finding.contains("src/shared/notes.ts:1:")).collect();
    assert_eq!(told, ["typecheck::ts1109 src/shared/notes.ts:1:18"], "{findings:?}");
}

#[test]
fn a_configuration_that_is_no_text_is_placed() {
    let case = Case::starter();
    std::fs::write(case.path("webstir.kdl"), b"workspace { mode api }\n// \xff\n").unwrap();
    let built = case.build(&[]);
    assert_eq!(built.code, Some(1));
    assert_eq!(built.findings(), ["config::not_utf8 webstir.kdl:2:4"], "{}", built.stdout);
}

#[test]
fn a_native_compiler_with_another_api_is_named_with_a_way_out() {
    let hash = format!("sha512-{}==", "A".repeat(86));
    let locked = |name: &str| format!(r#""node_modules/{name}": {{ "version": "7.1.0", "integrity": "{hash}" }}"#);
    let platforms = ["linux-x64", "linux-arm64", "darwin-x64", "darwin-arm64"];
    let packages: Vec<String> = std::iter::once(locked("typescript"))
        .chain(platforms.map(|platform| locked(&format!("@typescript/typescript-{platform}"))))
        .collect();
    let lockfile = format!(r#"{{ "lockfileVersion": 3, "packages": {{ {} }} }}"#, packages.join(", "));
    let case = Case::with(&[
        (
            "package.json",
            "{ \"name\": \"page\", \"type\": \"module\", \"webstir\": { \"mode\": \"api\" }, \"devDependencies\": { \"typescript\": \"7.1.0\" } }\n",
        ),
        ("package-lock.json", &lockfile),
        TSCONFIG,
        ("src/backend/index.ts", "export {};\n"),
    ]);
    let ran = case.build(&["--offline"]);
    assert_eq!(ran.code, Some(1), "{}{}", ran.stdout, ran.stderr);
    let document = ran.json();
    let all = document["diagnostics"].as_array().unwrap();
    let found =
        all.iter().find(|found| found["code"] == "typecheck::unknown_api").unwrap_or_else(|| panic!("{all:#?}"));
    assert_eq!(found["message"], "TypeScript 7.1.0 has an API that is not known here");
    assert_eq!(found["help"], "Set `typescript \"7.0.2\"` in `toolchain` of `webstir.kdl`");
}
