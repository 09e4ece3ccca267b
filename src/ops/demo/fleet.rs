//! The demo of a fleet: five hosts on this machine, a release that goes over all of them, and one whose canary turns bad.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use crate::model::outcome::Ending;
use crate::ops::error::OpsError;
use crate::sys::files;
use crate::sys::process::{self, Capture, Ends};
use crate::sys::signal::Stop;

use super::folder::environment;
use super::narrator::{Narrator, Told, Trouble, Typist};
use super::story::Keep;

const HOSTS: [&str; 5] = ["web1", "web2", "web3", "web4", "web5"];
const DESK: &str = "desk";
const DEVELOPER: &str = "developer";

const WEB_SH: &str = include_str!("web.sh");

const RELEASE_TOML: &str = r#"[git]
remote = "origin"
branch = "main"

[disk]
floor = { percent = 0, bytes = "16MiB" }

[[verify]]
name = "answers"
run = [".asd/web.sh", "well"]

[services.web]
driver = "command"
image = "web:1"
paths = ["packages/web/**"]
commands = { start = [".asd/web.sh", "start"], stop = [".asd/web.sh", "stop"], status = [".asd/web.sh", "status"], image = [".asd/web.sh", "image"], logs = [".asd/web.sh", "logs"] }
backup = { kind = "none", reason = "it has no data" }
"#;

const PLAN: &str = r#"name = "web NEW"
ticket = "TICKET"
ref = "REF"
on_harm = "rollback"
ticket_runs = "every-host"

[[stage]]
id = "canary"
hosts = { labels = { tier = "canary" } }
bake = "1s"
gates = [{ kind = "hosts-verified", min = "100%" }]

[[stage]]
id = "rest"
hosts = { share = "100%" }
parallel = "50%"
"#;

/// Shows a release over five throwaway hosts, and one that turns back by itself.
///
/// # Errors
/// When the scenery cannot be made, or a command ends otherwise than it should.
pub fn run_fleet(keep: Keep, narrator: &dyn Narrator, stop: &Stop) -> Result<Ending, OpsError> {
    let temporary = files::temporary_folder("holdpoint-demo-")?;
    let top = temporary.path().to_path_buf();
    let env = environment(&top);
    let scenery = Scenery { top: &top, env: &env };
    scenery.make()?;
    let typist = Typist { top: &top, env: &env, narrator, stop };
    let told = tell(&typist, &scenery);
    if keep == Keep::Folder {
        let top = temporary.keep();
        after(&typist, &top);
    }
    match told {
        Ok(()) => Ok(Ending::Ok),
        Err(Trouble::Stopped) => Ok(Ending::Interrupted),
        Err(Trouble::Failed(error)) => Err(error),
    }
}

struct Scenery<'a> {
    top: &'a Path,
    env: &'a std::collections::BTreeMap<String, String>,
}

impl Scenery<'_> {
    fn make(&self) -> Result<(), OpsError> {
        let bin = self.top.join("bin");
        files::make_folders(&bin, 0o755)?;
        files::symlink(&process::own_binary()?, &bin.join("holdpoint"))?;
        self.quietly(".", "git init --quiet --bare --initial-branch=main origin.git")?;
        self.quietly(".", "git init --quiet --initial-branch=main developer")?;
        self.write("developer/.asd/release.toml", RELEASE_TOML, 0o640)?;
        self.write("developer/.asd/web.sh", WEB_SH, 0o755)?;
        self.write("developer/.gitignore", "/.asd/workspace\n", 0o640)?;
        self.write("developer/packages/web/image", "web:1\n", 0o640)?;
        self.write("developer/packages/web/service.conf", "HEALTH=ok\n", 0o640)?;
        self.quietly(
            DEVELOPER,
            "git config user.name 'a developer' && git config user.email developer@example.com \
             && git config commit.gpgSign false && git remote add origin ../origin.git && git add --all \
             && git commit --quiet --message 'The hosts as they run today' \
             && git push --quiet --set-upstream origin main",
        )?;
        let mut inventory = String::new();
        for (at, name) in HOSTS.iter().enumerate() {
            let prod = format!("{name}/prod");
            self.quietly(".", &format!("git clone --quiet origin.git {prod} && {prod}/.asd/web.sh start"))?;
            let tier = if at == 0 { "canary" } else { "web" };
            let folder = self.top.join(prod);
            let _ = write!(
                inventory,
                "[hosts.{name}]\ntransport = \"local\"\nfolder = \"{}\"\nlabels = {{ tier = \"{tier}\" }}\n\n",
                folder.display()
            );
        }
        self.write("desk/fleet.toml", &inventory, 0o640)?;
        // What `serve` wants beside it; nothing is released on this machine itself.
        self.write("desk/.asd/release.toml", "", 0o640)
    }

    fn write(&self, path: &str, text: &str, mode: u32) -> Result<(), OpsError> {
        let path = self.top.join(path);
        if let Some(folder) = path.parent() {
            files::make_folders(folder, 0o755)?;
        }
        Ok(files::save_atomic(&path, text.as_bytes(), mode)?)
    }

    /// A line of the scenery, not shown; answers with what it said.
    fn quietly(&self, at: &str, line: &str) -> Result<String, OpsError> {
        let failed = |what: String| OpsError::Failed {
            what,
            hint: "the demo needs `bash` and `git` on this machine".to_owned(),
        };
        let ended = process::capture(&Capture {
            argv: ["bash", "-c", line].map(str::to_owned).to_vec(),
            cwd: self.top.join(at),
            env: self.env.clone(),
            stdin: None,
            limit_bytes: 1 << 20,
            timeout: Some(Duration::from_secs(30)),
            ends: Ends::Program,
        })
        .map_err(|error| failed(error.to_string()))?;
        if ended.code != Some(0) {
            let said = String::from_utf8_lossy(&ended.stderr);
            return Err(failed(format!("`{line}` failed: {}", said.lines().last().unwrap_or_default())));
        }
        Ok(String::from_utf8_lossy(&ended.stdout).trim().to_owned())
    }

    /// The plan of a ticket for the developer's newest commit, and the id that it will be kept under.
    fn plan(&self, ticket: &str, version: &str) -> Result<(), OpsError> {
        let commit = self.quietly(DEVELOPER, "git rev-parse HEAD")?;
        let text = PLAN.replace("NEW", version).replace("TICKET", ticket).replace("REF", &commit);
        self.write(&format!("desk/{ticket}.toml"), &text, 0o640)
    }

    fn newest_plan(&self) -> Result<String, OpsError> {
        let said = self.quietly(DESK, "holdpoint rollout plan list --json")?;
        let rows: serde_json::Value = serde_json::from_str(&said).unwrap_or_default();
        Ok(rows[0]["plan_id"].as_str().unwrap_or_default().to_owned())
    }
}

