//! What a command sees, and what it can do to it.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use webstir_process::{Input, PathFault, ProcessError, Source, Stage, Tier, Tree};

use crate::support::{Workspace, files, helper, output, succeeded, ways};

const LIST: &str = "find . | sort | tr '\\n' ' '";

#[test]
fn it_sees_what_is_declared_and_nothing_else() {
    for way in ways() {
        let workspace = Workspace::new();
        workspace.write("src/a.ts", "a").write("src/deep/b.ts", "b").write("src/deep/hidden.ts", "h");
        workspace.write(".env", "secret").write("other/c.ts", "c").write("src/hidden/d.ts", "d");
        let finished = workspace.run(*way, &files(&["src/a.ts", "src/deep/b.ts"]), LIST).unwrap();
        assert_eq!(output(&finished), ". ./src ./src/a.ts ./src/deep ./src/deep/b.ts", "{way:?}");
        drop(finished);
        assert!(workspace.is_clean());
    }
}

#[test]
fn an_empty_tree_is_empty() {
    for way in ways() {
        let workspace = Workspace::new();
        workspace.write("src/a.ts", "a");
        assert_eq!(output(&workspace.run(*way, &Tree::default(), LIST).unwrap()), ".", "{way:?}");
    }
}

#[test]
fn few_of_many_are_shown() {
    for way in ways() {
        let workspace = Workspace::new();
        for number in 0..300 {
            workspace.write(&format!("src/{number}.ts"), "x").write(&format!("{number}.md"), "x");
        }
        workspace.write("src/7.ts", "seven");
        workspace.write("node_modules/p/index.js", "p");
        let script = "find . -path ./node_modules -prune -o -print | sort | tr '\\n' ' '; cat src/7.ts";
        let mut tree = files(&["src/7.ts"]);
        assert_eq!(output(&workspace.run(*way, &tree, script).unwrap()), ". ./src ./src/7.ts seven", "{way:?}");
        tree.packages = vec!["node_modules"];
        let script = format!("{script}; cat node_modules/p/index.js; echo 8 > src/7.ts");
        let finished = workspace.run(*way, &tree, &script).unwrap();
        assert_eq!(output(&finished), ". ./src ./src/7.ts sevenp", "{way:?}");
        assert_eq!(finished.changed_inputs, ["src/7.ts"], "{way:?}");
        assert_eq!(workspace.read("src/7.ts").unwrap(), "seven");
    }
}

#[test]
fn the_workspace_is_never_written() {
    for way in ways() {
        let workspace = Workspace::new();
        workspace.write("src/a.ts", "a").write("src/b.ts", "b").write("src/c.ts", "c").write("src/d.ts", "d");
        let script = "echo more >> src/a.ts && rm src/b.ts && touch src/c.ts && chmod +x src/d.ts && echo x > new";
        let finished = workspace.run(*way, &files(&["src/a.ts", "src/b.ts", "src/c.ts", "src/d.ts"]), script).unwrap();
        assert!(succeeded(&finished), "{}", finished.output());
        assert_eq!(finished.changed_inputs, ["src/a.ts", "src/b.ts", "src/d.ts"], "{way:?}");
        assert_eq!(
            ["a", "b", "c", "d"].map(|name| workspace.read(&format!("src/{name}.ts")).unwrap()),
            ["a", "b", "c", "d"]
        );
        assert!(workspace.read("new").is_none());
        let mode = fs::metadata(workspace.root().join("src/d.ts")).unwrap().permissions().mode();
        assert_eq!(mode & 0o111, 0);
    }
}

#[test]
fn a_directory_that_is_made_anew_has_lost_its_inputs() {
    for way in ways() {
        let workspace = Workspace::new();
        workspace.write("src/a/x", "1").write("src/a/y", "2").write("src/b", "3");
        let tree = files(&["src/a/x", "src/a/y", "src/b"]);
        let finished = workspace.run(*way, &tree, "rm -r src/a && mkdir src/a && printf 1 > src/a/x").unwrap();
        assert_eq!(output(&finished), "");
        assert_eq!(finished.changed_inputs, ["src/a/y"], "{way:?}");
        let finished = workspace.run(*way, &tree, "rm -r src").unwrap();
        assert_eq!(finished.changed_inputs, ["src/a/x", "src/a/y", "src/b"], "{way:?}");
    }
}

