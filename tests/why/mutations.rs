//! The edits.

use super::{CONFIGURATION, Environment, SPEAK, program};
use crate::support::Case;

/// One edit, and what it must be told as.
pub(super) struct Mutation {
    pub(super) edit: fn(&Case),
    pub(super) environment: Environment,
    pub(super) profile: &'static str,
    /// The action that is asked about.
    pub(super) action: &'static str,
    /// The kind of the first cause, and how its sentence begins.
    pub(super) kind: &'static str,
    pub(super) cause: &'static str,
}

fn edit(edit: fn(&Case), action: &'static str, kind: &'static str, cause: &'static str) -> Mutation {
    Mutation { edit, environment: &[], profile: "build", action, kind, cause }
}

fn configure(case: &Case, from: &str, to: &str) {
    case.replace("webstir.kdl", from, to);
}

fn patch(case: &Case, node: &str) {
    case.write("webstir.kdl", &format!("{CONFIGURATION}{node}\n"));
}

pub(super) fn mutations() -> Vec<Mutation> {
    const GREET: &str = "transpile:backend(src/backend/lib/greet.ts)";
    const PONG: &str = "src/backend/functions/pong/index.ts";
    let pong: fn(&Case) = |case| case.write(PONG, "export const run = (): string => \"pong\";\n");
    let body: fn(&Case) = |case| case.replace("src/backend/lib/greet.ts", "hello", "good day");
    vec![
        // Files.
        edit(body, GREET, "file", "`src/backend/lib/greet.ts` changed"),
        edit(
            body,
            "artifacts:backend",
            "file",
            "`src/backend/lib/greet.ts` changed → transpile:backend(src/backend/lib/greet.ts)",
        ),
        edit(body, "typecheck:backend", "file", "`src/backend/lib/greet.ts` changed"),
        edit(
            |case| case.replace("src/backend/lib/title.ts", "page", "book"),
            "manifest:backend",
            "file",
            "`src/backend/lib/title.ts` changed → transpile:backend(src/backend/lib/title.ts)",
        ),
        edit(|case| case.write("texts/a.txt", "b"), "copy:texts", "file", "`texts/a.txt` changed"),
        edit(|case| case.write("words.txt", "louder"), "command:shout", "file", "`words.txt` changed"),
        edit(
            |case| case.replace("src/backend/tsconfig.json", "es2022", "es2020"),
            GREET,
            "file",
            "`src/backend/tsconfig.json` changed",
        ),
        edit(
            |case| case.replace("src/backend/tsconfig.json", "\"target\"", "\"strict\": true, \"target\""),
            "typecheck:backend",
            "file",
            "`src/backend/tsconfig.json` changed",
        ),
        edit(
            |case| {
                case.replace(
                    "package.json",
                    "\"api\"",
                    "\"api\", \"moduleManifest\": { \"capabilities\": [\"http\"] }",
                );
            },
            "manifest:backend",
            "file",
            "`package.json` changed",
        ),
        edit(
            |case| case.write("src/backend/globals.d.ts", "declare const answer: number;\n"),
            "typecheck:backend",
            "file",
            "`src/backend/globals.d.ts` is new",
        ),
        // Files that come and go.
        edit(
            pong,
            "transpile:backend(src/backend/functions/pong/index.ts)",
            "glob",
            "`src/backend/functions/pong/index.ts` is new: `functions/*/index.{ts,tsx,js,mjs}` of `entries:backend` matches it",
        ),
        edit(pong, "artifacts:backend", "glob", "`src/backend/functions/pong/index.ts` is new: `functions/*/"),
        edit(
            |case| case.remove("src/backend/functions/ping"),
            "artifacts:backend",
            "glob",
            "`src/backend/functions/ping/index.ts` is gone: `functions/*/index.{ts,tsx,js,mjs}` of `entries:backend` matched it",
        ),
        edit(
            |case| case.write("texts/c.txt", "c"),
            "copy:texts",
            "glob",
            "`texts/c.txt` is new: `*.txt` of `files:texts` matches it (webstir.kdl:7:13)",
        ),
        edit(
            |case| case.write("more/two.txt", "2"),
            "command:shout",
            "glob",
            "`more/two.txt` is new: `more/*.txt` of `command:shout` matches it (webstir.kdl:16:",
        ),
        edit(|case| case.remove("more/one.txt"), "command:shout", "glob", "`more/one.txt` is gone: `more/*.txt`"),
        edit(
            |case| {
                case.write("src/backend/lib/polite.ts", "export const polite = \"please\";\n");
                case.write("src/backend/lib/greet.ts", "import { polite } from \"./polite.js\";\nexport const greet = (who: string): string => who + polite;\n");
            },
            "transpile:backend(src/backend/lib/polite.ts)",
            "glob",
            "`src/backend/lib/polite.ts` is new: `backend/**/*.{ts,tsx,js,mjs,json}` of `files:backend-sources` matches it",
        ),
        // The configuration.
        edit(
            |case| {
                case.write("texts/d.md", "d");
                configure(case, "include \"*.txt\"", "include \"*.txt\" \"*.md\"");
            },
            "copy:texts",
            "configuration",
            "`include` of `files:texts` is new: `*.md` (webstir.kdl:7:21), which decides about `texts/d.md`",
        ),
        edit(
            |case| configure(case, "exclude \"*.draft.txt\"\n", ""),
            "copy:texts",
            "configuration",
            "`exclude` of `files:texts` is gone: `*.draft.txt`, which decides about `texts/b.draft.txt`",
        ),
        edit(
            |case| configure(case, "exclude \"*.draft.txt\"", "exclude \"a*\""),
            "copy:texts",
            "configuration",
            "`exclude` of `files:texts` changed from `*.draft.txt` to `a*` (webstir.kdl:8:13)",
        ),
        edit(
            |case| configure(case, "{out}/texts", "{out}/words"),
            "copy:texts",
            "configuration",
            "`to` of `copy:texts` changed from `{out}/texts` to `{out}/words` (webstir.kdl:12:8)",
        ),
        edit(
            |case| configure(case, "\"plain\"", "\"fancy\""),
            "command:shout",
            "configuration",
            "`run` of `command:shout` changed from `plain` to `fancy` (webstir.kdl:15:",
        ),
        edit(
            |case| configure(case, "TZ=\"UTC\"", "TZ=\"CET\""),
            "command:shout",
            "configuration",
            "`environment.TZ` of `command:shout` changed (webstir.kdl:18:",
        ),
        edit(
            |case| patch(case, "transpile backend { target es2020; }"),
            GREET,
            "configuration",
            "`target` of `transpile:backend` is new: `es2020` (webstir.kdl:31:",
        ),
        edit(
            |case| patch(case, "transpile backend { sourcemap none; }"),
            GREET,
            "configuration",
            "`sourcemap` of `transpile:backend` is new: `none` (webstir.kdl:31:",
        ),
        edit(
            |case| patch(case, "profile build { define \"__PART__\" \"back\"; }"),
            GREET,
            "configuration",
            "`define.__PART__` of `profile build` is new: `back` (webstir.kdl:31:",
        ),
        edit(
            |case| patch(case, "profile build { out \"built\"; }"),
            "copy:texts",
            "configuration",
            "`out` of `profile build` changed from `build` to `built` (webstir.kdl:31:",
        ),
        edit(
            |case| patch(case, "manifest backend { limits { cpu \"3s\"; }; }"),
            "manifest:backend",
            "configuration",
            "`limits.cpu` of `manifest:backend` changed from `2s` to `3s` (webstir.kdl:31:",
        ),
        edit(
            |case| patch(case, "artifacts backend { engine embedded; }"),
            "artifacts:backend",
            "configuration",
            "`engine` of `artifacts:backend` is new: `embedded` (webstir.kdl:31:",
        ),
        edit(
            |case| patch(case, "copy again { from files:texts; to \"{out}/again\"; }"),
            "copy:again",
            "configuration",
            "`copy:again` was added to the configuration (webstir.kdl:31:1)",
        ),
        edit(
            |case| {
                let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
                std::fs::set_permissions(case.path("words.txt"), mode).unwrap();
            },
            "command:shout",
            "executable",
            "`words.txt` may be executed now",
        ),
        // The environment, programs and the store.
        Mutation {
            environment: &[("NODE_ENV", "staging")],
            ..edit(|_| {}, GREET, "environment", "The environment variable `NODE_ENV` is set now")
        },
        Mutation {
            environment: &[("COLOUR", "blue")],
            ..edit(|_| {}, "command:shout", "environment", "The environment variable `COLOUR` changed")
        },
        edit(
            |case| program(case, "speak", &format!("{SPEAK}true\n")),
            "command:shout",
            "tool",
            "The program `speak` changed",
        ),
        edit(|case| case.remove(".webstir/store"), "copy:texts", "not-in-store", "Its record was not in the store"),
        edit(|_| {}, "command:tick", "not-kept", "Its outcome is never kept"),
        Mutation { profile: "test", ..edit(|_| {}, "command:moody", "not-kept", "Its outcome is never kept") },
        edit(|case| case.remove(".webstir/explain"), "command:tick", "never-ran", "It never ran here"),
    ]
}
