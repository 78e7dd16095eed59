//! What is seen in a terminal, and the terminal afterwards: a shell in tmux.

use std::process::{Command, Output};
use std::thread;
use std::time::{Duration, Instant};

use super::watching::PATIENCE;
use crate::support::Case;

/// A terminal with a shell; gone when it is dropped.
struct Terminal<'case> {
    case: &'case Case,
    /// The name of a server of its own, below the directory of the case.
    server: String,
}

impl<'case> Terminal<'case> {
    /// `None` where there is no tmux, and the test is skipped.
    fn open(case: &'case Case, columns: u32, rows: u32) -> Option<Self> {
        if Command::new("tmux").arg("-V").output().is_err() {
            #[expect(clippy::print_stderr, reason = "whoever runs the tests is to know")]
            {
                eprintln!("SKIPPED: there is no `tmux`; `apt-get install tmux`");
            }
            return None;
        }
        let name = case.root().parent()?.file_name()?.to_string_lossy().replace('.', "");
        let terminal = Self { case, server: format!("webstir-{name}") };
        let (columns, rows) = (columns.to_string(), rows.to_string());
        let size = ["-x", &columns, "-y", &rows];
        let output = terminal.run(&[&["new-session", "-d"], &size[..], &["env PS1='$ ' ENV= sh"]].concat());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        terminal.until("a prompt", |screen| screen.trim_end() == "$");
        Some(terminal)
    }

    fn run(&self, arguments: &[&str]) -> Output {
        // The configuration of whoever runs this is not read.
        let mut command = self.case.command_of("tmux");
        command.args(["-L", &self.server, "-f", "/dev/null"]).args(arguments);
        command.env_remove("CI").env_remove("TMUX").env_remove("PORT").env_remove("HOST").env("TERM", "xterm-256color");
        command.output().unwrap()
    }

    fn screen(&self) -> String {
        String::from_utf8(self.run(&["capture-pane", "-p"]).stdout).unwrap()
    }

    /// Waits for the screen to be as wanted.
    #[track_caller]
    fn until(&self, what: &str, is_wanted: impl Fn(&str) -> bool) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let screen = self.screen();
            if is_wanted(&screen) {
                return screen;
            }
            assert!(Instant::now() < deadline, "no {what}:\n{screen}");
            thread::sleep(Duration::from_millis(10));
        }
    }

    #[track_caller]
    fn until_holds(&self, texts: &[&str]) -> String {
        let screen = self.until(&texts.join(", "), |screen| texts.iter().all(|text| screen.contains(text)));
        // For people to look at.
        if let Some(directory) = std::env::var_os("WEBSTIR_TEST_PICTURES") {
            use std::io::Write as _;
            let test = thread::current().name().unwrap_or("test").replace("::", "-");
            let path = std::path::Path::new(&directory).join(format!("{test}.txt"));
            let mut file = std::fs::File::options().create(true).append(true).open(path).unwrap();
            writeln!(file, "----- {}\n{screen}", texts.join(", ")).unwrap();
        }
        screen
    }

    fn press(&self, key: &str) {
        assert!(self.run(&["send-keys", key]).status.success());
    }

    fn enter(&self, line: &str) {
        assert!(self.run(&["send-keys", "-l", line]).status.success());
        self.press("Enter");
    }

    /// The modes of the terminal, as the shell sees them.
    #[track_caller]
    fn modes(&self, name: &str) -> String {
        let path = self.case.beside(name);
        self.enter(&format!("stty -a >'{0}.new' && mv '{0}.new' '{0}'", path.display()));
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Ok(text) = std::fs::read_to_string(&path) {
                self.enter("clear");
                self.until("an empty screen", |screen| screen.trim_end() == "$");
                return text;
            }
            assert!(Instant::now() < deadline, "the shell does not hear:\n{}", self.screen());
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Starts to watch, until everything is built, served and checked.
    fn watch(&self) {
        self.enter(&format!("{} watch --port 0; echo ended with $?", env!("CARGO_BIN_EXE_webstir")));
        self.until_holds(&["✓ Built in", "served in", "✓ Checked in"]);
    }
}

impl Drop for Terminal<'_> {
    fn drop(&mut self) {
        self.run(&["kill-server"]);
    }
}

#[track_caller]
fn line<'screen>(screen: &'screen str, start: &str) -> &'screen str {
    let mut lines = screen.lines().map(str::trim_start);
    lines.find(|line| line.starts_with(start)).unwrap_or_else(|| panic!("no line starts with {start}:\n{screen}"))
}

