//! `webstir cache {stats,gc,verify,clear}`.

use serde_json::json;
use webstir_engine::store::{BucketStatistics, Budget, Store};

use crate::Exit;
use crate::args::{CacheCommand, CollectGarbage, Global};
use crate::compose::{Failure, budget, store_root, workspace_root};
use crate::report;

pub(super) fn run(global: &Global, command: &CacheCommand) -> Result<Exit, Failure> {
    let place = store_root(&workspace_root(global)?);
    let name = place.display().to_string();
    let failed = || Failure::store(&place);
    let report_result = |document: serde_json::Value, text: String| {
        let mut document = document;
        document["store"] = json!(name);
        report::result(&if global.json { report::json::document(&document) } else { text });
    };
    match command {
        CacheCommand::Stats => {
            let store = Store::open(&place).map_err(failed())?;
            let statistics = store.statistics().map_err(failed())?;
            let (bytes, budget) = (store.bytes().map_err(failed())?, budget()?);
            let rows = [("blobs", statistics.blobs), ("actions", statistics.actions), ("facts", statistics.facts)];
            let bucket = |bucket: BucketStatistics| json!({"records": bucket.records, "bytes": bucket.bytes, "files": bucket.files});
            let buckets: serde_json::Map<_, _> =
                rows.iter().map(|(name, statistics)| ((*name).to_owned(), bucket(*statistics))).collect();
            let mut text = format!("store: {name}\n");
            for (name, bucket) in rows {
                let size = report::bytes(bucket.bytes);
                text += &format!("{name}: {} records, {size} in {} files\n", bucket.records, bucket.files);
            }
            let (all, most) = (report::bytes(bytes), report::bytes(budget.bytes));
            text += &format!("all: {all} of at most {most}; what was not used for {} days goes\n", budget.days);
            let budget = json!({"bytes": budget.bytes, "days": budget.days});
            report_result(json!({"bytes": bytes, "budget": budget, "buckets": buckets}), text);
        }
        CacheCommand::Gc(CollectGarbage { size, days }) => {
            let usual = budget()?;
            let budget = Budget { bytes: size.unwrap_or(usual.bytes), days: days.unwrap_or(usual.days) };
            let collected = Store::collect(&place, budget).map_err(failed())?;
            let text = format!(
                "collected: {} records and {} blobs gone, {} freed, {} left in {name}\n",
                collected.records,
                collected.blobs,
                report::bytes(collected.before.saturating_sub(collected.after)),
                report::bytes(collected.after)
            );
            let document = json!({
                "bytesBefore": collected.before,
                "bytesAfter": collected.after,
                "records": collected.records,
                "blobs": collected.blobs,
            });
            report_result(document, text);
        }
        CacheCommand::Verify => {
            let verified = Store::verify(&place).map_err(failed())?;
            let text = match (verified.damaged, verified.incomplete) {
                (0, 0) => format!("verified: {} entries, all sound, in {name}\n", verified.checked),
                (damaged, incomplete) => format!(
                    "verified: {} entries, {damaged} damaged and {incomplete} incomplete ones removed from {name}\n\
                     What is missing now is made again by the next build that wants it.\n",
                    verified.checked
                ),
            };
            let document = json!({
                "checked": verified.checked,
                "damaged": verified.damaged,
                "incomplete": verified.incomplete,
            });
            report_result(document, text);
            // The store is whole again, but the disk that it lies on is not to be trusted.
            return Ok(if verified.damaged > 0 { Exit::WorldFailed } else { Exit::Done });
        }
        CacheCommand::Clear => {
            let bytes = Store::clear(&place).map_err(failed())?;
            report_result(json!({"freedBytes": bytes}), format!("cleared: {} freed in {name}\n", report::bytes(bytes)));
        }
    }
    Ok(Exit::Done)
}
