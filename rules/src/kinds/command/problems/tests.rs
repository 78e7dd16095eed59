use proptest::prelude::*;
use webstir_engine::diagnostic::Severity;

use super::place::{Unit, range};
use super::*;

const FORMATS: [&str; 5] = ["tsc", "eslint", "eslint-unix", "gcc", "json"];

/// `file:line:column severity code message` of each.
fn told(format: &str, text: &str) -> Vec<String> {
    let problems = read(format, text);
    assert_eq!(problems.count, problems.first.len());
    let line = |problem: &Problem| {
        let Problem { file, line, column, severity, code, message, notes, .. } = problem;
        let message = [std::slice::from_ref(message), notes].concat().join(" | ");
        format!("{file}:{line}:{column} {} {code} {message}", severity.as_str())
    };
    problems.first.iter().map(line).collect()
}

#[test]
fn tsc_is_read_plain_and_pretty() {
    let plain = "src/(app)/a.ts(3,7): error TS2322: Type 'string' is not assignable to type 'number'.\n  \
                 Types differ.\n\nerror TS18003: No inputs were found.\nFound 2 errors.\n  not of it\n";
    assert_eq!(
        told("tsc", plain),
        [
            "src/(app)/a.ts:3:7 error tsc::ts2322 Type 'string' is not assignable to type 'number'. | Types differ.",
            ":0:0 error tsc::ts18003 No inputs were found.",
        ]
    );
    let pretty = "src/a.ts:3:7 - error TS2322: No.\n\n3 const a: number = '';\n        ~\n\n  src/b.ts:1:1\n";
    assert_eq!(told("tsc", pretty), ["src/a.ts:3:7 error tsc::ts2322 No."]);
}

#[test]
fn eslint_is_read_as_it_prints() {
    let stylish = "\n/project/src/a.js\n  1:7   error    'a' is assigned a value but never used  no-unused-vars\n  \
                   2:1   warning  Unexpected  console  @scope/no-console\n  3:10  error    Parsing error: Unexpected token\n\n\
                   /project/src/b.js\n  0:0  warning  File ignored\n\n✖ 4 problems (2 errors, 2 warnings)\n";
    assert_eq!(
        told("eslint", stylish),
        [
            "/project/src/a.js:1:7 error eslint::no-unused-vars 'a' is assigned a value but never used",
            "/project/src/a.js:2:1 warning eslint::@scope/no-console Unexpected  console",
            "/project/src/a.js:3:10 error command::problem Parsing error: Unexpected token",
            "/project/src/b.js:0:0 warning command::problem File ignored",
        ]
    );
    let unix = "/project/a.js:1:7: 'a' is [never] used. [Error/no-unused-vars]\n/project/a.js:2:1: Bad: 3:4: token [Warning]\n\n2 problems\n";
    assert_eq!(
        told("eslint-unix", unix),
        [
            "/project/a.js:1:7 error eslint::no-unused-vars 'a' is [never] used.",
            "/project/a.js:2:1 warning command::problem Bad: 3:4: token",
        ]
    );
}

#[test]
fn gcc_is_read_with_its_notes() {
    let text = "In file included from a.c:1:\na.c:3:7: warning: unused variable 'x' [-Wunused-variable]\n    3 |   int x;\n\
                b.h:9:1: note: declared here\na.c:4: error: expected ';' before '}'\nld: a.c:4: undefined\n";
    assert_eq!(
        told("gcc", text),
        [
            "a.c:3:7 warning gcc::unused-variable unused variable 'x' | b.h:9:1: declared here",
            "a.c:4:0 error command::problem expected ';' before '}'",
        ]
    );
}

#[test]
fn json_is_read_whole_and_by_lines() {
    let eslint = r#"> lint
[{"filePath":"/project/a.js","messages":[
  {"ruleId":"semi","severity":2,"message":"Missing","line":3,"column":2,"endLine":3,"endColumn":4},
  {"ruleId":null,"severity":1,"message":"Ignored"}]}]
done"#;
    assert_eq!(
        told("json", eslint),
        ["/project/a.js:3:2 error eslint::semi Missing", "/project/a.js:0:0 warning command::problem Ignored"]
    );
    assert_eq!(read("json", eslint).first[0].end, Some((3, 4)));
    let lines = "{\"file\":\"a\",\"line\":1,\"severity\":\"info\",\"code\":\"X 1\",\"message\":\"One\"}\n{broken\n\
                 {\"path\":\"b\",\"message\":\"Two\"}\n{\"file\":\"c\"}\n";
    assert_eq!(told("json", lines), ["a:1:0 info command::x-1 One", "b:0:0 error command::problem Two"]);
}

