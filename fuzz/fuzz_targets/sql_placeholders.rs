//! Statements in which `?` becomes `$1` and on: nothing but placeholders changes.

#![no_main]

use libfuzzer_sys::fuzz_target;
use webstir_runtime::fuzzing::numbered;

fuzz_target!(|text: &str| {
    let out = numbered(text);
    let (mut before, mut after, mut count) = (text, out.as_str(), 0);
    // Walks both: they are equal up to a `?` on the one side and the next number on the other.
    while let Some(at) = before.bytes().zip(after.bytes()).position(|(left, right)| left != right) {
        count += 1;
        before = before[at..].strip_prefix('?').expect("a placeholder");
        after = after[at..].strip_prefix(&format!("${count}")).expect("the next number");
    }
    assert_eq!(before.len(), after.len(), "something is left over");
});
