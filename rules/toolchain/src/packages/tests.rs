use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;

use super::super::integrity::Integrity;
use super::super::settings::Settings;
use super::super::testing::{Member, Reply, Server, settings, tarball};
use super::super::unpack::Limits;
use super::*;

fn members() -> Vec<Member> {
    vec![
        Member::file("package/package.json", r#"{"name": "@scope/tool", "version": "1.2.3"}"#),
        Member { mode: 0o755, ..Member::file("package/lib/tsc", "program") },
    ]
}

fn package_of(tarball: &[u8]) -> Package {
    Package::new("@scope/tool", "1.2.3", Integrity::of(tarball)).unwrap()
}

fn settings_for(server: &Server) -> Settings {
    settings(&[("npm_config_registry", &server.url())])
}

struct Fixture {
    root: tempfile::TempDir,
    packages: Packages,
    package: Package,
    server: Server,
    registry: Registry,
}

impl Fixture {
    fn new(members: &[Member]) -> Self {
        let tarball = tarball(members);
        let package = package_of(&tarball);
        Self::serving(package, move |_| Reply::Bytes(tarball.clone()))
    }

    fn serving(package: Package, reply: impl Fn(usize) -> Reply + Send + Sync + 'static) -> Self {
        let root = tempfile::tempdir().unwrap();
        let server = Server::new(move |_, before| reply(before));
        let registry = Registry::new(settings_for(&server));
        Self { packages: Packages::new(root.path().join("store")), root, package, server, registry }
    }

    fn ensure(&self) -> Result<InstalledPackage, ToolchainError> {
        self.packages.ensure(&self.package, Network::Online(&self.registry), &|_| {})
    }

    /// Everything in the store but lock files.
    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.root.path().join("store/packages")).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.retain(|name| name != ".locks");
        names.sort();
        names
    }
}

#[test]
fn fetches_once_and_then_never_again() {
    let fixture = Fixture::new(&members());
    let installed = fixture.ensure().unwrap();
    assert_eq!(fs::read_to_string(installed.directory.join("lib/tsc")).unwrap(), "program");
    assert_eq!(fixture.ensure().unwrap(), installed);
    assert_eq!(fixture.packages.ensure(&fixture.package, Network::Offline, &|_| {}).unwrap(), installed);
    assert_eq!(fixture.server.lines(), ["GET /@scope/tool/-/tool-1.2.3.tgz"]);
    assert_eq!(fixture.names(), [fixture.package.integrity().to_hex()]);
}

#[test]
fn progress_ends_at_the_total() {
    let fixture = Fixture::new(&members());
    let last = std::cell::Cell::new(None);
    let network = Network::Online(&fixture.registry);
    fixture.packages.ensure(&fixture.package, network, &|progress| last.set(Some(progress))).unwrap();
    let total = tarball(&members()).len() as u64;
    assert_eq!(last.get(), Some(Progress { received: total, total: Some(total) }));
}

#[test]
fn another_tarball_is_not_unpacked() {
    let expected = package_of(&tarball(&members()));
    let other = tarball(&[Member::file("package/package.json", "{ }")]);
    let found = Integrity::of(&other);
    let fixture = Fixture::serving(expected.clone(), move |_| Reply::Bytes(other.clone()));
    let error = fixture.ensure().unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "`@scope/tool` 1.2.3 from `{}@scope/tool/-/tool-1.2.3.tgz` is not the package that is expected: expected {}, found {found}",
            fixture.server.url(),
            expected.integrity()
        )
    );
    assert_eq!(fixture.server.received().len(), 1, "the same bytes would come again");
    assert!(fixture.names().is_empty());
}

#[test]
fn a_tarball_that_breaks_off_leaves_nothing() {
    let bytes = tarball(&members());
    let fixture = Fixture::serving(package_of(&bytes), move |_| Reply::Truncated(bytes.clone()));
    assert!(matches!(fixture.ensure(), Err(ToolchainError::Transport { .. })));
    assert_eq!(fixture.server.received().len(), 3);
    assert!(fixture.names().is_empty());
    assert_eq!(fixture.packages.condition(&fixture.package, Check::Sizes), Condition::Absent);
}

