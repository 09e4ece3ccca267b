//! The plan of `run`.

use std::collections::{BTreeMap, BTreeSet};

use super::migrate::Migration;
use super::prepare::{Move, snapshot, tree};
use super::ticket::Told;
use super::{identified, migrate, named, notes, ticket, verify};
use crate::decide::anew;
use crate::decide::blockers::{self, Case};
use crate::decide::classify::{Asked, Classified, classify};
use crate::decide::course::{self, Course, Images, Way};
use crate::decide::reconcile::{self, Answers};
use crate::decide::refusal::Refusal;
use crate::decide::saving::{self, Purpose, Small};
use crate::decide::site::{Definition, Side, define, running_image, same_content};
use crate::model::facts::{Commit, Facts};
use crate::model::gather::Gather;
use crate::model::id::{AttemptId, BackupStamp, Oid, ServiceName};
use crate::model::phase::Phase;
use crate::model::plan::{PLAN_FORMAT, Plan, PlanVerb, PlannedService, ServiceChange, SkippedPhase, Step};
use crate::model::reason::{Blocker, ReasonCode};
use crate::model::request::RunRequest;

/// The plan of `run TICKET`: a new release, a resume, or the taking over of another release.
///
/// # Errors
/// [`Refusal::Blocked`] with every blocker that holds (design/04), in the order of its table.
pub fn plan_run(facts: &Facts, request: &RunRequest) -> Result<Plan, Refusal> {
    let course = course::of_run(facts, request);
    let classified = classification(facts, request, &course);
    let saving = backups(facts, request, &course, &classified);
    let case = Case {
        facts,
        request,
        course: &course,
        classified: &classified,
        saved: &saving.services,
        unreachable: &saving.unreachable,
    };
    let mut blockers = blockers::of_run(&case);
    let target = course.target.clone().unwrap_or_else(|| facts.git.head.clone());
    let mut steps = steps(facts, request, &course, &classified, &saving, &target);
    let asked = Answers { run_again: request.run_again.as_ref(), mark_done: request.mark_done.as_ref() };
    if course.past(facts).is_known() {
        blockers.extend(reconcile::settle(facts, &request.ticket, &mut steps, course.past(facts), asked));
        blockers.extend(ticket::ask_before_again(facts, request, &steps, course.past(facts)));
    }
    let mut notes = notes::of_run(&case, &saving.reused, &steps);
    notes.extend(anew::notes(facts, request, &course));
    if !blockers.is_empty() {
        return Err(Refusal::Blocked { blockers, notes });
    }
    let plan = assembled(facts, request, &course, &classified, saving, (target, steps, notes));
    match &request.plan {
        Some(wanted) if *wanted != plan.id => Err(Refusal::because(changed(request, wanted, &plan.id))),
        _ => Ok(plan),
    }
}

/// The steps that `run` would have, whatever stands against it: to compare configurations by.
pub fn steps_of_run(facts: &Facts, request: &RunRequest) -> Vec<Step> {
    let course = course::of_run(facts, request);
    let classified = classification(facts, request, &course);
    let saving = backups(facts, request, &course, &classified);
    let target = course.target.clone().unwrap_or_else(|| facts.git.head.clone());
    steps(facts, request, &course, &classified, &saving, &target)
}

fn changed(request: &RunRequest, wanted: &str, id: &str) -> Blocker {
    let fact = format!("plan `{wanted}` does not describe this host any more: it is `{id}` now");
    let anew = request.anew.as_ref().map(|anew| anew.typed(&request.ticket, "--dry-run"));
    let typed = anew.unwrap_or_else(|| format!("run {} --dry-run", request.ticket));
    Blocker::new(ReasonCode::PlanChanged, fact).way_out(format!("holdpoint {typed}"))
}

