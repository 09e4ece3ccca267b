//! What happens in the demo: four releases, each told as it happens.

use crate::model::outcome::Ending;
use crate::ops::error::OpsError;
use crate::sys::signal::Stop;

use super::folder::{Folder, GOOD_KEY, SERVICES};
use super::narrator::{Narrator, Trouble, Typist};

/// What becomes of the demo's folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// It goes away.
    Nothing,
    /// It stays, to repeat each command by hand.
    Folder,
}

/// The host's checkout, and the developer's clone.
const HOST: &str = "host";
const DEVELOPER: &str = "developer";

/// Shows the main job of the product on a throwaway host.
///
/// # Errors
/// When the scenery cannot be made, or a command ends otherwise than it should.
pub fn run(keep: Keep, narrator: &dyn Narrator, stop: &Stop) -> Result<Ending, OpsError> {
    let mut folder = Folder::make()?;
    if keep == Keep::Folder {
        folder.keep();
    }
    let env = folder.env.clone();
    let top = folder.top().to_path_buf();
    let typist = Typist { top: &top, env: &env, narrator, stop };
    let told = tell(&typist);
    drop(folder);
    if keep == Keep::Folder {
        after(&typist);
    }
    match told {
        Ok(()) => Ok(Ending::Ok),
        Err(Trouble::Stopped) => Ok(Ending::Interrupted),
        Err(Trouble::Failed(error)) => Err(error),
    }
}

fn tell(typist: &Typist<'_>) -> Result<(), Trouble> {
    a_running_host(typist)?;
    a_release(typist)?;
    a_halt(typist)?;
    a_revert(typist)?;
    the_next_day(typist)
}

fn a_running_host(typist: &Typist<'_>) -> Result<(), Trouble> {
    typist.heading("A host that runs");
    typist.say(
        "A throwaway host was made: `host` is its checkout of `origin.git`, `srv` holds its data. Three services run on \
         it, started by a script of its own. holdpoint adopts the host: it records what runs and touches nothing.",
    );
    for (name, _) in SERVICES {
        typist.type_line(HOST, &format!(".asd/demo/service.sh start {name} {name}:1"), 0)?;
    }
    typist.type_line(HOST, "holdpoint adopt", 0)?;
    typist.type_line(HOST, "holdpoint status", 0)
}

fn a_release(typist: &Typist<'_>) -> Result<(), Trouble> {
    typist.heading("1001: a release");
    typist.say("A developer brings a new version of the wiki, with a script that the ticket needs.");
    typist.type_line(DEVELOPER, "sed -i 's/wiki:1/wiki:2/g' .asd/release.toml", 0)?;
    typist.type_line(DEVELOPER, "echo 'Welcome to the new wiki.' > packages/wiki/page.txt", 0)?;
    typist.type_line(DEVELOPER, "cp ../scripts/1001-welcome-page.sh releases/", 0)?;
    push(typist, "1001: a welcome page")?;
    typist.say("On the host one looks first. The dry run shows the plan that would be carried out, and changes nothing.");
    typist.type_line(HOST, "holdpoint run 1001 --dry-run", 0)?;
    typist.say(
        "Then the release: verified backups first, the tree last in prepare, then migrate, ticket, verify.",
    );
    typist.type_line(HOST, "holdpoint run 1001", 0)
}

fn a_halt(typist: &Typist<'_>) -> Result<(), Trouble> {
    typist.heading("1002: a release that halts, and goes on");
    typist.say(
        "The next ticket has a script that needs an API key, and the key in the host's `.env` is stale.",
    );
    typist.type_line(DEVELOPER, "sed -i 's/tickets:1/tickets:2/g' .asd/release.toml", 0)?;
    typist.type_line(DEVELOPER, "echo 'Tickets, with users.' > packages/tickets/page.txt", 0)?;
    typist.type_line(DEVELOPER, "cp ../scripts/1002-import-users.sh releases/", 0)?;
    push(typist, "1002: import the users")?;
    typist.type_line(HOST, "holdpoint run 1002", 1)?;
    typist.say(
        "It halted in the ticket phase: the services are new, the script is not done, and nothing after it ran. The \
         message says what failed and which ways out are safe. The audit log says the same to `tail` and `grep`.",
    );
    typist.type_line(HOST, "grep event=failed .asd/workspace/releases/1002.log", 0)?;
    typist.type_line(HOST, "holdpoint state 1002", 0)?;
    typist.say("The cause is repaired, and the release goes on from the phase that failed. No second backup, no second restart.");
    let repair = format!("sed -i 's/^TICKETS_API_KEY=.*/TICKETS_API_KEY={GOOD_KEY}/' .env");
    typist.type_line(HOST, &repair, 0)?;
    typist.type_line(HOST, "holdpoint run 1002 --from=ticket", 0)
}

