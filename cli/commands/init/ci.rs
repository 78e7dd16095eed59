//! `webstir init ci`: workflows for a workspace that is there.
//!
//! They lie at the root of the repository, where GitHub and GitLab look for them, and name the workspace from there.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::Exit;
use crate::args::{CiSystem, Global};
use crate::compose::{Failure, Workspace};
use crate::report;

const GITHUB: &str = include_str!("../../../templates/ci/github.yml");
const GITLAB: &str = include_str!("../../../templates/ci/gitlab.yml");

/// The line of a template that the installation of packages takes the place of.
const PACKAGES: &str = "# @PACKAGES@\n";

/// What is published where the configuration does not say.
const OUT: &str = "dist";

pub(super) fn run(global: &Global, system: Option<CiSystem>) -> Result<Exit, Failure> {
    let workspace = Workspace::open(global)?;
    let repository = repository(&workspace.root);
    let place = Place::of(&workspace, &repository)?;
    let systems = system.map_or(vec![CiSystem::Github, CiSystem::Gitlab], |system| vec![system]);
    let files: Vec<(&str, String)> = systems.into_iter().map(|system| place.file(system)).collect();
    let cannot = |path: &str| {
        let message = format!("`{path}` cannot be written");
        move |error: io::Error| Failure::because(message, error)
    };
    // Before anything is written: all or nothing.
    for (path, text) in &files {
        match fs::read(repository.join(path)) {
            Ok(bytes) if bytes == text.as_bytes() => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Ok(_) => {
                return Err(Failure::new(format!("`{path}` already exists, and webstir would write another one"))
                    .with_help("Move it away to have it written, or name the other system: `webstir init ci github`"));
            }
            Err(error) => return Err(cannot(path)(error)),
        }
    }
    for (path, text) in &files {
        let file = repository.join(path);
        let written = fs::create_dir_all(file.parent().unwrap_or(&repository)).and_then(|()| fs::write(&file, text));
        written.map_err(cannot(path))?;
    }
    let changes: Vec<&str> = files.iter().map(|(path, _)| *path).collect();
    let root = repository.display().to_string();
    if global.json {
        report::result(&report::json::document(&json!({"ok": true, "root": root, "changes": changes})));
    } else {
        let mut text = format!("[webstir] init complete\nroot: {root}\nchanges: {}\n", changes.len());
        for path in changes {
            text += &format!("  {path}\n");
        }
        report::result(&text);
        report::story("Next: set the variables that the head of each file names");
    }
    Ok(Exit::Done)
}

/// What git takes for the root, else the workspace.
fn repository(workspace: &Path) -> PathBuf {
    let around = workspace.ancestors().find(|directory| directory.join(".git").exists());
    around.unwrap_or(workspace).to_owned()
}

/// What the templates are filled with.
#[derive(Debug)]
struct Place {
    /// The workspace from the root of the repository; empty, or with a slash at its end.
    prefix: String,
    /// What is published, from the workspace.
    out: String,
    /// Where the lockfile lies, from the root of the repository, and what installs the packages in it.
    packages: Option<(String, &'static [&'static str])>,
}

/// What installs exactly the packages of a lockfile.
const LOCKFILES: &[(&str, &[&str])] = &[
    ("package-lock.json", &["npm ci"]),
    ("npm-shrinkwrap.json", &["npm ci"]),
    ("pnpm-lock.yaml", &["npm install --global pnpm", "pnpm install --frozen-lockfile"]),
    ("yarn.lock", &["corepack enable", "yarn install --immutable"]),
    ("bun.lock", &["npm install --global bun", "bun install --frozen-lockfile"]),
    ("bun.lockb", &["npm install --global bun", "bun install --frozen-lockfile"]),
];

impl Place {
    fn of(workspace: &Workspace, repository: &Path) -> Result<Self, Failure> {
        let below = |path: &Path| match path.strip_prefix(repository).ok().and_then(Path::to_str) {
            Some("") => Ok(String::new()),
            Some(below) if below.chars().all(|c| c.is_ascii_alphanumeric() || "-_./ +".contains(c)) => {
                Ok(format!("{below}/"))
            }
            _ => Err(Failure::new(format!("`{}` cannot be named in a workflow", path.display()))
                .with_help("Give the directories names of letters, digits, `-`, `_`, `.`, `+` and spaces")),
        };
        // Packages of a monorepo are installed at its root.
        let directories = workspace.root.ancestors().take_while(|directory| directory.starts_with(repository));
        let locked = directories.flat_map(|directory| LOCKFILES.iter().map(move |lockfile| (directory, lockfile)));
        let mut locked = locked.filter(|(directory, (name, _))| directory.join(name).is_file());
        let packages = match locked.next() {
            Some((directory, (_, commands))) => Some((below(directory)?, *commands)),
            None => None,
        };
        let out = workspace.config.profile("publish").and_then(|profile| profile.path("out"));
        let out = out.map_or_else(|| OUT.to_owned(), |out| out.value.to_string());
        Ok(Self { prefix: below(&workspace.root)?, out: below(&repository.join(out))?, packages })
    }

