use super::*;
use crate::action::Artifact;
use crate::diagnostic::Diagnostic;
use crate::discovered::DiscoveredInput;
use crate::path::RelPath;

fn key(text: &str) -> ActionKey {
    ActionKey(Digest::of(text.as_bytes()))
}

fn result(store: &Store, text: &str) -> ActionResult {
    let digest = store.put(text.as_bytes()).unwrap();
    let path = RelPath::new("build/a.js").unwrap();
    ActionResult::done(
        vec![Artifact { path: path.clone(), digest, bytes: text.len() as u64, executable: false }],
        vec![Diagnostic::warning("test::w", "Something").in_file(&path)],
    )
}

#[test]
fn published_records_are_there_in_another_process() {
    let root = tempfile::tempdir().unwrap();
    let store = Store::open(root.path()).unwrap();
    let made = result(&store, "text");
    store.record(key("a"), &made).unwrap();
    assert_eq!(store.results(key("a")).unwrap(), std::slice::from_ref(&made));
    assert!(Store::open(root.path()).unwrap().results(key("a")).unwrap().is_empty());

    store.publish().unwrap();
    let other = Store::open(root.path()).unwrap();
    assert_eq!(other.results(key("a")).unwrap(), std::slice::from_ref(&made));
    assert_eq!(other.get(made.artifacts[0].digest).unwrap().as_deref(), Some(&b"text"[..]));
    assert_eq!(other.statistics().unwrap().actions.records, 1);
}

#[test]
fn large_blobs_are_files_and_damage_is_a_miss() {
    let root = tempfile::tempdir().unwrap();
    let store = Store::open(root.path()).unwrap();
    let large = vec![7; LOOSE_BYTES];
    let digest = store.put(&large).unwrap();
    assert_eq!(store.get(digest).unwrap().as_deref(), Some(&large[..]));
    let path = store.loose(digest);
    assert!(!path.exists(), "it is not published yet");
    store.publish().unwrap();
    fs::write(&path, b"damaged").unwrap();
    assert_eq!(store.get(digest).unwrap(), None);
    assert!(!path.exists());
    store.put(&large).unwrap();
    assert!(store.get(digest).unwrap().is_some());
}

#[test]
fn every_bit_flip_in_a_pack_is_a_miss_or_harmless() {
    let root = tempfile::tempdir().unwrap();
    let store = Store::open(root.path()).unwrap();
    let made = result(&store, "some text");
    store.record(key("a"), &made).unwrap();
    store.put_fact(key("f").0, b"fact").unwrap();
    store.publish().unwrap();
    for bucket in ["cas", "actions", "facts"] {
        let pack = fs::read_dir(root.path().join("v3").join(bucket)).unwrap().next().unwrap().unwrap().path();
        let whole = fs::read(&pack).unwrap();
        for byte in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[byte] ^= 0x10;
            fs::write(&pack, &damaged).unwrap();
            let reopened = Store::open(root.path()).unwrap();
            let results = reopened.results(key("a")).unwrap();
            assert!(results.is_empty() || results == std::slice::from_ref(&made), "{bucket} byte {byte}");
            let blob = reopened.get(made.artifacts[0].digest).unwrap();
            assert!(blob.is_none() || blob.as_deref() == Some(&b"some text"[..]), "{bucket} byte {byte}");
            let fact = reopened.fact(key("f").0).unwrap();
            assert!(fact.is_none() || fact.as_deref() == Some(&b"fact"[..]), "{bucket} byte {byte}");
            let _ = fs::remove_dir_all(root.path().join("v3/quarantine"));
            fs::write(&pack, &whole).unwrap();
        }
    }
}

#[test]
fn a_damaged_blob_is_rebuilt_by_writing_it_again() {
    let root = tempfile::tempdir().unwrap();
    let store = Store::open(root.path()).unwrap();
    let digest = store.put(b"heal me").unwrap();
    store.publish().unwrap();
    let pack = fs::read_dir(root.path().join("v3/cas")).unwrap().next().unwrap().unwrap().path();
    let mut bytes = fs::read(&pack).unwrap();
    bytes[20] ^= 1;
    fs::write(&pack, bytes).unwrap();

    let store = Store::open(root.path()).unwrap();
    assert_eq!(store.get(digest).unwrap(), None);
    store.put(b"heal me").unwrap();
    store.publish().unwrap();
    assert!(store.get(digest).unwrap().is_some());
    assert!(Store::open(root.path()).unwrap().get(digest).unwrap().is_some());
}

