//! What ticket scripts say against a run.

use std::collections::BTreeMap;

use super::Case;
use super::checkout::listed;
use crate::decide::course::Way;
use crate::decide::planning::scripts_of_run;
use crate::model::id::TicketId;
use crate::model::phase::Phase;
use crate::model::reason::{Blocker, ReasonCode};

/// Unrun scripts of other tickets lie in BASE..target.
pub(super) fn of_other_tickets(case: &Case<'_>) -> Option<Blocker> {
    if case.course.way == Way::Resume || case.request.without_scripts {
        return None;
    }
    let mut unrun: BTreeMap<&TicketId, Vec<&str>> = BTreeMap::new();
    for script in &case.facts.scripts {
        let is_other =
            script.ticket != case.request.ticket && !case.request.with_tickets.contains(&script.ticket);
        if is_other && script.incoming && script.tracked && !script.ran {
            unrun.entry(&script.ticket).or_default().push(&script.path);
        }
    }
    if unrun.is_empty() {
        return None;
    }
    let tickets: Vec<&str> = unrun.keys().map(|ticket| ticket.as_str()).collect();
    let lines: Vec<String> =
        unrun.iter().map(|(ticket, paths)| format!("{ticket}: {}", paths.join(" "))).collect();
    let headline = "scripts of other tickets come in and never ran here";
    let blocker = Blocker::new(ReasonCode::OtherTicketScripts, listed(headline, lines.into_iter()))
        .way_out(case.again_with(&format!("--with-tickets {}", tickets.join(","))))
        .way_out(case.again_with("--without-scripts"));
    Some(blocker)
}

/// A script's header names a service to back up that nobody here knows.
pub(super) fn unknown_service(case: &Case<'_>) -> Vec<Blocker> {
    let facts = case.facts;
    let is_known = |name: &&crate::model::id::ServiceName| {
        facts.base_settings.services.contains_key(name) || facts.target_settings.services.contains_key(name)
    };
    let scripts = scripts_of_run(facts, case.request).into_iter();
    let unknown = scripts.flat_map(|script| {
        let names = script.header.backup.iter().filter(|name| !is_known(name));
        names.map(move |name| {
            format!("`{}` wants a backup of `{name}`, and no service is called that", script.path)
        })
    });
    unknown
        .map(|fact| {
            Blocker::new(ReasonCode::TicketScriptInvalid, fact).way_out(
                "mend its `# holdpoint: backup=` line, commit and push it, then run the same command again",
            )
        })
        .collect()
}

/// A script of this release is not tracked at the target: nobody reviewed it, and it is gone with the next checkout.
pub(super) fn untracked(case: &Case<'_>) -> Option<Blocker> {
    if !case.runs(Phase::Ticket) {
        return None;
    }
    let scripts = scripts_of_run(case.facts, case.request);
    let paths: Vec<&str> =
        scripts.iter().filter(|script| !script.tracked).map(|script| script.path.as_str()).collect();
    if paths.is_empty() {
        return None;
    }
    let fact = format!("{} is not tracked at {}", quoted(&paths), case.target().short());
    let blocker = Blocker::new(ReasonCode::TicketScriptUntracked, fact)
        .way_out(format!("commit it and push it to {}, then run the same command again", case.source()))
        .way_out(case.again_with("--skip-ticket --reason '…'"));
    Some(blocker)
}

fn quoted(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use crate::decide::plan_run;
    use crate::decide::testing::*;
    use crate::model::facts::{Facts, ScriptHeader};
    use crate::model::phase::Phase;
    use crate::model::reason::ReasonCode as C;

    fn quiet() -> Facts {
        scene().with(plain("web")).changed("web/main.py")
    }

    #[test]
    fn scripts_of_other_tickets_run_or_are_left_but_never_by_accident() {
        let mut facts = quiet()
            .script("1233", "releases/1233-b.sh", ScriptHeader::default())
            .script("1233", "releases/1233-a.sh", ScriptHeader::default())
            .script("1234", "releases/1234.sh", ScriptHeader::default());
        insta::assert_snapshot!(said(&plan_run(&facts, &run("1234"))), @r#"
        other-ticket-scripts: scripts of other tickets come in and never ran here
            1233: releases/1233-b.sh releases/1233-a.sh
          → holdpoint run 1234 --with-tickets 1233
          → holdpoint run 1234 --without-scripts
        "#);
        let mut with = run("1234");
        with.with_tickets = vec![ticket("1233")];
        let plan = plan_run(&facts, &with).unwrap();
        let names: Vec<&str> =
            plan.steps.iter().filter(|s| s.phase == Phase::Ticket).map(|s| s.name.as_str()).collect();
        assert_eq!(names, ["1233-a.sh", "1233-b.sh", "1234.sh"]);
        let mut without = run("1234");
        without.without_scripts = true;
        assert!(plan_run(&facts, &without).is_ok());
        facts.scripts.retain(|script| script.path != "releases/1233-a.sh");
        facts.scripts[0].ran = true;
        assert!(plan_run(&facts, &run("1234")).is_ok(), "what ran here is not asked about again");
    }

    #[test]
    fn an_untracked_script_of_the_ticket_is_refused() {
        let mut facts = quiet().script("1234", "releases/1234.sh", ScriptHeader::default());
        facts.scripts[0].tracked = false;
        insta::assert_snapshot!(said(&plan_run(&facts, &run("1234"))), @r#"
        ticket-script-untracked: `releases/1234.sh` is not tracked at bbbbbbbbbbbb
          → commit it and push it to origin/main, then run the same command again
          → holdpoint run 1234 --skip-ticket --reason '…'
        "#);
        let mut skipping = run("1234");
        skipping.skip = vec![Phase::Ticket];
        assert_eq!(codes(&plan_run(&facts, &skipping)), [C::ReasonRequired]);
    }
}
