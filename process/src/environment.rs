//! The variables that are the same for every command.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::sandbox::{PROGRAMS, Tier};
use crate::stage::Stage;
use crate::surroundings::{Factor, Surroundings};

/// The first moment that a ZIP archive can name, as others have it who build the same bytes twice.
const SOURCE_DATE_EPOCH: &str = "315532800";

/// What a command sees besides the variables that are given to it: the same wherever and whenever it runs, but for its places.
pub(crate) fn base(
    stage: &Stage,
    tier: Tier,
    surroundings: Surroundings,
    search_path: &[&Path],
) -> Vec<(&'static str, OsString)> {
    let (tree, temporary, home, programs) = match tier {
        Tier::Namespace => {
            let (tree, temporary, home) = (surroundings.tree(), surroundings.temporary(), surroundings.home());
            (tree.into(), temporary.into(), home.into(), PathBuf::from(PROGRAMS))
        }
        Tier::Landlock | Tier::Tree => {
            let temporary = stage.temporary().to_owned();
            (stage.tree().to_owned(), temporary, stage.home(surroundings), stage.programs())
        }
    };
    let (below, absolute): (Vec<&Path>, Vec<&Path>) = search_path.iter().partition(|place| place.is_relative());
    let below = below.into_iter().map(|place| tree.join(place));
    let path = env::join_paths(below.chain([programs]).chain(absolute.into_iter().map(Path::to_owned)));
    let mut base = vec![
        ("PATH", path.unwrap_or_default()),
        ("HOME", home.into()),
        ("TMPDIR", temporary.into()),
        ("TZ", surroundings.time_zone().into()),
        ("LC_ALL", surroundings.locale().into()),
        ("NO_COLOR", "1".into()),
        ("SOURCE_DATE_EPOCH", SOURCE_DATE_EPOCH.into()),
    ];
    if let Some(name) = surroundings.user_name() {
        base.extend(["USER", "LOGNAME"].map(|variable| (variable, name.into())));
    }
    if surroundings.changes(Factor::Locale) {
        base.push(("LANG", surroundings.locale().into()));
    }
    base
}
