//! What is taken of a tree.

use std::os::unix::fs::symlink;

use webstir_process::{OutputFile, RefusedKind, Stage, Tree};

use crate::support::{Workspace, files, helper, output, succeeded, ways};

#[test]
fn a_file_or_a_directory_is_collected() {
    for way in ways() {
        let workspace = Workspace::new();
        workspace.write("src/a.ts", "a").write("dist/stale.js", "stale").write("dist/kept.js", "kept");
        let mut tree = files(&["dist/kept.js", "src/a.ts"]);
        tree.directories = vec!["dist"];
        let script = "mkdir -p dist/deep/er && printf one > dist/a.js && printf '#!' > dist/deep/er/tool && \
                      chmod +x dist/deep/er/tool && printf 1 > single";
        let finished = workspace.run(*way, &tree, script).unwrap();
        assert!(succeeded(&finished), "{}", finished.output());
        let collected = finished.collect("dist").unwrap();
        let file = |path: &str, executable, size| OutputFile { path: path.to_owned(), executable, size };
        let expected =
            [file("dist/a.js", false, 3), file("dist/deep/er/tool", true, 2), file("dist/kept.js", false, 4)];
        assert_eq!(collected.files, expected, "{way:?}");
        assert_eq!(finished.read(&collected.files[0]).unwrap(), b"one");
        assert_eq!(finished.read(&collected.files[1]).unwrap(), b"#!");
        assert_eq!(finished.collect("single").unwrap().files, [file("single", false, 1)]);
        assert_eq!(finished.collect("missing/deep").unwrap().files, []);
        assert!(finished.collect("../x").is_err());
        drop(finished);
        assert_eq!(workspace.read("dist/stale.js").unwrap(), "stale");
        assert!(workspace.read("single").is_none());
        assert!(workspace.is_clean());
    }
}

#[test]
fn what_is_no_file_is_told() {
    for way in ways() {
        let workspace = Workspace::new();
        let script = "mkdir out && cd out && ln -s /etc/passwd link && mkfifo pipe && : > file && \
                      ln -s /etc directory && : > \"$(printf 'bad\\377')\" && cd .. && ln -s /etc outside";
        let finished = workspace.run(*way, &Tree::default(), script).unwrap();
        assert_eq!(output(&finished), "");
        let collected = finished.collect("out").unwrap();
        assert_eq!(collected.files.len(), 1, "{way:?}");
        let refused: Vec<_> = collected.refused.iter().map(|refused| (&*refused.path, refused.kind)).collect();
        let expected = [
            ("out/bad\u{fffd}", RefusedKind::Name),
            ("out/directory", RefusedKind::SymbolicLink),
            ("out/link", RefusedKind::SymbolicLink),
            ("out/pipe", RefusedKind::NamedPipe),
        ];
        assert_eq!(refused, expected, "{way:?}");
        // Nothing is read through a link.
        let through = finished.collect("outside/passwd").unwrap();
        assert!(through.files.is_empty());
        assert_eq!((&*through.refused[0].path, through.refused[0].kind), ("outside", RefusedKind::SymbolicLink));
        let passwd = OutputFile { path: "outside/passwd".to_owned(), executable: false, size: 0 };
        assert!(finished.read(&passwd).is_err());
        let link = OutputFile { path: "out/link".to_owned(), executable: false, size: 0 };
        assert!(finished.read(&link).is_err());
        assert_eq!(finished.collect("out/file/x").unwrap().refused[0].kind, RefusedKind::File);
    }
}

#[test]
fn a_link_of_the_workspace_is_not_in_the_way_of_an_output() {
    for way in ways() {
        let workspace = Workspace::new();
        let outside = workspace.directory.path().join("outside");
        std::fs::create_dir(&outside).unwrap();
        symlink(&outside, workspace.root().join("dist")).unwrap();
        let tree = Tree { directories: vec!["dist"], ..Tree::default() };
        let finished = workspace.run(*way, &tree, "echo x > dist/a").unwrap();
        assert_eq!(output(&finished), "");
        assert_eq!(finished.collect("dist").unwrap().files.len(), 1, "{way:?}");
        assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 0);
    }
}

#[test]
fn what_does_not_fit_into_memory_lies_on_disk() {
    let workspace = Workspace::new();
    workspace.write("a", "a");
    let stage = || Stage::take(&workspace.state()).unwrap().with_memory(1 << 20);
    let run = |script: &str| {
        let job = workspace.job("/bin/sh", &["-c", script]);
        helper()
            .run(stage(), &workspace.root(), &files(&["a"]), &ways()[0].sandbox(), &job, &workspace.cancelled)
            .unwrap()
    };
    let finished = run("head -c 5000000 /dev/zero > big && echo b > a && mkdir deep && echo > deep/c");
    assert_eq!(output(&finished), "");
    assert_eq!(finished.collect("big").unwrap().files[0].size, 5_000_000);
    assert_eq!(finished.changed_inputs, ["a"]);
    drop(finished);
    assert!(workspace.is_clean());
    // One that fails for another reason fails once.
    assert!(!succeeded(&run("exit 3")));
}
