//! Runs `tests/specs/*.md`.
//!
//! A heading of the second level starts a case with an empty workspace. The fenced blocks below it are steps, in order:
//! `file <path>` writes a file, `append <path>` adds to one, `replace <path>` has the old text, a line `=>`, and the new text;
//! `delete` and `touch` have paths, `link <path>` the target of a symbolic link. `webstir` has arguments of the binary, to which `--json` is added; the blocks after it say
//! what must have come of it: `ran` all actions that ran, `cached` how many did not have to, `findings` all warnings and errors
//! as `code file:line:column`, `exit` the code, `tree <directory>` all files there. A `webstir` step without `exit` must exit
//! with 0, one without `ran` says nothing about actions.
//!
//! `UPDATE_SPECS=1` writes what came instead of comparing. Read the difference before you commit it.

use std::fs;
use std::path::Path;

use crate::support::{Case, Ran};

struct Block {
    /// First line and number of lines of the content.
    line: usize,
    info: String,
    content: String,
}

enum Part {
    Heading(String),
    Block(Block),
}

fn parse(text: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut open: Option<Block> = None;
    for (number, line) in text.lines().enumerate() {
        match &mut open {
            Some(block) if line == "```" => {
                if block.content.ends_with('\n') && block.info.split(' ').next() != Some("file") {
                    block.content.pop();
                }
                parts.push(Part::Block(open.take().unwrap()));
            }
            Some(block) => {
                block.content.push_str(line);
                block.content.push('\n');
            }
            None => {
                if let Some(info) = line.strip_prefix("```") {
                    open = Some(Block { line: number + 1, info: info.to_owned(), content: String::new() });
                } else if let Some(heading) = line.strip_prefix("## ") {
                    parts.push(Part::Heading(heading.to_owned()));
                }
            }
        }
    }
    assert!(open.is_none(), "a block is not closed");
    parts
}

struct Runner {
    case: Case,
    last: Option<Ran>,
    /// Replacements for blocks: first line, number of lines, text.
    updates: Vec<(usize, usize, String)>,
    update: bool,
    name: String,
}

impl Runner {
    fn step(&mut self, block: &Block) {
        let (verb, argument) = block.info.split_once(' ').unwrap_or((&block.info, ""));
        match verb {
            "file" => self.case.write(argument, &block.content),
            "append" => {
                let text = self.case.read(argument);
                self.case.write(argument, &format!("{text}{}\n", block.content));
            }
            "replace" => {
                let (from, to) = block.content.split_once("\n=>\n").expect("`replace` has a line `=>`");
                self.case.replace(argument, from, to);
            }
            "delete" => block.content.lines().for_each(|path| self.case.remove(path)),
            "link" => self.case.link(argument, &block.content),
            "touch" => block.content.lines().for_each(|path| self.case.write(path, &self.case.read(path))),
            "webstir" => {
                self.settle();
                let mut arguments: Vec<&str> = block.content.split_whitespace().collect();
                arguments.push("--json");
                self.last = Some(self.case.run(&arguments));
            }
            "exit" => {
                let code = self.last.take().expect("`exit` follows `webstir`");
                self.compare(block, &code.code.unwrap_or(-1).to_string());
                // Taken: `settle` does not ask for 0 any more; the other blocks come before `exit`.
            }
            "ran" => {
                let ran = self.last().actions(&["ran", "failed"]).join("\n");
                self.compare(block, &ran);
            }
            "cached" => {
                let cached = self.last().actions(&["cached"]).len().to_string();
                self.compare(block, &cached);
            }
            "findings" => {
                let findings = self.last().findings().join("\n");
                self.compare(block, &findings);
            }
            "tree" => {
                let names = self.case.names(argument).join("\n");
                self.compare(block, &names);
            }
            other => panic!("{}: line {}: unknown step `{other}`", self.name, block.line),
        }
    }

    fn last(&self) -> &Ran {
        self.last.as_ref().expect("a result follows `webstir`")
    }

    /// The last command, if nothing was said about its exit code, must have succeeded.
    fn settle(&mut self) {
        if let Some(ran) = self.last.take() {
            assert_eq!(ran.code, Some(0), "{}\n{}\n{}", self.name, ran.stdout, ran.stderr);
        }
    }

    fn compare(&mut self, block: &Block, actual: &str) {
        if block.content == actual {
            return;
        }
        if self.update {
            let lines = block.content.lines().count();
            self.updates.push((block.line, lines, actual.to_owned()));
        } else {
            panic!(
                "{}: line {}: `{}`\nexpected:\n{}\nactual:\n{actual}",
                self.name, block.line, block.info, block.content
            );
        }
    }
}

fn run(name: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/specs").join(name);
    let text = fs::read_to_string(&path).unwrap();
    let update = std::env::var_os("UPDATE_SPECS").is_some();
    let mut updates = Vec::new();
    let mut runner: Option<Runner> = None;
    let mut cases = 0;
    for part in parse(&text) {
        match part {
            Part::Heading(heading) => {
                if let Some(mut done) = runner.take() {
                    done.settle();
                    updates.append(&mut done.updates);
                }
                cases += 1;
                let name = format!("{name}: {heading}");
                runner = Some(Runner { case: Case::empty(), last: None, updates: Vec::new(), update, name });
            }
            Part::Block(block) => runner.as_mut().expect("blocks stand below a heading").step(&block),
        }
    }
    let mut done = runner.expect("a specification has cases");
    done.settle();
    updates.append(&mut done.updates);
    assert!(cases > 0);
    if !updates.is_empty() {
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        for (start, count, actual) in updates.into_iter().rev() {
            lines.splice(start..start + count, actual.lines().map(str::to_owned));
        }
        fs::write(path, lines.join("\n") + "\n").unwrap();
    }
}

macro_rules! specs {
    ($($name:ident => $file:literal,)*) => {
        $(#[test] fn $name() { run($file); })*

        #[test]
        fn every_specification_is_run() {
            let mut listed = vec![$($file),*];
            listed.sort_unstable();
            let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/specs");
            let mut found: Vec<String> =
                fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
            found.sort();
            assert_eq!(listed, found);
        }
    };
}

specs! {
    incremental => "incremental.md",
    profiles => "profiles.md",
    types => "types.md",
    packages => "packages.md",
    tree => "tree.md",
    commands => "commands.md",
    generated => "generated.md",
    problems => "problems.md",
}