#[test]
fn a_blob_that_is_cut_short_while_its_pack_is_open_is_rebuilt_by_writing_it_again() {
    let root = tempfile::tempdir().unwrap();
    let store = Store::open(root.path()).unwrap();
    let digest = store.put(b"heal me").unwrap();
    store.publish().unwrap();
    let pack = fs::read_dir(root.path().join("v3/cas")).unwrap().next().unwrap().unwrap().path();
    fs::write(&pack, "").unwrap();
    assert_eq!(store.get(digest).unwrap(), None);
    assert!(!store.contains(digest));
    store.put(b"heal me").unwrap();
    assert!(store.get(digest).unwrap().is_some());
}

#[test]
fn newer_results_come_first_and_old_ones_are_dropped() {
    let root = tempfile::tempdir().unwrap();
    let store = Store::open(root.path()).unwrap();
    for round in 0..6 {
        let mut made = result(&store, "text");
        let path = RelPath::new(&format!("f{round}")).unwrap();
        made.discovered = Box::from([(path, crate::discovered::DiscoveredInput::Content(None))]);
        store.record(key("a"), &made).unwrap();
        store.publish().unwrap();
    }
    let results = Store::open(root.path()).unwrap().results(key("a")).unwrap();
    let first: Vec<_> = results.iter().map(|result| result.discovered[0].0.as_str().to_owned()).collect();
    assert_eq!(first, ["f5", "f4", "f3", "f2"]);
}

#[test]
fn clear_removes_everything() {
    let root = tempfile::tempdir().unwrap();
    let store = Store::open(root.path()).unwrap();
    store.put(b"x").unwrap();
    store.publish().unwrap();
    let identity = Store::identity(root.path());
    assert!(Store::clear(root.path()).unwrap() > 0);
    assert_eq!(Store::identity(root.path()), None);
    assert_eq!(Store::clear(root.path()).unwrap(), 0);
    Store::open(root.path()).unwrap();
    assert_ne!(Store::identity(root.path()), identity);
}

/// A record with a blob of `size` bytes of its own.
fn sized(store: &Store, name: &str, size: usize) -> ActionKey {
    let text = format!("{name}{}", ".".repeat(size - name.len()));
    store.record(key(name), &result(store, &text)).unwrap();
    key(name)
}

fn used(store: &Store, keys: &[ActionKey]) {
    store.note_use(Digest::of(b"user"), &keys.iter().map(|key| key.0).collect::<Vec<_>>()).unwrap();
}

/// Makes what was noted today look as if it was `days` ago.
fn age(root: &Path, days: u64) {
    let day = usage::today() - days;
    for entry in fs::read_dir(root.join("v3/use")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let (of, root_set) = name.split_once('-').unwrap();
        if of.parse() == Ok(usage::today()) {
            fs::rename(&path, path.with_file_name(format!("{day:08}-{root_set}"))).unwrap();
        }
    }
}

#[test]
fn what_was_used_least_recently_goes_first() {
    let root = tempfile::tempdir().unwrap();
    let store = Store::open(root.path()).unwrap();
    let names: Vec<String> = (0..10).map(|number| format!("record {number}")).collect();
    for (number, name) in names.iter().enumerate() {
        // Some blobs are files of their own.
        let size = if number % 2 == 0 { 20_000 } else { LOOSE_BYTES };
        let key = sized(&store, name, size);
        store.publish().unwrap();
        used(&store, &[key]);
        age(root.path(), 20 - number as u64);
    }
    let before = store.bytes().unwrap();
    let budget = Budget { bytes: before / 2, days: 30 };
    assert!(store.is_collection_due(budget).unwrap());
    let collected = Store::collect(root.path(), budget).unwrap();
    assert_eq!(collected.before, before);
    assert!(collected.after <= budget.bytes, "{collected:?}");
    assert!(collected.after > budget.bytes / 4, "{collected:?}");
    let store = Store::open(root.path()).unwrap();
    assert!(!store.is_collection_due(budget).unwrap());
    let left: Vec<bool> = names.iter().map(|name| !store.results(key(name)).unwrap().is_empty()).collect();
    assert!(left.is_sorted() && left[9] && !left[0], "{left:?}");
    // What is left is whole.
    for name in names.iter().zip(left).filter_map(|(name, left)| left.then_some(name)) {
        let digest = store.results(key(name)).unwrap()[0].artifacts[0].digest;
        assert!(store.get(digest).unwrap().is_some(), "{name}");
    }
    assert_eq!(Store::verify(root.path()).unwrap().incomplete, 0);
}

