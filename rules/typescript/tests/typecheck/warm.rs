//! Compilers that stay: after each edit the result is that of a check that starts over.

#[path = "warm/edits.rs"]
mod edits;
#[path = "warm/model.rs"]
mod model;
#[path = "warm/older.rs"]
mod older;
#[path = "warm/programs.rs"]
mod programs;

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tempfile::TempDir;
use webstir_engine::action::{Action, ActionResult, Payload, SharedResult};
use webstir_engine::blob::Blobs as _;
use webstir_engine::digest::Digest;
use webstir_engine::label::{ActionLabel, Label};
use webstir_engine::run::Previous;
use webstir_engine::system::Memory;
use webstir_engine::view::View;
use webstir_process::Helper;
use webstir_typescript::typecheck::{
    Checked, Compiler, Extent, ReferencedProject, ReferencedProjects, Request, TypecheckError, VirtualFiles, Warm,
    Wear, check,
};

use crate::bare::{Bare, compare};
use crate::before::{gives, previous};
use crate::tools::*;

/// One action over files in memory, run again and again as a scheduler does.
pub(crate) struct Bench {
    pub(crate) memory: Arc<Memory>,
    files: BTreeMap<String, String>,
    compiler: Compiler,
    /// Its command line, where what is said is held against that too, and the files on disk.
    bare: Option<(Bare, TempDir)>,
    helper: Helper,
    warm: Warm,
    action: Action,
    overlay: VirtualFiles,
    referenced: ReferencedProjects,
    previous: Option<SharedResult>,
    places: PathBuf,
    blobs: Kept,
    /// What a process that ended left.
    left: Option<SharedResult>,
    /// How many checks of another process asked about some files only.
    pub(crate) parts: usize,
    runs: usize,
}

impl Bench {
    pub(crate) fn new(files: &[(&str, &str)]) -> Self {
        Self::of(native(), files)
    }

    pub(crate) fn of(compiler: Compiler, files: &[(&str, &str)]) -> Self {
        let label = ActionLabel { rule: Label::new("typecheck", "t"), profile: Arc::from("build"), subject: None };
        let mut bench = Self {
            memory: Arc::new(Memory::with_files(&[])),
            files: BTreeMap::new(),
            compiler,
            bare: None,
            helper: helper(),
            warm: Warm::new(Wear::default()),
            action: Action::new(label, Digest::of(b"1"), Payload::Parameters(Box::default())),
            overlay: VirtualFiles::default(),
            referenced: ReferencedProjects::default(),
            previous: None,
            places: places().to_owned(),
            blobs: Kept::default(),
            left: None,
            parts: 0,
            runs: 0,
        };
        bench.set(files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect());
        bench
    }

    /// Holds every check against the command line as well.
    pub(crate) fn beside(mut self, bare: Bare) -> Self {
        let root = tempfile::tempdir().unwrap();
        for (name, text) in &self.files {
            write(root.path(), name, text);
        }
        self.bare = Some((bare, root));
        self
    }

    /// Makes these the files.
    pub(crate) fn set(&mut self, files: BTreeMap<String, String>) {
        if let Some((_, root)) = &self.bare {
            for name in self.files.keys().filter(|name| !files.contains_key(*name)) {
                fs::remove_file(root.path().join(name)).unwrap();
            }
            for (name, text) in files.iter().filter(|(name, text)| self.files.get(*name) != Some(text)) {
                write(root.path(), name, text);
            }
        }
        for name in self.files.keys().filter(|name| !files.contains_key(*name)) {
            self.memory.remove(name);
        }
        for (name, text) in files.iter().filter(|(name, text)| self.files.get(*name) != Some(text)) {
            self.memory.write(name, text);
        }
        self.files = files;
    }

    pub(crate) fn write(&mut self, name: &str, text: &str) {
        let mut files = self.files.clone();
        files.insert(name.to_owned(), text.to_owned());
        self.set(files);
    }