    fn file(&self, system: CiSystem) -> (&'static str, String) {
        let (path, template, packages) = match system {
            CiSystem::Github => (".github/workflows/webstir.yml", GITHUB, self.github_packages()),
            CiSystem::Gitlab => (".gitlab-ci.yml", GITLAB, self.gitlab_packages()),
        };
        let workspace = if self.prefix.is_empty() { "." } else { self.prefix.trim_end_matches('/') };
        let line = template.lines().find(|line| line.trim_start() == PACKAGES.trim_end()).unwrap_or_default();
        let text = template
            .replace(&format!("{line}\n"), &packages)
            .replace("@WORKSPACE@", workspace)
            .replace("@PREFIX@", &self.prefix)
            .replace("@OUT@", &self.out);
        (path, text)
    }

    fn github_packages(&self) -> String {
        let Some((directory, commands)) = &self.packages else { return String::new() };
        let mut text = "      - uses: actions/setup-node@v4\n        with:\n          node-version: 22\n\n      \
                        - name: Install packages\n"
            .to_owned();
        if !directory.is_empty() {
            text += &format!("        working-directory: \"{directory}\"\n");
        }
        text += "        run: |\n";
        for command in *commands {
            text += &format!("          {command}\n");
        }
        text + "\n"
    }

    fn gitlab_packages(&self) -> String {
        let Some((directory, commands)) = &self.packages else { return String::new() };
        let directory = if directory.is_empty() { "." } else { directory };
        let mut text = "    - apt-get update && apt-get install --yes nodejs npm\n".to_owned();
        text += &format!("    - 'cd \"$CI_PROJECT_DIR/{directory}\"'\n");
        for command in *commands {
            text += &format!("    - {command}\n");
        }
        text + "    - 'cd \"$CI_PROJECT_DIR\"'\n"
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;
    use serde_json::Value;

    use super::*;
    use crate::args::{Arguments, Command};

    const SYSTEMS: [CiSystem; 2] = [CiSystem::Github, CiSystem::Gitlab];

    fn places() -> Vec<Place> {
        let place = |prefix: &str, packages| Place { prefix: prefix.to_owned(), out: "dist/".to_owned(), packages };
        let mut places = vec![place("", None), place("apps/my notes/", None)];
        for (_, commands) in LOCKFILES {
            places.push(place("apps/notes/", Some((String::new(), *commands))));
            places.push(place("apps/notes/", Some(("apps/notes/".to_owned(), *commands))));
        }
        places
    }

    fn texts(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::String(text) => found.push(text.clone()),
            Value::Array(values) => values.iter().for_each(|value| texts(value, found)),
            Value::Object(fields) => fields.values().for_each(|value| texts(value, found)),
            _ => {}
        }
    }

    #[test]
    fn workflows_are_yaml_whose_commands_exist() {
        for place in places() {
            for system in SYSTEMS {
                let (path, text) = place.file(system);
                assert!(
                    !text.contains("@PACKAGES@") && !text.contains("@PREFIX@") && !text.contains("@OUT@"),
                    "{text}"
                );
                let document: Value =
                    serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}\n{text}"));
                let mut all = Vec::new();
                texts(&document, &mut all);
                let lines: Vec<&str> = all.iter().flat_map(|text| text.lines()).collect();
                let commands: Vec<&&str> = lines.iter().filter(|line| line.starts_with("webstir ")).collect();
                let names: Vec<&str> = commands
                    .iter()
                    .map(|command| {
                        let read = Arguments::try_parse_from(command.split(' '));
                        let read = read.unwrap_or_else(|error| panic!("{path}: {command}: {error}"));
                        let (Command::Build(_) | Command::Publish(_)) = &read.command else { panic!("{command}") };
                        read.command.name()
                    })
                    .collect();
                assert_eq!(names, ["build", "publish"], "{path}");
                let install = place.packages.iter().flat_map(|(_, commands)| commands.iter());
                for command in install {
                    assert!(lines.contains(command), "{path}: {command}\n{text}");
                }
            }
        }
    }

    #[test]
    fn workflows_name_the_workspace_from_the_root_of_the_repository() {
        let place = &places()[1];
        let document = |system| serde_saphyr::from_str::<Value>(&place.file(system).1).unwrap();
        let github = document(CiSystem::Github);
        let job = &github["jobs"]["webstir"];
        assert_eq!(job["env"]["WORKSPACE_ROOT"], "apps/my notes");
        let steps = job["steps"].as_array().unwrap();
        let step = |name: &str| steps.iter().find(|step| step["name"] == name).unwrap();
        let kept = step("Keep finished work")["with"]["path"].as_str().unwrap();
        assert_eq!(
            kept,
            "apps/my notes/.webstir/store\napps/my notes/.webstir/explain\napps/my notes/.webstir/toolchain\n"
        );
        assert_eq!(step("Take finished work")["with"]["path"], kept);
        assert_eq!(step("Take finished work")["with"]["key"], step("Keep finished work")["with"]["key"]);
        assert_eq!(step("Keep what was published")["with"]["path"], "apps/my notes/dist/");
        let gitlab = document(CiSystem::Gitlab);
        assert_eq!(gitlab["webstir"]["variables"]["WORKSPACE_ROOT"], "apps/my notes");
        assert_eq!(gitlab["webstir"]["cache"][1]["paths"][0], "apps/my notes/.webstir/store");
        let reports = &gitlab["webstir"]["artifacts"]["reports"];
        assert_eq!(
            (&reports["junit"], &reports["codequality"]),
            (&"webstir-*.xml".into(), &"webstir-quality.json".into())
        );
    }
}