#[test]
fn inputs_come_from_elsewhere_too() {
    for way in ways() {
        let workspace = Workspace::new();
        workspace.write("src/a.ts", "a").write("build/old.js", "old").write("build/b.js", "of the workspace");
        let blob = workspace.directory.path().join("blob");
        fs::write(&blob, "of a file").unwrap();
        let mut tree = files(&["src/a.ts"]);
        let input = |path, source| Input { path, executable: false, source };
        tree.inputs.insert(0, input("build/b.js", Source::bytes(b"of bytes")));
        tree.inputs.insert(1, input("build/deep/c.js", Source::file(&blob)));
        let script = format!("{LIST}; cat build/b.js build/deep/c.js src/a.ts");
        let expected = ". ./build ./build/b.js ./build/deep ./build/deep/c.js ./src ./src/a.ts of byteso a filea";
        let expected = expected.replace("byteso a", "bytesof a");
        let finished = workspace.run(*way, &tree, &script).unwrap();
        assert_eq!(output(&finished), expected, "{way:?}");
        assert_eq!(workspace.read("build/b.js").unwrap(), "of the workspace");
        let finished = workspace.run(*way, &tree, "printf 'of Bytes' > build/b.js; echo > build/deep/c.js").unwrap();
        assert_eq!(finished.changed_inputs, ["build/b.js", "build/deep/c.js"], "{way:?}");
        assert_eq!(fs::read_to_string(&blob).unwrap(), "of a file");
    }
}

#[test]
fn the_executable_bit_is_that_of_the_input() {
    for way in ways() {
        let workspace = Workspace::new();
        workspace.executable("run.sh", "#!/bin/sh\necho ran").write("plain.sh", "#!/bin/sh\necho never");
        let input = |path, executable, source| Input { path, executable, source };
        let inputs = vec![
            input("made.sh", true, Source::bytes(b"#!/bin/sh\necho made")),
            input("plain.sh", false, Source::Workspace),
            input("run.sh", true, Source::Workspace),
            input("text.sh", false, Source::bytes(b"#!/bin/sh\necho never")),
        ];
        let tree = Tree { inputs, ..Tree::default() };
        let script = "./run.sh; ./made.sh; test -x plain.sh || echo no; test -x text.sh || echo no";
        // Root may execute what anybody may.
        assert_eq!(output(&workspace.run(*way, &tree, script).unwrap()), "ran\nmade\nno\nno", "{way:?}");
        // A program of the tree is named by its path there.
        assert_eq!(output(&workspace.run_program(*way, &tree, "made.sh", &[]).unwrap()), "made");
    }
}

#[test]
fn links_are_files_and_lead_nowhere() {
    for way in ways() {
        let workspace = Workspace::new();
        workspace.write("shared/real.ts", "real").write("shared/more.ts", "more");
        let outside = workspace.directory.path().join("outside");
        fs::create_dir(&outside).unwrap();
        fs::write(outside.join("b.ts"), "outside").unwrap();
        symlink("shared/real.ts", workspace.root().join("link.ts")).unwrap();
        symlink("shared", workspace.root().join("linked")).unwrap();
        symlink(&outside, workspace.root().join("out")).unwrap();
        let mut tree = files(&["link.ts", "linked/real.ts"]);
        tree.inputs.push(Input { path: "out/made.ts", executable: false, source: Source::bytes(b"made") });
        tree.directories = vec!["out/deep"];
        let script = "cat link.ts linked/real.ts out/made.ts; ls linked out; echo x >> link.ts; echo x > out/x";
        let finished = workspace.run(*way, &tree, script).unwrap();
        let expected = "realrealmadelinked:\nreal.ts\n\nout:\ndeep\nmade.ts";
        assert_eq!(output(&finished), expected, "{way:?}");
        assert_eq!(finished.changed_inputs, ["link.ts"], "{way:?}");
        assert_eq!(workspace.read("shared/real.ts").unwrap(), "real");
        assert_eq!(fs::read_dir(&outside).unwrap().count(), 1);
    }
}

#[test]
fn packages_are_shown_as_they_are() {
    for way in ways() {
        let workspace = Workspace::new();
        workspace.write("node_modules/p/index.js", "p").write("apps/web/node_modules/q/index.js", "q");
        workspace.write("apps/web/src/a.ts", "a").write("apps/api/node_modules/hidden/index.js", "h");
        let mut tree = files(&["apps/web/src/a.ts", "node_modules/p/index.js"]);
        tree.packages = vec!["apps/web/node_modules", "missing/node_modules", "node_modules"];
        let script = "cat node_modules/p/index.js apps/web/node_modules/q/index.js; ls . apps";
        let expected = "pq.:\napps\nnode_modules\n\napps:\nweb";
        assert_eq!(output(&workspace.run(*way, &tree, script).unwrap()), expected, "{way:?}");
    }
}

#[test]
fn a_command_starts_in_its_directory() {
    for way in ways() {
        let workspace = Workspace::new();
        workspace.write("apps/web/a.ts", "a");
        let mut tree = files(&["apps/web/a.ts"]);
        tree.directories = vec!["apps/web/dist", "out/deep"];
        let stage = Stage::take(&workspace.state()).unwrap();
        let place = if way.tier == Tier::Namespace { "/w".into() } else { stage.tree().to_owned() };
        let mut job =
            workspace.job("/bin/sh", &["-c", "pwd; ls; ls ../../out; echo x > \"$TMPDIR/file\"; ls \"$TMPDIR\""]);
        job.directory = "apps/web";
        let finished =
            helper().run(stage, &workspace.root(), &tree, &way.sandbox(), &job, &workspace.cancelled).unwrap();
        let expected = format!("{}\na.ts\ndist\ndeep\nfile\n", place.join("apps/web").display());
        assert_eq!(String::from_utf8_lossy(&finished.stdout), expected, "{way:?}");
        // It is told of its files as the workspace names them.
        assert_eq!(output(&finished), "apps/web\na.ts\ndist\ndeep\nfile", "{way:?}");
    }
}

