use super::*;
use crate::action::{ActionKey, Origin};
use crate::config::settings::SettingValue;
use crate::discovered::DiscoveredInput;
use crate::event::Status;
use crate::key_dump::sample::{action, digest, input, label, path, row, sample};
use crate::key_dump::{ActionRecord, Keeping, KeyDump, Part};
use crate::system::{FileContent, PathKind};

/// The action at `index` again, with one part in the place of another.
fn with_part(mut dump: KeyDump, index: usize, part: usize, with: Part) -> KeyDump {
    let old = &dump.actions[index];
    let mut parts = old.parts.clone();
    parts[part] = with;
    let artifacts = old.artifacts.clone();
    dump.actions[index] = ActionRecord { artifacts, ..action(old.label.clone(), parts, &[]) };
    dump
}

fn first(before: &KeyDump, after: &KeyDump, label: &ActionLabel) -> Change {
    causes(Some(before), after, label).remove(0).change
}

#[test]
fn without_an_earlier_build_it_never_ran() {
    let after = sample();
    let causes = causes(None, &after, &label("command", None));
    assert_eq!(causes, [Cause { change: Change::NeverRan, through: Vec::new() }]);
}

#[test]
fn a_file_is_followed_through_the_actions_above() {
    let before = sample();
    let mut after = with_part(sample(), 1, 4, input("src/a.ts", "b", Origin::Workspace));
    after.actions[1].artifacts[0].1 = digest("b.js");
    let after = with_part(after, 0, 6, input("build/a.js", "b.js", Origin::Store));
    let change = Change::File(Difference::Changed, path("src/a.ts"));
    let link = Link { action: label("transpile", Some("src/a.ts")), output: path("build/a.js") };
    assert_eq!(causes(Some(&before), &after, &link.action), [Cause { change: change.clone(), through: Vec::new() }]);
    assert_eq!(causes(Some(&before), &after, &label("command", None)), [Cause { change, through: vec![link] }]);
}

#[test]
fn t5_a_file_that_may_be_executed_now_is_told_apart_from_one_that_changed() {
    let before = sample();
    let content = FileContent { digest: digest("a"), executable: true };
    let after = with_part(sample(), 1, 4, Part::Input(path("src/a.ts"), content, Origin::Workspace));
    let change = first(&before, &after, &label("transpile", Some("src/a.ts")));
    assert_eq!(change, Change::Executable(true, path("src/a.ts")));
}

#[test]
fn t4_of_a_program_it_is_told_which_part_differs() {
    let before = sample();
    let program = |file: &str, interpreter: Option<&str>, packages: &str| Part::Program {
        name: "node".into(),
        file: digest(file),
        interpreter: interpreter.map(digest),
        packages: Some(digest(packages)),
    };
    let command = label("command", None);
    let cases = [
        (program("other", None, "packages"), ToolPart::File),
        (program("node", Some("sh"), "packages"), ToolPart::Interpreter),
        (program("node", None, "others"), ToolPart::Packages),
    ];
    for (program, part) in cases {
        let after = with_part(sample(), 0, 1, program);
        assert_eq!(first(&before, &after, &command), Change::Tool(Some("node".into()), part));
    }
}

#[test]
fn an_argument_is_traced_to_the_configuration_then_to_a_file_that_planning_read() {
    let before = sample();
    let argument = Part::Argument("{\"emit\":{\"target\":\"es2020\"},\"output\":\"build/a.js\"}".into());
    let transpile = label("transpile", Some("src/a.ts"));
    let changed = with_part(sample(), 1, 2, argument);
    let Change::Argument { name, .. } = first(&before, &changed, &transpile) else { panic!() };
    assert_eq!(&*name, "emit.target");

    let mut by_file = changed.clone();
    by_file.files[1].1 = digest("u");
    assert_eq!(first(&before, &by_file, &transpile), Change::File(Difference::Changed, path("tsconfig.json")));

    let mut configured = by_file;
    let target = configured.settings.iter_mut().find(|row| &*row.field == "target").unwrap();
    *target = row("transpile:backend", "target", "es2020");
    let Change::Setting { difference, after, .. } = first(&before, &configured, &transpile) else { panic!() };
    assert_eq!((difference, &*after.unwrap().field), (Difference::Changed, "target"));
}

#[test]
fn file_states_that_only_one_of_them_asked_for_are_no_cause() {
    let before = sample();
    let after =
        with_part(sample(), 0, 9, Part::DiscoveredInput(path("src/b.ts"), DiscoveredInput::Content(Some(digest("b")))));
    let after =
        with_part(after, 0, 10, Part::DiscoveredInput(path("src/new.ts"), DiscoveredInput::Kind(PathKind::File)));
    let command = label("command", None);
    let causes = causes(Some(&before), &after, &command);
    assert_eq!(causes, [Cause { change: Change::File(Difference::Added, path("src/b.ts")), through: Vec::new() }]);
}

