//! Plans that belong to no ticket: back on the main branch, a service's configuration hooks, backups outside a release.
//! They are journaled in the host's own audit log.

use std::collections::BTreeMap;

use super::blockers;
use super::commands::git;
use super::planning::{chained, hooks, identified, named, step, verify};
use super::refusal::Refusal;
use super::saving::{self, Purpose, Small};
use super::site::{Side, define, running_image, same_content};
use super::typed::Typed;
use crate::model::facts::Facts;
use crate::model::id::{AttemptId, Oid, ServiceName, TicketId};
use crate::model::phase::Phase;
use crate::model::plan::{
    Action, DoneWhen, PLAN_FORMAT, Plan, PlanVerb, PlannedService, ServiceChange, Step, WhenUnknown,
};
use crate::model::reason::{Blocker, ReasonCode};
use crate::model::request::BackupTakeRequest;

/// A plan of ours around these steps; its services are those the steps name.
pub(super) fn plan(facts: &Facts, verb: PlanVerb, steps: Vec<Step>, notes: Vec<String>) -> Plan {
    let mut services: BTreeMap<&ServiceName, PlannedService> = BTreeMap::new();
    for name in steps.iter().filter_map(|step| step.service.as_ref()) {
        let running = facts.services.get(name).and_then(running_image);
        services.entry(name).or_insert_with(|| PlannedService {
            name: name.clone(),
            change: ServiceChange::Changed,
            because: Vec::new(),
            image_before: running.clone(),
            image_after: running,
        });
    }
    identified(Plan {
        format: PLAN_FORMAT,
        id: String::new(),
        verb,
        attempt: AttemptId { ticket: TicketId::audit(), number: 1 },
        cycle: 1,
        trigger: "create".to_owned(),
        from: steps.first().map_or(Phase::Prepare, |step| step.phase),
        base: facts.git.head.clone(),
        head: None,
        target: facts.git.head.clone(),
        branch: facts.git.release_branch.clone(),
        commits: Vec::new(),
        services: services.into_values().collect(),
        steps,
        skipped: Vec::new(),
        hold_before: Vec::new(),
        parallel: facts.target_settings.run.parallel,
        notes,
        write_window_seconds: None,
        supersedes: None,
        snapshot: None,
        backups: BTreeMap::new(),
        also: Vec::new(),
    })
}

/// The plan of `return-to-main`: main is checked out only where it holds the content that runs (design/04).
///
/// # Errors
/// `hotfix-not-on-main`, `main-has-unreleased`, a dirty tree, an unfinished release, and what makes the checkout unfit.
pub fn plan_return_to_main(facts: &Facts) -> Result<Plan, Refusal> {
    let main = &facts.git.release_branch;
    if facts.git.branch.as_ref() == Some(main) {
        return Err(Refusal::Nothing { fact: format!("`{main}` is checked out already") });
    }
    let mut blockers: Vec<Blocker> = blockers::of_ground(facts).into_iter().collect();
    blockers.extend(facts.troubles.iter().cloned());
    blockers.extend(blockers::dirty_tree(facts));
    blockers.extend(facts.releases.iter().filter(|state| state.is_unfinished()).map(|state| {
        let fact = format!("`{}` is {} in phase {}", state.ticket, state.status, state.phase);
        Blocker::new(ReasonCode::ReleaseUnfinished, fact)
            .way_out(Typed::on(facts).run(&state.ticket, &format!("--from={}", state.phase)))
            .way_out(Typed::on(facts).revert(&state.ticket, ""))
    }));
    let chosen = running_content(facts);
    if chosen.is_none() && facts.git.target.is_some() {
        blockers.push(main_differs(facts));
    }
    if let Some(tip) = facts.git.branches.get(main)
        && chosen != Some(tip)
        && facts.git.contains.get(tip).is_some_and(|contained| !contained.in_target)
    {
        let fact = format!("local branch `{main}` is at {}, which the remote does not contain", tip.short());
        let kept = format!("git branch -m {main} {main}-kept && {}", Typed::on(facts).return_to_main());
        blockers.push(Blocker::new(ReasonCode::Diverged, fact).way_out(kept));
    }
    let (true, Some(target)) = (blockers.is_empty(), chosen) else {
        return Err(Refusal::Blocked { blockers, notes: Vec::new() });
    };
    let done_when = Some(DoneWhen::HeadIs { head: target.clone(), branch: Some(main.clone()) });
    let commands = vec![git::switch(&facts.host.root, main, target)];
    let switch = Step {
        when_unknown: WhenUnknown::Check,
        changes: true,
        ..step(
            named(["git", "switch"]),
            Phase::Verify,
            format!("switch to {main} at {}, the content that runs", target.short()),
            Action::Commands { commands, done_when },
        )
    };
    let mut steps = vec![switch, verify::head(target, Phase::Verify)];
    for name in facts.target_settings.services.keys() {
        if let Some(service) = define(facts, Side::Target, name) {
            let name = named(["verify", name.as_str()]);
            steps.push(verify::service(&service, None, name, Phase::Verify));
        }
    }
    let mut notes = Vec::new();
    if facts.git.target.as_ref() != Some(target) {
        notes.push(format!(
            "{main} has newer commits that were never released here: they stay where they are"
        ));
    }
    let plan = plan(facts, PlanVerb::ReturnToMain, chained(steps), notes);
    Ok(identified(Plan { target: target.clone(), ..plan }))
}

