//! What surrounds a command is what it is run with, and nothing else changes with it.

use webstir_process::{Factor, Sandbox, Stage, Surroundings, Tier, Tree, Unchanged};

use crate::support::{Mode, Workspace, files, helper, output, ways};

/// What a command finds of each factor.
const FOUND: [(Factor, &str); 10] = [
    (Factor::Place, "pwd; echo $TMPDIR"),
    (Factor::HostName, "uname -n; cat /etc/hostname"),
    (Factor::User, "echo $HOME $USER; test -d $HOME && test -w $HOME && echo writable"),
    (Factor::TimeZone, "date -d @0"),
    (Factor::Locale, "echo $LC_ALL"),
    (Factor::Processors, "nproc"),
    (Factor::Umask, "umask; touch new; stat -c %a new"),
    (Factor::EntryOrder, "ls -U data"),
    (Factor::ProcessId, "echo $$"),
    (Factor::ParallelOrder, "(echo 1 >> order) & (echo 2 >> order) & (echo 3 >> order) & wait; cat order"),
];

fn found(workspace: &Workspace, mode: Mode, surroundings: Surroundings, script: &str) -> String {
    let place = if surroundings.changes(Factor::Place) { "elsewhere" } else { "state" };
    let stage = Stage::take(&workspace.directory.path().join(place)).unwrap();
    // Which one is free is chance: a process that another test starts may hold the lock of the last one for a moment.
    let number = stage.temporary().parent().unwrap().file_name().unwrap().to_str().unwrap().to_owned();
    let sandbox = Sandbox { observe: true, surroundings, ..mode.sandbox() };
    let tree = Tree { directories: vec!["out"], ..files(&["data/a", "data/b", "data/c", "data/d"]) };
    let job = workspace.job("/bin/sh", &["-c", script]);
    let finished = helper().run(stage, &workspace.root(), &tree, &sandbox, &job, &workspace.cancelled).unwrap();
    assert!(finished.changed_inputs.is_empty());
    output(&finished).replace(&format!("/{number}/"), "/NUMBER/")
}

#[test]
fn one_factor_is_another_one_and_the_rest_is_as_usual() {
    let workspace = Workspace::new();
    for name in ["a", "b", "c", "d"] {
        workspace.write(&format!("data/{name}"), name);
    }
    let (possible, unchanged) = helper().changeable(&workspace.root(), &workspace.state()).unwrap();
    let is_here = |mode: Mode, factor: Factor| match factor {
        // Elsewhere entries are in the order of a file system of the machine.
        Factor::HostName | Factor::ProcessId | Factor::EntryOrder => mode.tier == Tier::Namespace,
        _ => possible.changes(factor),
    };
    for mode in ways() {
        let usual = FOUND.map(|(_, script)| found(&workspace, *mode, Surroundings::ordered(), script));
        for factor in Factor::ALL.into_iter().filter(|factor| is_here(*mode, *factor)) {
            let surroundings = possible.only(factor);
            let all = FOUND.map(|(_, script)| found(&workspace, *mode, surroundings, script));
            for (((of, _), usual), now) in FOUND.iter().zip(&usual).zip(&all) {
                let is_free = match of {
                    // Which one is first is not known unless it is held to an order.
                    Factor::ParallelOrder => true,
                    Factor::ProcessId => mode.tier != Tier::Namespace,
                    Factor::User => mode.tier != Tier::Namespace && factor == Factor::Place,
                    _ => false,
                };
                if !is_free {
                    assert_eq!(usual != now, *of == factor, "{} {factor:?}: {of:?}: {usual} {now}", mode.name());
                }
            }
        }
    }
    // What is usual all the same is told.
    let told = |name: &str| unchanged.iter().any(|Unchanged { what, .. }| *what == name);
    for factor in Factor::ALL.into_iter().filter(|factor| !possible.changes(*factor)) {
        assert!(factor == Factor::ProcessId || told(factor.name()), "{factor:?}: {unchanged:?}");
    }
}

#[test]
fn what_is_started_at_once_gets_on_in_a_known_order() {
    let workspace = Workspace::new();
    for name in ["a", "b", "c", "d"] {
        workspace.write(&format!("data/{name}"), name);
    }
    let script = FOUND[9].1;
    for mode in ways() {
        let surroundings = Surroundings::ordered().with(Factor::ParallelOrder);
        // However busy the machine is, what came first is overtaken.
        let order = found(&workspace, *mode, surroundings, script);
        assert!(order.ends_with("\n1"), "{}: {order}", mode.name());
        let order = found(&workspace, *mode, Surroundings::ordered(), script);
        assert!(order.starts_with("1\n"), "{}: {order}", mode.name());
    }
}

#[test]
fn a_user_and_its_processors_are_others_for_programs_that_look_elsewhere() {
    let workspace = Workspace::new();
    for name in ["a", "b", "c", "d"] {
        workspace.write(&format!("data/{name}"), name);
    }
    let (possible, _) = helper().changeable(&workspace.root(), &workspace.state()).unwrap();
    for mode in ways().iter().filter(|mode| mode.tier == Tier::Namespace) {
        let user = found(&workspace, *mode, possible.only(Factor::User), "id -un; id -gn; cat data/a; echo x > out/x");
        assert_eq!(user, "other\nother\na");
        let count = "grep -c ^processor /proc/cpuinfo; grep -c '^cpu[0-9]' /proc/stat; nproc";
        if possible.changes(Factor::Processors) {
            assert_eq!(found(&workspace, *mode, possible.only(Factor::Processors), count), "1\n1\n1");
        }
    }
}
