//! `cargo bench`: webstir beside esbuild and the TypeScript compiler, as ratios within one run.
//!
//! Generates a workspace of some modules, installs esbuild and TypeScript from the npm registry into a temporary directory, runs
//! each pair alternately and prints the median of each and their ratio. Whole processes are timed, reading and writing included.
//! Nothing is asserted: machines differ and are shared.
//!
//! `cargo bench -- [modules] [rounds]`; 2,000 modules and 5 rounds by default.

#![expect(clippy::print_stdout, reason = "the table is the result of a benchmark")]
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot run stops")]

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// What one process took.
#[derive(Clone, Copy)]
struct Cost {
    wall: Duration,
    /// Peak resident memory in KiB.
    memory: u64,
}

struct Bench {
    root: PathBuf,
    tools: PathBuf,
    rounds: usize,
    toolchain: PathBuf,
    serial: AtomicUsize,
}

fn main() {
    let numbers: Vec<usize> = std::env::args().skip(1).filter_map(|argument| argument.parse().ok()).collect();
    let modules = numbers.first().copied().unwrap_or(2000);
    let rounds = numbers.get(1).copied().unwrap_or(5);
    let directory = tempfile::tempdir().unwrap();
    let bench = Bench {
        root: directory.path().join("workspace"),
        tools: directory.path().join("tools"),
        rounds,
        toolchain: directory.path().join("toolchain"),
        serial: AtomicUsize::new(0),
    };
    bench.generate(modules);
    bench.install();
    println!(
        "{modules} modules, {rounds} rounds, {} processors\n",
        std::thread::available_parallelism().map_or(1, usize::from)
    );
    println!("| what | webstir | other | ratio | goal | peak memory |\n| --- | --- | --- | --- | --- | --- |");
    bench.transpile();
    bench.publish();
    bench.typecheck();
    bench.repeat();
}

