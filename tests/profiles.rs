//! Profiles and the trees that they own.

use crate::support::Case;

#[test]
fn t6_each_profile_owns_its_tree_and_nothing_else() {
    let case = Case::with(&[
        ("package.json", r#"{"name": "trees"}"#),
        (
            "webstir.kdl",
            r#"workspace { mode api; preset none }
            profile below { out "dist/app" }
            profile beside { out "dist-app" }
            profile Below.lock { out "dist_app" }
            files texts { base "texts"; include "**" }
            copy texts { from texts; to "{out}/texts" }
            "#,
        ),
        ("texts/a.txt", "a"),
    ]);
    let profiles = ["below", "beside", "Below.lock"];
    let trees = ["dist/app", "dist-app", "dist_app"];
    for profile in profiles {
        case.build_ok(&["--profile", profile]);
    }
    for tree in trees {
        assert_eq!(case.read(&format!("{tree}/texts/a.txt")), "a");
    }
    // What each of them knows of itself is its own as well.
    case.write("texts/b.txt", "b");
    for (profile, tree) in profiles.iter().zip(trees) {
        let built = case.build_ok(&["--profile", profile]);
        assert_eq!(built.json()["restored"], 1, "{}", built.stdout);
        assert_eq!(case.names(tree), [format!("{tree}/texts/a.txt"), format!("{tree}/texts/b.txt")]);
        let why = case.run(&["why", "--profile", profile]);
        assert!(why.stdout.contains("copy:texts"), "{}{}", why.stdout, why.stderr);
    }
}

/// What holds up a tree, and what is an error, is said by the profile and not by its name.
#[test]
fn a_profile_says_whether_checks_hold_it_up_and_what_is_an_error() {
    let case = Case::starter();
    case.write(
        "webstir.kdl",
        r#"workspace "starter" { mode api }
        profile preview { out "preview"; gate #true }
        profile staging extends=publish { out "staging" }
        profile loose extends=publish { out "loose"; gate #false; strict #false }
        "#,
    );
    case.write("src/shared/wrong.ts", "export const wrong: number = \"text\";\n");
    for (profile, is_materialised) in
        [("build", true), ("preview", false), ("staging", false), ("publish", false), ("loose", true)]
    {
        let ran = case.run(&["build", "--json", "--profile", profile]);
        assert_eq!(ran.code, Some(1), "{profile}: {}", ran.stderr);
        let tree = if profile == "publish" { "dist" } else { profile };
        assert_eq!(case.path(tree).is_dir(), is_materialised, "{profile}");
    }
    case.remove("src/shared/wrong.ts");
    case.write("src/backend/module.ts", "throw new Error(\"no luck\");\n");
    for (profile, code) in [("build", 0), ("preview", 0), ("staging", 1), ("publish", 1), ("loose", 0), ("test", 1)] {
        let ran = case.run(&["build", "--json", "--profile", profile]);
        assert_eq!(ran.code, Some(code), "{profile}: {}", ran.stdout);
    }
}