/// The newest commit of main whose content is what runs.
fn running_content(facts: &Facts) -> Option<&Oid> {
    let newest = facts.git.target.as_ref()?;
    let candidates = std::iter::once(newest).chain(facts.git.incoming.iter().map(|commit| &commit.oid));
    candidates.into_iter().find(|oid| same_content(facts, oid, &facts.git.head))
}

/// Main is not what runs: either the hotfix is not on it, or it has more than what runs.
fn main_differs(facts: &Facts) -> Blocker {
    let main = &facts.git.release_branch;
    let typed = Typed::on(facts);
    let last = facts.releases.iter().rev().find(|state| state.merge.is_some()).map(|state| &state.ticket);
    let lines = |commits: &[crate::model::facts::Commit]| {
        let line =
            |commit: &crate::model::facts::Commit| format!("\n{} {}", commit.oid.short(), commit.subject);
        commits.iter().take(10).map(line).collect::<String>()
    };
    if facts.git.ahead.is_empty() {
        let fact =
            format!("{main} holds commits that were never released here{}", lines(&facts.git.incoming));
        return Blocker::new(ReasonCode::MainHasUnreleased, fact)
            .way_out(format!("release them: git switch {main}, then `{} TICKET`", typed.run_verb()));
    }
    let fact = format!("what runs is not on {main}{}", lines(&facts.git.ahead));
    let ticket = last.map_or_else(|| "the hotfix".to_owned(), |ticket| format!("`{ticket}`"));
    Blocker::new(ReasonCode::HotfixNotOnMain, fact)
        .way_out(format!("merge {ticket} into {main} and push it, then: {}", typed.return_to_main()))
}

/// The plan of `configure SERVICE`: its `post_start` and `ensure_config` hooks.
///
/// # Errors
/// When there is no such service, or it has no hooks to run.
pub fn plan_configure(facts: &Facts, service: &ServiceName) -> Result<Plan, Refusal> {
    let definition = known(facts, service)?;
    let own = &definition.spec.hooks;
    let mut steps = hooks::steps(&definition, Phase::Migrate, "post_start", &own.post_start);
    steps.extend(hooks::steps(&definition, Phase::Migrate, "ensure_config", &own.ensure_config));
    if steps.is_empty() {
        let fact =
            format!("`{service}` has no `post_start` and no `ensure_config` hook: there is nothing to run");
        return Err(Refusal::Nothing { fact });
    }
    Ok(plan(facts, PlanVerb::Configure, chained(steps), Vec::new()))
}