#[test]
fn a_hostile_tarball_leaves_nothing() {
    let fixture = Fixture::new(&[Member::file("package/a", "x"), Member::file("package/../../../x", "x")]);
    let error = fixture.ensure().unwrap_err().to_string();
    assert_eq!(error, "`@scope/tool` 1.2.3 cannot be unpacked: `package/../../../x` is not a path inside the package");
    assert!(fixture.names().is_empty());
}

#[test]
fn a_tarball_over_the_limit_is_refused() {
    let fixture = Fixture::new(&members());
    let limits = Limits { compressed: 10, ..Limits::default() };
    let registry = Registry::new(Settings { limits, ..settings_for(&fixture.server) });
    let error = fixture.packages.ensure(&fixture.package, Network::Online(&registry), &|_| {}).unwrap_err();
    assert!(matches!(error, ToolchainError::TooLarge { limit: 10, .. }), "{error}");
}

#[test]
fn offline_says_what_is_missing_and_where_it_was_looked_for() {
    let root = tempfile::tempdir().unwrap();
    let package = package_of(b"");
    let packages = Packages::new(root.path().join("store"));
    let error = packages.ensure(&package, Network::Offline, &|_| {}).unwrap_err().to_string();
    let place = root.path().join("store/packages").join(package.integrity().to_hex());
    assert_eq!(
        error,
        format!(
            "`@scope/tool` 1.2.3 is not in the store and `--offline` forbids fetching it: `{}` does not exist; run `webstir build` once without `--offline`",
            place.display()
        )
    );
    assert_eq!(fs::read_dir(root.path()).unwrap().count(), 0, "looking makes nothing");
}

#[test]
fn many_at_once_all_get_the_package() {
    let fixture = Arc::new(Fixture::new(&members()));
    let barrier = Arc::new(Barrier::new(8));
    let threads: Vec<_> = (0..8)
        .map(|_| {
            let (fixture, barrier) = (Arc::clone(&fixture), Arc::clone(&barrier));
            thread::spawn(move || {
                barrier.wait();
                // A store of its own, as another process would have.
                let packages = Packages::new(fixture.root.path().join("store"));
                packages.ensure(&fixture.package, Network::Online(&fixture.registry), &|_| {}).unwrap()
            })
        })
        .collect();
    let installed: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
    assert!(installed.iter().all(|one| *one == installed[0]));
    assert_eq!(fixture.server.received().len(), 1);
    assert_eq!(fixture.names().len(), 1);
}

#[test]
fn what_a_killed_process_left_is_not_seen_and_goes_away() {
    let fixture = Fixture::new(&members());
    let remains = fixture.packages.directory.join(format!(".fetch-{}-killed/staged/package", short(&fixture.package)));
    fs::create_dir_all(&remains).unwrap();
    fs::write(remains.join("package.json"), "{").unwrap();
    let of_another = fixture.packages.directory.join(".fetch-0123456789abcdef-alive");
    fs::create_dir_all(&of_another).unwrap();

    assert_eq!(fixture.packages.condition(&fixture.package, Check::Sizes), Condition::Absent);
    fixture.ensure().unwrap();
    assert_eq!(fixture.names(), [".fetch-0123456789abcdef-alive", &fixture.package.integrity().to_hex()]);
}

