//! The language of `webstir.kdl` as a document, from the tables that it is read by.

use std::fmt::Write as _;

use super::schema::{self, BlockSchema, Constraint, Field, Language, Shape, Target};

/// What stands before the first table.
const HEAD: &str = "\
# The configuration

What may be written in `webstir.kdl`. The file is [KDL 2](https://kdl.dev). `webstir config --expanded` prints that of a workspace with the
rules of its preset. This page is made from the tables that the file is read by (`webstir config --reference`).

```kdl
workspace { mode \"api\" }
files \"texts\" { include \"texts/*.txt\" }
copy \"texts\" { from \"files:texts\"; to \"{out}/texts\" }
```

A *rule* is a node of one of the kinds below, with a name. Others name it as `kind:name`, or by its name where that is clear. A rule that the
preset has is patched: fields replace those of the preset, and `remove=#true` takes the rule away.

Every rule takes these fields, too:

";

/// The whole reference, in Markdown.
pub fn reference(language: &Language) -> String {
    let mut text = HEAD.to_owned();
    table(&mut text, schema::COMMON);
    section(&mut text, "`workspace`", "What the workspace is", schema::WORKSPACE, &[]);
    let presets: Vec<String> = language.presets.iter().map(|preset| format!("`{}`", preset.name)).collect();
    let _ = writeln!(text, "\nThe modes, which are the names of the presets, are {}.", presets.join(", "));
    section(&mut text, "`toolchain`", "Which tools are fetched", language.toolchain, &[]);
    let profile: Vec<Field> = [schema::PROFILE_OUT].into_iter().chain(language.profile.iter().copied()).collect();
    section(
        &mut text,
        "`profile`",
        "One way to build the workspace: `webstir build --profile <name>`. Its fields are defaults of the rules in it. `extends=name` takes over the rules and fields of another one",
        &profile,
        &[],
    );
    for kind in language.kinds {
        section(&mut text, &format!("`{}`", kind.kind), kind.doc, kind.fields, kind.constraints);
    }
    text
}

fn section(text: &mut String, title: &str, doc: &str, fields: &[Field], constraints: &[Constraint]) {
    let _ = writeln!(text, "\n## {title}\n\n{doc}.\n");
    table(text, fields);
    for constraint in constraints {
        let _ = match constraint {
            Constraint::ExactlyOne(names) => {
                let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
                writeln!(text, "\nExactly one of {} must be there.", names.join(", "))
            }
            Constraint::RequiredUnless { field, unless, is } => {
                writeln!(text, "\n`{field}` must be there unless `{unless}` is `#{is}`.")
            }
            Constraint::RequiredWith { field, with } => {
                writeln!(text, "\n`{field}` must be there where `{with}` is.")
            }
        };
    }
    for field in fields {
        if let Shape::Block(block) = field.shape {
            blocks(text, field.name, block);
        }
    }
}

/// What may stand in a block, and in the blocks within it.
fn blocks(text: &mut String, name: &str, block: &BlockSchema) {
    let named = if block.named { " \"name\"" } else { "" };
    let _ = writeln!(text, "\n### `{name}{named}`\n");
    let fields: Vec<Field> = block.all_fields().copied().collect();
    table(text, &fields);
    let properties: Vec<String> = block.properties.iter().map(|field| format!("`{}`", field.name)).collect();
    if !properties.is_empty() {
        let _ = writeln!(text, "\nWritten as `name=value`: {}.", properties.join(", "));
    }
    for field in block.fields {
        if let Shape::Block(block) = field.shape {
            blocks(text, &format!("{name}: {}", field.name), block);
        }
    }
}

fn table(text: &mut String, fields: &[Field]) {
    text.push_str("| field | value | |\n| --- | --- | --- |\n");
    for field in fields {
        let mut doc = field.doc.replace('|', "\\|");
        if field.required {
            doc += ". Must be there";
        }
        if field.repeated {
            doc += ". May be there more than once";
        }
        let example = field.example.map_or(String::new(), |example| format!(", as `{}`", example.replace('|', "\\|")));
        let _ = writeln!(text, "| `{}` | {}{example} | {doc} |", field.name, value(field.shape));
    }
}

fn value(shape: Shape) -> String {
    let words = |words: &[&str]| words.iter().map(|word| format!("`\"{word}\"`")).collect::<Vec<_>>().join(", ");
    let rules = |target: Target| match target.kinds {
        [] => "of any kind".to_owned(),
        kinds => kinds.iter().map(|kind| format!("`{kind}`")).collect::<Vec<_>>().join(", "),
    };
    match shape {
        Shape::Text => "a text".to_owned(),
        Shape::Texts => "texts".to_owned(),
        Shape::Names => "names of variables".to_owned(),
        Shape::Environment => "`\"NAME\"`, `\"NAME=value\"`".to_owned(),
        Shape::Path => "a path in the workspace".to_owned(),
        Shape::Glob => "a glob".to_owned(),
        Shape::Globs => "globs".to_owned(),
        Shape::Output(output) => {
            let placeholders: Vec<String> = output.placeholders.iter().map(|name| format!("`{{{name}}}`")).collect();
            let what = if output.directory { "a directory" } else { "a path" };
            format!("{what}, with {}", placeholders.join(", "))
        }
        Shape::Outputs => "paths, with `{out}`".to_owned(),
        Shape::Boolean => "`#true`, `#false`".to_owned(),
        Shape::Integer(least, most) => format!("a number from {least} to {most}"),
        Shape::Duration => "a time: `\"500ms\"`, `\"2s\"`, `\"5m\"`, `\"1h\"`".to_owned(),
        Shape::Size => "a size: `\"64KiB\"`, `\"256MiB\"`".to_owned(),
        Shape::Version => "an exact version, `\"7.0.2\"`".to_owned(),
        Shape::Choice(choices) => words(choices),
        Shape::Reference(target) => format!("a rule: {}", rules(target)),
        Shape::References(target) => format!("rules: {}", rules(target)),
        Shape::Pair => "a name and a value".to_owned(),
        Shape::Profiles => "names of profiles".to_owned(),
        Shape::Block(_) => "a block".to_owned(),
    }
}
