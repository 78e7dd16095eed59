use std::time::Instant;
fn main() {
    let file = std::env::args().nth(1).unwrap();
    let text = std::fs::read_to_string(&file).unwrap();
    let path = webstir_engine::path::RelPath::new("a.ts").unwrap();
    let o = webstir_rules::transpile::Options {
        emit: Default::default(),
        define: Default::default(),
        map: None,
        import_require: Default::default(),
        rewrite: &|_| None,
    };
    let t = Instant::now();
    let m = webstir_rules::source::ParsedModule::parse(&path, &text).unwrap();
    eprintln!("parse {:?}", t.elapsed());
    let t = Instant::now();
    m.facts();
    eprintln!("facts {:?}", t.elapsed());
    let t = Instant::now();
    m.emit(&text, &o).unwrap();
    eprintln!("emit {:?}", t.elapsed());
}