impl Bench {
    /// Modules of about 70 lines with 2 to 5 imports each, without cycles; the entry imports all of them.
    fn generate(&self, modules: usize) {
        let source = self.root.join("src/backend");
        fs::create_dir_all(source.join("m")).unwrap();
        let package = r#"{ "name": "bench", "version": "1.0.0", "type": "module", "webstir": { "mode": "api" } }"#;
        fs::write(self.root.join("package.json"), package).unwrap();
        let tsconfig = r#"{ "compilerOptions": { "module": "nodenext", "target": "es2022", "strict": true, "skipLibCheck": true, "types": [], "lib": ["es2023"], "noEmit": true }, "include": ["**/*.ts"] }"#;
        fs::write(source.join("tsconfig.json"), tsconfig).unwrap();
        let mut entry = String::new();
        let mut state = 7_usize;
        for number in 0..modules {
            let mut text = String::new();
            let mut imports = std::collections::BTreeSet::new();
            for _ in 0..2 + number % 4 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                if number > 0 {
                    imports.insert((state >> 33) % number);
                }
            }
            for import in &imports {
                writeln!(text, "import {{ make{import}, type Item{import} }} from \"./m{import}.js\";").unwrap();
            }
            body(&mut text, number, &imports);
            fs::write(source.join(format!("m/m{number}.ts")), text).unwrap();
            writeln!(entry, "import {{ names{number} }} from \"./m/m{number}.js\";").unwrap();
        }
        entry.push_str("export const all: string[][] = [\n");
        for number in 0..modules {
            writeln!(entry, "  names{number},").unwrap();
        }
        entry.push_str("];\n");
        fs::write(source.join("index.ts"), entry).unwrap();
    }

    fn install(&self) {
        fs::create_dir_all(&self.tools).unwrap();
        let status = Command::new("npm")
            .args(["install", "--no-save", "--prefix"])
            .arg(&self.tools)
            .args(["esbuild@0.28.2", "typescript@7.0.2"])
            .stdout(Stdio::null())
            .status()
            .unwrap();
        assert!(status.success(), "npm install failed");
        // The compiler is fetched before anything is timed.
        self.webstir(&["build", "--quiet"], false);
    }

    fn webstir(&self, arguments: &[&str], skip_types: bool) -> Cost {
        let mut command = Command::new(env!("CARGO_BIN_EXE_webstir"));
        command.args(arguments).current_dir(&self.root).env("WEBSTIR_TOOLCHAIN", &self.toolchain);
        if skip_types {
            command.env("WEBSTIR_BACKEND_TYPECHECK", "skip");
        }
        cost(&mut command)
    }

    fn esbuild(&self, arguments: &[&str]) -> Cost {
        let out = self.root.join("esbuild-out");
        let mut command = Command::new(self.tools.join("node_modules/@esbuild/linux-x64/bin/esbuild"));
        command
            .args(arguments)
            .arg(format!("--outdir={}", out.display()))
            .args(["--format=esm", "--platform=node", "--target=node20", "--log-level=warning"])
            .current_dir(&self.root);
        let cost = cost(&mut command);
        self.put_away(&out);
        cost
    }

    fn cold(&self) {
        for name in [".webstir", "build", "dist"] {
            self.put_away(&self.root.join(name));
        }
    }

    /// Moves a directory out of the way. Deleting thousands of files makes the creation of the next ones slow on ext4, which
    /// would be charged to whoever comes next.
    fn put_away(&self, directory: &Path) {
        let name = format!("old-{}", self.serial.fetch_add(1, Ordering::Relaxed));
        let _ = fs::rename(directory, self.tools.join(name));
    }

    fn edit(&self, round: usize) {
        let path = self.root.join("src/backend/m/m7.ts");
        let text = fs::read_to_string(&path).unwrap();
        let line = format!("export const edited{round}: number = {round};\n");
        fs::write(path, text + &line).unwrap();
    }

    fn transpile(&self) {
        let mut sources: Vec<String> = vec!["src/backend/index.ts".to_owned()];
        let modules = fs::read_dir(self.root.join("src/backend/m")).unwrap();
        sources
            .extend(modules.map(|file| format!("src/backend/m/{}", file.unwrap().file_name().into_string().unwrap())));
        let mut arguments: Vec<&str> = sources.iter().map(String::as_str).collect();
        arguments.push("--sourcemap");
        let (ours, theirs) = self.pairs(
            || {
                self.cold();
                self.webstir(&["build", "--quiet"], true)
            },
            || self.esbuild(&arguments),
        );
        row("transpile, cold store, maps", ours, Some(theirs), "≤ 0.5");
    }

    fn publish(&self) {
        let arguments = ["src/backend/index.ts", "--bundle", "--minify", "--packages=external"];
        let (ours, theirs) = self.pairs(
            || {
                self.cold();
                // The check is measured by itself.
                self.publish_unchecked()
            },
            || self.esbuild(&arguments),
        );
        row("bundle and minify, cold store", ours, Some(theirs), "≤ 1.0");
        let mut round = 0;
        let (ours, theirs) = self.pairs(
            || {
                round += 1;
                self.edit(round);
                self.publish_unchecked()
            },
            || self.esbuild(&arguments),
        );
        row("bundle and minify, one edit", ours, Some(theirs), "≤ 0.5");
    }

    /// `publish` cannot skip the check; a workspace without its rule has none.
    fn publish_unchecked(&self) -> Cost {
        let kdl = self.root.join("webstir.kdl");
        fs::write(&kdl, "workspace \"bench\" { mode \"api\" }\ntypecheck backend remove=#true\n").unwrap();
        let cost = self.webstir(&["publish", "--quiet"], false);
        fs::remove_file(kdl).unwrap();
        cost
    }

    fn typecheck(&self) {
        let compiler = self.tools.join("node_modules/@typescript/typescript-linux-x64/lib/tsc");
        self.cold();
        self.webstir(&["build", "--quiet"], true);
        let mut round = 100;
        let (ours, theirs) = self.pairs(
            || {
                // Everything but the check is there already.
                round += 1;
                fs::write(self.root.join("src/backend/extra.ts"), format!("export const extra = {round};\n")).unwrap();
                self.webstir(&["build", "--quiet"], false)
            },
            || {
                cost(
                    Command::new(&compiler)
                        .args(["-p", "src/backend/tsconfig.json", "--noEmit"])
                        .current_dir(&self.root),
                )
            },
        );
        row("type check", ours, Some(theirs), "≤ 1.05");
    }

    fn repeat(&self) {
        self.webstir(&["build", "--quiet"], true);
        let none = median((0..self.rounds).map(|_| self.webstir(&["build", "--quiet"], true)).collect());
        row("nothing changed", none, None, "");
        let edited = (0..self.rounds).map(|round| {
            self.edit(1000 + round);
            self.webstir(&["build", "--quiet"], true)
        });
        row("one edit, build", median(edited.collect()), None, "");
    }

    /// Medians of both, run alternately.
    fn pairs(&self, mut ours: impl FnMut() -> Cost, mut theirs: impl FnMut() -> Cost) -> (Cost, Cost) {
        let mut costs = (Vec::new(), Vec::new());
        for _ in 0..self.rounds {
            costs.0.push(ours());
            costs.1.push(theirs());
        }
        (median(costs.0), median(costs.1))
    }
}