fn classification(facts: &Facts, request: &RunRequest, course: &Course) -> Classified {
    match (course.way, &request.services) {
        // What lies between HEAD and the candidate is touched, too; going back, nothing new needs an owner.
        (Way::Anew, _) if course.images == Images::Pinned => {
            let all = classify(facts, Asked::Nothing, &course.services);
            Classified { unclassified: Vec::new(), ..all }
        }
        (Way::Resume | Way::Anew, _) => classify(facts, Asked::Recorded(&course.services), &[]),
        (_, Some(names)) => classify(facts, Asked::ByName(names), &course.services),
        (_, None) => classify(facts, Asked::Nothing, &course.services),
    }
}

/// What is saved before anything is changed.
struct Saving {
    steps: Vec<Step>,
    /// Services whose data these steps save.
    services: Vec<ServiceName>,
    /// Sets young enough to be used again.
    reused: BTreeMap<ServiceName, BackupStamp>,
    unreachable: Vec<String>,
}

fn backups(facts: &Facts, request: &RunRequest, course: &Course, classified: &Classified) -> Saving {
    let mut saving =
        Saving { steps: Vec::new(), services: Vec::new(), reused: BTreeMap::new(), unreachable: Vec::new() };
    if course.way == Way::Resume && course.from > Phase::Prepare {
        return saving;
    }
    let small = if request.accept_small_backup { Small::Accepted } else { Small::Refused };
    let taken_for = course.attempt.to_string();
    let purpose =
        Purpose { prefix: "backup", phase: Phase::Prepare, taken_for: &taken_for, tree: Side::Base, small };
    for name in to_save(facts, request, course, classified) {
        let Some(service) = backup_definition(facts, &name) else { continue };
        // The first backups of a cycle are never replaced by backups of half-migrated data (design/03).
        if course.backups.contains_key(&name) || saving::entries(&service).is_empty() {
            continue;
        }
        if let Some(set) = saving::reusable(facts, &service).filter(|_| course.way == Way::Fresh) {
            saving.reused.insert(name, set.stamp.clone());
            continue;
        }
        match saving::steps(&service, purpose) {
            Ok(steps) => saving.steps.extend(steps),
            Err(why) => saving.unreachable.extend(why),
        }
        saving.services.push(name);
    }
    saving
}

/// Services whose data is saved: those that were there before and are touched, and those that a script's header names.
fn to_save(
    facts: &Facts,
    request: &RunRequest,
    course: &Course,
    classified: &Classified,
) -> Vec<ServiceName> {
    let touched = classified.touched.iter().filter(|touched| touched.change != ServiceChange::Added);
    let scripts = if course.scripts { super::scripts_of_run(facts, request) } else { Vec::new() };
    let named = scripts.into_iter().flat_map(|script| &script.header.backup);
    let mut seen = BTreeSet::new();
    touched.map(|touched| &touched.name).chain(named).filter(|name| seen.insert(*name)).cloned().collect()
}

/// The definition that says how a service's data is saved: BASE's; the target's, where BASE's says nothing.
pub(in crate::decide) fn backup_definition<'a>(
    facts: &'a Facts,
    name: &ServiceName,
) -> Option<Definition<'a>> {
    let declared = |service: &Definition<'_>| !service.spec.backup.is_empty();
    let (base, target) = (define(facts, Side::Base, name), define(facts, Side::Target, name));
    base.filter(declared).or_else(|| target.filter(declared)).or(base).or(target)
}

fn steps(
    facts: &Facts,
    request: &RunRequest,
    course: &Course,
    classified: &Classified,
    saving: &Saving,
    target: &Oid,
) -> Vec<Step> {
    let from = if course.way == Way::Resume { course.from } else { Phase::Prepare };
    let past = course.past(facts);
    let mut steps = Vec::new();
    if from == Phase::Prepare {
        steps.extend(preparing(facts, course, saving, target));
    }
    if from <= Phase::Migrate {
        let (touched, cycle) = (classified.touched.as_slice(), course.cycle);
        let kept = course.kept(facts);
        let of = Migration { facts, request, course, touched, ticket: &request.ticket, cycle, past, kept };
        steps.extend(migrate::steps(of));
    }
    let services: Vec<ServiceName> = classified.touched.iter().map(|touched| touched.name.clone()).collect();
    if from <= Phase::Ticket && course.scripts {
        let told = Told { attempt: &course.attempt, base: &course.base, target, services: &services };
        steps.extend(ticket::steps(facts, request, told, past));
    }
    steps.extend(verifying(facts, request, course, classified, target));
    steps.retain(|step| !request.skip.contains(&step.phase));
    steps
}

