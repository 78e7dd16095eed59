//! `cargo bench --bench process`: what a command costs that runs in a tree of its own, beside a plain spawn of the same program.
//!
//! For each number of inputs a workspace is made, twenty files a directory: once with nothing else in it but one file in its root,
//! once with a file in every directory that is not declared. Then the same program, which does nothing, is spawned as it is, run in
//! namespaces, there once more observed, and in a tree of copies, in turns. Told is
//! processor time, user and system, of this process and of all that it waited for.
//!
//! `cargo bench --bench process -- [runs] [inputs]...`; 200 runs of 10, 1,000 and 10,000 inputs by default. A copied tree of more
//! than a thousand files is made once. `--state DIRECTORY` says where trees are made, `--helper PROGRAM` what makes helpers (`webstir`).

#![expect(clippy::print_stdout, reason = "the table is the result of a benchmark")]
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot run stops")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use webstir_process::{Ended, Helper, Input, Job, Keep, Sandbox, Source, Stage, Tier, Tree, Way};

const PROGRAM: &str = "/bin/true";
const FILES_IN_A_DIRECTORY: usize = 20;
/// What is run this often in a row is one measurement.
const BATCH: usize = 20;

fn main() {
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    let mut numbers = Vec::new();
    let mut state = None;
    let mut program = env!("CARGO_BIN_EXE_webstir").to_owned();
    while let Some(argument) = arguments.next() {
        match &*argument {
            "--state" => state = arguments.next(),
            "--helper" => program = arguments.next().unwrap(),
            number => numbers.extend(number.parse::<usize>().ok()),
        }
    }
    let rounds = numbers.first().copied().unwrap_or(200);
    let sizes = if numbers.len() > 1 { &numbers[1..] } else { &[10, 1000, 10_000] };
    let directory = state.map_or_else(tempfile::tempdir, tempfile::tempdir_in).unwrap();
    println!("{rounds} runs, {} processors\n", std::thread::available_parallelism().map_or(1, usize::from));
    println!("| inputs | spawn | namespace | more | goal | met | wall | observed | copy | more | a file |");
    println!("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |");
    for size in sizes {
        measure(&program, directory.path(), *size, false, rounds);
        measure(&program, directory.path(), *size, true, rounds);
    }
    println!(
        "\n| files in `node_modules` | namespace | observed | of that without packages |\n| --- | --- | --- | --- |"
    );
    packages(&program, directory.path(), rounds);
}

/// The same command beside packages of so many files, in turns.
const PACKAGE_FILES: [usize; 3] = [0, 10_000, 100_000];

/// What installed packages cost, which are shown to a command by their directory.
fn packages(program: &str, directory: &Path, rounds: usize) {
    let roots: Vec<PathBuf> = PACKAGE_FILES.iter().map(|files| directory.join(format!("packages-{files}"))).collect();
    for (root, files) in roots.iter().zip(PACKAGE_FILES) {
        for at in 0..10 {
            fs::create_dir_all(root.join("src")).unwrap();
            fs::write(root.join(format!("src/{at}.ts")), "export const value = 1;\n").unwrap();
        }
        fs::create_dir_all(root.join("node_modules")).unwrap();
        for at in 0..files {
            let place = root.join(format!("node_modules/package-{:04}/lib/{at}.js", at / 100));
            if at % 100 == 0 {
                fs::create_dir_all(place.parent().unwrap()).unwrap();
            }
            fs::write(place, "export const value = 1;\n").unwrap();
        }
    }
    let paths: Vec<String> = (0..10).map(|at| format!("src/{at}.ts")).collect();
    let inputs = || paths.iter().map(|path| Input { path, executable: false, source: Source::Workspace }).collect();
    let tree = Tree { inputs: inputs(), packages: vec!["node_modules"], ..Tree::default() };
    let state = directory.join("state");
    let of = |observe| Sandbox { tier: Some(Tier::Namespace), observe, ..Sandbox::default() };
    let mut costs = vec![(Vec::new(), Vec::new()); roots.len()];
    for _ in 0..rounds.div_ceil(BATCH) {
        for (root, (plain, observed)) in roots.iter().zip(&mut costs) {
            plain.push(cost(program, BATCH, |helper| staged(helper, &of(false), root, &state, &tree)));
            observed.push(cost(program, BATCH, |helper| staged(helper, &of(true), root, &state, &tree)));
        }
    }
    let without = mean(&costs[0].0);
    for (files, (plain, observed)) in PACKAGE_FILES.iter().zip(&costs) {
        let (plain, observed) = (mean(plain), mean(observed));
        println!("| {files} | {plain:.2} ms | {observed:.2} ms | {:.2} |", plain / without);
    }
}

