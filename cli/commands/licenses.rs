//! `webstir licenses`.

use std::io::Read as _;

use crate::Exit;
use crate::args::Licenses;

/// Made by `cli/notices/build.rs`.
const NOTICES: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/notices.gz"));

pub(super) fn run(licenses: &Licenses) -> Exit {
    let mut text = String::new();
    // It was made by the build of this very program.
    flate2::read::GzDecoder::new(NOTICES).read_to_string(&mut text).expect("the notices are compressed text");
    if licenses.full {
        crate::report::result(&text);
    } else {
        let list = text.split("\n\n").next().unwrap_or_default();
        crate::report::result(&format!(
            "webstir {}: {}\n{list}\n",
            env!("CARGO_PKG_VERSION"),
            env!("CARGO_PKG_LICENSE")
        ));
    }
    Exit::Done
}