fn preparing(facts: &Facts, course: &Course, saving: &Saving, target: &Oid) -> Vec<Step> {
    let first = snapshot();
    let mut steps = vec![first.clone()];
    for mut backup in saving.steps.iter().cloned() {
        if backup.after.is_empty() {
            backup.after.push(first.name.clone());
        }
        steps.push(backup);
    }
    let before: Vec<_> = steps.iter().map(|step| step.name.clone()).collect();
    let unrevert = course::unrevert(facts).filter(|_| course.way == Way::Fresh);
    let way = way_to(facts, course, target);
    let mut moving =
        super::chained(tree(facts, &way, &course.attempt, target, &course.branch, unrevert.as_ref()));
    for step in &mut moving {
        step.after = before.iter().chain(&step.after).cloned().collect();
    }
    steps.extend(moving);
    steps
}

fn way_to(facts: &Facts, course: &Course, target: &Oid) -> Move {
    if course.way == Way::Anew {
        let is_there = same_content(facts, target, &facts.git.head);
        return if is_there { Move::Nowhere } else { Move::Back };
    }
    let is_on_branch = facts.git.branch.as_ref() == Some(&course.branch);
    match (is_on_branch, facts.git.head == *target) {
        // Inherited: an earlier attempt brought the tree there.
        (true, true) if course.way != Way::Fresh => Move::Nowhere,
        (true, _) => Move::Merge,
        (false, _) => Move::Switch,
    }
}

fn verifying(
    facts: &Facts,
    request: &RunRequest,
    course: &Course,
    classified: &Classified,
    target: &Oid,
) -> Vec<Step> {
    // Which commit a rollback makes is not known beforehand, only what is in it.
    let head = match course.way {
        Way::Anew => verify::tree(facts, target),
        _ => verify::head(target, Phase::Verify),
    };
    let mut steps = vec![head];
    let stays = classified.touched.iter().filter(|touched| touched.change != ServiceChange::Removed);
    for service in stays.filter_map(|touched| define(facts, Side::Target, &touched.name)) {
        let name = named(["verify", service.name().as_str()]);
        steps.push(verify::service(&service, Some(request), name, Phase::Verify));
    }
    steps.extend(verify::of_host(facts, &facts.target_settings, Phase::Verify));
    steps
}

fn assembled(
    facts: &Facts,
    request: &RunRequest,
    course: &Course,
    classified: &Classified,
    saving: Saving,
    (target, steps, notes): (Oid, Vec<Step>, Vec<String>),
) -> Plan {
    let from = if course.way == Way::Resume { course.from } else { Phase::Prepare };
    let reason = request.reason.clone().unwrap_or_default();
    let mut skipped: Vec<SkippedPhase> = request
        .skip
        .iter()
        .map(|phase| SkippedPhase { phase: *phase, reason: reason.clone(), ran_on: None })
        .collect();
    if !course.scripts && from <= Phase::Ticket {
        let reason = match &course.ticket_ran_on {
            Some(host) => format!("the ticket's scripts run on {host} alone"),
            None => "what is put there again runs no ticket script".to_owned(),
        };
        skipped.push(SkippedPhase { phase: Phase::Ticket, reason, ran_on: course.ticket_ran_on.clone() });
    }
    let approved =
        facts.history.as_ref().filter(|_| course.way == Way::Resume).and_then(|h| h.state.approved);
    let holds = facts.target_settings.run.hold_before.iter().copied();
    let past_base = matches!(course.way, Way::Again | Way::TakeOver)
        && !same_content(facts, &facts.git.head, &course.base);
    let mut backups = course.backups.clone();
    backups.extend(saving.reused);
    let mut plan = identified(Plan {
        format: PLAN_FORMAT,
        id: String::new(),
        verb: PlanVerb::Run,
        attempt: AttemptId { ticket: request.ticket.clone(), number: course.attempt.number },
        cycle: course.cycle,
        trigger: course.trigger.word().to_owned(),
        from,
        base: course.base.clone(),
        target,
        branch: course.branch.clone(),
        commits: commits(facts, course),
        services: planned_services(facts, classified, matches!(course.way, Way::Resume | Way::Again)),
        steps,
        skipped,
        hold_before: holds.filter(|phase| *phase >= from && approved != Some(*phase)).collect(),
        parallel: facts.target_settings.run.parallel,
        notes,
        write_window_seconds: None,
        supersedes: course.supersedes.clone(),
        head: course.head.clone().or_else(|| past_base.then(|| facts.git.head.clone())),
        backups,
        also: Vec::new(),
        snapshot: None,
    });
    if course.way != Way::Resume {
        let mut snapshot = super::snapshot::of_plan(facts, &plan, &course.pinned);
        snapshot.plan.clone_from(&plan.id);
        plan.snapshot = Some(snapshot);
    }
    plan
}