fn measure(program: &str, directory: &Path, size: usize, has_others: bool, rounds: usize) {
    let root = directory.join(format!("{size}-{has_others}"));
    let paths: Vec<String> = (0..size).map(|at| format!("src/{:04}/{at:05}.ts", at / FILES_IN_A_DIRECTORY)).collect();
    for (at, path) in paths.iter().enumerate() {
        let place = root.join(path);
        if at % FILES_IN_A_DIRECTORY == 0 {
            fs::create_dir_all(place.parent().unwrap()).unwrap();
            if has_others {
                fs::write(place.with_extension("md"), "not declared").unwrap();
            }
        }
        fs::write(place, "export const value = 1;\n".repeat(50)).unwrap();
    }
    fs::write(root.join("README.md"), "not declared").unwrap();
    let input = |path: &'static str| Input { path, executable: false, source: Source::Workspace };
    // For the rest of the process: a benchmark ends soon.
    let paths: &'static [String] = paths.leak();
    let tree = Tree { inputs: paths.iter().map(|path| input(path)).collect(), ..Tree::default() };
    let state = directory.join("state");
    let run = |helper: &Helper, sandbox: &Sandbox<'_>| staged(helper, sandbox, &root, &state, &tree);
    let of = |tier, way, observe| Sandbox { tier: Some(tier), way, observe, ..Sandbox::default() };
    let namespace = of(Tier::Namespace, Way::Overlay, false);
    let observed_one = of(Tier::Namespace, Way::Overlay, true);
    let copied = of(Tier::Tree, Way::Copy, false);
    // The first ones read what is on disk.
    run(&Helper::new(PathBuf::from(program)), &namespace);
    let (mut spawn, mut overlay, mut observed, mut copy, mut wall) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for round in 0..rounds.div_ceil(BATCH) {
        spawn.push(cost(program, BATCH, |_| {
            assert!(Command::new(PROGRAM).stdout(Stdio::null()).status().unwrap().success());
        }));
        overlay.push(cost(program, BATCH, |helper| {
            let started = Instant::now();
            run(helper, &namespace);
            wall.push(started.elapsed());
        }));
        observed.push(cost(program, BATCH, |helper| run(helper, &observed_one)));
        if size <= 1000 || round == 0 {
            copy.push(cost(program, (BATCH * 10 / size).max(1), |helper| run(helper, &copied)));
        }
    }
    let [spawn, overlay, observed, copy] = [spawn, overlay, observed, copy].map(|costs| mean(&costs));
    let more = overlay - spawn;
    let met = if more <= 3.0 { "yes" } else { "no" };
    let wall = median(wall).as_secs_f64() * 1e3;
    let a_file = (copy - spawn) / f64::from(u32::try_from(size).unwrap());
    println!(
        "| {size}{} | {spawn:.2} ms | {overlay:.2} ms | {more:.2} ms | ≤ 3 ms | {met} | {wall:.1} ms | {observed:.2} ms | {copy:.1} ms | {:.1} ms | {a_file:.3} ms |",
        if has_others { ", one hidden in each directory" } else { "" },
        copy - spawn
    );
}

fn staged(helper: &Helper, sandbox: &Sandbox<'_>, root: &Path, state: &Path, tree: &Tree<'_>) {
    let job = Job {
        program: Path::new(PROGRAM),
        arguments: Vec::new(),
        directory: "",
        environment: Vec::new(),
        search_path: Vec::new(),
        timeout: Some(Duration::from_mins(1)),
        stdout: Keep::Tail(4096),
        stderr: Keep::Tail(4096),
    };
    let place = Stage::take(state).unwrap();
    let finished = helper.run(place, root, tree, sandbox, &job, &AtomicBool::new(false)).unwrap();
    assert!(matches!(finished.ended, Ended::Exited(status) if status.success()), "{:?}", finished.ended);
}

/// Milliseconds of processor time of one of `count` runs, of this process and of those that it waited for. The system counts whole
/// ticks, hence many. The helpers of all of them have one launcher, as those of a build have; it ends before the clock is read.
fn cost(program: &str, count: usize, mut run: impl FnMut(&Helper)) -> f64 {
    let before = processor_time();
    let helper = Helper::new(PathBuf::from(program));
    for _ in 0..count {
        run(&helper);
    }
    drop(helper);
    (processor_time() - before) / f64::from(u32::try_from(count).unwrap())
}

fn processor_time() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap().split(' ').collect();
    fields[11..15].iter().map(|field| field.parse::<f64>().unwrap() * 10.0).sum()
}

fn mean(costs: &[f64]) -> f64 {
    costs.iter().sum::<f64>() / f64::from(u32::try_from(costs.len()).unwrap())
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}