/// The plan of `backup take`: the same verified backups, outside a release.
///
/// # Errors
/// When there is no such service, no service says how its data is saved, or there is no room.
pub fn plan_backup_take(facts: &Facts, request: &BackupTakeRequest) -> Result<Plan, Refusal> {
    let every: Vec<ServiceName> = facts.base_settings.services.keys().cloned().collect();
    let wanted = if request.services.is_empty() { &every } else { &request.services };
    let small = if request.accept_small_backup { Small::Accepted } else { Small::Refused };
    let purpose =
        Purpose { prefix: "backup", phase: Phase::Prepare, taken_for: "manual", tree: Side::Base, small };
    let mut steps = Vec::new();
    let mut blockers = Vec::new();
    for name in wanted {
        let definition = known(facts, name)?;
        match saving::steps(&definition, purpose) {
            Ok(taken) => steps.extend(taken),
            Err(why) => {
                let advice = "run as somebody who may read that data (`sudo`), or start the service once";
                let one = |why| Blocker::new(ReasonCode::VolumeMismatch, why).way_out(advice);
                blockers.extend(why.into_iter().map(one));
            }
        }
    }
    let silent = request.services.iter().filter_map(|name| define(facts, Side::Base, name));
    for service in silent.filter(|service| service.spec.backup.is_empty()) {
        let fact = format!("`{}` does not say how its data is saved", service.name());
        let place = &service.spec.defined_in;
        let way = format!("say it in {place}: backup = [{{ kind = \"volume\", volume = \"…\" }}]");
        blockers.push(Blocker::new(ReasonCode::BackupUndeclared, fact).way_out(way));
    }
    blockers.extend(blockers::of_ground(facts));
    blockers.extend(blockers::room_for(facts, wanted));
    if !blockers.is_empty() {
        return Err(Refusal::Blocked { blockers, notes: Vec::new() });
    }
    if steps.is_empty() {
        return Err(Refusal::Nothing { fact: "no service here says that it has data to save".to_owned() });
    }
    Ok(plan(facts, PlanVerb::BackupTake, steps, Vec::new()))
}