    fn request<'a>(
        &'a self,
        view: &'a View,
        project: &'a webstir_engine::path::RelPath,
        cancelled: &'a AtomicBool,
    ) -> Request<'a> {
        Request {
            compiler: &self.compiler,
            project,
            view,
            overlay: &self.overlay,
            referenced: &self.referenced,
            helper: &self.helper,
            places: &self.places,
            visible: visible(),
            blobs: &self.blobs,
            cancelled,
        }
    }

    fn try_run(&mut self, patience: Option<Duration>) -> Result<(Checked, Extent), TypecheckError> {
        let view = View::new(self.memory.clone());
        let (project, cancelled) = (path("tsconfig.json"), AtomicBool::new(patience == Some(Duration::ZERO)));
        let previous = self.before(self.previous.as_ref());
        let request = self.request(&view, &project, &cancelled);
        let flag = &cancelled;
        let (checked, extent) = std::thread::scope(|scope| {
            if let Some(patience) = patience {
                scope.spawn(move || {
                    std::thread::sleep(patience);
                    flag.store(true, Ordering::Relaxed);
                });
            }
            self.warm.check(&self.action, previous.as_ref(), &request)
        })?;
        self.previous = Some(self.result(&checked, &view));
        Ok((checked, extent))
    }

    fn before(&self, result: Option<&SharedResult>) -> Option<Previous> {
        Some(previous(&View::new(self.memory.clone()), result?))
    }

    fn result(&self, checked: &Checked, view: &View) -> SharedResult {
        let mut result = ActionResult::done(Vec::new(), checked.diagnostics.clone());
        result.discovered = view.discovered();
        result.state = checked.state.as_ref().map(|state| self.blobs.put(state).unwrap());
        Arc::new(result)
    }

    /// Checks as a process does that has no compiler yet.
    fn run_fresh(&mut self) -> (Checked, Extent, SharedResult) {
        let view = View::new(self.memory.clone());
        let (project, cancelled) = (path("tsconfig.json"), AtomicBool::new(false));
        let previous = self.before(self.left.as_ref());
        let request = self.request(&view, &project, &cancelled);
        let (checked, extent) = Warm::none().check(&self.action, previous.as_ref(), &request).unwrap();
        let result = self.result(&checked, &view);
        self.parts += usize::from(matches!(extent, Extent::Fresh(_)));
        self.runs += 1;
        // What one that stays leaves is as good.
        let left = if self.runs.is_multiple_of(2) { &result } else { self.previous.as_ref().unwrap() };
        if left.state.is_some() {
            self.left = Some(left.clone());
        }
        (Checked { state: None, ..checked }, extent, result)
    }

    /// How many discovered inputs are not given any more.
    fn differing(&self) -> usize {
        let view = View::new(self.memory.clone());
        let discovered = &self.previous.as_ref().unwrap().discovered;
        discovered.iter().filter(|(path, seen)| !gives(&view, path, seen)).count()
    }

    /// Checks, and compares with a check that starts over.
    pub(crate) fn run(&mut self, what: &str) -> (Checked, Extent) {
        let (checked, extent) = self.try_run(None).unwrap();
        let view = View::new(self.memory.clone());
        let (project, cancelled) = (path("tsconfig.json"), AtomicBool::new(false));
        let cold = check(&self.request(&view, &project, &cancelled)).unwrap();
        let (warm, fresh) = (shown(&checked), shown(&cold));
        let only = |these: &str, others: &str| -> Vec<String> {
            these.lines().filter(|line| !others.lines().any(|other| other == *line)).map(str::to_owned).collect()
        };
        let (more, less) = (only(&warm, &fresh), only(&fresh, &warm));
        assert!(more.is_empty() && less.is_empty(), "after {what} ({extent:?}): more {more:#?} less {less:#?}");
        assert_eq!(Checked { state: None, ..checked.clone() }, cold, "after {what} ({extent:?})");
        let (other, other_extent, result) = self.run_fresh();
        assert_eq!(shown(&other), shown(&cold), "after {what}, in another process ({other_extent:?})");
        assert_eq!(other, cold, "after {what}, in another process ({other_extent:?})");
        for (result, extent) in [(self.previous.as_ref().unwrap(), extent), (&result, other_extent)] {
            let is_missing = |seen: &&_| !result.discovered.contains(*seen);
            let missing: Vec<_> = view.discovered().iter().filter(is_missing).cloned().collect();
            assert!(missing.is_empty(), "after {what} ({extent:?}) the discovered inputs lack {missing:#?}");
        }
        if let Some((bare, root)) = &self.bare {
            compare(&format!("after {what} ({extent:?})"), &checked, &bare.check(root.path()));
        }
        (checked, extent)
    }

    /// A check that is soon not wanted any more.
    pub(crate) fn run_cancelled(&mut self, patience: Duration) {
        assert!(matches!(self.try_run(Some(patience)), Ok(_) | Err(TypecheckError::Cancelled)));
    }
}