#[test]
fn what_was_not_used_for_long_goes_although_there_is_room() {
    let root = tempfile::tempdir().unwrap();
    let store = Store::open(root.path()).unwrap();
    let (old, new) = (sized(&store, "old", 10), sized(&store, "new", 10));
    store.put_fact(key("fact").0, b"fact").unwrap();
    store.publish().unwrap();
    used(&store, &[old, key("fact")]);
    age(root.path(), 31);
    used(&store, &[new]);
    let collected = Store::collect(root.path(), Budget { bytes: 1 << 30, days: 30 }).unwrap();
    assert_eq!((collected.records, collected.blobs), (0, 0), "written today");

    // As if the packs were from then, too.
    for bucket in ["actions", "facts", "cas"] {
        let directory = root.path().join("v3").join(bucket);
        for (number, entry) in fs::read_dir(&directory).unwrap().enumerate() {
            fs::rename(entry.unwrap().path(), directory.join(format!("{:016x}-0-{number}.pack", 1))).unwrap();
        }
    }
    let collected = Store::collect(root.path(), Budget { bytes: 1 << 30, days: 30 }).unwrap();
    assert_eq!((collected.records, collected.blobs), (2, 1));
    let store = Store::open(root.path()).unwrap();
    assert!(store.results(old).unwrap().is_empty());
    assert_eq!(store.results(new).unwrap().len(), 1);
}

#[test]
fn the_same_use_is_noted_once() {
    let root = tempfile::tempdir().unwrap();
    let store = Store::open(root.path()).unwrap();
    let root_set = Digest::of(b"user");
    assert!(!Store::is_use_noted(root.path(), root_set));
    used(&store, &[key("a"), key("b")]);
    assert!(Store::is_use_noted(root.path(), root_set));
    let bytes = store.bytes().unwrap();
    for _ in 0..3 {
        used(&store, &[key("b"), key("a")]);
    }
    assert_eq!(store.bytes().unwrap(), bytes);
    // A collection drops what a later day says again.
    age(root.path(), 2);
    used(&store, &[key("a")]);
    Store::collect(root.path(), Budget::default()).unwrap();
    let sizes: Vec<u64> = fs::read_dir(root.path().join("v3/use"))
        .unwrap()
        .map(|entry| entry.unwrap().metadata().unwrap().len())
        .collect();
    assert_eq!(sizes, [32, 32]);
}

#[test]
fn verify_removes_what_is_damaged_and_what_references_it() {
    let root = tempfile::tempdir().unwrap();
    let store = Store::open(root.path()).unwrap();
    let large = sized(&store, "large", LOOSE_BYTES);
    let small = sized(&store, "small", 100);
    let other = sized(&store, "other", 100);
    store.publish().unwrap();
    assert_eq!(Store::verify(root.path()).unwrap(), Verified { checked: 6, damaged: 0, incomplete: 0 });

    let loose = store.loose(store.results(large).unwrap()[0].artifacts[0].digest);
    fs::write(&loose, "damaged").unwrap();
    let pack = fs::read_dir(root.path().join("v3/cas")).unwrap();
    let pack = pack.map(|entry| entry.unwrap().path()).find(|path| path.extension().is_some()).unwrap();
    let mut bytes = fs::read(&pack).unwrap();
    let at = bytes.windows(5).position(|window| window == b"small").unwrap();
    bytes[at] ^= 1;
    fs::write(&pack, bytes).unwrap();
    assert_eq!(Store::verify(root.path()).unwrap(), Verified { checked: 6, damaged: 2, incomplete: 2 });

    let store = Store::open(root.path()).unwrap();
    assert!(store.results(small).unwrap().is_empty() && store.results(large).unwrap().is_empty());
    assert_eq!(store.results(other).unwrap().len(), 1);
    assert_eq!(Store::verify(root.path()).unwrap(), Verified { checked: 2, damaged: 0, incomplete: 0 });
}