/// A service as HEAD defines it.
pub(super) fn known<'a>(
    facts: &'a Facts,
    name: &ServiceName,
) -> Result<super::site::Definition<'a>, Refusal> {
    define(facts, Side::Base, name).ok_or_else(|| {
        let known: Vec<&str> = facts.base_settings.services.keys().map(ServiceName::as_str).collect();
        let fact = format!("there is no service `{name}` here: {}", known.join(", "));
        Refusal::because(Blocker::new(ReasonCode::ServiceUnknown, fact).way_out("holdpoint status"))
    })
}
#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::plan_backup_restore;
    use crate::decide::testing::*;
    use crate::model::facts::{Commit, Containment};
    use crate::model::reason::ReasonCode as C;
    use crate::model::release::Status;
    use crate::model::request::BackupRestoreRequest;
    use crate::model::spec::HookSpec;

    fn on_hotfix() -> Facts {
        let mut state = release("1240", Status::Succeeded);
        state.branch = "hotfix/1".parse().unwrap();
        state.services = vec![service("web")];
        let mut facts = scene().with(plain("web")).released(state).head(TARGET);
        facts.git.branch = Some("hotfix/1".parse().unwrap());
        facts.git.target = Some(oid('c'));
        facts.git.incoming = vec![commit('c', "Merge hotfix")];
        facts.git.ahead = vec![Commit { ..commit(TARGET, "Hotfix") }];
        facts
    }

    #[test]
    fn back_on_main_only_with_the_content_that_runs() {
        let mut facts = on_hotfix();
        facts.git.trees = [(oid('c'), oid('e')), (oid(TARGET), oid('e'))].into();
        insta::assert_snapshot!(sketch(&plan_return_to_main(&facts).unwrap()), @r#"
        audit@1 create cycle 1 from verify: b → c on main
          web changed - → - ()
        verify git.switch
            $ git switch --quiet --no-guess --no-track --no-overwrite-ignore -C main --end-of-options cccccccccccccccccccccccccccccccccccccccc
        verify verify.head after git.switch
        verify verify.web after verify.head
        "#);

        insta::assert_snapshot!(said(&plan_return_to_main(&on_hotfix())), @r#"
        hotfix-not-on-main: what runs is not on main
            bbbbbbbbbbbb Hotfix
          → merge `1240` into main and push it, then: holdpoint return-to-main
        "#);
        let mut newer = on_hotfix();
        newer.git.ahead.clear();
        newer.git.contains.insert(oid(TARGET), Containment { in_head: true, in_target: true });
        insta::assert_snapshot!(said(&plan_return_to_main(&newer)), @r#"
        main-has-unreleased: main holds commits that were never released here
            cccccccccccc Merge hotfix
          → release them: git switch main, then `holdpoint run TICKET`
        "#);

        newer.git.dirty.push(dirty("x"));
        assert_eq!(codes(&plan_return_to_main(&newer)), [C::TreeDirty, C::MainHasUnreleased]);
        assert!(matches!(plan_return_to_main(&scene()), Err(Refusal::Nothing { .. })));
    }

    #[test]
    fn hooks_of_one_service_run_by_themselves() {
        let mut spec = plain("web");
        spec.hooks.ensure_config =
            vec![HookSpec { run: vec!["bin/configure.sh".into()], ..HookSpec::default() }];
        let facts = scene().with(spec).with(plain("db"));
        insta::assert_snapshot!(sketch(&plan_configure(&facts, &service("web")).unwrap()), @r#"
        audit@1 create cycle 1 from migrate: a → a on main
          web changed - → - ()
        migrate web.ensure_config (ask)
            $ bash bin/configure.sh
        "#);
        insta::assert_snapshot!(said(&plan_configure(&facts, &service("db"))), @r#"nothing: `db` has no `post_start` and no `ensure_config` hook: there is nothing to run"#);
        insta::assert_snapshot!(said(&plan_configure(&facts, &service("wb"))), @r#"
        service-unknown: there is no service `wb` here: db, web
          → holdpoint status
        "#);
    }

    #[test]
    fn backups_are_taken_outside_a_release_too() {
        let facts = scene().with(plain("web")).with_compose(composed("wikijs"), "wiki:2.4", "wiki:2.4");
        let all = plan_backup_take(&facts, &BackupTakeRequest::default()).unwrap();
        insta::assert_snapshot!(sketch(&all), @r#"
        audit@1 create cycle 1 from prepare: a → a on main
          web changed - → - ()
          wikijs changed wiki:2.4 → wiki:2.4 ()
        prepare backup.web.1
        prepare backup.wikijs.1
            $ docker pause asd-wikijs-1
            $ docker unpause asd-wikijs-1
        "#);
        let none = plan_backup_take(&scene(), &BackupTakeRequest::default());
        assert!(matches!(none, Err(Refusal::Nothing { .. })));
    }

    #[test]
    fn a_set_is_put_back_after_a_copy_of_what_is_there() {
        let facts = scene()
            .with_compose(composed("wikijs"), "wiki:2.4", "wiki:2.4")
            .shelved(set("wikijs", "volume", "10:00:00", 9));
        let mut request =
            BackupRestoreRequest { service: service("wikijs"), stamp: None, discard_writes: false };
        insta::assert_snapshot!(said(&plan_backup_restore(&facts, &request)), @r#"
        write-window: restoring throws away what was written in the last 2h 0m: wikijs from 20260518_100000
          → holdpoint backup restore wikijs 20260518_100000 --discard-writes
        "#);
        request.discard_writes = true;
        insta::assert_snapshot!(sketch(&plan_backup_restore(&facts, &request).unwrap()), @r#"
        audit@1 create cycle 1 from revert: a → a on main
          wikijs changed wiki:2.4 → wiki:2.4 ()
        revert safety.wikijs.1
            $ docker pause asd-wikijs-1
            $ docker unpause asd-wikijs-1
        revert revert.wikijs.stop after safety.wikijs.1
            $ docker stop asd-wikijs-1
        revert restore.wikijs.1 after revert.wikijs.stop
        revert revert.wikijs.start after restore.wikijs.1
            $ docker compose -p asd -f packages/wikijs/docker-compose.yaml --project-directory packages/wikijs up -d --force-recreate --no-deps wikijs
        revert revert.wikijs.health after revert.wikijs.start
        note: data of wikijs goes back to 20260518_100000: 2h 0m old, 9B
        "#);
        request.stamp = Some(stamp("20200101_000000"));
        assert_eq!(codes(&plan_backup_restore(&facts, &request)), [C::BackupMissing]);
    }
}
