//! What GitHub and GitLab read: annotations, summaries and sections.

use super::*;

const YES: (&str, &str) = ("GITHUB_ACTIONS", "true");

fn yes() -> (&'static str, &'static Path) {
    (YES.0, Path::new(YES.1))
}

const ERROR: &str = "::error file=src/a%2Cb.ts,line=2,col=5,endLine=2,endColumn=10,title=eslint%3A%3Ano-wrong\
                     ::`wrong` is wrong: 100%25, really.\n";

#[test]
fn github_has_annotations_on_stdout_when_asked() {
    let case = case("");
    let built = case.run(&["build", "--report", "github"]);
    assert_eq!(built.code, Some(1), "{}", built.stderr);
    assert_eq!(
        built.stdout,
        format!(
            "{ERROR}\
             ::warning file=src/sub/c d.ts,line=1,col=1,endLine=1,endColumn=4,title=eslint%3A%3Ano-mild::Mild & <soft>\n\
             ::warning file=webstir.kdl,line=4,col=1,endLine=4,endColumn=13,title=eslint%3A%3Ano-mild\
             ::Elsewhere%0AIt says so of `node_modules/x/index.js:9:1`\n"
        )
    );
    names_no_place(&case, &built.stdout);
}

#[test]
fn github_is_told_by_itself_on_stderr() {
    let case = case("");
    let summary = case.beside("summary.md");
    std::fs::write(&summary, "# Before\n").unwrap();
    let variables = [yes(), ("GITHUB_STEP_SUMMARY", &*summary)];
    let built = run_with(&case, &variables, &["build", "--json"]);
    assert_eq!(built.code, Some(1), "{}", built.stderr);
    assert_eq!(built.json()["ok"], false, "stdout is the document alone");
    assert!(built.stderr.contains(&format!("\n{ERROR}")), "{}", built.stderr);
    let markdown = std::fs::read_to_string(&summary).unwrap();
    assert!(markdown.starts_with("# Before\n## webstir build: ❌ failed\n"), "{markdown}");
    assert!(
        markdown.contains("2 actions in ") && markdown.contains(": 1 ran, 0 cached, 1 failed, 1 error, 2 warnings."),
        "{markdown}"
    );
    assert!(
        markdown.contains("| error | `src/a,b.ts:2:5` | `wrong` is wrong: 100%, really. `eslint::no-wrong` |"),
        "{markdown}"
    );
    assert!(
        markdown.contains("| warning | `src/sub/c d.ts:1:1` | Mild &amp; &lt;soft&gt; `eslint::no-mild` |"),
        "{markdown}"
    );
    names_no_place(&case, &markdown);
    // Whoever asks for a report decides what there is; `false` is not set.
    let asked = run_with(&case, &variables, &["build", "--report", "sarif=a.sarif"]);
    assert!(!asked.stderr.contains("::error") && !asked.stderr.contains("::group::"), "{}", asked.stderr);
    let unset = run_with(&case, &[("GITHUB_ACTIONS", Path::new("false"))], &["build"]);
    assert!(!unset.stderr.contains("::error"), "{}", unset.stderr);
    assert_eq!(std::fs::read_to_string(&summary).unwrap(), markdown);
    // A summary that nobody asked for holds nothing up; one that was asked for does.
    let variables = [yes(), ("GITHUB_STEP_SUMMARY", Path::new("nowhere/summary.md"))];
    let by_itself = run_with(&case, &variables, &["build"]);
    assert_eq!(by_itself.code, Some(1), "{}", by_itself.stderr);
    assert!(by_itself.stderr.contains("cannot be written"), "{}", by_itself.stderr);
    assert_eq!(run_with(&case, &variables, &["build", "--report", "github"]).code, Some(2));
}

#[test]
fn the_summary_says_what_ran_and_why() {
    let case = case("");
    case.write("tools/lint.mjs", &tool("lint", ""));
    let summary = case.path("summary.md");
    let told = || {
        let built = run_with(&case, &[yes(), ("GITHUB_STEP_SUMMARY", &*summary)], &["build"]);
        assert_eq!(built.code, Some(0), "{}", built.stderr);
        let markdown = case.read("summary.md");
        case.remove("summary.md");
        (markdown, built)
    };
    let (first, built) = told();
    assert!(first.starts_with("## webstir build: ✅ done\n\nProfile `build`, 2 actions in "), "{first}");
    assert!(first.contains("| `command:lint` | ran | ") && first.contains(" | It never ran here |"), "{first}");
    assert!(first.contains("**Slowest**: `command:") && !first.contains("**Cached**"), "{first}");
    // The lines of actions are folded, and no section is left open.
    let group = built.stderr.split_once("::group::Actions\n").unwrap().1.split_once("::endgroup::\n").unwrap().0;
    assert!(group.contains("ran command:lint"), "{}", built.stderr);
    case.write("src/a,b.ts", "let other = 1;\n");
    let (second, built) = told();
    assert!(second.contains(" | `src/a,b.ts` changed |") && second.contains("**Cached**: 1 `command`"), "{second}");
    assert!(!second.contains("`command:well` | ran"), "{second}");
    let why = built.stderr.split_once("::group::Why actions ran\n").unwrap().1.split_once("::endgroup::\n").unwrap().0;
    assert_eq!(why, "    why command:lint: `src/a,b.ts` changed\n");
    let (third, built) = told();
    assert!(third.contains("0 ran, 2 cached.") && third.contains("**Cached**: 2 `command`"), "{third}");
    assert!(!third.contains("| action |") && !built.stderr.contains("::group::"), "{third}{}", built.stderr);
}