#[test]
fn a_lower_store_is_read_and_never_written() {
    let (below, above) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let lower = Store::open(below.path()).unwrap();
    let (small, large) = (sized(&lower, "small", 100), sized(&lower, "large", LOOSE_BYTES));
    lower.put_fact(key("fact").0, b"fact").unwrap();
    lower.publish().unwrap();
    let before = lower.bytes().unwrap();
    let store = Store::open(above.path()).unwrap().over(below.path()).unwrap();
    for key in [small, large] {
        let found = store.results(key).unwrap();
        assert!(store.get(found[0].artifacts[0].digest).unwrap().is_some());
        assert!(store.contains(found[0].artifacts[0].digest));
        // Recorded anew, it stands in the upper one alone.
        store.record(key, &found[0]).unwrap();
    }
    assert_eq!(store.fact(key("fact").0).unwrap().as_deref(), Some(&b"fact"[..]));
    let own = sized(&store, "own", 100);
    store.publish().unwrap();
    assert!(Store::open(below.path()).unwrap().results(own).unwrap().is_empty());
    assert_eq!(lower.bytes().unwrap(), before);
    // One that is not there is as good as empty.
    let nothing = Store::open(above.path()).unwrap().over(&below.path().join("none")).unwrap();
    assert!(nothing.results(key("unknown")).unwrap().is_empty());
}

#[test]
fn collecting_while_others_publish_loses_nothing_that_is_named() {
    let root = tempfile::tempdir().unwrap();
    std::thread::scope(|scope| {
        for writer in 0..3 {
            let root = root.path();
            scope.spawn(move || {
                let store = Store::open(root).unwrap();
                for round in 0..20 {
                    sized(&store, &format!("{writer} {round}"), if round % 5 == 0 { LOOSE_BYTES } else { 2000 });
                    store.publish().unwrap();
                }
            });
        }
        scope.spawn(|| {
            for _ in 0..15 {
                Store::collect(root.path(), Budget { bytes: 1_000_000, days: 30 }).unwrap();
            }
        });
    });
    let verified = Store::verify(root.path()).unwrap();
    assert_eq!((verified.damaged, verified.incomplete), (0, 0));
    Store::collect(root.path(), Budget { bytes: 1_000_000, days: 30 }).unwrap();
    assert!(Store::open(root.path()).unwrap().bytes().unwrap() <= 1_050_000);
}

#[test]
fn what_a_later_run_starts_from_stays_with_its_result_and_is_missed_by_nobody() {
    let root = tempfile::tempdir().unwrap();
    let store = Store::open(root.path()).unwrap();
    let mut made = result(&store, "output");
    let (state, text) = (store.put(b"state").unwrap(), store.put(b"text").unwrap());
    let unread = store.put(b"of nobody").unwrap();
    // Of the results of an action the latest one alone.
    let mut earlier = made.clone();
    earlier.state = Some(unread);
    store.record(key("a"), &earlier).unwrap();
    made.state = Some(state);
    let read = [("a.ts", text), ("installed.d.ts", Digest::of(b"was never put"))];
    made.discovered =
        Box::new(read.map(|(path, of)| (RelPath::new(path).unwrap(), DiscoveredInput::Content(Some(of)))));
    store.record(key("a"), &made).unwrap();
    store.publish().unwrap();
    assert_eq!(Store::verify(root.path()).unwrap(), Verified { checked: 5, damaged: 0, incomplete: 0 });
    used(&store, &[key("a")]);
    Store::collect(root.path(), Budget::default()).unwrap();
    let store = Store::open(root.path()).unwrap();
    let is_there = |digest| store.get(digest).unwrap().is_some();
    assert_eq!([state, text, unread].map(is_there), [true, true, false]);
    assert_eq!(store.results(key("a")).unwrap(), [made, earlier]);
}

