//! The snippets, as they are written.
//!
//! A file is a subject; `options: legacy` in it asks for `experimentalDecorators`. A block ```` ```ts expressions ```` holds an expression
//! a line, each of them a snippet: an exported constant that another module reads, a constant of its module and a condition. A
//! heading `## ..` begins a snippet of modules: its first block is the one that runs, and says what it finds with `out(..)`;
//! the others are called by their names, ```` ```ts name.ts ````. A `cjs` block is a CommonJS package that exports `values`. `[node]`, in the
//! heading or behind `expressions`, keeps the embedded engine out; `[dropped: reason]` says that linking leaves an effect out, which
//! must be one that esbuild leaves out; `[engine: reason]` that the embedded engine is at fault, as long as it is.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use serde_json::Value;

/// Expressions that share a module.
const TOGETHER: usize = 16;

/// One file of the corpus.
pub(super) struct Subject {
    pub(super) name: String,
    /// The set of compiler options.
    pub(super) options: String,
    pub(super) snippets: Vec<Snippet>,
}

pub(super) struct Snippet {
    /// Unique in the corpus.
    pub(super) name: String,
    /// Only Node runs it.
    pub(super) node: bool,
    /// Linking leaves an effect out, as esbuild does.
    pub(super) dropped: bool,
    /// The embedded engine computes something else.
    pub(super) engine: bool,
    form: Form,
}

enum Form {
    Expression(String),
    /// Name and text of each file; the first one runs.
    Modules(Vec<(String, String)>),
    Package(String),
}

/// All subjects, sorted by name.
pub(super) fn subjects() -> Vec<Subject> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/differential");
    let mut subjects = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "md") {
            let name = path.file_stem().unwrap().to_str().unwrap();
            subjects.push(read(name, &std::fs::read_to_string(&path).unwrap()));
        }
    }
    subjects.sort_by(|a, b| a.name.cmp(&b.name));
    subjects
}

fn read(name: &str, text: &str) -> Subject {
    let mut subject = Subject { name: name.to_owned(), options: "standard".to_owned(), snippets: Vec::new() };
    let mut lines = text.lines().enumerate();
    while let Some((_, line)) = lines.next() {
        if let Some(options) = line.strip_prefix("options: ") {
            options.clone_into(&mut subject.options);
        } else if let Some(title) = line.strip_prefix("## ") {
            let (title, tag) = match title.split_once(" [") {
                Some((title, tag)) => (title, tag.strip_suffix(']').expect("a tag ends with a bracket")),
                None => (title, ""),
            };
            let fault = |kind: &str| tag.strip_prefix(kind).is_some_and(|reason| reason.starts_with(": "));
            let tags = (tag == "node", fault("dropped"), fault("engine"));
            assert!(tag.is_empty() || tags != (false, false, false), "{line}");
            let (node, dropped, engine) = tags;
            let name = format!("{name}: {title}");
            subject.snippets.push(Snippet { name, node, dropped, engine, form: Form::Modules(Vec::new()) });
        } else if let Some(words) = line.strip_prefix("```") {
            let words: Vec<&str> = words.split(' ').collect();
            let block: Vec<(usize, &str)> = lines.by_ref().take_while(|(_, line)| *line != "```").collect();
            if words.get(1) == Some(&"expressions") {
                subject.snippets.extend(block.iter().filter(|(_, line)| !line.is_empty()).map(|(number, line)| {
                    Snippet {
                        name: format!("{name}:{}: {line}", number + 1),
                        node: words.contains(&"[node]"),
                        dropped: false,
                        engine: false,
                        form: Form::Expression((*line).to_owned()),
                    }
                }));
                continue;
            }
            let text: Vec<&str> = block.iter().map(|(_, line)| *line).collect();
            let text = text.join("\n") + "\n";
            let snippet = subject.snippets.last_mut().expect("a block of modules has a heading above it");
            match (&mut snippet.form, words[0]) {
                (form, "cjs") => *form = Form::Package(text),
                (Form::Modules(files), extension) => {
                    let file = words.get(1).map_or(format!("main.{extension}"), |name| (*name).to_owned());
                    files.push((file, text));
                }
                _ => panic!("a block of another kind below {}", snippet.name),
            }
        }
    }
    subject
}

