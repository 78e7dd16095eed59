//! The files that the binary brings along: starter workspaces and the types of the built-in modules.
//!
//! They are named one by one, so that what a build leaves in `templates/` never gets into the binary; a test compares the lists
//! with the directory.

use std::sync::LazyLock;

use webstir_engine::path::RelPath;

use webstir_typescript::typecheck::VirtualFiles;

/// A file: its path below the directory it belongs to, and its bytes.
pub type TemplateFile = (&'static str, &'static [u8]);

macro_rules! file {
    ($directory:literal, $path:literal) => {
        ($path, include_bytes!(concat!("../../templates/", $directory, "/", $path)).as_slice())
    };
}

/// The name that the files of a starter workspace have where the name of a workspace belongs.
pub const STARTER_NAME: &str = "starter-api";

/// The starter workspace `api`.
pub const API: &[TemplateFile] = &[
    file!("api", ".env.example"),
    file!("api", ".gitignore"),
    file!("api", "README.md"),
    file!("api", "package.json"),
    file!("api", "src/backend/functions/hello/index.ts"),
    file!("api", "src/backend/hooks.ts"),
    file!("api", "src/backend/index.ts"),
    file!("api", "src/backend/jobs/nightly/index.ts"),
    file!("api", "src/backend/module.ts"),
    file!("api", "src/backend/routes/api.ts"),
    file!("api", "src/backend/routes/page.ts"),
    file!("api", "src/backend/store.ts"),
    file!("api", "src/backend/tsconfig.json"),
    file!("api", "src/backend/views/layout.ts"),
    file!("api", "src/backend/views/notes.ts"),
    file!("api", "src/shared/notes.ts"),
    file!("api", "webstir.kdl"),
];

/// The types of the built-in modules, laid out as a `node_modules` directory.
const TYPES: &[TemplateFile] = &[
    file!("types", "@types/webstir/bun.d.ts"),
    file!("types", "@types/webstir/index.d.ts"),
    file!("types", "@types/webstir/node.d.ts"),
    file!("types", "@types/webstir/package.json"),
    file!("types", "@types/webstir/web.d.ts"),
    file!("types", "@webstir-io/module-contract/index.d.ts"),
    file!("types", "@webstir-io/module-contract/manifest.d.ts"),
    file!("types", "@webstir-io/module-contract/package.json"),
    file!("types", "@webstir-io/webstir-backend/index.d.ts"),
    file!("types", "@webstir-io/webstir-backend/module.d.ts"),
    file!("types", "@webstir-io/webstir-backend/package.json"),
    file!("types", "@webstir-io/webstir-backend/runtime/bun.d.ts"),
    file!("types", "@webstir-io/webstir-backend/runtime/forms.d.ts"),
    file!("types", "@webstir-io/webstir-backend/runtime/request-hooks.d.ts"),
    file!("types", "@webstir-io/webstir-backend/runtime/session.d.ts"),
    file!("types", "@webstir-io/webstir-backend/runtime/views.d.ts"),
];

/// The types of the built-in modules, in the place of packages that are not installed.
pub fn types() -> &'static VirtualFiles {
    static FILES: LazyLock<VirtualFiles> = LazyLock::new(|| {
        let mut files = VirtualFiles::default();
        let mut packages: Vec<String> = TYPES.iter().map(|(path, _)| package_of(path)).collect();
        packages.dedup();
        for package in packages {
            let root = RelPath::new(&format!("node_modules/{package}")).expect("a plain path");
            let own = TYPES
                .iter()
                .filter_map(|(path, bytes)| Some((path.strip_prefix(package.as_str())?.strip_prefix('/')?, *bytes)));
            files.add_directory(&root, own).expect("plain paths");
        }
        files
    });
    &FILES
}

/// The package that a file belongs to: `@scope/name`.
fn package_of(path: &str) -> String {
    path.splitn(3, '/').take(2).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::path::Path;

    fn listed(directory: &Path, below: &str, found: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(directory).unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            // What a build leaves.
            if below.is_empty() && ["build", "dist", ".webstir", "node_modules"].contains(&name.as_str()) {
                continue;
            }
            let path = format!("{below}{name}");
            if entry.file_type().unwrap().is_dir() {
                listed(&entry.path(), &format!("{path}/"), found);
            } else {
                found.insert(path);
            }
        }
    }

    #[test]
    fn the_lists_name_every_file() {
        let templates = Path::new(env!("CARGO_MANIFEST_DIR")).join("../templates");
        for (directory, files) in [("api", API), ("types", TYPES)] {
            let mut found = BTreeSet::new();
            listed(&templates.join(directory), "", &mut found);
            let named: BTreeSet<String> = files.iter().map(|(path, _)| (*path).to_owned()).collect();
            assert_eq!(named, found, "templates/{directory}");
        }
    }

    #[test]
    fn the_types_are_packages() {
        let packages: BTreeSet<String> = TYPES.iter().map(|(path, _)| package_of(path)).collect();
        let names: Vec<_> = packages.iter().map(String::as_str).collect();
        assert_eq!(names, ["@types/webstir", "@webstir-io/module-contract", "@webstir-io/webstir-backend"]);
    }
}
