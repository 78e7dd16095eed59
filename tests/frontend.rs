//! Workspaces with a frontend, which no rule builds yet.

use crate::support::Case;

const FINDING: [&str; 1] = ["frontend::not_built package.json:1"];

fn workspace(mode: &str) -> Case {
    let case = Case::with(&[
        ("package.json", &format!(r#"{{ "name": "shop", "type": "module", "webstir": {{ "mode": "{mode}" }} }}"#)),
        ("src/frontend/pages/home/index.html", "home"),
    ]);
    if mode == "full" {
        case.write("src/backend/index.ts", "export const started: boolean = true;\n");
        case.write("src/backend/module.ts", "export const module = { routes: [] };\n");
        case.write("src/backend/tsconfig.json", r#"{ "compilerOptions": { "types": [], "noEmit": true } }"#);
    }
    case
}

fn findings(case: &Case, verb: &str) -> (Option<i32>, Vec<String>) {
    let ran = case.run(&[verb, "--json"]);
    let findings = ran.findings().into_iter().filter(|found| found.starts_with("frontend::"));
    (ran.code, findings.map(|found| found.rsplit_once(':').unwrap().0.to_owned()).collect())
}

#[test]
fn t15_a_frontend_that_is_not_built_is_a_finding() {
    for mode in ["full", "spa", "ssg"] {
        let case = workspace(mode);
        for verb in ["build", "publish", "build"] {
            assert_eq!(findings(&case, verb), (Some(1), FINDING.map(str::to_owned).to_vec()), "{mode} {verb}");
        }
        assert_eq!(case.exists("build/backend/index.js"), mode == "full");
        assert_eq!(case.exists("dist/backend/index.js"), mode == "full");
        let told = case.run(&["build"]);
        assert!(told.stderr.contains("`src/frontend` is not built"), "{}", told.stderr);
        // Without the frontend, all of it is built.
        case.remove("src/frontend");
        assert_eq!(findings(&case, "build"), (Some(0), Vec::new()), "{mode}");
    }
    let case = workspace("full");
    case.replace("package.json", r#""mode": "full""#, r#""mode": "api""#);
    assert_eq!(findings(&case, "build"), (Some(0), Vec::new()));
}

#[test]
fn t15_a_rule_of_the_user_builds_it() {
    let case = workspace("ssg");
    case.write(
        "webstir.kdl",
        "workspace { mode ssg }\nfiles pages { base \"src/frontend\"; include \"**\" }\n\
         copy pages { from pages; to \"{out}/frontend\" }\n",
    );
    assert_eq!(findings(&case, "build"), (Some(0), Vec::new()));
    assert_eq!(case.read("build/frontend/pages/home/index.html"), "home");
}

/// Each command that makes `.webstir` keeps git from it.
#[test]
fn t15_git_sees_nothing_of_the_state_directory() {
    for arguments in [
        &["build"][..],
        &["cache", "gc"],
        &["cache", "stats"],
        &["cache", "verify"],
        &["db", "status", "--build"],
        &["affected", "--base", "HEAD"],
    ] {
        let case = workspace("full");
        case.remove("src/frontend");
        let git = |arguments: &[&str]| {
            let mut git = case.command_of("git");
            let identity = ["-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "init.defaultBranch=main"];
            let output = git.args(identity).args(arguments).output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            String::from_utf8(output.stdout).unwrap()
        };
        git(&["init", "--quiet"]);
        git(&["add", "--all"]);
        git(&["commit", "--quiet", "--message", "all"]);
        let ran = case.run(arguments);
        assert_eq!(ran.code, Some(0), "{arguments:?} {}", ran.stderr);
        let untracked = git(&["status", "--porcelain", "--untracked-files=all"]);
        assert!(!untracked.contains(".webstir"), "{arguments:?}: {untracked}");
        assert!(case.exists(".webstir/.gitignore") || !case.exists(".webstir"), "{arguments:?}");
    }
}
