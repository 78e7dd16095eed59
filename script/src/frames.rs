//! Stack frames: from the engine's text, and through a source map.

use std::cell::OnceCell;

use serde::Deserialize;

use crate::error::{Frame, Thrown};
use crate::evaluation::SourceMap;
use crate::serve::Program;

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

/// Reads what `describeThrown` of [`DESCRIBE`](crate::DESCRIBE) wrote in another interpreter. Frames whose file ends with `file`
/// are of the program, and are mapped as those of the engine are.
pub fn read_thrown(description: &str, file: &str, program: &Program) -> Thrown {
    let raw = serde_json::from_str::<RawThrown>(description);
    let mut thrown = raw.map_or_else(
        |_| Thrown { name: None, message: description.to_owned(), frames: Vec::new(), cause: None },
        RawThrown::into_thrown,
    );
    let mut next = Some(&mut thrown);
    while let Some(thrown) = next {
        for frame in thrown.frames.iter_mut().filter(|frame| frame.file.ends_with(file)) {
            frame.file.clone_from(&program.name);
        }
        next = thrown.cause.as_deref_mut();
    }
    if let Some(map) = &program.source_map {
        let map = SourceMap { json: &map.json, directory: &map.directory };
        FrameMap::new(&program.name, map).apply(&mut thrown);
    }
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

/// A source map, read when the first frame asks for it.
pub(crate) struct FrameMap<'a> {
    name: &'a str,
    source_map: SourceMap<'a>,
    map: OnceCell<Option<oxc_sourcemap::SourceMap<'static>>>,
}

impl<'a> FrameMap<'a> {
    /// A map that cannot be read maps nothing: a frame in the bundle is better than none.
    pub(crate) fn new(name: &'a str, source_map: SourceMap<'a>) -> Self {
        Self { name, source_map, map: OnceCell::new() }
    }

    fn map(&self) -> Option<&oxc_sourcemap::SourceMap<'static>> {
        let read = || oxc_sourcemap::SourceMap::from_json_string(self.source_map.json).ok();
        self.map.get_or_init(|| read().map(oxc_sourcemap::SourceMap::into_owned)).as_ref()
    }

    /// Maps the frames of `thrown` and of its causes.
    pub(crate) fn apply(&self, thrown: &mut Thrown) {
        let Some(map) = self.map() else {
            return;
        };
        let table = map.generate_lookup_table();
        let mut next = Some(thrown);
        while let Some(thrown) = next {
            for frame in thrown.frames.iter_mut().filter(|frame| frame.file == self.name) {
                let token = map.lookup_token_approx(&table, frame.line - 1, frame.column - 1);
                let Some((token, source)) =
                    token.and_then(|token| Some((token, map.get_source(token.get_source_id()?)?)))
                else {
                    continue;
                };
                frame.file = workspace_path(self.source_map.directory, map.get_source_root().unwrap_or(""), source);
                frame.line = token.get_src_line().saturating_add(1);
                frame.column = token.get_src_col().saturating_add(1);
                frame.mapped = true;
            }
            next = thrown.cause.as_deref_mut();
        }
    }
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
                FrameMap::new("m", SourceMap { json, directory: "build" }).apply(&mut thrown);
            }
        }
    }
}
