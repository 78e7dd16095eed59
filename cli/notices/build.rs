//! Gathers what the licences of everything that is linked into the program ask for: name, version, licence and notices of each package,
//! as they lie beside its manifest. One text, compressed; equal notices are kept once.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use cargo_metadata::{CargoOpt, DependencyKind, Metadata, MetadataCommand, Package, PackageId};

/// Files that hold a licence or a notice begin so.
const NAMES: [&str; 5] = ["license", "licence", "copying", "notice", "unlicense"];

/// How far below a manifest notices are looked for.
const DEEPEST: usize = 3;
/// What lies in these directories is not part of a program.
const NOT_LINKED: [&str; 6] = ["tests", "benches", "examples", "fuzz", "target", "src"];

fn main() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    for file in ["Cargo.lock", "LICENSE", "cli/notices/build.rs"] {
        println!("cargo::rerun-if-changed={}", root.join(file).display());
    }
    let target = std::env::var("TARGET").expect("cargo names the target");
    let packages = |options: &[&str]| {
        let always = ["--locked", "--filter-platform", target.as_str()];
        MetadataCommand::new()
            .manifest_path(root.join("Cargo.toml"))
            .features(CargoOpt::SomeFeatures(Vec::new()))
            .other_options(always.iter().chain(options).map(|option| (*option).to_owned()).collect::<Vec<_>>())
            .exec()
    };
    // It wants the manifests of all packages, also of those that only tests use, which a plain build does not fetch.
    let metadata =
        packages(&["--offline"]).or_else(|_| packages(&[])).expect("all packages are there, or can be fetched");
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo names a directory for what is made"));
    let mut file = flate2::write::GzEncoder::new(
        File::create(out.join("notices.gz")).expect("the directory can be written to"),
        flate2::Compression::best(),
    );
    file.write_all(notices(&metadata, &root).as_bytes()).expect("the directory can be written to");
    file.finish().expect("the directory can be written to");
}

/// A line of each package, `name version: licence`; then each notice below the packages that it is of.
fn notices(metadata: &Metadata, root: &Path) -> String {
    let mut packages: Vec<&Package> = linked(metadata).into_iter().map(|id| &metadata[id]).collect();
    packages.sort_by(|a, b| (&a.name, &a.version).cmp(&(&b.name, &b.version)));
    let own: BTreeSet<&PackageId> = metadata.workspace_members.iter().collect();
    packages.retain(|package| !own.contains(&package.id));
    let mut text = String::new();
    let mut of: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for package in packages {
        let name = format!("{} {}", package.name, package.version);
        let licence = package.license.as_deref().unwrap_or("see its notice");
        writeln!(text, "{name}: {licence}").expect("a string takes all");
        let directory = package.manifest_path.as_std_path().parent().unwrap_or(root);
        for notice in files(directory) {
            of.entry(notice).or_default().push(name.clone());
        }
    }
    let own = fs::read_to_string(root.join("LICENSE")).expect("webstir has a licence");
    let mut all: Vec<(Vec<String>, String)> = of.into_iter().map(|(notice, names)| (names, notice)).collect();
    all.sort();
    all.insert(0, (vec!["webstir".to_owned()], own));
    for (names, notice) in all {
        let names = names.join(", ");
        write!(text, "\n{}\n{names}\n\n{}\n", "-".repeat(80), notice.trim_end()).expect("a string takes all");
    }
    text
}

/// What is linked into the program: its dependencies and theirs, save for what only builds or tests.
fn linked(metadata: &Metadata) -> BTreeSet<&PackageId> {
    let resolve = metadata.resolve.as_ref().expect("cargo resolves what it builds");
    let nodes: BTreeMap<&PackageId, _> = resolve.nodes.iter().map(|node| (&node.id, node)).collect();
    let mut open: Vec<&PackageId> = resolve.root.iter().collect();
    let mut seen = BTreeSet::new();
    while let Some(id) = open.pop() {
        if !seen.insert(id) {
            continue;
        }
        let needed = nodes[id]
            .deps
            .iter()
            .filter(|dependency| dependency.dep_kinds.iter().any(|kind| kind.kind == DependencyKind::Normal));
        open.extend(needed.map(|dependency| &dependency.pkg));
    }
    seen
}

/// The texts of the notices of a package, in the order of their paths: beside its manifest, and beside the C sources that it brings.
fn files(directory: &Path) -> Vec<String> {
    let mut places = Vec::new();
    search(directory, DEEPEST, &mut places);
    places.sort();
    let text =
        |place: &PathBuf| fs::read(place).ok().map(|bytes| String::from_utf8_lossy(&bytes).replace("\r\n", "\n"));
    let mut texts: Vec<String> = places.iter().filter_map(text).filter(|text| !text.trim().is_empty()).collect();
    texts.dedup();
    texts
}

fn search(directory: &Path, depth: usize, places: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let place = entry.path();
        let name = entry.file_name().to_string_lossy().to_lowercase();
        if place.is_dir() {
            if depth > 0 && !NOT_LINKED.contains(&&*name) {
                search(&place, depth - 1, places);
            }
        } else if NAMES.iter().any(|begin| name.starts_with(begin)) && place.extension().is_none_or(|end| end != "rs") {
            places.push(place);
        }
    }
}
