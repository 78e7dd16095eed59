//! Action records and facts as they lie in the store: the first byte says which.

#![no_main]

use libfuzzer_sys::fuzz_target;
use webstir_engine::fuzzing::read_record;
use webstir_typescript::source::Facts;

fuzz_target!(|bytes: &[u8]| {
    let Some((kind, bytes)) = bytes.split_first() else { return };
    if *kind == 0 {
        read_record(bytes);
    } else if let Ok(facts) = Facts::decode(bytes) {
        assert_eq!(Facts::decode(&facts.encode()), Ok(facts), "facts that change when they are written");
    }
});
