//! What later releases read: `source show` and `source relink`, on real remotes.

mod relink;
mod show;
mod wrong;

use crate::support::{Host, Scene};

/// A script of a service that lies in the repository itself: it keeps what it was told beside the checkout.
const TOOL: &str = "#!/bin/sh\ncd \"$(dirname \"$0\")\" || exit 1\ncase $1 in\n    start) echo \"$PWD\" >HOST/tool ;;\n    \
    stop) rm -f HOST/tool ;;\n    status) [ -f HOST/tool ] || exit 3 ;;\nesac\n";

/// A host whose only service is started by a program of the repository, in `packages/tool`.
fn host_with_a_tool() -> Host {
    let table = "[services.tool]\ndriver = \"command\"\nimage = \"tool:1\"\npaths = [\"packages/tool/**\"]\n\
        commands = { start = [\"packages/tool/run.sh\", \"start\"], stop = [\"packages/tool/run.sh\", \"stop\"], \
        status = [\"packages/tool/run.sh\", \"status\"] }\nbackup = { kind = \"none\", reason = \"keeps nothing\" }\n";
    let host = Scene::new().config(table).file("releases/.keep", "").build();
    let script = TOOL.replace("HOST", &host.root().display().to_string());
    host.commit("0", &[("packages/tool/run.sh", &script)]);
    host.git_at(&host.dev(), ["update-index", "--chmod=+x", "packages/tool/run.sh"]).exits(0);
    host.git_at(&host.dev(), ["commit", "-q", "-m", "0: may be run"]).exits(0);
    host.git_at(&host.dev(), ["checkout", "-q", "--", "."]).exits(0);
    host.push();
    host.git(["pull", "-q"]).exits(0);
    host.run(["adopt", "--reason", "as it stands"]).exits(0);
    host
}

/// Another bare repository beside `origin.git`, with all that it has; answers with its path.
fn mirror(host: &Host, name: &str) -> String {
    host.git_at(host.root(), ["clone", "-q", "--bare", "origin.git", name]).exits(0);
    host.root().join(name).display().to_string()
}

/// One source of `source show --json`.
fn source(host: &Host, name: &str) -> serde_json::Value {
    let view = host.run(["source", "show", "--json"]).exits(0).json();
    let rows = view["sources"].as_array().unwrap();
    rows.iter().find(|row| row["source"] == name).unwrap_or_else(|| panic!("{name}: {view:#}")).clone()
}
