//! `webstir init api <directory>` and `webstir init ci`.

mod ci;

use std::fs;
use std::io;
use std::path::Path;

use serde_json::json;
use webstir_rules::templates::{API, STARTER_NAME, TemplateFile};

use crate::Exit;
use crate::args::{Global, Init, What};
use crate::compose::Failure;
use crate::report;

pub(super) fn run(global: &Global, init: &Init) -> Result<Exit, Failure> {
    match &init.what {
        What::Api { directory } => api(global, directory),
        What::Ci { system } => ci::run(global, *system),
    }
}

fn api(global: &Global, directory: &Path) -> Result<Exit, Failure> {
    let directory = match &global.workspace {
        Some(workspace) => workspace.join(directory),
        None => directory.to_owned(),
    };
    let name = package_name(&directory)?;
    let cannot = |error: io::Error| Failure::because(format!("`{}` cannot be written", directory.display()), error);
    match fs::read_dir(&directory) {
        Ok(mut entries) => {
            if entries.next().is_some() {
                return Err(Failure::new(format!("`{}` already exists and is not empty", directory.display()))
                    .with_help("Name a new directory, or an empty one"));
            }
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(cannot(error)),
    }
    for file in API {
        write(&directory, file, &name).map_err(cannot)?;
    }
    let changes: Vec<&str> = API.iter().map(|(path, _)| *path).collect();
    if global.json {
        let document = json!({"ok": true, "mode": "api", "root": directory.display().to_string(), "changes": changes});
        report::result(&report::json::document(&document));
    } else {
        let mut text =
            format!("[webstir] init complete\nmode: api\nroot: {}\nchanges: {}\n", directory.display(), changes.len());
        for path in changes {
            text += &format!("  {path}\n");
        }
        report::result(&text);
        report::story(&format!("Next: webstir serve --build --workspace {}", directory.display()));
    }
    Ok(Exit::Done)
}

fn write(directory: &Path, (path, bytes): &TemplateFile, name: &str) -> io::Result<()> {
    let place = directory.join(path);
    fs::create_dir_all(place.parent().unwrap_or(directory))?;
    // The name stands only in text files; all of them are text.
    let text = String::from_utf8_lossy(bytes).replace(STARTER_NAME, name);
    fs::write(place, text)
}

/// A package name made of the last component of the directory.
fn package_name(directory: &Path) -> Result<String, Failure> {
    let absolute = std::path::absolute(directory)
        .map_err(|error| Failure::because(format!("`{}` is not a directory name", directory.display()), error))?;
    let last = absolute.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
    let name: String =
        last.chars().map(|c| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '-' }).collect();
    let name = name.trim_matches(['-', '.', '_']).to_owned();
    Ok(if name.is_empty() { "workspace".to_owned() } else { name })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_package_names() {
        let name = |text: &str| package_name(Path::new(text)).ok();
        assert_eq!(name("/tmp/My Notes").as_deref(), Some("my-notes"));
        assert_eq!(name("/tmp/.hidden").as_deref(), Some("hidden"));
        assert_eq!(name("/tmp/äöü").as_deref(), Some("workspace"));
    }
}
