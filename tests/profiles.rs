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
