//! The view of a watch in a terminal, tmux.

use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use super::watching::PATIENCE;
use crate::support::Case;

/// A terminal with one command; ended when it is dropped.
struct Terminal<'a> {
    case: &'a Case,
    socket: String,
}

impl<'a> Terminal<'a> {
    fn start(case: &'a Case) -> Self {
        // A server of its own: no other test's, nobody's settings.
        let socket = case.beside("tmux").display().to_string();
        let terminal = Self { case, socket };
        let script = format!(
            "stty -a > before; {} watch --port 0; echo \"ended with $?\"; stty -a > after; sleep 600",
            env!("CARGO_BIN_EXE_webstir")
        );
        terminal.tmux(&[
            "-f",
            "/dev/null",
            "new-session",
            "-d",
            "-x",
            "110",
            "-y",
            "40",
            "-s",
            "watch",
            "sh",
            "-c",
            &script,
        ]);
        terminal
    }

    fn tmux(&self, arguments: &[&str]) -> String {
        let mut command = self.case.command_of("tmux");
        command
            .args(["-S", &self.socket])
            .args(arguments)
            .env("TERM", "xterm-256color")
            .env_remove("CI")
            .env_remove("TMUX");
        let output = command.output().expect("`tmux` is installed");
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Waits until the screen is as wanted; gives it.
    #[track_caller]
    fn until(&self, wanted: impl Fn(&str) -> bool) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let screen = self.tmux(&["capture-pane", "-p", "-t", "watch"]);
            if wanted(&screen) {
                return screen;
            }
            assert!(Instant::now() < deadline, "the screen is\n{screen}");
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// Waits until all of this is on the screen at once; gives it. What is drawn comes piece by piece on a busy machine.
    #[track_caller]
    fn until_all(&self, wanted: &[&str]) -> String {
        self.until(|screen| wanted.iter().all(|text| screen.contains(text)))
    }

    fn press(&self, key: &str) {
        self.tmux(&["send-keys", "-t", "watch", key]);
    }
}

impl Drop for Terminal<'_> {
    fn drop(&mut self) {
        let _ = Command::new("tmux").args(["-S", &self.socket, "kill-server"]).output();
    }
}

#[test]
fn the_screen_tells_what_is_now_and_hears_keys() {
    let case = Case::starter();
    let terminal = Terminal::start(&case);
    terminal.until_all(&[
        "webstir workspace build",
        "✓ Checked in",
        "served in",
        "http://127.0.0.1:",
        "r rebuild · t check types · o open · q quit",
    ]);

    let text = case.read("src/shared/notes.ts");
    case.write("src/shared/notes.ts", &format!("{text}export const wrong: number = \"text\";\n"));
    let wrong = terminal.until_all(&[
        "✓ Built in",
        "× Checked in",
        "1 error",
        "changed src/shared/notes.ts",
        "Type 'string' is not assignable to type 'number'",
        "ran     ",
        "it changed → transpile:backend(src/shared/notes.ts)",
    ]);
    // No line is longer than the terminal is wide.
    assert!(wrong.lines().all(|line| !line.starts_with("hared/")), "{wrong}");

    // What is wrong stays, whatever is edited.
    case.write("src/backend/functions/hello/index.ts", "export default () => 'hello';\n");
    terminal.until_all(&["changed src/backend/functions/hello", "Checked in", "is not assignable"]);

    case.remove("build");
    terminal.press("r");
    terminal.until(|screen| screen.contains("× Checked in") && case.exists("build/backend/module.js"));
    case.write("src/shared/notes.ts", &text);
    terminal.until(|screen| screen.contains("✓ Checked in") && screen.contains("changed src/shared/notes.ts"));
    terminal.press("t");
    terminal.until(|screen| screen.contains("✓ Checked in") && screen.contains("typecheck:backend"));
    terminal.press("q");
    terminal.until(|screen| screen.contains("ended with 0"));
    let deadline = Instant::now() + PATIENCE;
    while !case.exists("after") || case.read("after").is_empty() {
        assert!(Instant::now() < deadline, "the shell does not go on");
        thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(case.read("before"), case.read("after"));
}

#[test]
fn what_handlers_log_stays_on_the_screen() {
    let case = Case::starter();
    let module = case.read("src/backend/routes/page.ts");
    case.write(
        "src/backend/routes/page.ts",
        &module.replacen("handler(ctx) {", "handler(ctx) {\n    console.log('a handler says', { seen: 1 });", 1),
    );
    let terminal = Terminal::start(&case);
    let first = terminal.until_all(&["✓ Checked in", "served in", "http://"]);
    let url = first.lines().find_map(|line| line.trim().strip_prefix("http://")).unwrap();
    let asked = ureq::get(&format!("http://{url}/")).call();
    assert!(asked.is_ok(), "{asked:?}");
    let said = "INFO a handler says { seen: 1 }";
    terminal.until_all(&[said, "request.completed"]);
    // The next build draws everything anew.
    case.write(
        "src/shared/notes.ts",
        &format!("{}export const wrong: number = 'text';\n", case.read("src/shared/notes.ts")),
    );
    let screen = terminal.until(|screen| {
        screen.contains("× Checked in")
            && screen.matches("loaded module definition").count() == 2
            && screen.contains(said)
            && screen.contains("r rebuild")
    });
    assert!(screen.starts_with("webstir workspace build"), "{screen}");
}
