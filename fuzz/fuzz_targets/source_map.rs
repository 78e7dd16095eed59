//! What another interpreter says of a thrown value, and the source map that its frames are mapped through: a line of JSON, then
//! the map.

#![no_main]

use libfuzzer_sys::fuzz_target;
use webstir_script::{Program, ProgramMap, read_thrown};

fuzz_target!(|text: &str| {
    let (description, json) = text.split_once('\n').unwrap_or((text, ""));
    let program = Program {
        name: "src/backend/module.ts".to_owned(),
        source: String::new(),
        source_map: Some(ProgramMap { json: json.to_owned(), directory: "build/backend".to_owned() }),
    };
    for description in
        [description, r#"{"name":"Error","message":"m","stack":"    at load (file:///w/module.mjs:1:1)"}"#]
    {
        let thrown = read_thrown(description, "module.mjs", &program);
        assert!(thrown.frames.iter().all(|frame| frame.line > 0 && frame.column > 0), "a place before the start");
    }
});
