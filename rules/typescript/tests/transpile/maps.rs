//! Source maps lead back to the exact place.

use oxc_sourcemap::SourceMap;
use webstir_typescript::transpile::{MapLink, MapOptions};

use crate::tools::{emit_with, with_map};

const TEXT: &str = "\u{feff}#!/usr/bin/env node\ninterface Gone { a: string }\nimport type { T } from './t';\nenum E { A = 1 }\n\
    export function first<T>(value: T): string {\n  const ü = '🙂', one = \"token-one\"; return `${value}` + one + ü + \"token-two\" as string;\n}\n\
    @((globalThis as any).dec(\"token-three\")) class X { constructor(private readonly y = \"token-four\") {} }\n";

/// Line and UTF-16 column from 0; a byte-order mark is no column.
fn position(text: &str, needle: &str) -> (u32, u32) {
    let offset = text.find(needle).unwrap_or_else(|| panic!("`{needle}` in {text}"));
    let before = text[..offset].trim_start_matches('\u{feff}');
    let column = before[before.rfind('\n').map_or(0, |newline| newline + 1)..].encode_utf16().count();
    (u32::try_from(before.matches('\n').count()).unwrap(), u32::try_from(column).unwrap())
}

fn map(content: bool, link: MapLink) -> webstir_typescript::transpile::Emitted {
    emit_with("src/a.ts", TEXT, &with_map(MapOptions { source: "../../src/a.ts".into(), content, link }))
}

#[test]
fn every_token_leads_back() {
    let emitted = map(true, MapLink::Url("a.js.map".into()));
    assert!(emitted.code.starts_with("#!/usr/bin/env node\n"));
    assert!(emitted.code.ends_with("}\n//# sourceMappingURL=a.js.map\n"), "{}", emitted.code);
    let map = SourceMap::from_json_string(emitted.map.as_ref().unwrap()).unwrap();
    assert_eq!(map.get_sources().collect::<Vec<_>>(), ["../../src/a.ts"]);
    let table = map.generate_lookup_table();
    for token in ["\"token-one\"", "\"token-two\"", "\"token-three\"", "\"token-four\"", "first("] {
        let (line, column) = position(&emitted.code, token);
        let found = map.lookup_source_view_token(&table, line, column).unwrap();
        let original = if token == "first(" { "first<" } else { token };
        assert_eq!((found.get_src_line(), found.get_src_col()), position(TEXT, original), "{token}");
    }
    assert!(!emitted.map.unwrap().contains(env!("CARGO_MANIFEST_DIR")));
}

#[test]
fn content_and_links_are_as_asked() {
    let without = map(false, MapLink::Detached);
    assert!(!without.code.contains("sourceMappingURL"));
    assert!(!without.map.unwrap().contains("token-one"));
    let inline = map(true, MapLink::Inline);
    assert!(inline.code.contains("//# sourceMappingURL=data:application/json;base64,"));
    assert!(inline.map.unwrap().contains("token-one"));
}

#[test]
fn bytes_do_not_depend_on_threads() {
    let expected = map(true, MapLink::Inline);
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| map(true, MapLink::Inline))).collect();
        for thread in threads {
            assert_eq!(thread.join().unwrap(), expected);
        }
    });
}