#[test]
fn the_summary_has_the_critical_path() {
    let case = case("");
    case.write("tools/lint.mjs", &tool("lint", ""));
    case.replace(
        "webstir.kdl",
        "run \"node\" \"tools/well.mjs\"",
        "run \"node\" \"tools/well.mjs\"\n    from command:lint",
    );
    let summary = case.path("summary.md");
    let built = run_with(&case, &[yes(), ("GITHUB_STEP_SUMMARY", &*summary)], &["build"]);
    assert_eq!(built.code, Some(0), "{}", built.stderr);
    let markdown = case.read("summary.md");
    let path = markdown.lines().find(|line| line.starts_with("**Critical path**")).unwrap();
    assert!(path.contains("): `command:lint` ") && path.contains(" → `command:well` "), "{path}");
}

#[test]
fn gitlab_folds_by_itself() {
    let case = case("");
    let built = run_with(&case, &[("GITLAB_CI", Path::new("true"))], &["build"]);
    assert_eq!(built.code, Some(1), "{}", built.stderr);
    assert_eq!(built.stdout, "", "the report is for who asks");
    let (_, section) = built.stderr.split_once("\u{1b}[0Ksection_start:").unwrap();
    let (seconds, section) = section.split_once(':').unwrap();
    assert!(seconds.parse::<u64>().unwrap() > 1_700_000_000);
    let section = section.strip_prefix("webstir_actions[collapsed=true]\r\u{1b}[0KActions\n").unwrap();
    let (lines, end) = section.split_once("\u{1b}[0Ksection_end:").unwrap();
    assert!(lines.contains("failed command:lint"), "{lines}");
    assert!(end.split_once(':').unwrap().1.starts_with("webstir_actions\r\u{1b}[0K\n"), "{end}");
    assert!(!built.stderr.contains("::error"), "{}", built.stderr);
    let quiet = run_with(&case, &[("GITLAB_CI", Path::new("true"))], &["build", "--quiet"]);
    assert!(!quiet.stderr.contains("section_start"), "{}", quiet.stderr);
}

#[test]
fn paths_start_at_the_root_of_the_repository() {
    let case = case("apps/notes/");
    std::fs::create_dir(case.path(".git")).unwrap();
    let arguments =
        ["build", "-w", "apps/notes", "--report", "github", "--report", "sarif=a.sarif", "--report", "gitlab=a.json"];
    let at = |ran: &Ran, path: &str| {
        assert!(ran.stdout.starts_with(&format!("::error file={path}src/a%2Cb.ts,line=2,")), "{}", ran.stdout);
        let sarif = &json(&case, "a.sarif")["runs"][0];
        let place = &sarif["results"][2]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"];
        assert_eq!(*place, format!("{path}webstir.kdl"));
        assert_eq!(sarif["automationDetails"]["id"], format!("webstir/{path}build/"));
        assert_eq!(json(&case, "a.json")[0]["location"]["path"], format!("{path}src/a,b.ts"));
    };
    // What git takes for the root; what the system checked out; a directory that the workspace does not lie in counts for nothing.
    at(&case.run(&arguments), "apps/notes/");
    let apps = case.path("apps");
    at(&run_with(&case, &[("GITHUB_WORKSPACE", &apps)], &arguments), "notes/");
    at(&run_with(&case, &[("CI_PROJECT_DIR", &apps)], &arguments), "notes/");
    let other = case.beside("");
    at(&run_with(&case, &[("GITHUB_WORKSPACE", &other.join("nowhere"))], &arguments), "apps/notes/");
}

#[test]
fn what_tools_say_of_this_machine_is_hidden() {
    let case = case("");
    let home = case.beside("home");
    std::fs::create_dir(&home).unwrap();
    let place = case.path("src/x.ts");
    let words = format!(
        "console.log('src/a,b.ts:2:5: See {} and {}/secret and ' + process.cwd() + '/src/y.ts [Error/no-wrong]');\nprocess.exitCode = 1;\n",
        place.display(),
        home.display()
    );
    case.write("tools/lint.mjs", &tool("lint", &words));
    // A command that is not read: all that it prints is its finding.
    case.write("tools/well.mjs", &tool("well", &format!("throw new Error('{}');\n", place.display())));
    let summary = case.path("summary.md");
    let variables = [("HOME", &*home), ("GITHUB_STEP_SUMMARY", &*summary)];
    let arguments = [
        "build",
        "--report",
        "github",
        "--report",
        "sarif=a.sarif",
        "--report",
        "junit=a.xml",
        "--report",
        "gitlab=a.json",
    ];
    let built = run_with(&case, &variables, &arguments);
    assert!(built.stdout.contains("See src/x.ts and ~/secret and src/y.ts\n"), "{}", built.stdout);
    assert!(
        built.stdout.contains("Error: src/x.ts%0A") && built.stdout.contains("tools/well.mjs:3"),
        "{}",
        built.stdout
    );
    for text in
        [&built.stdout, &case.read("a.sarif"), &case.read("a.xml"), &case.read("a.json"), &case.read("summary.md")]
    {
        names_no_place(&case, text);
    }
}
