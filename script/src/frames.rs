//! Stack frames: from the engine's text, and through a source map.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use serde::Deserialize;

use crate::error::{Frame, Thrown};
use crate::program::{Program, SourceMaps};

/// A thrown value as the prelude describes it.
#[derive(Debug, Deserialize)]
pub(crate) struct RawThrown {
    name: Option<String>,
    message: String,
    #[serde(default)]
    stack: String,
    cause: Option<Box<RawThrown>>,
}

impl RawThrown {
    pub(crate) fn into_thrown(self) -> Thrown {
        Thrown {
            name: self.name,
            message: self.message,
            frames: self.stack.lines().filter_map(parse_frame).take(MAX_FRAMES).collect(),
            cause: self.cause.map(|cause| Box::new(cause.into_thrown())),
        }
    }
}

/// Reads what `describeThrown` of [`DESCRIBE`](crate::DESCRIBE) wrote in another interpreter, for which the workspace is at `root`.
/// Frames of the program's modules are mapped as those of the engine are.
pub fn read_thrown(description: &str, root: &str, program: &Program, source_maps: &dyn SourceMaps) -> Thrown {
    let raw = serde_json::from_str::<RawThrown>(description);
    let mut thrown = raw.map_or_else(
        |_| Thrown { name: None, message: description.to_owned(), frames: Vec::new(), cause: None },
        RawThrown::into_thrown,
    );
    let mut next = Some(&mut thrown);
    while let Some(thrown) = next {
        for frame in &mut thrown.frames {
            let file = frame.file.strip_prefix("file://").unwrap_or(&frame.file);
            let path = file.strip_prefix(root).map(|path| path.trim_start_matches('/'));
            if let Some(module) = path.and_then(|path| program.module(path)) {
                frame.file.clone_from(&module.path);
            }
        }
        next = thrown.cause.as_deref_mut();
    }
    FrameMaps::new(program, source_maps).apply(&mut thrown);
    thrown
}

/// The engine builds no more frames; a text that claims more was not made by it.
const MAX_FRAMES: usize = 64;

/// `    at load (src/backend/module.ts:3:9)`, or without a function. Frames of the prelude and of native functions are none.
fn parse_frame(line: &str) -> Option<Frame> {
    let text = line.trim().strip_prefix("at ")?;
    let (function, place) = match text.rsplit_once(" (") {
        Some((function, place)) => (Some(function), place.strip_suffix(')')?),
        None => (None, text),
    };
    let (rest, column) = place.rsplit_once(':')?;
    let (file, line) = rest.rsplit_once(':')?;
    if file.starts_with("webstir:") {
        return None;
    }
    Some(Frame {
        function: function.filter(|name| *name != "<anonymous>" && *name != "<eval>").map(str::to_owned),
        file: file.to_owned(),
        line: line.parse().ok().filter(|&line| line > 0)?,
        column: column.parse().ok().filter(|&column| column > 0)?,
        mapped: false,
    })
}

/// A map as it is read, and where its relative sources start.
type ReadMap = (oxc_sourcemap::SourceMap<'static>, String);

/// The source maps of a program, each read when the first frame asks for it.
pub(crate) struct FrameMaps<'a> {
    program: &'a Program,
    source_maps: &'a dyn SourceMaps,
    /// By path. A map that cannot be read maps nothing: a frame in what was generated is better than none.
    read: RefCell<BTreeMap<String, Option<Rc<ReadMap>>>>,
}

impl<'a> FrameMaps<'a> {
    pub(crate) fn new(program: &'a Program, source_maps: &'a dyn SourceMaps) -> Self {
        Self { program, source_maps, read: RefCell::default() }
    }

    fn map(&self, path: &str) -> Option<Rc<ReadMap>> {
        if let Some(read) = self.read.borrow().get(path) {
            return read.clone();
        }
        let read = self.source_maps.source_map(path).and_then(|map| {
            let read = oxc_sourcemap::SourceMap::from_json_string(&map.json).ok()?.into_owned();
            Some(Rc::new((read, map.directory)))
        });
        self.read.borrow_mut().insert(path.to_owned(), read.clone());
        read
    }