fn a_revert(typist: &Typist<'_>) -> Result<(), Trouble> {
    typist.heading("1003: a release that cannot stay, and its data");
    typist.say("The third ticket's new version has a defect: it cuts the notes of its users short, and it is never well.");
    typist.type_line(DEVELOPER, "sed -i 's/tickets:2/tickets:3/g' .asd/release.toml", 0)?;
    typist.type_line(
        DEVELOPER,
        "echo 'HEALTH=failing REWRITE=shorten' >> packages/tickets/service.conf",
        0,
    )?;
    push(typist, "1003: shorter notes")?;
    typist.type_line(HOST, "cat ../srv/tickets/notes.txt", 0)?;
    typist.type_line(HOST, "holdpoint run 1003", 1)?;
    typist.say("The service is not well, and the data is damaged:");
    typist.type_line(HOST, "cat ../srv/tickets/notes.txt", 0)?;
    typist.say(
        "A revert takes the whole release back: first a safety copy of the data as it is now, then the tree, the \
         backups, and the service with what ran before. `--yes` is the consent that a terminal would be asked for.",
    );
    typist.type_line(HOST, "holdpoint revert 1003 --yes", 0)?;
    typist.type_line(HOST, "cat ../srv/tickets/notes.txt", 0)?;
    typist.type_line(HOST, "holdpoint status", 0)
}

fn the_next_day(typist: &Typist<'_>) -> Result<(), Trouble> {
    typist.heading("1004: the next release, on top of a revert");
    typist.say("The developer mends the defect in a new ticket. The commit of 1003 is still on the branch.");
    typist.type_line(DEVELOPER, "sed -i 's/tickets:3/tickets:4/g' .asd/release.toml", 0)?;
    typist.type_line(DEVELOPER, "sed -i '/HEALTH=/d' packages/tickets/service.conf", 0)?;
    typist.type_line(DEVELOPER, "cp ../scripts/1004-count-notes.sh releases/", 0)?;
    push(typist, "1004: notes of any length")?;
    typist
        .say("A plain run refuses, because it would bring back what was reverted, and says how to mean it:");
    typist.type_line(HOST, "holdpoint run 1004", 4)?;
    typist.say("Meant, it begins by taking our own revert commit back (`git.unrevert`), so nothing has to be pushed or merged by hand:");
    let meant = "holdpoint run 1004 --reintroduce 1003 --reason '1004 mends what 1003 broke'";
    typist.type_line(HOST, &format!("{meant} --dry-run"), 0)?;
    typist.type_line(HOST, meant, 0)?;
    typist.say("All of it is on record, and the record can be checked:");
    typist.type_line(HOST, "holdpoint list", 0)?;
    typist.type_line(HOST, "holdpoint log 1003 --verify", 0)
}

fn push(typist: &Typist<'_>, message: &str) -> Result<(), Trouble> {
    let line = format!("git add --all && git commit --quiet --message '{message}' && git push --quiet");
    typist.type_line(DEVELOPER, &line, 0)
}

/// How to go on in the folder that stays.
fn after(typist: &Typist<'_>) {
    let top = typist.top.display();
    typist.heading("Yours to try");
    typist.say(&format!("The folder stays: {top}. Its services are stopped; `holdpoint drift` names the commands that start them. In a shell:"));
    for line in [
        format!("export PATH={top}/bin:$PATH; cd {top}/host"),
        "holdpoint drift".to_owned(),
        "for s in search wiki tickets; do holdpoint logs $s; done".to_owned(),
        "tail .asd/workspace/releases/1002.log".to_owned(),
        "holdpoint report 1003 -o /tmp/1003.html".to_owned(),
    ] {
        typist.narrator.tell(super::Told::Command { at: HOST, line: &line });
    }
    typist.say(&format!("Remove it with `rm -r {top}` when you have seen enough."));
}