#[test]
fn paths_that_lead_out_are_refused() {
    let workspace = Workspace::new();
    let refused = |tree: &Tree<'_>| match workspace.run(ways()[0], tree, "true") {
        Err(ProcessError::Path(fault)) => fault,
        other => panic!("{other:?}"),
    };
    for path in ["../x", "/etc/passwd", "a/../../b", "a//b", ""] {
        assert_eq!(refused(&files(&[path])), PathFault::NotInside(path.to_owned()));
        assert_eq!(
            refused(&Tree { directories: vec![path], ..Tree::default() }),
            PathFault::NotInside(path.to_owned())
        );
        assert_eq!(refused(&Tree { packages: vec![path], ..Tree::default() }), PathFault::NotInside(path.to_owned()));
    }
    assert_eq!(refused(&files(&["a", "a/b"])), PathFault::FileAndDirectory("a".to_owned()));
    let inputs = vec![Input { path: "node_modules/a", executable: false, source: Source::bytes(b"") }];
    let tree = Tree { inputs, packages: vec!["node_modules"], ..Tree::default() };
    assert_eq!(refused(&tree), PathFault::InPackages("node_modules/a".to_owned()));
}

#[test]
fn what_is_gone_is_named() {
    for way in ways() {
        let workspace = Workspace::new();
        workspace.write("src/a.ts", "a").write("directory/x", "x");
        rustix::fs::mknodat(
            rustix::fs::CWD,
            workspace.root().join("pipe"),
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::RUSR,
            0,
        )
        .unwrap();
        symlink("nowhere", workspace.root().join("dangling")).unwrap();
        symlink("circle", workspace.root().join("circle")).unwrap();
        for gone in ["src/gone.ts", "gone/a.ts", "directory", "pipe", "dangling", "circle", "src/a.ts/b"] {
            match workspace.run(*way, &files(&[gone]), "true") {
                Err(ProcessError::InputChanged(path)) => assert_eq!(path, gone),
                other => panic!("{way:?} {gone}: {other:?}"),
            }
        }
        assert!(workspace.is_clean());
    }
}

#[test]
fn a_thousand_inputs() {
    for way in ways() {
        let workspace = Workspace::new();
        let paths: Vec<String> = (0..1000).map(|number| format!("src/{}/{number}.ts", number % 20)).collect();
        for path in &paths {
            workspace.write(path, path).write(&format!("{path}.hidden"), "");
        }
        let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
        let script = "find . -type f | wc -l; cat src/*/*.ts | wc -c; rm src/3/3.ts; echo >> src/19/999.ts";
        let finished = workspace.run(*way, &files(&paths), script).unwrap();
        let bytes: usize = paths.iter().map(|path| path.len()).sum();
        let numbers: Vec<usize> = output(&finished).split_whitespace().map(|number| number.parse().unwrap()).collect();
        assert_eq!(numbers, [1000, bytes], "{way:?}");
        assert_eq!(finished.changed_inputs, ["src/19/999.ts", "src/3/3.ts"], "{way:?}");
    }
}

#[test]
fn names_may_be_strange() {
    for way in ways() {
        let workspace = Workspace::new();
        let root = workspace.directory.path().join("a:b,c\\d=e f");
        fs::rename(workspace.root(), &root).unwrap();
        fs::write(root.join("x,y:z\\ä 'q'"), "strange").unwrap();
        fs::write(root.join("hidden,y:z"), "").unwrap();
        let state = root.join("state,:\\");
        let place = Stage::take(&state).unwrap();
        let tree = files(&["x,y:z\\ä 'q'"]);
        let job = workspace.job("/bin/sh", &["-c", "cat *"]);
        let finished = helper().run(place, &root, &tree, &way.sandbox(), &job, &workspace.cancelled).unwrap();
        assert_eq!(output(&finished), "strange", "{way:?}");
    }
}

#[test]
fn the_same_change_is_seen_at_once() {
    for way in ways() {
        let workspace = Workspace::new();
        workspace.write("a", "one");
        for _ in 0..20 {
            let finished = workspace.run_program(*way, &files(&["a"]), "/bin/sh", &["-c", "printf two > a"]).unwrap();
            assert_eq!(finished.changed_inputs, ["a"], "{way:?}");
        }
        assert!(Path::new(&workspace.root().join("a")).exists());
    }
}
