//! A generated workspace that is served, and edits that show in its responses.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use crate::workspace::module;

/// Adds a module definition that reaches the first `reached` modules, with a route that answers with what one of them made; and a server
/// of the same for Bun.
pub(crate) fn serve(root: &Path, reached: usize) {
    let mut imports = String::new();
    let mut names = String::new();
    for number in 0..reached {
        let path = module(number);
        let path = path.strip_prefix("src/backend/").unwrap().replace(".ts", ".js");
        writeln!(imports, "import {{ names{number} }} from \"./{path}\";").unwrap();
        write!(names, "names{number}, ").unwrap();
    }
    let body = "{ count: all.length, marked: all[7] }";
    let definition = format!(
        r#"{imports}
const all: string[][] = [{names}];
export const module = {{
  manifest: {{ contractVersion: "1.0.0", name: "bench", version: "1.0.0", kind: "backend", capabilities: ["http"] }},
  routes: [{{ definition: {{ name: "all", method: "GET", path: "/all" }}, handler: () => ({{ status: 200, body: {body} }}) }}],
}};
"#
    );
    let server = format!(
        r"{imports}
const all: string[][] = [{names}];
const server = Bun.serve({{ port: Number(process.env.PORT), fetch: () => Response.json({body}) }});
console.log(server.port);
"
    );
    fs::write(root.join("src/backend/module.ts"), definition).unwrap();
    fs::write(root.join("src/backend/server.ts"), server).unwrap();
}

/// Changes what the seventh module makes to something that holds `mark`, by renaming as editors do.
pub(crate) fn mark(root: &Path, mark: &str) {
    let path = root.join(module(7));
    let text = fs::read_to_string(&path).unwrap();
    let (before, rest) = text.split_once("{ name: \"two").unwrap();
    let (_, after) = rest.split_once('"').unwrap();
    let aside = path.with_extension("swap");
    fs::write(&aside, format!("{before}{{ name: \"two {mark}\"{after}")).unwrap();
    fs::rename(aside, path).unwrap();
}
