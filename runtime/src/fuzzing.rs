//! Doors for the fuzz targets, to readers of foreign bytes that are private otherwise.

use std::io;
use std::sync::LazyLock;

use bytes::Bytes;
use futures_util::FutureExt as _;
use http::{HeaderMap, Method, Response};
use tokio::runtime::{Builder, Runtime};

use crate::assets::AssetIndex;
use crate::response::Body;

pub use crate::host::fuzzing::read_frames;

static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| Builder::new_current_thread().build().expect("a runtime without drivers"));

/// The response to a request for an asset that is in memory; none when there is no such asset.
pub fn respond(
    index: &AssetIndex,
    path: &str,
    method: &Method,
    headers: &HeaderMap,
) -> Option<io::Result<Response<Body>>> {
    let asset = index.asset(path)?;
    Some(RUNTIME.block_on(index.respond(asset, method, headers)))
}

/// A statement with `$1` and on in place of each `?`.
pub fn numbered(statement: &str) -> String {
    crate::database::numbered(statement)
}

/// Everything that a body holds, where that is there already.
pub fn whole(body: Body) -> Option<Bytes> {
    use http_body_util::BodyExt as _;
    Some(body.collect().now_or_never()?.ok()?.to_bytes())
}