/// Commits that come in, and those that somebody brought in by hand before the release.
fn commits(facts: &Facts, course: &Course) -> Vec<Commit> {
    if course.way == Way::Anew {
        // Those that are taken away.
        return facts.git.ahead.clone();
    }
    let mut commits = facts.git.incoming.clone();
    if course.way == Way::Fresh && course.base != facts.git.head {
        let known: BTreeSet<Oid> = commits.iter().map(|commit| commit.oid.clone()).gather();
        let by_hand = facts
            .git
            .unreleased
            .iter()
            .filter(|commit| !known.contains(&commit.oid) && commit.reverts.is_none());
        commits.extend(by_hand.cloned());
    }
    commits
}

/// Touched services with their images; what ran before a release that is under way stands in its snapshot.
fn planned_services(facts: &Facts, classified: &Classified, is_under_way: bool) -> Vec<PlannedService> {
    let recorded =
        facts.history.as_ref().filter(|_| is_under_way).and_then(|history| history.snapshot.as_ref());
    let before = |name: &ServiceName| {
        let recorded = recorded.and_then(|snapshot| snapshot.services.get(name));
        recorded
            .and_then(|s| s.image_before.clone())
            .or_else(|| facts.services.get(name).and_then(running_image))
    };
    let planned = classified.touched.iter().map(|touched| PlannedService {
        name: touched.name.clone(),
        change: touched.change,
        because: touched.because.clone(),
        image_before: before(&touched.name),
        image_after: define(facts, Side::Target, &touched.name).and_then(|service| service.image_line()),
    });
    planned.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::testing::*;
    use crate::model::facts::ScriptHeader;

    fn planned(facts: &Facts) -> Plan {
        plan_run(facts, &run("1234")).unwrap_or_else(|refusal| panic!("{refusal:?}"))
    }

    #[test]
    fn a_plain_release_goes_straight_through_four_phases() {
        let facts = scene().with(plain("web")).changed("web/main.py").script(
            "1234",
            "releases/1234-fill.sh",
            ScriptHeader::default(),
        );
        insta::assert_snapshot!(sketch(&planned(&facts)), @r#"
        1234@1 create cycle 1 from prepare: a → b on main
          web changed - → - (web/main.py)
        prepare snapshot
        prepare backup.web.1 after snapshot
        prepare git.merge after snapshot backup.web.1
            $ git merge --ff-only --no-verify-signatures --no-autostash --no-overwrite-ignore --no-edit --no-stat --quiet --end-of-options bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb
        migrate web.stop
            $ bin/web stop
        migrate web.start after web.stop
            $ bin/web start
        migrate web.health after web.start
        ticket 1234-fill.sh (ask)
            $ bash releases/1234-fill.sh --yes
        verify verify.head
        verify verify.web
        note: this host has no record of a release yet, so whether HEAD moved since the last one is not known (`holdpoint adopt` records what runs)
        "#);
    }
}
