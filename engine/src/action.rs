//! Actions: one piece of work, its key, and what came of it.
//!
//! An [`Action`] is a complete description: two equal actions do the same. Its [`ActionKey`] is computed by [`Action::key`] and
//! nowhere else. An [`ActionResult`] is what running it gave: outputs by digest and diagnostics, never a time.

mod key;
mod result;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::digest::{Digest, KeyHasher};
use crate::discovered::DiscoveredInput;
use crate::label::ActionLabel;
use crate::machine::Program;
use crate::path::RelPath;
use crate::system::FileContent;

pub use key::{ActionKey, KeyPart};
pub use result::{ActionResult, Artifact, RanIn, SharedResult, Verdict};

/// Where the bytes of an input are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Origin {
    /// A file of the workspace.
    Workspace,
    /// An output of another action, in the store.
    Store,
}

/// A declared input: the action reads these bytes and no others.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Input {
    /// The name under which the action knows it.
    pub path: RelPath,
    /// What it holds.
    pub digest: Digest,
    /// Whether it may be executed. Other bits of its mode are no part of an input.
    pub executable: bool,
    /// Where to find it; not part of the key.
    pub origin: Origin,
}

impl Input {
    /// What is known of the file that it is.
    pub fn content(&self) -> FileContent {
        FileContent { digest: self.digest, executable: self.executable }
    }
}

/// What does the work, besides what is compiled into this program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tool {
    /// Nothing else.
    BuiltIn,
    /// A program of the machine or of the workspace.
    Program(Program),
    /// A package, and the program that interprets it.
    Package(Package, Option<Program>),
}

/// A package that is fetched or installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    /// What stands for it: for its name, version and integrity, or for its files.
    pub digest: Digest,
    /// A JSON document that says how it is had; not part of the key.
    pub source: Box<str>,
    /// The account by which it is installed and what that said; not part of the key. `None` for a package that is fetched.
    pub account: Option<(Box<str>, Arc<str>)>,
}

/// What an action asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Payload {
    /// The parameters of a builtin: JSON documents whose shape its rule knows.
    Parameters(Box<[Box<str>]>),
    /// A process.
    Process(Process),
}

/// The process that an action runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// The name of the program, and its arguments.
    pub arguments: Box<[Box<str>]>,
    /// The working directory.
    pub directory: RelPath,
    /// What it is kept from.
    pub isolation: Isolation,
    /// How long it may take. What takes longer has no result that could be kept, so this is not part of the key.
    pub timeout: Duration,
    /// How what it prints is read for findings; part of the key, as they are part of what comes of it. `None`: it is not read.
    pub problems: Option<Box<str>>,
}

/// What a process is kept from besides the files that it does not declare.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Isolation {
    /// Whether it may use the network: what it gives may differ then.
    pub network: bool,
    /// Whether what it did and did not declare is an error. What breaks this rule is never kept, so it is not part of the key.
    pub strict: bool,
}

/// One piece of work, described completely: running it reads nothing that is not named here, or, for an action that discovers inputs, among those.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Action {
    /// Its name; of it only the kind of the rule is part of the key.
    pub label: ActionLabel,
    /// What stands for the code that is compiled into this program: another build of it may give another result.
    pub implementation: Digest,
    /// What does the work.
    pub tool: Tool,
    /// What is asked for.
    pub payload: Payload,
    /// Every environment value the action may see, sorted by name.
    pub environment: Box<[(Box<str>, Box<str>)]>,
    /// The secrets that it may see, sorted by name, with what stands for the value of each. The value itself is had where it runs.
    pub secrets: Box<[(Box<str>, Digest)]>,
    /// What it reads, sorted by path.
    pub inputs: Box<[Input]>,
    /// What it writes, sorted. A builtin whose outputs follow from its inputs may leave this empty.
    pub outputs: Box<[RelPath]>,
    /// Whether it reads the workspace through a [`View`](crate::view::View) besides its declared inputs.
    pub discovers_inputs: bool,
    /// Whether its result may be kept.
    pub cacheable: bool,
    /// The sandboxes in which a process may have made its result, by name; any where this is empty. Not part of the key: what was made in
    /// another one is not taken from the store.
    pub accepted: Box<[Box<str>]>,
    /// The key without discovered inputs, once it was asked for. An action is changed only until then.
    planned: Memo,
}