#[test]
fn a_place_is_the_word_at_it() {
    let text = "\u{feff}let ä = '🙂' + wrong;\r\n\r\n  last";
    let at = |unit, line, column, end| range(text, unit, line, column, end).map(|range| &text[range]);
    assert_eq!(at(Unit::Utf16, 1, 5, None), Some("ä"));
    assert_eq!(at(Unit::Utf16, 1, 16, None), Some("wrong"));
    assert_eq!(at(Unit::Scalar, 1, 15, None), Some("wrong"));
    assert_eq!(at(Unit::Utf16, 1, 9, None), Some("'"));
    assert_eq!(at(Unit::Utf16, 1, 1, Some((1, 6))), Some("let ä"));
    assert_eq!(at(Unit::Utf16, 3, 0, None), Some("last"));
    assert_eq!(at(Unit::Utf16, 3, 99, None), Some(""), "past the end of the line");
    assert_eq!(at(Unit::Utf16, 4, 1, None), None);
    assert_eq!(at(Unit::Utf16, 0, 0, None), None);
}

#[test]
fn more_than_is_told_is_counted() {
    let text = "a.ts(1,1): error TS1: No\n  why\n".repeat(1000);
    let problems = read("tsc", &text);
    assert_eq!((problems.first.len(), problems.count), (MOST, 1000));
    assert_eq!(problems.first[MOST - 1].notes, ["why"], "of those that are not kept no note is");
    let long = format!("a.ts(1,1): error TS1: {}", "ä".repeat(LONGEST));
    assert_eq!(read("tsc", &long).first[0].message.chars().count(), LONGEST / 2 + 1);
}

#[test]
fn the_end_of_an_output_is_whole_characters() {
    assert_eq!(end("short".to_owned()), "short");
    let long = format!("a{}", "ä".repeat(LONGEST_END));
    assert_eq!(end(long), "ä".repeat(LONGEST_END / 2));
    let odd = format!("{}b", "ä".repeat(LONGEST_END));
    assert_eq!(end(odd), format!("{}b", "ä".repeat(LONGEST_END / 2 - 1)));
}

/// Each takes minutes where the time is not linear in the text.
#[test]
fn long_texts_take_no_longer_than_they_are() {
    let parts =
        ["(1,", ":1", "a:1:1: ", "[", "[\n", "{\"a\":", "  1:1 error ", "  ", "\n", "1", "([", "[[],\n", "\u{1b}["];
    for part in parts {
        let text = part.repeat((1 << 18) / part.len());
        for format in FORMATS {
            assert!(read(format, &text).first.len() <= MOST, "{format} {part:?}");
        }
        strip_ansi_escapes::strip(&text);
    }
}

proptest! {
    #[test]
    fn any_text_is_read(text in any::<String>()) {
        for format in FORMATS {
            prop_assert!(read(format, &text).first.len() <= MOST);
        }
    }

    #[test]
    fn nearly_right_texts_are_read(
        parts in proptest::collection::vec(
            prop_oneof![
                Just("a.ts"), Just("(1,2)"), Just(":3"), Just(": "), Just("error "), Just("TS1: "), Just("warning"), Just("  "),
                Just(" [Error/x]"), Just("\n"), Just("["), Just("]"), Just("{\"message\":\"m\"}"), Just("é🙂"), Just("99999999999"),
                Just("\t"), Just("note: "), Just("\r\n"), Just("-W"), Just("\u{0}"), Just(","),
            ],
            0..60,
        )
    ) {
        let text = parts.concat();
        for format in FORMATS {
            let problems = read(format, &text);
            prop_assert!(problems.first.iter().all(|problem| problem.severity <= Severity::Error && !problem.code.is_empty()));
        }
    }

    #[test]
    fn any_place_is_in_the_text(
        text in "[a-zä🙂 \r\n\u{feff}]{0,40}",
        line in 0u32..6,
        column in 0u32..12,
        end in proptest::option::of((0u32..6, 0u32..12)),
    ) {
        for unit in [Unit::Utf16, Unit::Scalar] {
            if let Some(range) = range(&text, unit, line, column, end) {
                prop_assert!(text.get(range.clone()).is_some(), "{range:?}");
            }
        }
    }
}
