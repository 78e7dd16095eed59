//! A generated workspace: modules of about 70 lines with 2 to 5 imports each, without cycles; the entry imports all of them.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

/// Modules in one directory.
const PER_DIRECTORY: usize = 50;

/// Writes a workspace of so many modules.
pub(crate) fn generate(root: &Path, modules: usize) {
    let source = root.join("src/backend");
    let package = r#"{ "name": "bench", "version": "1.0.0", "type": "module", "webstir": { "mode": "api" } }"#;
    fs::create_dir_all(&source).unwrap();
    fs::write(root.join("package.json"), package).unwrap();
    let tsconfig = r#"{ "compilerOptions": { "module": "nodenext", "target": "es2022", "strict": true, "skipLibCheck": true, "types": [], "lib": ["es2023"], "noEmit": true }, "include": ["**/*.ts"] }"#;
    fs::write(source.join("tsconfig.json"), tsconfig).unwrap();
    let mut entry = String::new();
    let mut state = 7_usize;
    for number in 0..modules {
        let mut text = String::new();
        let mut imports = BTreeSet::new();
        for _ in 0..2 + number % 4 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            if number > 0 {
                imports.insert((state >> 33) % number);
            }
        }
        for import in &imports {
            let directory = import / PER_DIRECTORY;
            writeln!(text, "import {{ make{import}, type Item{import} }} from \"../d{directory}/m{import}.js\";")
                .unwrap();
        }
        body(&mut text, number, &imports);
        let path = root.join(module(number));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        let directory = number / PER_DIRECTORY;
        writeln!(entry, "import {{ names{number} }} from \"./m/d{directory}/m{number}.js\";").unwrap();
    }
    entry.push_str("export const all: string[][] = [\n");
    for number in 0..modules {
        writeln!(entry, "  names{number},").unwrap();
    }
    entry.push_str("];\n");
    fs::write(source.join("index.ts"), entry).unwrap();
}

/// Where a module lies, below the workspace.
pub(crate) fn module(number: usize) -> String {
    format!("src/backend/m/d{}/m{number}.ts", number / PER_DIRECTORY)
}

/// Adds an export to the seventh module.
pub(crate) fn edit(root: &Path, round: usize) {
    let path = root.join(module(7));
    let text = fs::read_to_string(&path).unwrap();
    fs::write(path, format!("{text}export const edited{round}: number = {round};\n")).unwrap();
}

fn body(text: &mut String, number: usize, imports: &BTreeSet<usize>) {
    write!(
        text,
        r#"
export interface Item{number} {{
  id: number;
  name: string;
  tags: readonly string[];
  kind: "a" | "b" | "c";
  nested: {{ x: number; y: string }};
}}
export type Part{number} = {{ [K in keyof Item{number}]?: Item{number}[K] | undefined }};
export class Store{number}<T extends {{ id: number }}> {{
  private readonly items = new Map<number, T>();
  constructor(protected readonly label: string = "store {number}") {{}}
  add(item: T): this {{
    this.items.set(item.id, item);
    return this;
  }}
  find(id: number): T | undefined {{
    return this.items.get(id);
  }}
  map<U>(transform: (item: T) => U): U[] {{
    return [...this.items.values()].map(transform);
  }}
}}
// Builds an item; what is left out has a value of its own.
export function make{number}(id: number, over: Part{number} = {{}}): Item{number} {{
  const base = {{ id, name: `item ${{id}}`, tags: ["x", "y"], kind: "a", nested: {{ x: id, y: String(id) }} }};
  return {{ ...base, ...(over as object) }} as Item{number};
}}
export const kinds{number} = {{
  a: (item: Item{number}): string => item.name.toUpperCase(),
  b: (item: Item{number}): string => item.tags.join("-"),
  c: (item: Item{number}): string => item.nested.y ?? "none",
}} as const;
export const names{number}: string[] = new Store{number}<Item{number}>()
  .add(make{number}(1))
  .add(make{number}(2, {{ name: "two", kind: "b" }}))
  .map((item) => item.name + kinds{number}[item.kind](item));
"#
    )
    .unwrap();
    for import in imports {
        writeln!(
            text,
            "export const via{import}: Item{import}[] = [make{import}({number})].filter((item) => item.tags.length > 1);"
        )
        .unwrap();
    }
}