const SMALL: [(&str, &str); 5] = [
    ("tsconfig.json", STRICT),
    ("package.json", r#"{"type": "module"}"#),
    ("src/low.ts", "export interface Low { count: number }\nexport function low(): Low {\n  return { count: 1 };\n}\n"),
    ("src/mid.ts", "import { low } from './low.js';\nexport const mid = () => low();\n"),
    ("src/top.ts", "import { mid } from './mid.js';\nexport const top: number = mid().count;\n"),
];

#[test]
fn an_edit_of_a_body_asks_about_one_file() {
    let mut bench = Bench::new(&SMALL);
    assert_eq!(bench.run("start").1, Extent::Cold);
    assert_eq!(bench.run("nothing").1, Extent::Files(0));
    let edit = |body: &str| SMALL[2].1.replace("  return", body);
    for (body, errors) in [("  // why\n  return", 0), ("  const x: string = 1;\n  return", 1), ("  return", 0)] {
        bench.write("src/low.ts", &edit(body));
        let (checked, extent) = bench.run(body);
        assert_eq!((checked.diagnostics.len(), extent), (errors, Extent::Files(1)), "{body}");
    }
}

#[test]
fn a_signature_far_below_asks_about_all_that_reach_it() {
    let mut bench = Bench::new(&SMALL);
    bench.write("src/other.ts", "export const other = 1;\n");
    bench.run("start");
    bench.write("src/low.ts", &SMALL[2].1.replace("count", "size"));
    let (checked, extent) = bench.run("signature");
    assert_eq!((checked.diagnostics.len(), extent), (1, Extent::Files(3)));
}

#[test]
fn a_private_member_is_reached_by_who_writes_its_name_as_text() {
    let class = "export class Low {\n  private count = new Map<string, number>();\n  private size(): number {\n    return 1;\n  }\n}\n";
    let user = "import { Low } from './low.js';\nexport const count: Map<string, number> = new Low()['count'];\nexport const size: number = new Low()['size']();\n";
    let files = [SMALL[0], SMALL[1], ("src/low.ts", class), ("src/user.ts", user)];
    for compiler in [native(), script("5.9.3")] {
        let mut bench = Bench::of(compiler, &files);
        bench.run("start");
        for (edit, asked, errors) in [
            (class.replace("return 1", "this.count.clear();\n    return 1"), 1, 0),
            (class.replace("string, number", "string, string"), 2, 1),
            (class.replace("size(): number", "size(): string").replace("return 1", "return ''"), 2, 1),
            (class.to_owned(), 2, 0),
        ] {
            bench.write("src/low.ts", &edit);
            let (checked, extent) = bench.run(&edit);
            assert_eq!((checked.diagnostics.len(), extent), (errors, Extent::Files(asked)), "{edit}");
        }
    }
}

#[test]
fn a_composite_project_and_one_that_refers_to_others_are_checked_as_they_are() {
    let config = |more: &str| {
        format!(
            r#"{{"compilerOptions": {{"strict": true, "module": "nodenext", "target": "es2022", "lib": ["es2022"], "types": []{more}}}, "include": ["src"]"#
        )
    };
    let composite = config(", \"composite\": true") + "}";
    let referring = config("") + ", \"references\": [{\"path\": \"./lib\"}]}";
    let lib = config(", \"composite\": true").replace("\"src\"", "\".\"") + "}";
    let user = "import { low } from '../lib/low.js';\nexport const count: number = low;\n";
    let own = [("tsconfig.json", &*composite), SMALL[1], SMALL[2], SMALL[3], SMALL[4]];
    let other = [
        ("tsconfig.json", &*referring),
        SMALL[1],
        ("lib/tsconfig.json", &*lib),
        ("lib/low.ts", "export const low = 1;\n"),
        ("src/user.ts", user),
    ];
    for of in [|| (native(), Bare::native()), || (script("5.9.3"), Bare::script("5.9.3"))] {
        for (files, edited) in [(&own, "src/mid.ts"), (&other, "src/user.ts")] {
            let (compiler, bare) = of();
            let mut bench = Bench::of(compiler, files);
            // By their interfaces compilers read what another project is made of, whether it is built or not.
            if files == &own {
                bench = bench.beside(bare);
            }
            bench.run("start");
            let before = files.iter().find(|(name, _)| *name == edited).unwrap().1;
            for text in [format!("{before}export const more: string = 1;\n"), before.to_owned()] {
                bench.write(edited, &text);
                bench.run(&text);
            }
        }
    }
}

#[test]
fn a_cancelled_check_leaves_what_is_open_for_the_next() {
    let mut bench = Bench::new(&SMALL);
    bench.run("start");
    bench.write("src/low.ts", &SMALL[2].1.replace("count", "size"));
    bench.run_cancelled(Duration::ZERO);
    bench.write("src/top.ts", "export const top = 1;\n");
    bench.run_cancelled(Duration::ZERO);
    bench.write("src/top.ts", SMALL[4].1);
    let (checked, extent) = bench.run("both");
    assert_eq!((checked.diagnostics.len(), extent), (1, Extent::Files(3)));
    // What was checked last in this process is not what the compiler saw last.
    let before = bench.previous.clone();
    bench.write("src/low.ts", SMALL[2].1);
    bench.run("back");
    bench.previous = before;
    bench.write("src/mid.ts", &SMALL[3].1.replace("=> low()", "=> ({ ...low() })"));
    assert_eq!(bench.run("another").0.diagnostics.len(), 0);
}

#[test]
#[cfg(target_os = "linux")]
fn a_compiler_that_died_is_started_again_and_none_is_left() {
    let own = OwnCompiler::new();
    let mut bench = Bench::new(&SMALL);
    bench.compiler = own.compiler();
    bench.run("start");
    assert_eq!(own.processes().len(), 1);
    own.kill();
    bench.write("src/low.ts", &SMALL[2].1.replace("count", "size"));
    let (checked, extent) = bench.run("death");
    assert_eq!((checked.diagnostics.len(), extent), (1, Extent::Fresh(3)));
    assert_eq!(bench.run("nothing").1, Extent::Files(0));
    assert_eq!(own.processes().len(), 1);
    drop(bench);
    assert!(own.processes().is_empty());
}

#[test]
fn places_that_moved_are_told_where_they_are() {
    let mut bench = Bench::new(&SMALL);
    bench.write("src/top.ts", "import { low } from './low.js';\nexport const top: { size: number } = low();\nexport const more: import('./low.js').Low = {};\n");
    bench.run("start");
    bench.write("src/low.ts", &format!("// moved\n\n{}", SMALL[2].1));
    let (_, extent) = bench.run("move");
    assert_eq!(extent, Extent::Files(2));
}

#[test]
fn a_global_type_that_becomes_missing() {
    let mut bench = Bench::new(&SMALL);
    bench.run("start");
    let using = "export function top(): void {\n  using held = null;\n  void held;\n}\n";
    bench.write("src/top.ts", using);
    let (checked, extent) = bench.run("using");
    assert!(shown(&checked).contains("Cannot find global type 'Disposable'"), "{}", shown(&checked));
    assert_eq!(extent, Extent::Files(1));
    bench.write("src/top.ts", SMALL[4].1);
    assert_eq!(bench.run("back").0.diagnostics.len(), 0);
    bench.write("src/top.ts", "export const top = async () => import.meta;\n");
    assert_eq!(bench.run("others").1, Extent::Files(1));
}

#[test]
fn a_file_that_no_program_takes_changes_nothing() {
    let mut bench = Bench::new(&SMALL);
    bench.run("start");
    for name in ["src/README.md", "src/.low.ts.swp", "src/low.ts~", "src/4913"] {
        bench.write(name, "x");
        assert_eq!(bench.differing(), 0, "{name}");
        assert_eq!(bench.run(name).1, Extent::Files(0), "{name}");
    }
    bench.write("src/new.ts", "export const fresh: string = 1;\n");
    assert_eq!(bench.differing(), 1);
    assert_eq!(bench.run("a source").0.diagnostics.len(), 1);
}

#[test]
fn what_is_no_source_starts_over() {
    let mut bench = Bench::new(&SMALL);
    bench.write("src/data.json", r#"{"a": 1}"#);
    bench.write(
        "src/top.ts",
        "import data from './data.json' with { type: 'json' };\nexport const top: number = data.a;\n",
    );
    bench.run("start");
    for (name, text, errors) in [
        ("src/data.json", r#"{"a": ""}"#, 1),
        ("package.json", r#"{"type": "commonjs"}"#, 1),
        ("tsconfig.json", "{}", 1),
        ("src/new.ts", "export const = 1;\n", 1),
        ("src/new.ts", "export const fresh: string = 1;\n", 1),
    ] {
        bench.write(name, text);
        let (checked, _) = bench.run(name);
        assert!(checked.diagnostics.len() >= errors, "{name}");
    }
}

#[test]
fn files_of_a_referenced_project_are_its_declarations() {
    refer(native());
}

fn refer(compiler: Compiler) {
    let mut bench = Bench::of(compiler, &SMALL);
    let project = "{\"compilerOptions\": {\"isolatedDeclarations\": true, \"declaration\": true}}";
    let (config, _) =
        webstir_typescript::tsconfig::load(&path("other/tsconfig.json"), &mut |_| Some(Arc::from(project.as_bytes())));
    let project = ReferencedProject { project: "other/tsconfig.json".to_owned(), declares: Some(config.sources) };
    bench.referenced = ReferencedProjects::new(&path("src/tsconfig.json"), [project]);
    let other = "export function other(): { count: number } {\n  return { count: 1 };\n}\n";
    bench.write("other/index.ts", other);
    bench
        .write("src/top.ts", "import { other } from '../other/index.js';\nexport const top: number = other().count;\n");
    bench.run("start");
    // A body there, which this check does not see.
    bench.write("other/index.ts", &other.replace('1', "2"));
    assert_eq!(bench.run("a body").1, Extent::Files(0));
    bench.write("other/index.ts", &other.replace("count", "size"));
    let (checked, extent) = bench.run("a signature");
    assert_eq!((checked.diagnostics.len(), extent), (1, Extent::Files(2)));
    bench.write("other/index.ts", "export function other() {\n  return [1].map((count) => ({ count }))[0]!;\n}\n");
    let (checked, extent) = bench.run("an inferred type");
    assert_eq!((checked.diagnostics.len(), extent), (1, Extent::Cold));
    bench.write("other/index.ts", other);
    assert_eq!(bench.run("back").0.diagnostics.len(), 0);
    bench.write("src/top.ts", "export const top = 1;\n");
    bench.run("no import");
}