#[test]
fn damage_is_healed() {
    type Damage = fn(&Path);
    let damages: [(&str, Damage); 5] = [
        ("a file is gone", |place| fs::remove_file(place.join("package/package.json")).unwrap()),
        ("a file is cut", |place| fs::write(place.join("package/lib/tsc"), "").unwrap()),
        ("a file is no longer executable", |place| {
            use std::os::unix::fs::PermissionsExt as _;
            fs::set_permissions(place.join("package/lib/tsc"), fs::Permissions::from_mode(0o644)).unwrap();
        }),
        ("the manifest is gone", |place| fs::remove_file(place.join("manifest")).unwrap()),
        ("there is a file in its place", |place| {
            fs::remove_dir_all(place).unwrap();
            fs::write(place, "").unwrap();
        }),
    ];
    for (what, damage) in damages {
        let fixture = Fixture::new(&members());
        let installed = fixture.ensure().unwrap();
        damage(&fixture.packages.place(&fixture.package));

        let error = fixture.packages.ensure(&fixture.package, Network::Offline, &|_| {}).unwrap_err().to_string();
        assert!(error.contains("is damaged"), "{what}: {error}");
        assert_eq!(fixture.ensure().unwrap(), installed, "{what}");
        assert_eq!(fs::read_to_string(installed.directory.join("lib/tsc")).unwrap(), "program", "{what}");
        assert_eq!(fixture.names().len(), 1, "{what}");
        assert_eq!(fixture.server.received().len(), 2, "{what}");
    }
}

#[test]
fn damage_of_the_same_length_is_found_by_the_closer_look() {
    let fixture = Fixture::new(&members());
    let installed = fixture.ensure().unwrap();
    let network = Network::Online(&fixture.registry);
    for (path, bytes) in [("lib/tsc", "PROGRAM"), ("lib/added.d.ts", "")] {
        fs::write(installed.directory.join(path), bytes).unwrap();
        assert!(matches!(fixture.packages.condition(&fixture.package, Check::Sizes), Condition::Whole(_)));
        assert_eq!(fixture.packages.condition(&fixture.package, Check::Contents), Condition::Damaged);
        fixture.packages.ensure_checked(&fixture.package, Check::Contents, network, &|_| {}).unwrap();
        assert!(matches!(fixture.packages.condition(&fixture.package, Check::Contents), Condition::Whole(_)));
    }
}

#[test]
fn a_tarball_that_lies_elsewhere_is_found_through_the_description() {
    let bytes = tarball(&members());
    let package = package_of(&bytes);
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let server = Server::new(move |request, _| {
        count.fetch_add(1, Ordering::SeqCst);
        match request.line.as_str() {
            "GET /@scope%2ftool/1.2.3" => {
                let tarball = "http://registry.test/elsewhere.tgz";
                Reply::Bytes(
                    format!(r#"{{"name":"@scope/tool","version":"1.2.3","dist":{{"tarball":"{tarball}"}}}}"#)
                        .into_bytes(),
                )
            }
            "GET /elsewhere.tgz" => Reply::Bytes(bytes.clone()),
            _ => Reply::Status(404),
        }
    });
    let proxy = server.address.to_string();
    let registry = Registry::new(settings(&[("npm_config_registry", "http://registry.test/"), ("http_proxy", &proxy)]));
    let root = tempfile::tempdir().unwrap();
    let packages = Packages::new(root.path().to_owned());
    packages.ensure(&package, Network::Online(&registry), &|_| {}).unwrap();
    assert_eq!(asked.load(Ordering::SeqCst), 3);
}

#[test]
fn the_hash_of_another_package_is_refused_on_every_use() {
    let fixture = Fixture::new(&members());
    let other = |name, version| Package::new(name, version, fixture.package.integrity()).unwrap();
    let says = |package: &Package| {
        let network = Network::Online(&fixture.registry);
        fixture.packages.ensure(package, network, &|_| {}).unwrap_err().to_string()
    };
    assert_eq!(says(&other("ms", "1.2.3")), "What is locked as `ms` 1.2.3 is `@scope/tool@1.2.3`");
    assert!(fixture.names().is_empty());
    fixture.ensure().unwrap();
    assert_eq!(says(&other("@scope/tool", "1.2.4")), "What is locked as `@scope/tool` 1.2.4 is `@scope/tool@1.2.3`");
    // It is still the package that it is.
    assert!(matches!(fixture.packages.condition(&fixture.package, Check::Contents), Condition::Whole(_)));

    let nameless = Fixture::new(&[Member::file("package/package.json", "{}")]);
    assert_eq!(
        nameless.ensure().unwrap_err().to_string(),
        "What is locked as `@scope/tool` 1.2.3 is a package without a name and a version"
    );
}
