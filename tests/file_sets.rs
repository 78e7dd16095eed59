//! Which files globs name: inputs of commands, and what is copied.

use crate::support::Case;

/// A command that writes what is in the files that it is given, one line each.
fn counted(inputs: &str) -> Case {
    Case::with(&[
        ("package.json", r#"{"name": "sets"}"#),
        (
            "webstir.kdl",
            &format!(
                "workspace {{ mode api; preset none }}\nprofile build {{ out build }}\n\
                 command gather {{ run \"sh\" \"gather.sh\"; inputs \"gather.sh\" {inputs}; outputs \"{{out}}/gathered.txt\" }}\n"
            ),
        ),
        ("gather.sh", "cat $(cat list.txt 2>/dev/null) /dev/null > build/gathered.txt\n"),
    ])
}

/// After an edit of `file` the command runs again.
#[track_caller]
fn is_input(case: &Case, file: &str) {
    case.write(file, "before");
    case.build_ok(&[]);
    let again = case.build_ok(&[]);
    assert!(again.actions(&["ran"]).is_empty(), "{}", again.stdout);
    case.write(file, "after it");
    assert_eq!(case.build_ok(&[]).actions(&["ran"]), ["command:gather"], "{file}");
}

#[track_caller]
fn is_no_input(case: &Case, file: &str) {
    case.write(file, "before");
    case.build_ok(&[]);
    case.write(file, "after it");
    assert!(case.build_ok(&[]).actions(&["ran"]).is_empty(), "{file}");
}

#[test]
fn t7_what_a_command_names_literally_is_an_input() {
    let case = counted(
        r#"".eslintrc.json" "{.a,.b}.json" "config/.cache/*.json" ".*rc" "node_modules/tool/data.json" ".github/**" "assets" "**/*.txt""#,
    );
    for file in [
        ".eslintrc.json",
        ".b.json",
        "config/.cache/x.json",
        ".npmrc",
        "node_modules/tool/data.json",
        ".github/workflows/ci.yml",
        "assets/.hidden/x.bin",
        "assets/deep/x.bin",
        "a/b.txt",
    ] {
        is_input(&case, file);
    }
    for file in
        [".hidden.txt", "a/.hidden/b.txt", "node_modules/tool/b.txt", ".github/.cache/x.yml", "config/.cache/x.js"]
    {
        is_no_input(&case, file);
    }
}

#[test]
fn t7_what_is_named_literally_is_copied() {
    let case = Case::with(&[
        ("package.json", r#"{"name": "sets"}"#),
        (
            "webstir.kdl",
            r#"workspace { mode api; preset none }
            profile build { out build }
            files public { base "public"; include "**" ".well-known/**" ".nojekyll" }
            files whole { base "."; include "fonts" "node_modules/pkg/a.css" }
            copy public { from public; to "{out}/public" }
            copy whole { from whole; to "{out}" }
            "#,
        ),
        ("public/.well-known/security.txt", "s"),
        ("public/.nojekyll", ""),
        ("public/.DS_Store", "no"),
        ("public/a/index.html", "i"),
        ("fonts/.licence", "l"),
        ("fonts/a.woff", "w"),
        ("node_modules/pkg/a.css", "c"),
        ("node_modules/pkg/b.css", "no"),
    ]);
    case.build_ok(&[]);
    assert_eq!(
        case.names("build"),
        [
            "build/fonts/.licence",
            "build/fonts/a.woff",
            "build/node_modules/pkg/a.css",
            "build/public/.nojekyll",
            "build/public/.well-known/security.txt",
            "build/public/a/index.html",
        ]
    );
}

#[test]
fn t8_each_path_counts_by_itself() {
    let case = Case::with(&[
        ("package.json", r#"{"name": "sets"}"#),
        (
            "webstir.kdl",
            r#"workspace { mode api; preset none }
            profile build { out build }
            files texts { base "texts"; include "**/*.txt" }
            copy texts { from texts; to "{out}" }
            "#,
        ),
        ("texts/target/x.txt", "x"),
        ("elsewhere/y.txt", "y"),
    ]);
    case.link("texts/alias", "target");
    case.link("texts/zebra", "target");
    case.link("texts/one", "../elsewhere");
    case.link("texts/two", "../elsewhere");
    // A cycle, and one through two directories.
    case.link("texts/target/self", "..");
    case.link("elsewhere/back", "../texts/two");
    case.build_ok(&[]);
    assert_eq!(
        case.names("build"),
        ["build/alias/x.txt", "build/one/y.txt", "build/target/x.txt", "build/two/y.txt", "build/zebra/x.txt",]
    );
    case.write("elsewhere/y.txt", "changed");
    case.build_ok(&[]);
    assert_eq!((case.read("build/one/y.txt"), case.read("build/two/y.txt")), ("changed".into(), "changed".into()));
}

/// As many directories as a process may not hold open.
#[test]
fn review_6_12_a_thousand_directories_need_few_open_files() {
    let case = Case::with(&[
        ("package.json", r#"{"name": "sets"}"#),
        (
            "webstir.kdl",
            r#"workspace { mode api; preset none }
            profile build { out build }
            files texts { base "texts"; include "**" }
            copy texts { from texts; to "{out}" }
            "#,
        ),
    ]);
    for number in 0..1000 {
        case.write(&format!("texts/d{number}/x.txt"), "x");
    }
    let limited = |arguments: &[&str]| {
        let mut shell = case.command_of("sh");
        let script = "ulimit -n 200; exec \"$@\"";
        shell.args(["-euc", script, "sh", env!("CARGO_BIN_EXE_webstir")]).args(arguments);
        crate::support::ran(shell.output().unwrap())
    };
    // Materialised as a whole, looked at, and file by file.
    let built = limited(&["build", "--quiet"]);
    assert_eq!(built.code, Some(0), "{}", built.stderr);
    assert_eq!(case.names("build").len(), 1000);
    for name in case.names("build") {
        case.write(&name, "tampered");
    }
    let built = limited(&["build", "--quiet"]);
    assert_eq!(built.code, Some(0), "{}", built.stderr);
    assert!(case.tree("build").iter().all(|(_, bytes)| bytes == b"x"));
    case.remove("texts/d7");
    let built = limited(&["build", "--quiet"]);
    assert_eq!(built.code, Some(0), "{}", built.stderr);
    assert_eq!(case.names("build").len(), 999);
}

#[test]
fn review_6_25_a_name_that_cannot_be_used_is_told() {
    use std::os::unix::ffi::OsStrExt as _;

    let case = Case::with(&[
        ("package.json", r#"{"name": "sets"}"#),
        (
            "webstir.kdl",
            r#"workspace { mode api; preset none }
            profile build { out build }
            files texts { base "texts"; include "**/*.txt" }
            copy texts { from texts; to "{out}" }
            "#,
        ),
        ("texts/a.txt", "a"),
        ("texts/back\\slash.md", "not named"),
    ]);
    assert_eq!(case.build_ok(&[]).findings(), [""; 0]);
    let latin = case.path("texts").join(std::ffi::OsStr::from_bytes(b"caf\xe9.txt"));
    std::fs::write(&latin, "c").unwrap();
    let told = case.build_ok(&[]);
    assert_eq!(told.findings(), ["files::name_left_out webstir.kdl:4:13"], "{}", told.stdout);
    assert!(told.stdout.contains("`texts/caf\u{fffd}.txt` is left out"), "{}", told.stdout);
    assert_eq!(case.names("build"), ["build/a.txt"]);
    // By a process that starts from the log of the one before, too.
    assert_eq!(case.build_ok(&[]).findings().len(), 1);
    std::fs::rename(&latin, case.path("texts/café.txt")).unwrap();
    assert_eq!(case.build_ok(&[]).findings(), [""; 0]);
    assert_eq!(case.names("build"), ["build/a.txt", "build/café.txt"]);
}
