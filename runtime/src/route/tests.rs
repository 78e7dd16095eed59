//! Routes and paths.

use proptest::prelude::*;

use super::*;

fn table(routes: &[(&str, &str)]) -> RouteTable {
    let mut table = RouteTable::default();
    for (index, (method, pattern)) in routes.iter().enumerate() {
        table.add(index, method.parse().unwrap(), PathPattern::parse(pattern).unwrap());
    }
    table
}

fn find(table: &RouteTable, method: &str, path: &str) -> Found {
    table.find(&method.parse().unwrap(), &RequestPath::parse(path).unwrap())
}

fn route(index: usize, parameters: &[(&str, &str)]) -> Found {
    let parameters = parameters.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
    Found::Route { index, parameters }
}

#[test]
fn the_first_declared_route_wins() {
    let table = table(&[("GET", "/a/:x"), ("GET", "/a/b"), ("POST", "/a/b"), ("GET", "/")]);
    assert_eq!(find(&table, "GET", "/a/b"), route(0, &[("x", "b")]));
    assert_eq!(find(&table, "POST", "/a/b"), route(2, &[]));
    assert_eq!(find(&table, "GET", "/"), route(3, &[]));
    assert_eq!(find(&table, "GET", "/a"), Found::Nothing);
    assert_eq!(find(&table, "GET", "/A/b"), Found::Nothing);
}

#[test]
fn c10_what_is_literal_stays_literal() {
    let table = table(&[("GET", "/v1.2/a+b/(x)"), ("GET", "/files/*"), ("GET", "/[")]);
    assert_eq!(find(&table, "GET", "/v1.2/a+b/(x)"), route(0, &[]));
    assert_eq!(find(&table, "GET", "/v1x2/a+b/(x)"), Found::Nothing);
    assert_eq!(find(&table, "GET", "/v1.2/aab/x"), Found::Nothing);
    assert_eq!(find(&table, "GET", "/files/*"), route(1, &[]));
    assert_eq!(find(&table, "GET", "/files"), Found::Nothing);
    assert_eq!(find(&table, "GET", "/["), route(2, &[]));
}

#[test]
fn c11_parameters_are_decoded_and_a_slash_stays_within() {
    let table = table(&[("GET", "/p/:x"), ("GET", "/caf\u{e9}")]);
    assert_eq!(find(&table, "GET", "/p/a%20b"), route(0, &[("x", "a b")]));
    assert_eq!(find(&table, "GET", "/p/a%2Fb"), route(0, &[("x", "a/b")]));
    assert_eq!(find(&table, "GET", "/caf%C3%A9"), route(1, &[]));
    for path in ["/p/%", "/p/%zz", "/p/%ff", "/p/%00", "/p/%2"] {
        assert_eq!(RequestPath::parse(path).unwrap_err(), MalformedPath, "{path}");
    }
}

#[test]
fn c11_head_comes_with_get_and_other_methods_are_named() {
    let table = table(&[("GET", "/a"), ("PUT", "/:x"), ("HEAD", "/h"), ("GET", "/h")]);
    assert_eq!(find(&table, "HEAD", "/a"), route(0, &[]));
    assert_eq!(find(&table, "HEAD", "/h"), route(2, &[]));
    assert_eq!(find(&table, "DELETE", "/a"), Found::OtherMethods(vec![Method::GET, Method::HEAD, Method::PUT]));
    assert_eq!(find(&table, "POST", "/b"), Found::OtherMethods(vec![Method::PUT]));
}

#[test]
fn slashes_at_the_end_do_not_matter_and_inner_ones_do() {
    let table = table(&[("GET", "/a"), ("GET", "/b/")]);
    for path in ["/a", "/a/", "/a//"] {
        assert_eq!(find(&table, "GET", path), route(0, &[]), "{path}");
    }
    assert_eq!(find(&table, "GET", "/b"), route(1, &[]));
    for path in ["//a", "/a///", "/"] {
        assert_eq!(find(&table, "GET", path), Found::Nothing, "{path}");
    }
}

#[test]
fn parameters_within_a_segment() {
    let table = table(&[("GET", "/v:ver.json"), ("GET", "/:a-:b.:c"), ("GET", "/x:n")]);
    assert_eq!(find(&table, "GET", "/v1.2.json"), route(0, &[("ver", "1.2")]));
    assert_eq!(find(&table, "GET", "/a-b-c.d.e"), route(1, &[("a", "a-b"), ("b", "c.d"), ("c", "e")]));
    assert_eq!(find(&table, "GET", "/x-1"), route(2, &[("n", "-1")]));
    for path in ["/v.json", "/-b.c", "/a-.c", "/a-b.", "/x"] {
        assert_eq!(find(&table, "GET", path), Found::Nothing, "{path}");
    }
}

proptest! {
    /// Against the definition: every parameter is `.+`, everything else itself, the earliest route wins.
    #[test]
    fn the_tree_agrees_with_a_linear_search(
        patterns in prop::collection::vec("(/([ab]|:x|a:y|:y-b|:p-:q)){1,3}", 1..8),
        path in "(/[ab-]{1,4}){1,3}",
    ) {
        let patterns: Vec<PathPattern> = patterns.iter().filter_map(|text| PathPattern::parse(text).ok()).collect();
        let mut table = RouteTable::default();
        for (index, pattern) in patterns.iter().enumerate() {
            table.add(index, Method::GET, pattern.clone());
        }
        let expected = patterns.iter().position(|pattern| {
            let text = pattern.as_str().split('/').map(|segment| {
                let mut regex = String::new();
                let mut rest = segment;
                while let Some(at) = rest.find(':') {
                    regex += &rest[..at];
                    regex += "[^/]+";
                    rest = &rest[at + 2..];
                }
                regex + rest
            }).collect::<Vec<_>>().join("/");
            regex::Regex::new(&format!("^{text}$")).unwrap().is_match(&path)
        });
        let found = match find(&table, "GET", &path) {
            Found::Route { index, .. } => Some(index),
            _ => None,
        };
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn any_path_is_read_or_refused(path in "\\PC{0,40}") {
        let table = table(&[("GET", "/:a/:b"), ("GET", "/x:y.z")]);
        if let Ok(path) = RequestPath::parse(&path) {
            table.find(&Method::GET, &path);
        }
    }
}
