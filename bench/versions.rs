//! `cargo bench --bench versions -- BINARY`: this version of webstir beside another one, run alternately.
//!
//! Each has a workspace of its own with the same generated files, so that neither reads what the other kept. Told are medians of whole
//! processes and the median of the ratios of the pairs, which says more where the machine is busy with something else, too.
//!
//! `cargo bench --bench versions -- BINARY [rounds] [modules]...`; 7 rounds of 100 and 1,000 modules by default. `THIS,BINARY` names both.

#![expect(clippy::print_stdout, reason = "the table is the result of a benchmark")]
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot run stops")]

#[path = "cost.rs"]
#[expect(dead_code, reason = "the rows here tell other things")]
mod cost;
#[path = "workspace.rs"]
mod workspace;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use cost::{Cost, cost, median};

/// Beside the generated modules.
const CONFIGURATION: &str = "workspace { mode \"api\"; }\n\
    files \"texts\" { include \"texts/*.txt\"; }\n\
    command \"join\" { run \"sh\" \"-c\" \"cat texts/*.txt > $WEBSTIR_OUT/joined.txt\"; inputs \"texts/*.txt\"; outputs \"{out}/joined.txt\"; }\n";

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let Some((other, numbers)) = arguments.split_first() else {
        println!("Name the other binary: cargo bench --bench versions -- BINARY [rounds] [modules]...");
        return;
    };
    let numbers: Vec<usize> = numbers.iter().map(|number| number.parse().unwrap()).collect();
    let rounds = numbers.first().copied().unwrap_or(7);
    let sizes = if numbers.len() > 1 { &numbers[1..] } else { &[100, 1000] };
    let directory = tempfile::tempdir().unwrap();
    println!("{rounds} rounds, {} processors\n", std::thread::available_parallelism().map_or(1, usize::from));
    println!("| what | this | other | ratio | of user time |\n| --- | --- | --- | --- | --- |");
    for size in sizes {
        let of = |name: &str, program: &Path| {
            let root = directory.path().join(format!("{name}-{size}"));
            workspace::generate(&root, *size);
            fs::write(root.join("webstir.kdl"), CONFIGURATION).unwrap();
            fs::create_dir_all(root.join("texts")).unwrap();
            for number in 0..20 {
                fs::write(root.join(format!("texts/{number}.txt")), "text\n".repeat(number)).unwrap();
            }
            Version { program: program.to_owned(), root, toolchain: directory.path().join("toolchain"), edits: 0 }
        };
        let (this, other) = other.split_once(',').unwrap_or((env!("CARGO_BIN_EXE_webstir"), other));
        let this = of("this", &fs::canonicalize(this).unwrap());
        let other = of("other", &fs::canonicalize(other).unwrap());
        Bench { versions: [this, other], rounds }.run(*size);
    }
}

/// One of the two, in its workspace.
struct Version {
    program: PathBuf,
    root: PathBuf,
    toolchain: PathBuf,
    edits: usize,
}

impl Version {
    fn run(&self, arguments: &[&str], checks: bool) -> Cost {
        let mut command = Command::new(&self.program);
        command.args(arguments).arg("--quiet").current_dir(&self.root).env("WEBSTIR_TOOLCHAIN", &self.toolchain);
        if !checks {
            command.env("WEBSTIR_BACKEND_TYPECHECK", "skip");
        }
        cost(command.stderr(Stdio::null()))
    }

    fn build(&self) -> Cost {
        self.run(&["build"], false)
    }

    /// Moves directories out of the way: deleting thousands of files makes the creation of the next ones slow on ext4.
    fn put_away(&mut self, directories: &[&str]) {
        self.edits += 1;
        for (number, directory) in directories.iter().enumerate() {
            let aside = self.root.with_extension(format!("old-{}-{number}", self.edits));
            let _ = fs::rename(self.root.join(directory), aside);
        }
    }

    fn edit(&mut self) {
        self.edits += 1;
        workspace::edit(&self.root, self.edits);
    }
}

struct Bench {
    versions: [Version; 2],
    rounds: usize,
}

impl Bench {
    fn run(mut self, size: usize) {
        let all = [".webstir", "build", "dist"];
        // The compiler is fetched before anything is timed.
        for version in &self.versions {
            version.run(&["build"], true);
        }
        let mut row =
            |what: &str, work: &mut dyn FnMut(&mut Version) -> Cost| self.row(&format!("{size} modules: {what}"), work);
        row("cold", &mut |version| {
            version.put_away(&all);
            version.build()
        });
        row("nothing changed", &mut |version| version.build());
        row("one edit", &mut |version| {
            version.edit();
            version.build()
        });
        row("one input of a command edited", &mut |version| {
            version.edits += 1;
            fs::write(version.root.join("texts/0.txt"), version.edits.to_string()).unwrap();
            version.build()
        });
        row("all planned, all from the store", &mut |version| {
            version.put_away(&[".webstir/start"]);
            version.build()
        });
        row("outputs restored", &mut |version| {
            version.put_away(&["build"]);
            version.build()
        });
        row("types, cold", &mut |version| {
            version.put_away(&all);
            version.run(&["build"], true)
        });
        row("publish, cold", &mut |version| {
            version.put_away(&all);
            version.run(&["publish"], true)
        });
        row("publish, one edit", &mut |version| {
            version.edit();
            version.run(&["publish"], true)
        });
    }

    fn row(&mut self, what: &str, work: &mut dyn FnMut(&mut Version) -> Cost) {
        // What was materialised a moment ago is looked at once more; the first ones read what is on disk.
        for version in &mut self.versions {
            work(version);
        }
        let (mut this, mut other) = (Vec::new(), Vec::new());
        for round in 0..self.rounds {
            // Who is first takes turns.
            let order = if round % 2 == 0 { [0, 1] } else { [1, 0] };
            for number in order {
                let cost = work(&mut self.versions[number]);
                if number == 0 { this.push(cost) } else { other.push(cost) }
            }
        }
        let ratio = |of: fn(&Cost) -> f64| {
            let mut ratios: Vec<f64> =
                this.iter().zip(&other).map(|(this, other)| of(this) / of(other).max(f64::MIN_POSITIVE)).collect();
            ratios.sort_by(f64::total_cmp);
            ratios[ratios.len() / 2]
        };
        let (wall, user) = (ratio(|cost| cost.wall.as_secs_f64()), ratio(|cost| cost.user.as_secs_f64()));
        let (this, other) = (median(this), median(other));
        let seconds = |cost: Cost| cost.wall.as_secs_f64();
        println!("| {what} | {:.3} s | {:.3} s | {wall:.2} | {user:.2} |", seconds(this), seconds(other));
    }
}