fn literal(text: &str) -> String {
    Value::from(text).to_string()
}

impl Subject {
    /// The directories of the entries: one for all engines, one for Node alone.
    pub(super) fn entries(&self) -> impl Iterator<Item = String> {
        let has = |node: bool| self.snippets.iter().any(|snippet| snippet.node == node);
        let all = has(false).then(|| self.name.clone());
        all.into_iter().chain(has(true).then(|| format!("{}-node", self.name)))
    }

    /// Every file of a workspace that belongs to it, by path.
    pub(super) fn files(&self) -> BTreeMap<String, String> {
        let mut files = BTreeMap::new();
        for (entry, node) in [(self.name.clone(), false), (format!("{}-node", self.name), true)] {
            let snippets: Vec<&Snippet> = self.snippets.iter().filter(|snippet| snippet.node == node).collect();
            if !snippets.is_empty() {
                write(&entry, &snippets, &mut files);
            }
        }
        files
    }
}

fn write(entry: &str, snippets: &[&Snippet], files: &mut BTreeMap<String, String>) {
    let directory = format!("src/backend/functions/{entry}");
    let mut imports = "import { recorder } from '../../record.js';\n".to_owned();
    let mut uses = String::new();
    let expressions: Vec<(&str, &str)> = snippets
        .iter()
        .filter_map(|snippet| match &snippet.form {
            Form::Expression(text) => Some((snippet.name.as_str(), text.as_str())),
            _ => None,
        })
        .collect();
    for (number, together) in expressions.chunks(TOGETHER).enumerate() {
        let mut module = String::new();
        for (index, (name, text)) in together.iter().enumerate() {
            let _ = write!(
                module,
                "export const value{index} = {text};\nconst constant{index} = {text};\nexport function uses{index}(): unknown[] {{\n  \
                 const said: unknown[] = [typeof constant{index}, constant{index}];\n  if ({text}) said.push('truthy'); else said.push('falsy');\n  \
                 said.push(({text}) ? 1 : 2, !({text}), [{text}]);\n  return said;\n}}\n"
            );
            let local = format!("{number}_{index}");
            let _ = writeln!(
                imports,
                "import {{ value{index} as value{local}, uses{index} as uses{local} }} from './expressions{number}.js';"
            );
            let _ = writeln!(uses, "recorder({})(value{local}, ...uses{local}());", literal(name));
        }
        files.insert(format!("{directory}/expressions{number}.ts"), module);
    }
    for (number, snippet) in snippets.iter().enumerate() {
        match &snippet.form {
            Form::Expression(_) => {}
            Form::Modules(modules) => {
                for (index, (name, text)) in modules.iter().enumerate() {
                    let path = format!("{directory}/s{number}/{name}");
                    if index > 0 {
                        files.insert(path, text.clone());
                        continue;
                    }
                    let out = "import { recorder as snippetRecorder } from '../../../record.js';";
                    let text =
                        format!("{out} const out = snippetRecorder({});\n{text}export {{}};\n", literal(&snippet.name));
                    files.insert(path, text);
                    let _ = writeln!(imports, "import './s{number}/main.js';");
                }
            }
            Form::Package(text) => {
                let package = format!("{entry}-{number}");
                files.insert(
                    format!("node_modules/{package}/package.json"),
                    format!("{{ \"name\": \"{package}\", \"main\": \"index.cjs\" }}\n"),
                );
                files.insert(format!("node_modules/{package}/index.cjs"), text.clone());
                let _ = writeln!(imports, "import package{number} from '{package}';");
                let _ = writeln!(uses, "recorder({})(package{number}.values);", literal(&snippet.name));
            }
        }
    }
    files.insert(format!("{directory}/index.ts"), imports + &uses);
}
