//! Which of the compiler's programs are asked about types, and how long a compiler stays.

use serde_json::Value;

use webstir_typescript::typecheck::{Warm, Wear};

use super::{Bench, Extent, SMALL};
use crate::tools::*;

/// Of each snapshot how many files were named as changed, none when the project was opened, and how often it was asked about types.
fn snapshots(told: &[Value]) -> Vec<(Option<usize>, usize)> {
    let mut snapshots = Vec::new();
    for message in told {
        match message["method"].as_str() {
            Some("updateSnapshot") => {
                let changed = message["params"]["fileChanges"]["changed"].as_array().map(Vec::len);
                snapshots.push((changed, 0));
            }
            Some("getSemanticDiagnostics" | "getGlobalDiagnostics" | "resolveName") => {
                snapshots.last_mut().unwrap().1 += 1;
            }
            _ => {}
        }
    }
    snapshots
}

#[test]
fn a_program_that_others_hold_is_not_asked_about_types() {
    let own = OwnCompiler::new();
    let mut bench = Bench::new(&SMALL);
    bench.compiler = own.overheard();
    let places = weak_places();
    bench.places = places.path().to_owned();
    assert_eq!(bench.run("start").1, Extent::Cold);
    let mut files = bench.files.clone();
    for (name, text) in [SMALL[2], SMALL[3]] {
        files.insert(name.to_owned(), text.replace("count", "size").replace("=> low()", "=> ({ ...low() })"));
    }
    bench.set(files);
    assert_eq!(bench.run("two files").1, Extent::Files(3));
    bench.write("src/low.ts", SMALL[2].1);
    assert_eq!(bench.run("one file").1, Extent::Files(3));
    let snapshots = snapshots(&own.told());
    let changed: Vec<_> = snapshots.iter().map(|(changed, _)| *changed).collect();
    assert_eq!(changed, [None, Some(1), Some(2), Some(1), Some(1)]);
    for (changed, asked) in snapshots {
        assert_eq!(asked > 0, changed == Some(1), "{changed:?}, {asked}");
    }
}

/// How much is asked about in each of four edits of one file, after a start; each result is that of a check that starts over.
fn edited(wear: Wear) -> (Bench, Vec<Extent>) {
    let mut bench = Bench::new(&SMALL);
    bench.warm = Warm::new(wear);
    let mut extents = vec![bench.run("start").1];
    for edit in 0..4 {
        bench.write("src/low.ts", &format!("{}// {edit}\n", SMALL[2].1));
        extents.push(bench.run("edit").1);
    }
    (bench, extents)
}

#[test]
fn a_compiler_is_started_again_after_so_many_edits() {
    let (_, extents) = edited(Wear { updates: 2, ..Wear::default() });
    let files = Extent::Files(1);
    assert_eq!(extents, [Extent::Cold, files, files, Extent::Fresh(1), files]);
}

#[test]
fn a_compiler_that_has_grown_is_started_again() {
    let (bench, extents) = edited(Wear { times: 0, more: 0, ..Wear::default() });
    let fresh = Extent::Fresh(1);
    assert_eq!(extents, [Extent::Cold, fresh, fresh, fresh, fresh]);
    assert_eq!(bench.warm.memory(), 0);
}