/// A key that was computed. A copy of an action may be changed, so it computes its own; the key says nothing that the rest does not.
#[derive(Debug, Default)]
struct Memo(OnceLock<ActionKey>);

impl Clone for Memo {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl PartialEq for Memo {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Memo {}

impl Action {
    /// An action without inputs that may be kept.
    pub fn new(label: ActionLabel, implementation: Digest, payload: Payload) -> Self {
        Self {
            label,
            implementation,
            tool: Tool::BuiltIn,
            payload,
            environment: Box::default(),
            secrets: Box::default(),
            inputs: Box::default(),
            outputs: Box::default(),
            discovers_inputs: false,
            cacheable: true,
            accepted: Box::default(),
            planned: Memo::default(),
        }
    }

    /// The parameters of a builtin; none of a process.
    pub fn parameters(&self) -> &[Box<str>] {
        match &self.payload {
            Payload::Parameters(parameters) => parameters,
            Payload::Process(_) => &[],
        }
    }

    /// Whether a result was made in a sandbox that is accepted.
    pub fn accepts(&self, result: &ActionResult) -> bool {
        let made_in = result.sandbox.as_ref();
        self.accepted.is_empty() || made_in.is_none_or(|sandbox| self.accepted.contains(&sandbox.name))
    }

    /// The process that it runs, if it is one.
    pub fn process(&self) -> Option<&Process> {
        match &self.payload {
            Payload::Process(process) => Some(process),
            Payload::Parameters(_) => None,
        }
    }

    /// The key of this action. `discovered` is empty for an action that discovers no inputs; for one that does the key without them
    /// finds what was recorded, and the key with the discovered inputs of one record finds the result.
    pub fn key(&self, discovered: &[(RelPath, DiscoveredInput)]) -> ActionKey {
        if discovered.is_empty() {
            *self.planned.0.get_or_init(|| self.hash(discovered))
        } else {
            self.hash(discovered)
        }
    }

    fn hash(&self, discovered: &[(RelPath, DiscoveredInput)]) -> ActionKey {
        let mut hasher = KeyHasher::new("webstir action v2");
        self.each_part(discovered, &mut |part| part.hash_into(&mut hasher));
        ActionKey(hasher.finish())
    }