fn tell(typist: &Typist<'_>, scenery: &Scenery<'_>) -> Result<(), Trouble> {
    typist.heading("Five hosts");
    typist.say(
        "Five throwaway hosts were made on this machine, each a checkout of one origin with a service of its own that runs \
         web:1. `desk` holds the inventory; the first host is the canary.",
    );
    typist.type_line(DESK, "holdpoint fleet host list", 0)?;
    a_release(typist, scenery)?;
    a_bad_canary(typist, scenery)
}

fn a_release(typist: &Typist<'_>, scenery: &Scenery<'_>) -> Result<(), Trouble> {
    typist.heading("2001: a release over all of them");
    typist.say("The canary first, watched for a second; then the rest, two at a time.");
    typist.type_line(DEVELOPER, "sed -i 's/web:1/web:2/' .asd/release.toml packages/web/image", 0)?;
    push(typist, "2001: web 2")?;
    scenery.plan("2001", "2")?;
    typist.type_line(DESK, "cat 2001.toml", 0)?;
    typist.type_line(DESK, "holdpoint rollout plan create 2001.toml", 0)?;
    let plan = scenery.newest_plan()?;
    typist.say("A preview shows exactly which host would be told what first.");
    typist.type_line(DESK, &format!("holdpoint rollout plan preview --plan-id {plan}"), 0)?;
    typist.type_line(DESK, &format!("holdpoint rollout start --plan-id {plan}"), 0)?;
    typist.type_line(".", "grep . web*/run/image", 0)
}

fn a_bad_canary(typist: &Typist<'_>, scenery: &Scenery<'_>) -> Result<(), Trouble> {
    typist.heading("2002: a canary that turns bad");
    typist.say(
        "The next version answers with errors. The plan says `on_harm = \"rollback\"`: the canary's own verify phase fails, \
         that is harm, and the canary is really taken back. The other four never hear of it.",
    );
    typist.type_line(DEVELOPER, "sed -i 's/web:2/web:3/' .asd/release.toml packages/web/image", 0)?;
    typist.type_line(DEVELOPER, "sed -i 's/ok/failing/' packages/web/service.conf", 0)?;
    push(typist, "2002: web 3")?;
    scenery.plan("2002", "3")?;
    typist.type_line(DESK, "holdpoint rollout plan create 2002.toml", 0)?;
    let plan = scenery.newest_plan()?;
    typist.type_line(DESK, &format!("holdpoint rollout start --plan-id {plan}"), 1)?;
    typist.say(
        "`rolled_back` is only said when every touched host confirmed it. Each host has its own record:",
    );
    typist.type_line(".", "grep . web*/run/image", 0)?;
    typist.type_line("web1/prod", "holdpoint list", 0)?;
    typist.type_line(DESK, "holdpoint rollout plan list", 0)
}

fn push(typist: &Typist<'_>, message: &str) -> Result<(), Trouble> {
    let line = format!("git add --all && git commit --quiet --message '{message}' && git push --quiet");
    typist.type_line(DEVELOPER, &line, 0)
}

/// How to go on in the folder that stays.
fn after(typist: &Typist<'_>, top: &Path) {
    let top = top.display();
    typist.heading("Yours to try");
    typist.say(&format!("The folder stays: {top}. In a shell:"));
    let line = format!("export PATH={top}/bin:$PATH; cd {top}/desk");
    for line in [&line, "holdpoint rollout plan list", "holdpoint rollout stuck"] {
        typist.narrator.tell(Told::Command { at: DESK, line });
    }
    typist.say("Or in a browser, with the token that the first of these prints:");
    for line in ["holdpoint token create me --role admin", "holdpoint serve"] {
        typist.narrator.tell(Told::Command { at: DESK, line });
    }
    typist.say(&format!("Remove it with `rm -r {top}` when you have seen enough."));
}