    /// Maps the frames of `thrown` and of its causes.
    pub(crate) fn apply(&self, thrown: &mut Thrown) {
        let mut next = Some(thrown);
        while let Some(thrown) = next {
            for frame in thrown.frames.iter_mut().filter(|frame| !frame.mapped) {
                let Some(module) = self.program.module(&frame.file) else { continue };
                match self.map(&module.path).and_then(|map| lookup(&map, frame)) {
                    Some(mapped) => *frame = mapped,
                    None => frame.file.clone_from(&module.name),
                }
            }
            next = thrown.cause.as_deref_mut();
        }
    }
}

/// The frame in the source, when the map says where that is.
fn lookup((map, directory): &ReadMap, frame: &Frame) -> Option<Frame> {
    let table = map.generate_lookup_table();
    let token = map.lookup_token_approx(&table, frame.line - 1, frame.column - 1)?;
    let source = map.get_source(token.get_source_id()?)?;
    Some(Frame {
        function: frame.function.clone(),
        file: workspace_path(directory, map.get_source_root().unwrap_or(""), source),
        line: token.get_src_line().saturating_add(1),
        column: token.get_src_col().saturating_add(1),
        mapped: true,
    })
}

/// A source of a map as a path below the workspace root. One that leads out of it, or is a URL, stays as it is.
fn workspace_path(directory: &str, root: &str, source: &str) -> String {
    let joined = if root.is_empty() { source.to_owned() } else { format!("{}/{source}", root.trim_end_matches('/')) };
    if joined.starts_with('/') || joined.contains("://") {
        return joined;
    }
    let mut parts: Vec<&str> = Vec::new();
    for part in directory.split('/').chain(joined.split('/')) {
        match part {
            ".." => {
                if parts.pop().is_none() {
                    return joined;
                }
            }
            "" | "." => {}
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::code::Code;
    use crate::program::SourceMap;

    #[test]
    fn reads_the_forms_of_a_frame() {
        let frame = |text: &str| parse_frame(text).map(|frame| (frame.function, frame.file, frame.line, frame.column));
        let named = Some((Some("load".to_owned()), "src/module.ts".to_owned(), 3, 9));
        assert_eq!(frame("    at load (src/module.ts:3:9)"), named);
        assert_eq!(frame("    at src/module.ts:3:9"), Some((None, "src/module.ts".to_owned(), 3, 9)));
        assert_eq!(frame("    at <anonymous> (a b.ts:1:2)"), Some((None, "a b.ts".to_owned(), 1, 2)));
        assert_eq!(frame("    at map (native)"), None);
        assert_eq!(frame("    at run (webstir:prelude/timers:1:1)"), None);
        assert_eq!(frame("at x (y:0:1)"), None);
        assert_eq!(frame("Error: at"), None);
    }

    #[test]
    fn sources_become_workspace_paths() {
        assert_eq!(workspace_path("build/backend", "", "../../src/backend/module.ts"), "src/backend/module.ts");
        assert_eq!(workspace_path("build", "../", "src/a.ts"), "src/a.ts");
        assert_eq!(workspace_path("", "", "./src/a.ts"), "src/a.ts");
        assert_eq!(workspace_path("build", "", "../../../etc/passwd"), "../../../etc/passwd");
        assert_eq!(workspace_path("build", "", "/abs.ts"), "/abs.ts");
        assert_eq!(workspace_path("build", "", "webpack://x/a.ts"), "webpack://x/a.ts");
    }

    proptest! {
        #[test]
        fn any_text_is_a_stack(text in "(?s)( at |[a-z():/.0-9]|\\PC){0,60}") {
            let _ = parse_frame(&text);
        }

        #[test]
        fn any_text_is_a_map(json in "\\PC{0,80}", line in 1_u32.., column in 1_u32..) {
            let frame = Frame { function: None, file: "m".to_owned(), line, column, mapped: false };
            let mut thrown = Thrown { name: None, message: String::new(), frames: vec![frame], cause: None };
            let documents = [json.clone(), format!(
                r#"{{"version":3,"sources":["a.ts"],"names":[],"mappings":"{}"}}"#,
                json.replace(['"', '\\'], "A")
            )];
            for json in &documents {
                let program = Program::linked("m", "m", Code::new(""));
                let map = SourceMap { json: json.as_str().into(), directory: "build".to_owned() };
                let maps = BTreeMap::from([("m".to_owned(), map)]);
                FrameMaps::new(&program, &maps).apply(&mut thrown);
            }
        }
    }
}
