//! Generated sources while files change.

use super::edits::PROJECT;
use super::watching::Watching;
use crate::generated::files;
use crate::support::Case;

#[test]
fn what_is_generated_comes_first_and_its_edits_reach_what_reads_it() {
    let case = Case::with(&files());
    case.write("src/backend/tsconfig.json", PROJECT);
    let mut watching = Watching::start(&case, &["--no-serve"]);
    assert_eq!(case.read("src/generated/word.ts"), "export const word: string = 'first';\n");
    for word in ["second", "third"] {
        case.write("schema.txt", word);
        let idle = watching.until("watch-idle");
        assert_eq!(Watching::findings(&idle), [""; 0]);
        assert!(case.read("build/backend/_.._/generated/word.js").contains(word));
    }
    // A generator that fails leaves what is there, and says so.
    case.replace("generate.mjs", "const out", "if (true) throw new Error('broken');\nconst out");
    let idle = watching.until("watch-idle");
    assert!(Watching::findings(&idle).iter().any(|found| found.contains("command::failed")), "{idle}");
    assert!(case.read("src/generated/word.ts").contains("third"));
    case.replace("generate.mjs", "if (true) throw new Error('broken');\n", "");
    case.write("schema.txt", "fourth");
    loop {
        let idle = watching.until("watch-idle");
        if Watching::findings(&idle).is_empty() && case.read("build/backend/_.._/generated/word.js").contains("fourth")
        {
            break;
        }
    }
}