#[test]
fn what_ran_though_nothing_differs_was_not_in_the_store() {
    let command = label("command", None);
    assert_eq!(first(&sample(), &sample(), &command), Change::NotInStore);
    let mut failed = sample();
    failed.actions[0].status = Status::Failed;
    assert_eq!(first(&failed, &sample(), &command), Change::FailedBefore);
    let mut provisional = sample();
    provisional.actions[0].keeping = Keeping::Provisional;
    assert_eq!(first(&provisional, &sample(), &command), Change::ProvisionalBefore);
    let mut never_kept = sample();
    never_kept.actions[0].keeping = Keeping::Never;
    assert_eq!(first(&sample(), &never_kept, &command), Change::NotKept);
    let mut cached = sample();
    cached.actions[0].status = Status::Cached;
    assert_eq!(causes(Some(&sample()), &cached, &command), []);
}

#[test]
fn a_file_that_came_names_the_glob_and_not_the_directory_that_is_searched() {
    let from = |mut dump: KeyDump| {
        dump.settings.push(row("files:backend", "base", "src"));
        dump.settings.sort();
        dump
    };
    let (before, mut after) = (from(sample()), from(sample()));
    let old = &after.actions[1];
    let parts = old.parts.iter().cloned().chain([input("src/new.ts", "new", Origin::Workspace)]).collect();
    after.actions[1] = ActionRecord { artifacts: old.artifacts.clone(), ..action(old.label.clone(), parts, &[]) };
    let change = first(&before, &after, &label("transpile", Some("src/a.ts")));
    let Change::Glob { difference: Difference::Added, file, glob } = change else { panic!("{change:?}") };
    assert_eq!((file, glob.value), (path("src/new.ts"), SettingValue::Glob("**/*.ts".into())));
}

/// As a plan in which nothing was run: what the store lacks is unknown.
fn planned(mut dump: KeyDump) -> KeyDump {
    let from = SettingValue::Reference("transpile:backend".into());
    let reference = Setting { value: from, ..row("command:backend", "from", "") };
    dump.settings.extend([row("command:backend", "", ""), row("transpile:backend", "", ""), reference]);
    dump.settings.sort();
    dump.actions.iter_mut().for_each(|action| action.status = Status::Cached);
    dump
}

fn affected_rules(base: &KeyDump, head: &KeyDump, changed: &[&str]) -> Vec<String> {
    let changed: Vec<_> = changed.iter().map(|file| (path(file), Difference::Changed)).collect();
    affected(base, head, &changed).into_iter().map(|affected| affected.rule).collect()
}

#[test]
fn rules_with_other_keys_are_affected() {
    let base = planned(sample());
    assert_eq!(affected_rules(&base, &base, &["docs/other.md"]), [] as [&str; 0]);
    let head = with_part(base.clone(), 1, 4, input("src/a.ts", "b", Origin::Workspace));
    // The output is the same: nothing above is affected.
    assert_eq!(affected_rules(&base, &head, &["src/a.ts"]), ["transpile:backend"]);
    let mut gone = base.clone();
    gone.actions.remove(1);
    assert_eq!(affected_rules(&base, &gone, &["src/a.ts"]), ["transpile:backend"]);
    assert_eq!(affected_rules(&gone, &base, &["src/a.ts"]), ["transpile:backend"]);
}

#[test]
fn what_was_never_run_on_the_base_is_affected_when_something_that_it_saw_changed() {
    let head = planned(sample());
    let mut base = head.clone();
    base.actions[0].parts.retain(|part| !matches!(part, Part::DiscoveredInput(..)));
    base.actions[0].key = ActionKey(digest("without discovered inputs"));
    base.actions[0].status = Status::Skipped;
    assert_eq!(affected_rules(&base, &head, &["docs/other.md"]), [] as [&str; 0]);
    assert_eq!(affected_rules(&base, &head, &["src/c.ts"]), ["command:backend"]);
    // `src` was listed, so a file more in it counts; one less deep does not.
    assert_eq!(affected(&base, &head, &[(path("src/new.ts"), Difference::Added)]).len(), 1);
    assert_eq!(affected(&base, &head, &[(path("src/new.ts"), Difference::Changed)]).len(), 0);
    // With no result on either side any change counts.
    let unknown = base.clone();
    assert_eq!(affected_rules(&base, &unknown, &["docs/other.md"]), ["command:backend"]);
    assert_eq!(affected_rules(&base, &unknown, &[]), [] as [&str; 0]);
}

#[test]
fn what_cannot_be_planned_is_affected_when_a_rule_below_is() {
    let head = planned(sample());
    let mut base = head.clone();
    base.actions[1].status = Status::Skipped;
    base.actions[1].artifacts.clear();
    base.actions.remove(0);
    // The same key: nothing is affected, though the store does not have it.
    assert_eq!(affected_rules(&base, &head, &["docs/other.md"]), [] as [&str; 0]);
    let base = with_part(base, 0, 4, input("src/a.ts", "b", Origin::Workspace));
    let mut base = base;
    base.actions[0].status = Status::Skipped;
    assert_eq!(affected_rules(&base, &head, &["src/a.ts"]), ["command:backend", "transpile:backend"]);
}
