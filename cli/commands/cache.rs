//! `webstir cache {stats,clear}`.

use serde_json::json;
use webstir_engine::store::{BucketStatistics, Store};

use crate::Exit;
use crate::args::{CacheCommand, Global};
use crate::compose::{Failure, store_root, workspace_root};
use crate::report;

pub(super) fn run(global: &Global, command: CacheCommand) -> Result<Exit, Failure> {
    let root = workspace_root(global)?;
    let store = store_root(&root);
    match command {
        CacheCommand::Stats => {
            let opened = Store::open(&store).map_err(Failure::store(&store))?;
            let statistics = opened.statistics().map_err(Failure::store(&store))?;
            let rows = [("blobs", statistics.blobs), ("actions", statistics.actions), ("facts", statistics.facts)];
            if global.json {
                let bucket = |bucket: BucketStatistics| json!({"records": bucket.records, "bytes": bucket.bytes, "files": bucket.files});
                let buckets: serde_json::Map<_, _> =
                    rows.iter().map(|(name, statistics)| ((*name).to_owned(), bucket(*statistics))).collect();
                report::result(&report::json::document(
                    &json!({"store": store.display().to_string(), "buckets": buckets}),
                ));
            } else {
                let mut text = format!("store: {}\n", store.display());
                for (name, bucket) in rows {
                    text += &format!(
                        "{name}: {} records, {} in {} files\n",
                        bucket.records,
                        report::bytes(bucket.bytes),
                        bucket.files
                    );
                }
                report::result(&text);
            }
        }
        CacheCommand::Clear => {
            let bytes = Store::clear(&store).map_err(Failure::store(&store))?;
            if global.json {
                report::result(&report::json::document(
                    &json!({"store": store.display().to_string(), "freedBytes": bytes}),
                ));
            } else {
                report::result(&format!("cleared: {} freed in {}\n", report::bytes(bytes), store.display()));
            }
        }
    }
    Ok(Exit::Done)
}
