//! Where a module lies while it is served, and what it reads there.

use serde_json::json;

use super::server::{HOSTS, Server, module};

/// Reads a file beside the definition and one beside a module that it imports.
const MODULE: &str = "
import { readFileSync } from 'node:fs';
import { deep } from './lib/deep.js';
const read = (url: URL) => { try { return readFileSync(url, 'utf8').trim() } catch { return 'none' } };
const first = read(new URL('./name.txt', import.meta.url));
export const module = {
  manifest: { contractVersion: '1.0.0', name: first, version: '1.0.0', kind: 'backend' },
  routes: [{
    definition: { name: 'read', path: '/read' },
    handler: () => ({ body: [first, read(new URL('./name.txt', import.meta.url)), read(deep)] }),
  }],
};
";

const RULES: &str = "workspace \"small\" { mode \"api\"; }\ntypecheck backend remove=#true\n\
    files texts { base \"src/backend\"; include \"**/*.txt\"; }\n\
    copy texts { from files:texts; to \"{out}/backend\"; }\n";

#[test]
fn review_6_22_a_module_lies_where_its_file_does() {
    for host in HOSTS {
        // In `publish` all is one file: what lies beside another module's file is not found beside it.
        for (profile, deep) in [("build", "deep"), ("publish", "none")] {
            let case = module(MODULE);
            case.write("webstir.kdl", RULES);
            case.write("src/backend/name.txt", "beside\n");
            case.write("src/backend/lib/deep.ts", "export const deep = new URL('./deep.txt', import.meta.url);\n");
            case.write("src/backend/lib/deep.txt", "deep\n");
            let server =
                Server::start(case, host, &["--profile", profile], &[("SESSION_SECRET", "a long secret of this test")]);
            assert_eq!(server.get("/read").json(), json!(["beside", "beside", deep]), "{host:?} {profile}");
        }
    }
}
