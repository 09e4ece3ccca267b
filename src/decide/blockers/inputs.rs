//! What was asked for, and what changed since it was planned.

use std::collections::BTreeSet;

use super::Case;
use super::checkout::listed;
use crate::decide::classify::covered;
use crate::decide::course::Way;
use crate::model::gather::Gather;
use crate::model::id::ServiceName;
use crate::model::phase::Phase;
use crate::model::reason::{Blocker, ReasonCode};
use crate::model::spec::DriverSpec;

/// Scripts, services or configuration changed since the attempt was planned.
pub(super) fn changed(case: &Case<'_>) -> Option<Blocker> {
    let history = case.facts.history.as_ref().filter(|_| case.course.way == Way::Resume)?;
    if history.changed_inputs.is_empty() || case.request.accept_changes {
        return None;
    }
    let headline = format!("what `{}` was planned from has changed", case.request.ticket);
    let blocker =
        Blocker::new(ReasonCode::InputsChanged, listed(&headline, history.changed_inputs.iter().cloned()))
            .way_out(case.again_with("--take-new-commits"))
            .way_out(case.again_with("--accept-changes --reason '…'"));
    Some(blocker)
}

/// New commits are admitted by what they touch: a script from ticket on, services and configuration from migrate on.
pub(super) fn new_commits(case: &Case<'_>) -> Option<Blocker> {
    if case.course.way != Way::Again || !case.request.take_new_commits {
        return None;
    }
    let (phase, what) = earliest(case)?;
    if case.course.from <= phase {
        return None;
    }
    let fact = format!("the new commits touch {what}: go on from {phase}, not from {}", case.course.from);
    let typed = crate::decide::typed::Typed::on(case.facts);
    let way = typed.run(&case.request.ticket, &format!("--from={phase} --take-new-commits"));
    Some(Blocker::new(ReasonCode::InputsChanged, fact).way_out(way))
}

/// The phase that new commits make necessary, and by what.
fn earliest(case: &Case<'_>) -> Option<(Phase, String)> {
    let facts = case.facts;
    let changed = &facts.git.changed_since_head;
    let mut services: BTreeSet<ServiceName> = covered(facts, changed).into_keys().gather();
    let compose_files = facts.target_settings.services.iter().filter_map(|(name, spec)| match &spec.driver {
        DriverSpec::Compose(compose) => Some((compose.file.to_string_lossy().into_owned(), name)),
        DriverSpec::Command(_) => None,
    });
    services.extend(compose_files.filter(|(file, _)| changed.contains(file)).map(|(_, name)| name.clone()));
    let newly: Vec<&ServiceName> =
        services.iter().filter(|name| !case.course.services.contains(name)).collect();
    if let Some(first) = newly.first() {
        return Some((Phase::Prepare, format!("`{first}`, which has no backup of this release yet")));
    }
    if let Some(first) = services.first() {
        return Some((Phase::Migrate, format!("`{first}`")));
    }
    if let Some(file) = facts.target_settings.sources.keys().find(|file| changed.contains(file)) {
        return Some((Phase::Migrate, format!("the configuration ({file})")));
    }
    let scripts = facts.scripts.iter().filter(|script| script.ticket == case.request.ticket);
    let script = scripts.map(|script| &script.path).find(|path| changed.contains(path))?;
    Some((Phase::Ticket, script.clone()))
}

/// Names of ours.
pub(super) fn reserved(case: &Case<'_>) -> Option<Blocker> {
    let ticket = &case.request.ticket;
    let fact = format!("`{ticket}` is a name of our own records, not a ticket");
    // What was adopted can be put there again.
    let is_about_record = case.request.anew.is_some();
    (ticket.is_reserved() && !is_about_record).then(|| {
        Blocker::new(ReasonCode::AttemptStatusNotRecoverable, fact)
            .way_out("name the ticket that is to be released")
    })
}

/// What is audited needs a reason.
pub(super) fn reasons(case: &Case<'_>) -> Option<Blocker> {
    let request = case.request;
    let has_reason = request.reason.as_ref().is_some_and(|reason| !reason.trim().is_empty());
    let wanting: Vec<String> = [
        (!request.skip.is_empty()).then(|| {
            request.skip.iter().map(|phase| format!("--skip-{phase}")).collect::<Vec<_>>().join(" ")
        }),
        request.base.as_ref().map(|_| "--base".to_owned()),
        request.supersedes.as_ref().map(|_| "--supersedes".to_owned()),
        (!request.reintroduce.is_empty()).then(|| "--reintroduce".to_owned()),
        request.accept_changes.then(|| "--accept-changes".to_owned()),
        request.accept_untrusted.then(|| "--accept-untrusted".to_owned()),
    ]
    .into_iter()
    .flatten()
    .collect();
    if has_reason || wanting.is_empty() {
        return None;
    }
    let fact = format!("{} is audited and needs a reason", wanting.join(" "));
    Some(Blocker::new(ReasonCode::ReasonRequired, fact).way_out("add `--reason '…'` to the same command"))
}

