//! What an edit does.

use super::watching::Watching;
use crate::support::Case;

#[test]
fn an_edit_runs_what_it_can_affect_and_is_served() {
    let case = Case::starter();
    let mut watching = Watching::start(&case, &[]);
    assert!(watching.page("/").1.contains("<title>Notes</title>"));
    case.replace(
        "src/shared/notes.ts",
        "export function readNewNote",
        "export const added = 1;\nexport function readNewNote",
    );
    let build = watching.build();
    assert_eq!(build["succeeded"], true);
    assert!(Watching::ran(&build).contains(&"transpile:backend(src/shared/notes.ts)".to_owned()), "{build}");
    assert!(!Watching::ran(&build).iter().any(|label| label.contains("hello")), "{build}");
    watching.until("check-complete");
    watching.quiet();
    // What was saved without a change is no change.
    let text = case.read("src/shared/notes.ts");
    case.write("src/shared/notes.ts", &text);
    assert_eq!(watching.quiet(), Vec::<serde_json::Value>::new());
}