    /// Walks everything that the key is made of, in order. The key hashes this walk and an explanation prints it.
    pub fn each_part(&self, discovered: &[(RelPath, DiscoveredInput)], visit: &mut dyn FnMut(KeyPart<'_>)) {
        visit(KeyPart::Kind(self.label.rule.kind(), self.implementation));
        let program = match &self.tool {
            Tool::BuiltIn => None,
            Tool::Program(program) => Some(program),
            Tool::Package(package, program) => {
                visit(KeyPart::Package(package.digest));
                program.as_ref()
            }
        };
        if let Some(program) = program {
            visit(KeyPart::Program(program));
        }
        match &self.payload {
            Payload::Parameters(parameters) => {
                parameters.iter().for_each(|parameters| visit(KeyPart::Argument(parameters)));
            }
            Payload::Process(process) => {
                process.arguments.iter().for_each(|argument| visit(KeyPart::Argument(argument)));
                visit(KeyPart::Directory(&process.directory));
                if process.isolation.network {
                    visit(KeyPart::Network);
                }
                // After the directory, so that it is not taken for an argument.
                process.problems.iter().for_each(|problems| visit(KeyPart::Argument(problems)));
            }
        }
        for (name, value) in &self.environment {
            visit(KeyPart::Environment(name, value));
        }
        for (name, digest) in &self.secrets {
            visit(KeyPart::Secret(name, *digest));
        }
        for input in &self.inputs {
            visit(KeyPart::Input(input));
        }
        for output in &self.outputs {
            visit(KeyPart::Output(output));
        }
        for (path, input) in discovered {
            visit(KeyPart::DiscoveredInput(path, input));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::label::Label;
    use crate::machine::Wanted;

    fn path(text: &str) -> RelPath {
        RelPath::new(text).unwrap()
    }

    fn program(file: &str, interpreter: Option<&str>, packages: Option<&str>, place: &str) -> Program {
        let digest = |text: &str| Digest::of(text.as_bytes());
        Program {
            wanted: Wanted { name: "tool".into(), loads_packages: true },
            place: PathBuf::from(place),
            file: digest(file),
            interpreter: interpreter.map(digest),
            looked_up: Vec::new(),
            packages: packages.map(digest),
        }
    }

    fn action() -> Action {
        let label = ActionLabel { rule: Label::new("command", "x"), profile: Arc::from("build"), subject: None };
        let process = Process {
            arguments: Box::new(["tool".into(), "a".into()]),
            directory: path("d"),
            isolation: Isolation::default(),
            timeout: Duration::from_secs(1),
            problems: None,
        };
        let mut action = Action::new(label, Digest::of(b"webstir"), Payload::Process(process));
        action.tool = Tool::Program(program("file", None, None, "/bin/tool"));
        action.environment = Box::new([("A".into(), "1".into())]);
        let (digest, origin) = (Digest::of(b"1"), Origin::Workspace);
        action.inputs = Box::new([Input { path: path("in"), digest, executable: false, origin }]);
        action.outputs = Box::new([path("out")]);
        action
    }

    fn key(change: impl FnOnce(&mut Action)) -> ActionKey {
        let mut action = action();
        change(&mut action);
        action.key(&[])
    }

    fn of_process(change: impl FnOnce(&mut Process)) -> impl FnOnce(&mut Action) {
        move |action| {
            if let Payload::Process(process) = &mut action.payload {
                change(process);
            }
        }
    }

    #[test]
    fn whatever_decides_a_result_is_part_of_the_key() {
        let package = |text: &str| Package { digest: Digest::of(text.as_bytes()), source: "{}".into(), account: None };
        let mut keys = vec![
            key(|_| {}),
            key(|action| action.implementation = Digest::of(b"another webstir")),
            key(|action| action.tool = Tool::BuiltIn),
            key(|action| action.tool = Tool::Program(program("another", None, None, "/bin/tool"))),
            key(|action| action.tool = Tool::Program(program("file", Some("sh"), None, "/bin/tool"))),
            key(|action| action.tool = Tool::Program(program("file", None, Some("sh"), "/bin/tool"))),
            key(|action| action.tool = Tool::Package(package("1"), None)),
            key(|action| action.tool = Tool::Package(package("2"), None)),
            key(|action| action.tool = Tool::Package(package("1"), Some(program("file", None, None, "/bin/tool")))),
            key(of_process(|process| process.arguments[1] = "b".into())),
            key(of_process(|process| process.directory = RelPath::root())),
            key(of_process(|process| process.isolation.network = true)),
            key(|action| action.payload = Payload::Parameters(Box::new(["tool".into(), "a".into()]))),
            key(|action| action.environment[0].1 = "2".into()),
            key(|action| action.secrets = Box::new([("A".into(), Digest::of(b"1"))])),
            key(|action| action.secrets = Box::new([("A".into(), Digest::of(b"2"))])),
            key(|action| action.inputs[0].digest = Digest::of(b"2")),
            key(|action| action.inputs[0].executable = true),
            key(|action| action.outputs = Box::new([path("elsewhere")])),
        ];
        let all = keys.len();
        keys.sort();
        keys.dedup();
        assert_eq!(keys.len(), all);
    }

    #[test]
    fn what_decides_no_result_is_no_part_of_the_key() {
        let before = key(|_| {});
        assert_eq!(key(|action| action.tool = Tool::Program(program("file", None, None, "/opt/tool"))), before);
        assert_eq!(key(of_process(|process| process.timeout = Duration::MAX)), before);
        assert_eq!(key(of_process(|process| process.isolation.strict = true)), before);
        assert_eq!(key(|action| action.accepted = Box::new(["landlock".into()])), before);
        assert_eq!(key(|action| action.inputs[0].origin = Origin::Store), before);
    }
}