#[cfg(test)]
mod tests {
    use crate::decide::plan_run;
    use crate::decide::testing::*;
    use crate::model::facts::{Facts, ScriptHeader};
    use crate::model::phase::Phase;
    use crate::model::reason::ReasonCode as C;
    use crate::model::release::Status;
    use crate::model::request::RunRequest;

    fn failed_in_ticket() -> Facts {
        let mut state = release("1234", Status::Failed);
        state.services = vec![service("web")];
        state.phase = Phase::Ticket;
        state.backups.insert(service("web"), stamp("20260518_100001"));
        scene()
            .with(plain("web"))
            .with(plain("db"))
            .changed("web/x")
            .script("1234", "releases/1234.sh", ScriptHeader::default())
            .head(TARGET)
            .history(state, &[Phase::Prepare, Phase::Migrate], &[])
    }

    fn from(phase: Phase) -> RunRequest {
        RunRequest { from: Some(phase), ..run("1234") }
    }

    #[test]
    fn changed_inputs_are_listed_and_accepted_only_with_a_reason() {
        let mut facts = failed_in_ticket();
        facts.history.as_mut().unwrap().changed_inputs =
            vec!["releases/1234.sh".into(), ".asd/release.toml".into()];
        insta::assert_snapshot!(said(&plan_run(&facts, &from(Phase::Ticket))), @r#"
        inputs-changed: what `1234` was planned from has changed
            releases/1234.sh
            .asd/release.toml
          → holdpoint run 1234 --from=ticket --take-new-commits
          → holdpoint run 1234 --from=ticket --accept-changes --reason '…'
        "#);
        let accepting = RunRequest { accept_changes: true, ..from(Phase::Ticket) };
        assert_eq!(codes(&plan_run(&facts, &accepting)), [C::ReasonRequired]);
        let accepting = RunRequest { reason: Some("hand-mended".into()), ..accepting };
        assert!(plan_run(&facts, &accepting).is_ok());
    }

    #[test]
    fn new_commits_are_admitted_by_what_they_touch() {
        let mut facts = failed_in_ticket();
        facts.git.target = Some(oid('c'));
        facts.git.incoming = vec![commit('c', "Fix the script")];
        facts.git.changed_since_head = vec!["releases/1234.sh".into()];
        let taking = |phase| RunRequest { take_new_commits: true, ..from(phase) };
        assert!(plan_run(&facts, &taking(Phase::Ticket)).is_ok());
        let late = plan_run(&facts, &taking(Phase::Verify));
        assert!(codes(&late).contains(&C::InputsChanged), "{}", said(&late));

        facts.git.changed_since_head.push("web/x".into());
        insta::assert_snapshot!(said(&plan_run(&facts, &taking(Phase::Ticket))), @r#"
        inputs-changed: the new commits touch `web`: go on from migrate, not from ticket
          → holdpoint run 1234 --from=migrate --take-new-commits
        "#);
        assert!(plan_run(&facts, &taking(Phase::Migrate)).is_ok());

        facts.git.changed.push("db/x".into());
        facts.git.changed_since_head.push("db/x".into());
        insta::assert_snapshot!(said(&plan_run(&facts, &taking(Phase::Migrate))), @r#"
        inputs-changed: the new commits touch `db`, which has no backup of this release yet: go on from prepare, not from migrate
          → holdpoint run 1234 --from=prepare --take-new-commits
        "#);
        let plan = plan_run(&facts, &taking(Phase::Prepare)).unwrap();
        assert_eq!((plan.attempt.number, plan.supersedes.as_deref()), (2, Some("1234@1")));
        let saved: Vec<&str> =
            plan.steps.iter().map(|s| s.name.as_str()).filter(|n| n.starts_with("backup.")).collect();
        assert_eq!(saved, ["backup.db.1"], "newly touched services are backed up before the tree moves");
    }

    #[test]
    fn our_own_names_are_no_tickets() {
        let facts = scene().with(plain("web")).changed("web/x");
        assert_eq!(codes(&plan_run(&facts, &run("baseline"))), [C::AttemptStatusNotRecoverable]);
    }
}
