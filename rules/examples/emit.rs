use std::sync::Arc;
fn main() {
    let file = std::env::args().nth(1).unwrap();
    let text = std::fs::read_to_string(&file).unwrap();
    let opts = std::env::args().nth(2).unwrap_or("{}".into());
    let path = webstir_engine::path::RelPath::new(file.rsplit('/').next().unwrap()).unwrap();
    let text2 = format!("{{\"compilerOptions\": {opts}}}");
    let (config, _) = webstir_rules::tsconfig::load(&path, &mut |_| Some(Arc::from(text2.as_bytes())));
    let o = webstir_rules::transpile::Options {
        emit: config.emit_options(None),
        define: Default::default(),
        map: None,
        import_require: Default::default(),
        rewrite: &|_| None,
    };
    match webstir_rules::transpile::transpile(webstir_rules::transpile::Source { path: &path, text: &text }, &o) {
        Ok(e) => println!("{}\n{:?}", e.code, e.imports),
        Err(e) => println!("{e:#?}"),
    }
}
