use proptest::prelude::*;

use super::*;

#[test]
fn components_and_alternatives() {
    let matches = |glob: &str, path: &str| Globs::new([glob]).is_match(path);
    assert!(matches("**/*.{ts,tsx}", "index.ts"));
    assert!(matches("**/*.{ts,tsx}", "a/b/index.tsx"));
    assert!(!matches("functions/*/index.ts", "functions/a/b/index.ts"));
    assert!(matches("functions/*/index.ts", "functions/a/index.ts"));
    assert!(!matches("*.ts", "a/b.ts"));
}

#[test]
fn faults_name_the_cause() {
    let what = |text: &str| check(text).unwrap_err().what;
    assert_eq!(what(""), "it is empty");
    assert_eq!(what("!a"), "it begins with `!`");
    assert_eq!(what("/a"), "it begins with `/`");
    assert_eq!(what("a/../b"), "it holds `..`");
    assert_eq!(what("a/"), "it ends with `/`");
    assert_eq!(what("[a"), "a `[` is not closed");
    assert_eq!(what("{a,b"), "a `{` is not closed");
    assert_eq!(what("a}"), "a `}` has no `{`");
    assert_eq!(what("[z-a]"), "the range `z-a` runs backwards");
    assert_eq!(what("a\\"), "it ends with a backslash");
    assert_eq!(what("a[b/c]"), "a `[` and its `]` enclose `/`");
    assert_eq!(what("[!/]"), "a `[` and its `]` enclose `/`");
    assert_eq!(what("{a,/b}"), "it begins with `/`");
    assert_eq!(what("{a,..}/b"), "it holds `..`");
}

#[test]
fn prefixes() {
    assert_eq!(literal_prefix("src/**/*.ts"), "src");
    assert_eq!(literal_prefix("src/a.ts"), "src/a.ts");
    assert_eq!(literal_prefix("src/a*.ts"), "src");
    assert_eq!(literal_prefix("**/*.ts"), "");
}

fn names(globs: &[&str], path: &str) -> bool {
    Globs::of_search(globs.iter().copied()).is_match(path)
}

#[test]
fn t7_what_is_written_is_meant() {
    for (glob, path) in [
        (".eslintrc.json", ".eslintrc.json"),
        ("{.eslintrc,.prettierrc}.json", ".prettierrc.json"),
        ("\\.env", ".env"),
        (".*rc", ".npmrc"),
        (".env.*", ".env.test"),
        ("public/.well-known/**", "public/.well-known/security.txt"),
        ("**/.well-known/*", "a/b/.well-known/security.txt"),
        ("node_modules/x/a.json", "node_modules/x/a.json"),
        ("node_modules/x/*.json", "node_modules/x/a.json"),
        ("packages/*/node_modules/**", "packages/a/node_modules/x/y.js"),
        ("public", "public/.well-known/.a/security.txt"),
        ("node_modules/x", "node_modules/x/lib/y.js"),
        ("a[]{]/{b,c}", "a{/c"),
        ("a,b", "a,b"),
        ("a{,.min}.js", "a.js"),
        ("a{,.min}.js", "a.min.js"),
    ] {
        assert!(names(&[glob], path), "{glob} {path}");
    }
}

#[test]
fn t7_wildcards_pass_over_names_with_a_dot_and_packages() {
    for (glob, path) in [
        ("*", ".env"),
        ("**", ".github/a.yml"),
        ("**/*.ts", "a/.b/c.ts"),
        ("**/*.ts", "a/.c.ts"),
        ("?env", ".env"),
        ("[.]env", ".env"),
        ("{*,a}", ".env"),
        ("**/*.js", "node_modules/x.js"),
        ("node_*/x.js", "node_modules/x.js"),
        (".*/x.js", "node_modules/x.js"),
        (".github/**", ".github/.cache/a"),
        ("node_modules/x/**", "node_modules/x/node_modules/y.js"),
        ("public", "public/node_modules/a.js"),
        ("public", "public/.git/config"),
        ("src/**", "src"),
        (".src/**", ".src"),
    ] {
        assert!(!names(&[glob], path), "{glob} {path}");
    }
}

#[test]
fn t7_only_directories_that_can_hold_a_file_are_searched() {
    let globs = Globs::of_search(["src/**/*.ts", "public/.well-known/*", ".eslintrc.json", "assets", "{a,b/c}/x.js"]);
    for directory in
        ["", "src", "src/a", "src/a/b", "public", "public/.well-known", "assets", "assets/.x", "a", "b", "b/c"]
    {
        assert!(globs.may_hold(directory), "{directory}");
    }
    for directory in
        ["lib", "src/.a", "src/node_modules", "public/a", "public/.well-known/a", "a/c", "assets/.git", ".eslintrc"]
    {
        assert!(!globs.may_hold(directory), "{directory}");
    }
    let starts: Vec<String> = globs.starts().iter().map(ToString::to_string).collect();
    assert_eq!(
        starts,
        Globs::of_search(["x", "src/**", "public/.well-known/*", "a/x.js", "b/c/x.js"])
            .starts()
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
    );
}

