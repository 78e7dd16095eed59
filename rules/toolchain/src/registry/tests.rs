use super::super::testing::{Reply, Server, settings};
use super::*;

fn integrity(name: &str) -> Integrity {
    Integrity::of(name.as_bytes())
}

fn description(name: &str, more: &str) -> Reply {
    let integrity = integrity(name);
    Reply::Bytes(
        format!(r#"{{"name": "{name}", "version": "7.0.2", "dist": {{"integrity": "{integrity}"}}{more}}}"#)
            .into_bytes(),
    )
}

const OPTIONAL: &str = r#", "optionalDependencies": {"@t/linux-x64": "7.0.2", "@t/darwin-arm64": "7.0.2"}"#;

fn registry(server: &Server) -> Registry {
    Registry::new(settings(&[("npm_config_registry", &server.url())]))
}

#[test]
fn locks_the_package_and_that_of_each_platform() {
    let server = Server::new(|request, _| match request.line.as_str() {
        "GET /t/7.0.2" => description("t", OPTIONAL),
        "GET /@t%2flinux-x64/7.0.2" => description("@t/linux-x64", ""),
        "GET /@t%2fdarwin-arm64/7.0.2" => description("@t/darwin-arm64", ""),
        _ => Reply::Status(404),
    });
    let tool = registry(&server).lock("t", "7.0.2").unwrap();
    let names = ["@t/darwin-arm64", "@t/linux-x64", "t"];
    let packages = names.into_iter().map(|name| (name.to_owned(), integrity(name))).collect();
    assert_eq!(tool, LockedTool { version: "7.0.2".to_owned(), packages });
}

#[test]
fn asks_for_all_versions_where_there_is_no_address_for_one() {
    let server = Server::new(|request, _| match request.line.as_str() {
        "GET /t" => {
            let Reply::Bytes(one) = description("t", "") else { unreachable!() };
            let one = String::from_utf8(one).unwrap();
            Reply::Bytes(format!(r#"{{"versions": {{"7.0.2": {one}, "1.0.0": {{}}}}}}"#).into_bytes())
        }
        _ => Reply::Status(404),
    });
    assert_eq!(registry(&server).lock("t", "7.0.2").unwrap().packages["t"], integrity("t"));
    let error = registry(&server).lock("t", "9.9.9").unwrap_err().to_string();
    assert_eq!(error, "The registry has no `t` 9.9.9");
    let error = registry(&server).lock("u", "7.0.2").unwrap_err().to_string();
    assert_eq!(error, "The registry has no `u` 7.0.2");
}

fn problem(text: &'static str) -> String {
    let server = Server::new(move |_, _| Reply::Bytes(text.into()));
    let error = registry(&server).lock("t", "7.0.2").unwrap_err().to_string();
    error.replace(&server.url(), "REGISTRY/")
}

#[test]
fn what_cannot_be_trusted_is_not_locked() {
    assert_eq!(
        problem(r#"{"name": "t", "version": "7.0.2", "dist": {"shasum": "da39a3ee5e6b4b0d3255bfef95601890afd80709"}}"#),
        "The registry gives no usable integrity of `t` 7.0.2: Only sha512 is trusted, and there is none"
    );
    assert_eq!(
        problem(r#"{"name": "u", "version": "7.0.2", "dist": {}}"#),
        "`REGISTRY/t` is not the description of a package: it describes another package than `t` 7.0.2"
    );
    assert_eq!(
        problem(r#"{"name": "t", "version": "7.0.2", "dist": {}, "optionalDependencies": {"u": "^7.0.2"}}"#),
        "`REGISTRY/t` is not the description of a package: `u` is wanted as `^7.0.2`, not as `7.0.2`"
    );
    assert!(problem("<html>").starts_with("`REGISTRY/t` is not the description of a package: expected value"));
    let hostile = r#"{"name": "t", "version": "7.0.2", "dist": {"integrity": "sha512-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=="}, "optionalDependencies": {"../u": "7.0.2"}}"#;
    assert!(problem(hostile).contains("`../u` is not the name of a package"));
}

#[test]
fn only_exact_versions_can_be_locked() {
    let registry = Registry::new(settings(&[]));
    let error = registry.lock("typescript", "latest").unwrap_err().to_string();
    assert_eq!(error, "The package to lock: `latest` is not an exact version");
}

fn address(environment: &[(&str, &str)], package: &Package) -> String {
    Registry::new(settings(environment)).open().unwrap().tarball(package).to_string()
}

#[test]
fn an_address_of_a_lockfile_counts_only_at_the_registry() {
    let variables = [("npm_config_registry", "https://registry.test/npm/")];
    let package = |resolved| Package::new("@s/t", "1.0.0", integrity("t")).unwrap().resolved(resolved);
    let built = "https://registry.test/npm/@s/t/-/t-1.0.0.tgz";
    assert_eq!(address(&variables, &package(None)), built);
    let download = "https://registry.test/download/@s/t/1.0.0/abc";
    assert_eq!(address(&variables, &package(Some(download))), download);
    for hostile in [
        "https://evil.test/npm/@s/t/-/t-1.0.0.tgz",
        "http://registry.test/npm/@s/t/-/t-1.0.0.tgz",
        "https://registry.test:444/x",
        "https://u:p@registry.test/x",
        "https://registry.test.evil.test/x",
        "file:///etc/passwd",
        "git+ssh://registry.test/x",
        "../x",
        "",
    ] {
        assert_eq!(address(&variables, &package(Some(hostile))), built, "{hostile}");
    }
}

#[test]
fn the_token_goes_to_the_registry_of_the_scope() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::new(|request, _| description(if request.line.contains('@') { "@s/t" } else { "t" }, ""));
    let lines = [
        format!("@s:registry={}", server.url()),
        format!("//{}/:_authToken=${{TOKEN}}", server.address),
        "registry=http://127.0.0.1:1/".to_owned(),
    ];
    std::fs::write(directory.path().join(".npmrc"), lines.join("\n")).unwrap();
    let settings = Settings { workspace: Some(directory.path().to_owned()), ..settings(&[("TOKEN", "s3cret")]) };
    let registry = Registry::new(settings);
    registry.lock("@s/t", "7.0.2").unwrap();
    assert_eq!(server.received()[0].authorization.as_deref(), Some("Bearer s3cret"));
    assert!(!format!("{registry:?}").contains("s3cret"));
    assert!(matches!(registry.lock("t", "7.0.2"), Err(ToolchainError::Transport { .. })));
}