/// What was put is there at every moment, while another thread publishes.
#[test]
fn review_6_14_nothing_is_missing_while_it_is_published() {
    use std::sync::atomic::{AtomicBool, Ordering};

    let root = tempfile::tempdir().unwrap();
    let store = Store::open(root.path()).unwrap();
    for round in 0..8_u32 {
        let put = |number: u32| {
            let mut bytes = [round.to_le_bytes(), number.to_le_bytes()].concat();
            if number < 60 {
                bytes.resize(LOOSE_BYTES, 7);
            }
            store.put(&bytes).unwrap()
        };
        let digests: Vec<Digest> = (0..2000).map(put).collect();
        let is_published = AtomicBool::new(false);
        let missing = std::thread::scope(|scope| {
            let look = || {
                let mut missing = 0;
                while !is_published.load(Ordering::Relaxed) {
                    missing += digests.iter().filter(|digest| store.get(**digest).unwrap().is_none()).count();
                }
                missing
            };
            let readers = [scope.spawn(look), scope.spawn(look)];
            store.publish().unwrap();
            is_published.store(true, Ordering::Relaxed);
            readers.into_iter().map(|reader| reader.join().unwrap()).sum::<usize>()
        });
        assert_eq!(missing, 0, "in round {round}");
    }
}

fn pack_of(root: &Path, bucket: &str) -> PathBuf {
    let mut packs: Vec<_> =
        fs::read_dir(root.join("v3").join(bucket)).unwrap().map(|entry| entry.unwrap().path()).collect();
    packs.retain(|path| path.extension().is_some_and(|extension| extension == "pack"));
    packs.sort();
    packs.pop().unwrap()
}

/// As if the clock had been set back since the first was written.
#[test]
fn review_6_15_the_newest_pack_is_the_newest_whatever_the_clock_says() {
    let root = tempfile::tempdir().unwrap();
    let store = Store::open(root.path()).unwrap();
    let first = result(&store, "first");
    store.record(key("a"), &first).unwrap();
    let blob = store.put(b"heal me").unwrap();
    store.publish().unwrap();
    drop(store);
    for bucket in ["cas", "actions"] {
        let pack = pack_of(root.path(), bucket);
        let name = pack.file_name().unwrap().to_str().unwrap();
        let later = u64::from_str_radix(&name[..16], 16).unwrap() + 3_600_000_000;
        fs::rename(&pack, pack.with_file_name(format!("{later:016x}{}", &name[16..]))).unwrap();
    }
    let pack = pack_of(root.path(), "cas");
    let mut bytes = fs::read(&pack).unwrap();
    let at = bytes.windows(7).position(|window| window == b"heal me").unwrap();
    bytes[at] ^= 1;
    fs::write(&pack, bytes).unwrap();
    let store = Store::open(root.path()).unwrap();
    assert_eq!(store.get(blob).unwrap(), None);
    store.put(b"heal me").unwrap();
    let second = result(&store, "second");
    store.record(key("a"), &second).unwrap();
    store.publish().unwrap();
    let reopened = Store::open(root.path()).unwrap();
    assert_eq!(reopened.get(blob).unwrap().as_deref(), Some(&b"heal me"[..]));
    assert_eq!(reopened.results(key("a")).unwrap()[0], second);
}

#[test]
fn review_6_16_a_record_is_published_with_the_blobs_that_a_collection_took() {
    let root = tempfile::tempdir().unwrap();
    let store = Store::open(root.path()).unwrap();
    let made = result(&store, "text");
    store.record(key("a"), &made).unwrap();
    store.publish().unwrap();
    // Another process takes all of it.
    let collected = Store::collect(root.path(), Budget { bytes: 0, days: 30 }).unwrap();
    assert_eq!((collected.records, collected.blobs), (1, 1));
    assert!(store.get(made.artifacts[0].digest).unwrap().is_some(), "it is open here");
    let again = result(&store, "text");
    store.record(key("b"), &again).unwrap();
    store.publish().unwrap();
    let other = Store::open(root.path()).unwrap();
    assert_eq!(other.results(key("b")).unwrap(), std::slice::from_ref(&again));
    assert_eq!(other.get(again.artifacts[0].digest).unwrap().as_deref(), Some(&b"text"[..]));
    assert_eq!(Store::verify(root.path()).unwrap().incomplete, 0);
}
