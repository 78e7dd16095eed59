//! The same sources give the same bytes and keys, wherever they lie and however many workers there are.

use std::fs;
use std::path::Path;

use crate::support::Case;

fn keys(case: &Case, arguments: &[&str]) -> Vec<(String, String)> {
    let ran = case.build_ok(arguments);
    let document = ran.json();
    let actions = document["actions"].as_array().unwrap();
    actions
        .iter()
        .map(|action| (action["label"].as_str().unwrap().to_owned(), action["key"].as_str().unwrap().to_owned()))
        .collect()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[test]
fn two_directories_and_two_numbers_of_jobs() {
    let one = Case::named("one");
    let other = Case::named("a second place, mit Ümläuten");
    assert_eq!(one.run(&["init", "api", "."]).code, Some(0));
    copy(one.root(), other.root());
    for profile in ["build", "publish"] {
        let first = keys(&one, &["--profile", profile, "--jobs", "1"]);
        let second = keys(&other, &["--profile", profile, "--jobs", "8"]);
        assert_eq!(first, second);
    }
    for directory in ["build", "dist"] {
        let (first, second) = (one.tree(directory), other.tree(directory));
        assert!(!first.is_empty());
        assert_eq!(first, second);
    }
}

#[test]
fn outputs_name_no_path_of_the_machine() {
    let case = Case::starter();
    case.build_ok(&[]);
    case.build_ok(&["--profile", "publish"]);
    let root = case.root().to_str().unwrap().to_owned();
    for (path, bytes) in case.tree("build").into_iter().chain(case.tree("dist")) {
        assert!(!String::from_utf8_lossy(&bytes).contains(&root), "{path}");
    }
}

#[test]
fn t2_a_declaration_and_a_source_of_the_same_bytes_are_two_things() {
    // Whichever of them is looked at first, and whatever a store says of the other.
    for (declaration, source) in [("aaa.d.ts", "index.ts"), ("zzz.d.ts", "index.ts"), ("aaa.d.mts", "index.mts")] {
        let text = "export * from \"./types.js\";\n";
        let specifier = source.replace("ts", "js");
        let case = Case::with(&[
            ("package.json", "{ \"name\": \"page\", \"type\": \"module\", \"webstir\": { \"mode\": \"api\" } }\n"),
            ("webstir.kdl", "workspace \"page\" { mode \"api\" }\ntypecheck backend remove=#true\n"),
            ("src/shared/x/types.ts", "export const word = 'word';\n"),
            (&format!("src/shared/x/{declaration}"), text),
            (&format!("src/shared/x/{source}"), text),
            ("src/backend/index.ts", &format!("export {{ word }} from '../shared/x/{specifier}';\n")),
        ]);
        case.write("webstir.kdl", "workspace \"page\" { mode \"api\" }\ntypecheck backend remove=#true\nfiles backend-sources { include \"**/*.{ts,mts}\" }\n");
        for _ in 0..12 {
            for directory in ["build", ".webstir"] {
                if case.exists(directory) {
                    case.remove(directory);
                }
            }
            case.build_ok(&[]);
            let emitted = case.names("build").into_iter().filter(|name| name.ends_with("x/types.js")).count();
            assert_eq!(emitted, 1, "{declaration}, {source}: {:#?}", case.names("build"));
        }
    }
}