fn body(text: &mut String, number: usize, imports: &std::collections::BTreeSet<usize>) {
    write!(
        text,
        r#"
export interface Item{number} {{
  id: number;
  name: string;
  tags: readonly string[];
  kind: "a" | "b" | "c";
  nested: {{ x: number; y: string }};
}}
export type Part{number} = {{ [K in keyof Item{number}]?: Item{number}[K] | undefined }};
export class Store{number}<T extends {{ id: number }}> {{
  private readonly items = new Map<number, T>();
  constructor(protected readonly label: string = "store {number}") {{}}
  add(item: T): this {{
    this.items.set(item.id, item);
    return this;
  }}
  find(id: number): T | undefined {{
    return this.items.get(id);
  }}
  map<U>(transform: (item: T) => U): U[] {{
    return [...this.items.values()].map(transform);
  }}
}}
// Builds an item; what is left out has a value of its own.
export function make{number}(id: number, over: Part{number} = {{}}): Item{number} {{
  const base = {{ id, name: `item ${{id}}`, tags: ["x", "y"], kind: "a", nested: {{ x: id, y: String(id) }} }};
  return {{ ...base, ...(over as object) }} as Item{number};
}}
export const kinds{number} = {{
  a: (item: Item{number}): string => item.name.toUpperCase(),
  b: (item: Item{number}): string => item.tags.join("-"),
  c: (item: Item{number}): string => item.nested.y ?? "none",
}} as const;
export const names{number}: string[] = new Store{number}<Item{number}>()
  .add(make{number}(1))
  .add(make{number}(2, {{ name: "two", kind: "b" }}))
  .map((item) => item.name + kinds{number}[item.kind](item));
"#
    )
    .unwrap();
    for import in imports {
        writeln!(
            text,
            "export const via{import}: Item{import}[] = [make{import}({number})].filter((item) => item.tags.length > 1);"
        )
        .unwrap();
    }
}

/// Runs to the end; memory is looked at while it runs.
fn cost(command: &mut Command) -> Cost {
    let started = Instant::now();
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::inherit()).spawn().unwrap();
    let status = PathBuf::from(format!("/proc/{}/status", child.id()));
    let watching = std::thread::spawn(move || watch(&status));
    let code = child.wait().unwrap();
    let wall = started.elapsed();
    assert!(code.success(), "{command:?} failed");
    Cost { wall, memory: watching.join().unwrap() }
}

fn watch(status: &Path) -> u64 {
    let mut most = 0;
    while let Ok(text) = fs::read_to_string(status) {
        let peak = text.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse().ok());
        let Some(peak) = peak else { break };
        most = most.max(peak);
        std::thread::sleep(Duration::from_millis(5));
    }
    most
}

fn median(mut costs: Vec<Cost>) -> Cost {
    costs.sort_by_key(|cost| cost.wall);
    let memory = costs.iter().map(|cost| cost.memory).max().unwrap_or(0);
    Cost { wall: costs[costs.len() / 2].wall, memory }
}

fn row(what: &str, ours: Cost, theirs: Option<Cost>, goal: &str) {
    let seconds = |cost: Cost| format!("{:.3} s", cost.wall.as_secs_f64());
    let ratio =
        theirs.map_or(String::new(), |theirs| format!("{:.2}", ours.wall.as_secs_f64() / theirs.wall.as_secs_f64()));
    let other = theirs.map_or(String::new(), seconds);
    println!("| {what} | {} | {other} | {ratio} | {goal} | {} MiB |", seconds(ours), ours.memory / 1024);
}