#[test]
fn a_class_stands_for_one_character_of_a_name() {
    for glob in ["*[!a]*", "[!a]", "a[!b]c", "a[+-9]c", "a[^b]*"] {
        assert!(check(glob).is_ok(), "{glob}");
        assert!(!Globs::new([glob]).is_match("a/c"), "{glob}");
        assert!(!Globs::new([glob]).is_match("b/c"), "{glob}");
    }
    assert!(Globs::new(["a[!b]c"]).is_match("axc"));
    assert!(Globs::new(["[]-]/[!]]"]).is_match("]/-"));
}

/// A part of a glob, and what it stands for.
#[derive(Debug, Clone)]
enum Token {
    Char(char),
    Star,
    Question,
    Class(&'static str, bool),
}

fn text(parts: &[Option<Vec<Token>>]) -> String {
    let part = |part: &Option<Vec<Token>>| match part {
        None => "**".to_owned(),
        Some(tokens) => tokens
            .iter()
            .map(|token| match token {
                Token::Char(c) => c.to_string(),
                Token::Star => "*".to_owned(),
                Token::Question => "?".to_owned(),
                Token::Class(choices, is_negated) => format!("[{}{choices}]", if *is_negated { "!" } else { "" }),
            })
            .collect(),
    };
    parts.iter().map(part).collect::<Vec<_>>().join("/")
}

/// What a glob says, in the plainest way.
fn stands_for(parts: &[Option<Vec<Token>>], names: &[&str]) -> bool {
    match parts {
        [] => names.is_empty(),
        [None] => !names.is_empty(),
        [None, rest @ ..] => (0..=names.len()).any(|skipped| stands_for(rest, &names[skipped..])),
        [Some(tokens), rest @ ..] => names
            .split_first()
            .is_some_and(|(name, names)| is_name(tokens, &name.chars().collect::<Vec<_>>()) && stands_for(rest, names)),
    }
}

fn is_name(tokens: &[Token], name: &[char]) -> bool {
    let Some((token, tokens)) = tokens.split_first() else { return name.is_empty() };
    if let Token::Star = token {
        return (0..=name.len()).any(|skipped| is_name(tokens, &name[skipped..]));
    }
    let Some((c, name)) = name.split_first() else { return false };
    let is_meant = match token {
        Token::Char(meant) => meant == c,
        Token::Class(choices, is_negated) => choices.contains(*c) != *is_negated,
        Token::Question | Token::Star => true,
    };
    is_meant && is_name(tokens, name)
}

fn parts() -> impl Strategy<Value = Vec<Option<Vec<Token>>>> {
    let token = prop_oneof![
        4 => prop::sample::select(vec!['a', 'b', 'c', '-', '^']).prop_map(Token::Char),
        1 => Just(Token::Star),
        1 => Just(Token::Question),
        1 => (prop::sample::select(vec!["ab", "]c", "c-"]), any::<bool>()).prop_map(|(choices, is)| Token::Class(choices, is)),
    ];
    let part = prop_oneof![1 => Just(None), 4 => prop::collection::vec(token, 1..4).prop_map(Some)];
    prop::collection::vec(part, 1..5)
}

proptest! {
    #[test]
    fn globs_name_what_they_say(
        (first, second) in (parts(), parts()),
        path in "[-^a-c\\]]{1,3}(/[a-c]{1,2}){0,3}",
    ) {
        let glob = format!("{{{},{}}}", text(&first), text(&second));
        prop_assume!(check(&glob).is_ok());
        let is_two_stars = |part: &Option<Vec<Token>>| matches!(part.as_deref(), Some([Token::Star, Token::Star]));
        prop_assume!(!first.iter().chain(&second).any(is_two_stars));
        let names: Vec<&str> = path.split('/').collect();
        let is_meant = stands_for(&first, &names) || stands_for(&second, &names);
        let is_literal = |glob: &[Option<Vec<Token>>]| !text(glob).contains(['*', '?', '[']);
        let names_above = |glob: &[Option<Vec<Token>>]| (1..names.len()).any(|end| stands_for(glob, &names[..end]));
        let is_below = || [&first, &second].into_iter().any(|glob| is_literal(glob) && names_above(glob));
        prop_assert_eq!(Globs::new([glob.as_str()]).is_match(&path), is_meant || is_below(), "{} {}", &glob, &path);
        let searched = Globs::of_search([glob.as_str()]);
        prop_assert_eq!(searched.is_match(&path), is_meant || is_below(), "{} {}", &glob, &path);
        if searched.is_match(&path) {
            for (at, _) in path.match_indices('/') {
                prop_assert!(searched.may_hold(&path[..at]), "{} {}", &glob, &path);
            }
        }
    }
}
