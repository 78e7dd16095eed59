//! Random edits against an oracle. `WEBSTIR_ORACLE_EDITS` says how many (60, and 15 where the command line is asked as well, which
//! takes seconds each time), `WEBSTIR_ORACLE_SEED` where they start.

use std::collections::BTreeSet;
use std::time::Duration;

use webstir_typescript::typecheck::{Checked, Compiler, Extent};

use super::Bench;
use super::model::{KINDS, Model, Module};
use crate::bare::Bare;
use crate::tools::native;

/// Numbers that look random and come again with the same seed (SplitMix64).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % limit as u64).unwrap()
    }
}

fn number(name: &str, default: usize) -> usize {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// Whether a finding elsewhere names a place in the module.
fn is_named(checked: &Checked, module: usize) -> bool {
    let file = format!("src/m{module}.ts");
    checked.diagnostics.iter().any(|found| {
        let elsewhere = found.file.as_ref().is_none_or(|path| path.as_str() != file);
        elsewhere && found.related.iter().any(|other| other.file.as_ref().is_some_and(|path| path.as_str() == file))
    })
}

fn count(is_beside: bool) -> usize {
    number("WEBSTIR_ORACLE_EDITS", if is_beside { 15 } else { 60 })
}

fn bench(compiler: Compiler, bare: Option<Bare>) -> Bench {
    let bench = Bench::of(compiler, &[]);
    match bare {
        Some(bare) => bench.beside(bare),
        None => bench,
    }
}

#[expect(clippy::print_stdout, reason = "shown with `--nocapture`")]
fn tell(text: &str) {
    println!("{text}");
}

fn model(numbers: &mut Numbers, kinds: usize, isolated: bool) -> Model {
    Model {
        modules: (0..22)
            .map(|at| {
                let imports = (0..numbers.below(4)).filter(|_| at > 0).map(|_| numbers.below(at)).collect();
                (at, Module::new(at % kinds, imports))
            })
            .collect(),
        isolated,
        strict: true,
        ambient: 0,
        global: 0,
        augmentation: 0,
    }
}

/// Edits of which nobody knows what they mean: lines go, come twice, or change places, and names stand for others.
pub(super) fn run_texts(compiler: Compiler, bare: Option<Bare>) {
    let mut numbers = Numbers(number("WEBSTIR_ORACLE_SEED", 7) as u64);
    let is_beside = bare.is_some();
    let sound = model(&mut numbers, KINDS, false).files();
    let names: Vec<String> = sound.keys().filter(|name| name.starts_with("src/")).cloned().collect();
    let mut bench = bench(compiler, bare);
    let mut files = sound.clone();
    bench.set(files.clone());
    bench.run("start");
    let edits = count(is_beside);
    let mut warm = 0;
    for edit in 0..edits {
        let name = &names[numbers.below(names.len())];
        let mut lines: Vec<String> = files[name].lines().map(str::to_owned).collect();
        let (first, second) = (numbers.below(lines.len().max(1)), numbers.below(lines.len().max(1)));
        let what = match numbers.below(8) {
            _ if lines.is_empty() => 7,
            what => what,
        };
        match what {
            0 => drop(lines.remove(first)),
            1 => lines.insert(second, lines[first].clone()),
            2 => lines.swap(first, second),
            3 => {
                let other = &files[&names[numbers.below(names.len())]];
                let all: Vec<&str> = other.lines().collect();
                if !all.is_empty() {
                    lines.insert(first, all[numbers.below(all.len())].to_owned());
                }
            }
            4 => {
                let words = ["number", "string", "boolean", "value", "export ", "const", ": ", "this", "=>", "x"];
                let (word, other) = (words[numbers.below(words.len())], words[numbers.below(words.len())]);
                lines[first] = lines[first].replacen(word, other, 1);
            }
            5 => {
                let (one, other) = (numbers.below(22).to_string(), numbers.below(22).to_string());
                lines[first] = lines[first].replacen(&one, &other, 1);
            }
            // Otherwise nothing is sound after a while.
            _ => lines = sound[name].lines().map(str::to_owned).collect(),
        }
        if numbers.below(4) == 0 {
            files.clone_from(&sound);
        }
        files.insert(name.clone(), lines.join("\n") + "\n");
        bench.set(files.clone());
        let (_, extent) = bench.run(&format!("edit {edit}: {what} in {name}"));
        warm += usize::from(matches!(extent, Extent::Files(_)));
    }
    tell(&format!("of {edits} edits {warm} were checked warm"));
}

/// Each value alone, to each other one.
pub(super) fn run_values(compiler: Compiler, is_native: bool) {
    let modules = (0..3).map(|at| (at, Module::new(8 + at, BTreeSet::new()))).collect();
    let mut model = Model { modules, ..model(&mut Numbers(0), KINDS, false) };
    let mut bench = bench(compiler, None);
    bench.set(model.files());
    bench.run("start");
    for at in 0..3 {
        for (digit, value) in (0..5).flat_map(|digit| [(digit, 1), (digit, 2), (digit, 0)]) {
            model.modules.get_mut(&at).unwrap().value = value * 3_usize.pow(digit);
            bench.set(model.files());
            let (_, extent) = bench.run(&format!("value {value} of {digit} in m{at}"));
            let hides = model.modules[&at].hides_values();
            // Where something found shows a union older compilers are asked about everything.
            let is_asked_alone = is_native && hides;
            assert!(!is_asked_alone || extent == Extent::Files(1), "value {value} of {digit} in m{at}: {extent:?}");
        }
    }
}

pub(super) fn run(compiler: Compiler, bare: Option<Bare>, kinds: usize, isolated: bool) {
    let mut numbers = Numbers(number("WEBSTIR_ORACLE_SEED", 7) as u64);
    let mut model = model(&mut numbers, kinds, isolated);
    // Of all kinds some findings show a union, where older compilers are asked about everything.
    let is_native = bare.is_none();
    let mut bench = bench(compiler, bare);
    bench.set(model.files());
    let (mut checked, _) = bench.run("start");
    let (mut warm, mut single, mut next, mut is_settled) = (0, 0, model.modules.len(), true);
    let mut earlier = Vec::new();
    let edits = count(!is_native);
    for edit in 0..edits {
        let all: Vec<usize> = model.modules.keys().copied().collect();
        let at = all[numbers.below(all.len())];
        let others: Vec<usize> = all.iter().copied().filter(|&other| other != at).collect();
        let other = others[numbers.below(others.len())];
        earlier.push(model.clone());
        let module = model.modules.get_mut(&at).unwrap();
        let is_plain = module.is_annotated() && module.kind != 6;
        // The last kinds have exports whose types nobody wrote.
        let declares = isolated && !matches!(module.kind, 9 | 10);
        let mut is_body = false;
        let what = match numbers.below(32) {
            0..=7 => {
                module.body += 1;
                is_body = is_plain;
                "a body"
            }
            8 | 9 => {
                module.wrong = !module.wrong;
                is_body = is_plain;
                "an error in a body"
            }
            10 | 11 => {
                module.signature += 1 + numbers.below(2);
                "a signature"
            }
            12 | 13 => {
                module.field += 1;
                "a type"
            }
            14 => {
                module.hidden += 1;
                "what is private"
            }
            15 => {
                module.comment = (module.comment + 1) % 3;
                is_body = true;
                "a comment"
            }
            16 | 17 => {
                // Cycles included.
                if !module.imports.remove(&other) {
                    module.imports.insert(other);
                }
                "an import"
            }
            18 => {
                module.renamed = !module.renamed;
                "a name"
            }
            19 | 20 => {
                for module in model.modules.values_mut() {
                    module.broken = false;
                }
                if numbers.below(2) == 0 {
                    model.modules.get_mut(&at).unwrap().broken = true;
                }
                "syntax"
            }
            21 => {
                if numbers.below(2) == 0 && all.len() > 16 {
                    model.modules.remove(&at);
                } else {
                    let imports: BTreeSet<usize> = (0..2).map(|_| all[numbers.below(all.len())]).collect();
                    model.modules.insert(next, Module::new(next % kinds, imports));
                    next += 1;
                }
                "a file"
            }
            22 => {
                model.strict = !model.strict;
                "the project"
            }
            23 => {
                match numbers.below(3) {
                    0 => model.ambient += 1,
                    1 => model.global += 1,
                    _ => model.augmentation += 1,
                }
                "what is global"
            }
            24 => {
                // As the store gives an earlier result back.
                model = earlier[numbers.below(earlier.len())].clone();
                "everything, back"
            }
            25..=29 => {
                module.value += 3_usize.pow(u32::try_from(numbers.below(5)).unwrap());
                is_body = module.hides_values();
                "a value"
            }
            30 => {
                module.wrong_value = !module.wrong_value;
                is_body = module.hides_values();
                "an error in a value"
            }
            _ => {
                model.modules.get_mut(&other).unwrap().signature += 1;
                bench.set(model.files());
                bench.run_cancelled(Duration::from_micros(numbers.below(20_000) as u64));
                model.modules.get_mut(&at).unwrap().body += 1;
                "what was cancelled"
            }
        };
        bench.set(model.files());
        if numbers.below(12) == 0 {
            bench.run_cancelled(Duration::from_micros(numbers.below(20_000) as u64));
            is_settled = false;
        }
        let was_named = is_named(&checked, at);
        let extent;
        (checked, extent) = bench.run(&format!("edit {edit}: {what} in m{at}"));
        let is_broken = model.modules.values().any(|module| module.broken);
        if let Extent::Files(asked) = extent {
            warm += 1;
            single += usize::from(asked == 1);
            if is_native && is_body && declares && is_settled && !is_broken && !was_named {
                assert_eq!(asked, 1, "edit {edit}: {what} in m{at}");
            }
        }
        is_settled = !is_broken;
    }
    let parts = bench.parts;
    tell(&format!(
        "of {edits} edits {warm} were checked warm, {single} by one file, and {parts} in part in another process"
    ));
    assert!(warm * 2 > edits, "of {edits} edits {warm} were checked warm");
    assert!(!is_native || parts * 3 > edits, "of {edits} edits {parts} were checked in part in another process");
}

#[test]
fn values_beside_written_types() {
    run_values(native(), true);
}

#[test]
fn random_texts() {
    run_texts(native(), None);
}

#[test]
#[ignore = "long: an oracle"]
fn random_edits() {
    run(native(), None, KINDS, false);
}

#[test]
#[ignore = "long: an oracle"]
fn random_edits_with_isolated_declarations() {
    run(native(), None, KINDS, true);
}
