//! Source maps of one module.

use std::fmt::Write as _;

use base64::Engine as _;
use swc_core::common::source_map::SourceMapGenConfig;
use swc_core::common::{BytePos, FileName, LineCol};

use super::{MapLink, MapOptions};
use crate::source::Parts;

struct Config<'a>(&'a MapOptions);

impl SourceMapGenConfig for Config<'_> {
    fn file_name_to_source(&self, _: &FileName) -> String {
        self.0.source.clone()
    }

    fn inline_sources_content(&self, _: &FileName) -> bool {
        self.0.content
    }
}

/// The map as JSON.
pub(super) fn render(parts: &Parts, positions: &[(BytePos, LineCol)], options: &MapOptions) -> String {
    let map = parts.source_map.build_source_map(positions, None, Config(options));
    let mut json = Vec::new();
    let (Ok(()), Ok(json)) = (map.to_writer(&mut json), String::from_utf8(json)) else {
        unreachable!("a source map is written as UTF-8 into memory");
    };
    json
}

/// Ends the code with the comment that leads to the map.
pub(super) fn link(code: &mut String, link: &MapLink, map: &str) {
    let url = match link {
        MapLink::Detached => return,
        MapLink::Url(url) => url.clone(),
        MapLink::Inline => {
            format!("data:application/json;base64,{}", base64::engine::general_purpose::STANDARD.encode(map))
        }
    };
    // Writing to a `String` cannot fail.
    let _ = writeln!(code, "//# sourceMappingURL={url}");
}