#[test]
fn the_screen_says_what_happens() {
    let case = Case::starter();
    let Some(terminal) = Terminal::open(&case, 120, 50) else { return };
    terminal.watch();
    let screen = terminal.screen();
    assert_eq!(screen.lines().next(), Some("webstir workspace build"), "{screen}");
    // The first build has one cause.
    assert!(line(&screen, "ran ").contains(" actions, the longest "), "{screen}");
    line(&screen, "http://127.0.0.1:");
    line(&screen, "r rebuild · t check types · o open · q quit");

    // What changed, what ran, and why.
    case.replace(
        "src/shared/notes.ts",
        "export function readNewNote",
        "export const added = 1;\nexport function readNewNote",
    );
    let screen = terminal.until_holds(&["changed src/shared/notes.ts", "✓ Built in", "served in", "✓ Checked in"]);
    let ran = line(&screen, "transpile:backend(src/shared/notes.ts)");
    assert!(ran.ends_with(" ms  it changed"), "{screen}");
    assert!(line(&screen, "artifacts:backend").contains("it changed → transpile"), "{screen}");
    assert!(!screen.contains("hello"), "{screen}");

    // All that is wrong, not only where the last change was.
    case.replace("src/shared/notes.ts", "added = 1", "added: string = 1");
    terminal.until_holds(&["× Checked in", "1 error", "typecheck::ts2322"]);
    case.replace("src/backend/functions/hello/index.ts", "export", "export const other: number = '';\nexport");
    let screen = terminal.until_holds(&["changed src/backend/functions/hello/index.ts", "× Checked in", "2 errors"]);
    assert!(screen.contains("src/shared/notes.ts:") && screen.contains("hello/index.ts:"), "{screen}");
    assert_eq!(screen.matches("typecheck::ts2322").count(), 2, "{screen}");

    // A build that fails; what was served still is.
    case.replace("src/shared/notes.ts", "added: string = 1", "added: = 1");
    terminal.until_holds(&["× The build failed", "what was built before is still served", "src/shared/notes.ts:"]);
    case.replace("src/shared/notes.ts", "added: = 1", "added = 1");
    case.replace("src/backend/functions/hello/index.ts", "other: number = ''", "other: number = 1");
    let screen = terminal.until("all is well", |screen| {
        ["✓ Built in", "served in", "✓ Checked in"].iter().all(|text| screen.contains(text)) && !screen.contains('×')
    });
    assert!(!screen.contains("error"), "{screen}");
    terminal.press("q");
    terminal.until_holds(&["ended with 0"]);
}

#[test]
fn a_narrow_screen_keeps_to_its_lines() {
    let case = Case::starter();
    let Some(terminal) = Terminal::open(&case, 80, 24) else { return };
    terminal.watch();
    case.replace(
        "src/shared/notes.ts",
        "export function readNewNote",
        "export const added = 1;\nexport function readNewNote",
    );
    let screen = terminal.until_holds(&["changed src/shared/notes.ts", "served in", "✓ Checked in", "bundle:module"]);
    // The path of the cause does not fit.
    assert!(line(&screen, "bundle:module").ends_with('…'), "{screen}");
    let rows: Vec<&str> = screen.trim_end().lines().collect();
    assert_eq!(rows[0], "webstir workspace build", "{screen}");
    assert_eq!(rows.last(), Some(&"  r rebuild · t check types · o open · q quit"), "{screen}");
    // The changed file is named once, and where it is all that a rule is about.
    assert_eq!(screen.matches("src/shared/notes.ts").count(), 2, "{screen}");
    assert_eq!(rows.len(), 14, "{screen}");

    // More findings than fit scroll away above what must be seen.
    let wrong = ["one", "two", "three", "four", "five"];
    let wrong = wrong.map(|name| format!("export const {name}: string = 1;\n")).concat();
    case.replace("src/shared/notes.ts", "export const added = 1;\n", &wrong);
    let screen = terminal.until_holds(&["✓ Built in", "× Checked in", "5 errors"]);
    let rows: Vec<&str> = screen.trim_end().lines().collect();
    assert_eq!(rows.last(), Some(&"  r rebuild · t check types · o open · q quit"), "{screen}");
    line(&screen, "changed src/shared/notes.ts");
    // Nothing is left of it afterwards.
    case.replace("src/shared/notes.ts", &wrong, "");
    let screen = terminal.until("all is well", |screen| {
        screen.contains("✓ Checked in") && !screen.contains("error") && !screen.contains("five")
    });
    assert_eq!(screen.lines().next(), Some("webstir workspace build"), "{screen}");
    terminal.press("q");
    terminal.until_holds(&["ended with 0"]);
}

#[test]
fn keys_are_heard_and_the_terminal_is_as_before() {
    let case = Case::starter();
    let Some(terminal) = Terminal::open(&case, 100, 50) else { return };
    let before = terminal.modes("before");
    assert!(before.contains(" icanon") && before.contains(" echo "), "{before}");
    terminal.watch();
    case.replace(
        "src/shared/notes.ts",
        "export function readNewNote",
        "export const added = 1;\nexport function readNewNote",
    );
    terminal.until_holds(&["changed", "served in", "✓ Checked in"]);

    // Nothing changed: nothing runs, and what is pressed is not written.
    terminal.press("r");
    terminal.until("rebuilt", |screen| !screen.contains("changed") && screen.contains("✓ Checked in"));
    terminal.press("t");
    terminal.until_holds(&["✓ Checked in", "ran     typecheck:backend", "You asked for it"]);
    // What is wrong outside of the build stays until the next change.
    case.write(".env", "HOST=nowhere\n");
    terminal.until_holds(&["× HOST 'nowhere' is no address", "changed .env", "✓ Built in", "✓ Checked in"]);
    case.write(".env", "HOST=127.0.0.1\n");
    terminal.until("no complaint", |screen| !screen.contains("nowhere") && screen.contains("✓ Checked in"));
    terminal.press("x");
    terminal.press("q");
    let screen = terminal.until_holds(&["ended with 0"]);
    assert!(!screen.lines().any(|line| matches!(line.trim(), "r" | "t" | "x" | "q")), "{screen}");
    assert_eq!(terminal.modes("after-q"), before);

    terminal.watch();
    terminal.press("C-c");
    terminal.until_holds(&["ended with"]);
    assert_eq!(terminal.modes("after-ctrl-c"), before);
}
