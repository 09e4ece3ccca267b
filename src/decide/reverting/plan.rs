//! The plan of `revert`.

use super::refusals::{self, length, window};
use super::scope::{Scope, WayBack, is_anything_changed};
use super::steps::{self, Way};
use crate::decide::past::Past;
use crate::decide::planning::identified;
use crate::decide::reconcile::{self, Answers};
use crate::decide::refusal::Refusal;
use crate::decide::site::{Side, define, is_up, running_image};
use crate::decide::typed::Typed;
use crate::model::facts::{Facts, TicketHistory};
use crate::model::id::{AttemptId, ServiceName};
use crate::model::phase::Phase;
use crate::model::plan::{Action, PLAN_FORMAT, Plan, PlanVerb, PlannedService, ServiceChange, Step};
use crate::model::quantity::ByteSize;
use crate::model::reason::{Blocker, ReasonCode};
use crate::model::release::Status;
use crate::model::request::{RevertRequest, Take};

/// The plan of `revert TICKET`.
///
/// # Errors
/// [`Refusal::Blocked`] with every refusal of design/04 "Revert" that holds; [`Refusal::Nothing`] when the ticket is already
/// reverted, or changed nothing.
pub fn plan_revert(facts: &Facts, request: &RevertRequest) -> Result<Plan, Refusal> {
    let ticket = &request.ticket;
    let Some(history) = &facts.history else {
        let fact = format!("`{ticket}` has no release on this host");
        return Err(Refusal::because(Blocker::new(ReasonCode::StateMissing, fact).way_out("holdpoint list")));
    };
    if ticket.is_reserved() {
        let fact =
            format!("`{ticket}` is what was here before the first release: there is nothing to take back");
        let blocker = Blocker::new(ReasonCode::AttemptStatusNotRecoverable, fact);
        return Err(Refusal::because(blocker.way_out("holdpoint list")));
    }
    if let Some(fact) = nothing_to_do(facts, history) {
        return Err(Refusal::Nothing { fact });
    }
    let scope = Scope::of(facts, request, history);
    let way = steps::of(&scope);
    let mut blockers = refusals::all(&scope, &way);
    let notes = notes(&scope, &way);
    let mut planned = way.steps;
    if scope.is_under_way() {
        let past = Past::of(facts);
        mark(&scope, past, &mut planned);
        let answers =
            Answers { run_again: request.run_again.as_ref(), mark_done: request.mark_done.as_ref() };
        blockers.extend(reconcile::settle(facts, ticket, &mut planned, past.within(Phase::Revert), answers));
    }
    if !blockers.is_empty() {
        return Err(Refusal::Blocked { blockers, notes });
    }
    let plan = assembled(&scope, planned, notes);
    match &request.plan {
        Some(wanted) if *wanted != plan.id => {
            let fact =
                format!("plan `{wanted}` does not describe this host any more: it is `{}` now", plan.id);
            let way = Typed::on(facts).revert(ticket, "--dry-run");
            Err(Refusal::because(Blocker::new(ReasonCode::PlanChanged, fact).way_out(way)))
        }
        _ => Ok(plan),
    }
}

fn nothing_to_do(facts: &Facts, history: &TicketHistory) -> Option<String> {
    let state = &history.state;
    if state.status == Status::Reverted {
        return Some(format!("`{}` is already reverted", state.ticket));
    }
    let taken_over = state.superseded_by.as_ref().and_then(|by| by.split('@').next());
    let newer =
        taken_over.and_then(|ticket| facts.releases.iter().find(|other| other.ticket.as_str() == ticket));
    if let Some(newer) =
        newer.filter(|newer| newer.ticket != state.ticket && newer.status == Status::Reverted)
    {
        return Some(format!(
            "`{}` is already reverted: it was taken back with `{}`",
            state.ticket, newer.ticket
        ));
    }
    (!is_anything_changed(history)).then(|| {
        format!(
            "nothing was changed by `{}`: it never got past its backups, so there is nothing to take back",
            state.ticket
        )
    })
}

/// What is done of a revert that goes on, as far as it still holds.
fn mark(scope: &Scope<'_>, past: Past<'_>, steps: &mut [Step]) {
    let started = |service: &ServiceName| {
        past.has_ended_well(&crate::decide::planning::named(["revert", service.as_str(), "start"]))
    };
    let done: Vec<bool> = steps
        .iter()
        .map(|step| {
            let ended_well = past.has_ended_well(&step.name);
            let last = step.name.as_str().rsplit('.').next().unwrap_or_default();
            let service = step.service.as_ref();
            let runs = || service.is_some_and(|name| is_up(scope.facts, name));
            ended_well
                && match &step.action {
                    // A set counts only as a whole; what was copied before anything was stopped stays the copy.
                    Action::Backup(job) => whole_copy(past, &job.service, job.of),
                    Action::Restore(_) => true,
                    Action::Commands { .. } => match last {
                        "stop" => service.is_some_and(started) || !runs(),
                        "start" => runs(),
                        "git" => scope.way_back() == WayBack::None,
                        "tree" => false,
                        _ => true,
                    },
                    _ => false,
                }
        })
        .collect();
    for (step, done) in steps.iter_mut().zip(done) {
        step.already_done = done;
    }
}

fn whole_copy(past: Past<'_>, service: &ServiceName, of: u32) -> bool {
    (1..=of).all(|number| {
        past.has_ended_well(&crate::decide::planning::named([
            "safety",
            service.as_str(),
            &number.to_string(),
        ]))
    })
}

/// What the revert costs, and what it leaves.
fn notes(scope: &Scope<'_>, way: &Way) -> Vec<String> {
    let mut notes = Vec::new();
    for (name, stamp) in &scope.data {
        let Some(set) = scope.set(name) else { continue };
        let age = length(scope.facts.now.signed_duration_since(set.started_at));
        let hash =
            set.entries.iter().flat_map(|entry| entry.files.values()).next().map_or("", String::as_str);
        let hash: String = hash.chars().take(12).collect();
        notes.push(format!(
            "data of {name} goes back to {stamp}: {age} old, {}, sha256 {hash}…",
            ByteSize(set.bytes())
        ));
    }
    if scope.request.data == Take::Leave {
        notes.push("data stays as it is (--skip-data)".to_owned());
    }
    if scope.request.git == Take::Leave {
        notes.push("the tree stays as it is (--skip-git), and services start as it defines them".to_owned());
    }
    if !scope.untouched.is_empty() {
        let names: Vec<&str> = scope.untouched.iter().map(ServiceName::as_str).collect();
        notes.push(format!("the release never came to {}: nothing of it is taken back", names.join(", ")));
    }
    for (name, change) in &scope.services {
        if *change == ServiceChange::Added {
            notes.push(format!("{name} came with the release: it goes, and its data stays where it is"));
        }
    }
    for aside in &way.aside {
        notes.push(format!("the present data stays beside the restored one, {aside}"));
    }
    notes
}

fn assembled(scope: &Scope<'_>, steps: Vec<Step>, notes: Vec<String>) -> Plan {
    let (facts, state) = (scope.facts, scope.state);
    let seconds = window(scope).map(|window| u64::try_from(window.num_seconds()).unwrap_or(0));
    let also = if scope.request.with_later { scope.later.clone() } else { Vec::new() };
    identified(Plan {
        format: PLAN_FORMAT,
        id: String::new(),
        verb: PlanVerb::Revert,
        attempt: AttemptId { ticket: state.ticket.clone(), number: state.attempt },
        cycle: state.cycle,
        trigger: "revert".to_owned(),
        from: Phase::Revert,
        base: state.base.clone(),
        target: scope.tip().unwrap_or(&state.base).clone(),
        branch: state.branch.clone(),
        commits: facts.git.unreleased.clone(),
        services: services(scope),
        steps,
        skipped: Vec::new(),
        hold_before: Vec::new(),
        parallel: facts.base_settings.run.parallel,
        notes,
        write_window_seconds: seconds,
        supersedes: None,
        head: None,
        backups: scope.data.clone(),
        also: also.iter().map(|s| AttemptId { ticket: s.ticket.clone(), number: s.attempt }).collect(),
        snapshot: None,
    })
}

/// Seen from the revert: what the release added goes, what it removed comes back.
fn services(scope: &Scope<'_>) -> Vec<PlannedService> {
    let one = |(name, change): &(ServiceName, ServiceChange)| {
        let change = match change {
            ServiceChange::Added => ServiceChange::Removed,
            ServiceChange::Removed => ServiceChange::Added,
            ServiceChange::Changed => ServiceChange::Changed,
        };
        PlannedService {
            name: name.clone(),
            change,
            because: vec![format!("touched by {}", scope.state.ticket)],
            image_before: scope.facts.services.get(name).and_then(running_image),
            image_after: define(scope.facts, Side::Base, name).and_then(|service| service.image_line()),
        }
    };
    scope.services.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::testing::*;
    use crate::model::facts::{RunState, StepEnd, StepRecord};
    use crate::model::id::StepName;
    use crate::model::reason::ReasonCode as C;
    use crate::model::spec::{BackupKind, DriverSpec, Quiesce};

    fn back(of: &str) -> RevertRequest {
        RevertRequest { discard_writes: true, ..RevertRequest::new(ticket(of)) }
    }

    /// `1234` failed in verify: everything before is done, two services with data, backed up at ten.
    fn failed() -> Facts {
        let facts = scene()
            .with_compose(composed("wikijs"), "wiki:2.4", "wiki:2.5")
            .with_compose(composed("redmine"), "redmine:5", "redmine:6")
            .shelved(set("wikijs", "volume", "10:00:01", 5_000_000))
            .shelved(set("redmine", "volume", "10:00:02", 9_000));
        let mut state = release("1234", Status::Failed);
        state.services = vec![service("redmine"), service("wikijs")];
        state.backups = [("wikijs", "20260518_100001"), ("redmine", "20260518_100002")]
            .map(|(s, at)| (service(s), stamp(at)))
            .into();
        facts.head(TARGET).history(state, &[Phase::Prepare, Phase::Migrate, Phase::Ticket], &[])
    }

    #[test]
    fn a_revert_copies_stops_takes_git_back_restores_and_starts_with_the_old_images() {
        let mut facts = failed();
        facts
            .runtime
            .images
            .insert("holdpoint-keep:dae668e4.1234.1.wikijs.wikijs".into(), "id-of-older-wiki:2.4".into());
        let plan = plan_revert(&facts, &back("1234")).unwrap();
        insta::assert_snapshot!(sketch(&plan), @r#"
        1234@1 revert cycle 1 from revert: a → b on main
          redmine changed redmine:5 → redmine:5 (touched by 1234)
          wikijs changed wiki:2.4 → wiki:2.4 (touched by 1234)
        revert safety.redmine.1
            $ docker pause asd-redmine-1
            $ docker unpause asd-redmine-1
        revert safety.wikijs.1
            $ docker pause asd-wikijs-1
            $ docker unpause asd-wikijs-1
        revert revert.wikijs.stop after safety.redmine.1 safety.wikijs.1
            $ docker stop asd-wikijs-1
        revert revert.redmine.stop after revert.wikijs.stop
            $ docker stop asd-redmine-1
        revert revert.git after revert.redmine.stop
            $ git read-tree --reset -u --no-recurse-submodules --end-of-options aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
            $ git -c 'user.name=deploy' -c 'user.email=deploy@prod1' -c 'commit.gpgSign=false' commit --quiet --no-verify --allow-empty '--cleanup=whitespace' -m 'Revert release 1234' -m 'Holdpoint-Reverts: 1234'
        revert restore.redmine.1 after revert.git
        revert revert.redmine.start after revert.git restore.redmine.1
            $ docker compose -p asd -f packages/redmine/docker-compose.yaml --project-directory packages/redmine up -d --force-recreate --no-deps redmine
        revert revert.redmine.health after revert.redmine.start
        revert restore.wikijs.1 after revert.git
        revert revert.wikijs.start after revert.git restore.wikijs.1
            $ docker tag holdpoint-keep:dae668e4.1234.1.wikijs.wikijs wiki:2.4
            $ docker compose -p asd -f packages/wikijs/docker-compose.yaml --project-directory packages/wikijs up -d --force-recreate --no-deps wikijs
        revert revert.wikijs.health after revert.wikijs.start
        revert revert.verify.tree after restore.redmine.1 revert.redmine.start revert.redmine.health restore.wikijs.1 revert.wikijs.start revert.wikijs.health
            $ git diff --quiet --no-ext-diff --exit-code --end-of-options aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa --
        revert revert.verify.redmine after restore.redmine.1 revert.redmine.start revert.redmine.health restore.wikijs.1 revert.wikijs.start revert.wikijs.health
        revert revert.verify.wikijs after restore.redmine.1 revert.redmine.start revert.redmine.health restore.wikijs.1 revert.wikijs.start revert.wikijs.health
        note: data of redmine goes back to 20260518_100002: 1h 59m old, 8.7KiB, sha256 sha…
        note: data of wikijs goes back to 20260518_100001: 1h 59m old, 4.7MiB, sha256 sha…
        "#);
        assert_eq!(plan.write_window_seconds, Some(2 * 3600 - 1));
    }

    #[test]
    fn a_database_is_restored_into_its_running_server_before_its_owner_starts() {
        let mut wiki = composed("wikijs");
        let database = BackupKind::Postgres {
            within: Some(service("postgres")),
            database: "wiki".into(),
            user: None,
            host: None,
            port: None,
        };
        wiki.backup = vec![saved(database, Quiesce::None)];
        let mut facts = failed().with_compose(wiki, "wiki:2.4", "wiki:2.5").with_compose(
            composed("postgres"),
            "postgres:15",
            "postgres:16",
        );
        for compose in [&mut facts.base_compose, &mut facts.target_compose] {
            let part = compose.get_mut(&service("postgres")).unwrap().parts.get_mut("postgres").unwrap();
            part.database.insert("POSTGRES_USER".into(), "wikiuser".into());
        }
        facts.backups.insert(service("wikijs"), vec![set("wikijs", "postgres", "10:00:01", 5_000_000)]);
        facts.backups.insert(service("postgres"), vec![set("postgres", "volume", "10:00:03", 7)]);
        let state = &mut facts.history.as_mut().unwrap().state;
        state.services = vec![service("postgres"), service("wikijs")];
        state.backups.remove(&service("redmine"));
        state.backups.insert(service("postgres"), stamp("20260518_100003"));
        let plan = plan_revert(&facts, &back("1234")).unwrap();
        insta::assert_snapshot!(sketch(&plan), @r#"
        1234@1 revert cycle 1 from revert: a → b on main
          postgres changed postgres:15 → postgres:15 (touched by 1234)
          wikijs changed wiki:2.4 → wiki:2.4 (touched by 1234)
        revert safety.postgres.1
            $ docker pause asd-postgres-1
            $ docker unpause asd-postgres-1
        revert safety.wikijs.1
            $ docker compose -p asd -f packages/postgres/docker-compose.yaml --project-directory packages/postgres exec -T postgres pg_dump '--format=custom' --no-password '--username=wikiuser' '--dbname=wiki'
            $ docker compose -p asd -f packages/postgres/docker-compose.yaml --project-directory packages/postgres exec -T postgres pg_restore --list
        revert revert.wikijs.stop after safety.postgres.1 safety.wikijs.1
            $ docker stop asd-wikijs-1
        revert revert.postgres.stop after revert.wikijs.stop
            $ docker stop asd-postgres-1
        revert revert.git after revert.postgres.stop
            $ git read-tree --reset -u --no-recurse-submodules --end-of-options aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
            $ git -c 'user.name=deploy' -c 'user.email=deploy@prod1' -c 'commit.gpgSign=false' commit --quiet --no-verify --allow-empty '--cleanup=whitespace' -m 'Revert release 1234' -m 'Holdpoint-Reverts: 1234'
        revert restore.postgres.1 after revert.git
        revert revert.postgres.start after revert.git restore.postgres.1
            $ docker compose -p asd -f packages/postgres/docker-compose.yaml --project-directory packages/postgres up -d --force-recreate --no-deps postgres
        revert revert.postgres.health after revert.postgres.start
        revert restore.wikijs.1 after revert.git revert.postgres.health
            $ docker compose -p asd -f packages/postgres/docker-compose.yaml --project-directory packages/postgres exec -T postgres psql --no-psqlrc --quiet '--set=ON_ERROR_STOP=1' --no-password '--username=wikiuser' '--dbname=postgres' '--command=DROP DATABASE IF EXISTS "wiki_new_b9c03f24"' '--command=CREATE DATABASE "wiki_new_b9c03f24" TEMPLATE template0'
            $ docker compose -p asd -f packages/postgres/docker-compose.yaml --project-directory packages/postgres exec -T postgres pg_restore --exit-on-error --no-password '--username=wikiuser' '--dbname=wiki_new_b9c03f24'
            $ docker compose -p asd -f packages/postgres/docker-compose.yaml --project-directory packages/postgres exec -T postgres psql --no-psqlrc --quiet '--set=ON_ERROR_STOP=1' --no-password '--username=wikiuser' '--dbname=postgres' '--command=DROP DATABASE IF EXISTS "wiki_drop_b9c03f24"' '--command=DO $do$ BEGIN IF EXISTS (SELECT 1 FROM pg_database WHERE datname = '"'wiki') THEN EXECUTE 'ALTER DATABASE \"wiki\" WITH ALLOW_CONNECTIONS false'; END IF; END "'$do$' "--command=SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'wiki'" '--command=DO $do$ BEGIN IF EXISTS (SELECT 1 FROM pg_database WHERE datname = '"'wiki') THEN EXECUTE format('ALTER DATABASE \"wiki_new_b9c03f24\" OWNER TO %I', (SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'wiki')); IF EXISTS (SELECT 1 FROM pg_database WHERE datname = 'wiki_before_b9c03f24') THEN EXECUTE 'ALTER DATABASE \"wiki\" RENAME TO \"wiki_drop_b9c03f24\"'; ELSE EXECUTE 'ALTER DATABASE \"wiki\" RENAME TO \"wiki_before_b9c03f24\"'; EXECUTE 'ALTER DATABASE \"wiki_before_b9c03f24\" WITH ALLOW_CONNECTIONS true'; END IF; END IF; EXECUTE 'ALTER DATABASE \"wiki_new_b9c03f24\" RENAME TO \"wiki\"'; END "'$do$' '--command=DROP DATABASE IF EXISTS "wiki_drop_b9c03f24"' '--command=DROP DATABASE IF EXISTS "wiki_before_b9c03f24"'
        revert revert.wikijs.start after revert.git restore.wikijs.1
            $ docker compose -p asd -f packages/wikijs/docker-compose.yaml --project-directory packages/wikijs up -d --force-recreate --no-deps wikijs
        revert revert.wikijs.health after revert.wikijs.start
        revert revert.verify.tree after restore.postgres.1 revert.postgres.start revert.postgres.health restore.wikijs.1 revert.wikijs.start revert.wikijs.health
            $ git diff --quiet --no-ext-diff --exit-code --end-of-options aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa --
        revert revert.verify.postgres after restore.postgres.1 revert.postgres.start revert.postgres.health restore.wikijs.1 revert.wikijs.start revert.wikijs.health
        revert revert.verify.wikijs after restore.postgres.1 revert.postgres.start revert.postgres.health restore.wikijs.1 revert.wikijs.start revert.wikijs.health
        note: data of postgres goes back to 20260518_100003: 1h 59m old, 7B, sha256 sha…
        note: data of wikijs goes back to 20260518_100001: 1h 59m old, 4.7MiB, sha256 sha…
        "#);
    }

    #[test]
    fn what_the_release_added_goes_before_git_and_what_it_removed_comes_back() {
        let mut facts = failed();
        for side in [&mut facts.base_settings, &mut facts.target_settings] {
            side.services.get_mut(&service("redmine")).unwrap().backup =
                vec![saved(BackupKind::None { reason: "no data".into() }, Quiesce::None)];
        }
        facts.base_settings.services.remove(&service("wikijs"));
        facts.base_compose.remove(&service("wikijs"));
        facts.target_settings.services.remove(&service("redmine"));
        facts.target_compose.remove(&service("redmine"));
        facts.services.get_mut(&service("redmine")).unwrap().run = RunState::Stopped;
        facts.history.as_mut().unwrap().state.backups.clear();
        insta::assert_snapshot!(sketch(&plan_revert(&facts, &back("1234")).unwrap()), @r#"
        1234@1 revert cycle 1 from revert: a → b on main
          redmine added redmine:5 → redmine:5 (touched by 1234)
          wikijs removed wiki:2.4 → - (touched by 1234)
        revert revert.wikijs.stop
            $ docker compose -p asd -f packages/wikijs/docker-compose.yaml --project-directory packages/wikijs rm -f -s wikijs
        revert revert.redmine.stop after revert.wikijs.stop
            $ docker stop asd-redmine-1
        revert revert.git after revert.redmine.stop
            $ git read-tree --reset -u --no-recurse-submodules --end-of-options aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
            $ git -c 'user.name=deploy' -c 'user.email=deploy@prod1' -c 'commit.gpgSign=false' commit --quiet --no-verify --allow-empty '--cleanup=whitespace' -m 'Revert release 1234' -m 'Holdpoint-Reverts: 1234'
        revert revert.redmine.start after revert.git
            $ docker compose -p asd -f packages/redmine/docker-compose.yaml --project-directory packages/redmine up -d --force-recreate --no-deps redmine
        revert revert.redmine.health after revert.redmine.start
        revert revert.verify.tree after revert.redmine.start revert.redmine.health
            $ git diff --quiet --no-ext-diff --exit-code --end-of-options aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa --
        revert revert.verify.redmine after revert.redmine.start revert.redmine.health
        note: wikijs came with the release: it goes, and its data stays where it is
        "#);
    }

    #[test]
    fn a_release_that_touched_no_container_is_taken_back_by_git_alone() {
        let mut facts = failed();
        let history = facts.history.as_mut().unwrap();
        history.phases_done = [Phase::Prepare].into();
        history.state.phase = Phase::Migrate;
        let pulled = StepRecord::new(Phase::Migrate, StepEnd::Failed(1), at("10:01:00"));
        history.steps.insert(StepName::new(["wikijs", "pull"]), pulled);
        let plan = plan_revert(&facts, &RevertRequest::new(ticket("1234"))).unwrap();
        insta::assert_snapshot!(sketch(&plan), @r#"
        1234@1 revert cycle 1 from revert: a → b on main
        revert revert.git
            $ git read-tree --reset -u --no-recurse-submodules --end-of-options aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
            $ git -c 'user.name=deploy' -c 'user.email=deploy@prod1' -c 'commit.gpgSign=false' commit --quiet --no-verify --allow-empty '--cleanup=whitespace' -m 'Revert release 1234' -m 'Holdpoint-Reverts: 1234'
        revert revert.verify.tree after revert.git
            $ git diff --quiet --no-ext-diff --exit-code --end-of-options aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa --
        note: the release never came to redmine, wikijs: nothing of it is taken back
        "#);
    }

    #[test]
    fn a_hotfix_branch_goes_back_to_the_branch_before_and_data_can_stay() {
        let mut facts = failed().script(
            "1234",
            "releases/1234-fill.sh",
            crate::model::facts::ScriptHeader {
                revert: Some("releases/1234-empty.sh".into()),
                ..Default::default()
            },
        );
        facts.git.branch = Some("hotfix/1".parse().unwrap());
        facts.git.branches.insert("main".parse().unwrap(), oid(BASE));
        let history = facts.history.as_mut().unwrap();
        history.state.branch = "hotfix/1".parse().unwrap();
        let ran = StepRecord::new(Phase::Ticket, StepEnd::Done, at("10:01:00"));
        history.steps.insert(StepName::new(["1234-fill.sh"]), ran);
        let request = RevertRequest { data: Take::Leave, ..RevertRequest::new(ticket("1234")) };
        let mut plan = plan_revert(&facts, &request).unwrap();
        plan.steps.retain(|step| {
            step.name.as_str().starts_with("revert.git") || step.name.as_str().starts_with("revert.script")
        });
        insta::assert_snapshot!(sketch(&plan), @r#"
        1234@1 revert cycle 1 from revert: a → b on hotfix/1
          redmine changed redmine:5 → redmine:5 (touched by 1234)
          wikijs changed wiki:2.4 → wiki:2.4 (touched by 1234)
        revert revert.script.1234-empty.sh (ask) after revert.redmine.stop
            $ bash releases/1234-empty.sh --yes
        revert revert.git after revert.script.1234-empty.sh
            $ git switch --quiet --no-guess --no-overwrite-ignore main
        note: data stays as it is (--skip-data)
        "#);
    }

    #[test]
    fn writes_of_more_than_five_minutes_are_thrown_away_only_when_somebody_says_so() {
        let decided = plan_revert(&failed(), &RevertRequest::new(ticket("1234")));
        insta::assert_snapshot!(said(&decided), @r#"
        write-window: restoring throws away what was written in the last 1h 59m: redmine from 20260518_100002, wikijs from 20260518_100001
          → holdpoint revert 1234 --discard-writes
          → holdpoint revert 1234 --skip-data
        "#);
        let mut fresh = failed();
        fresh.now = at("10:04:00");
        assert!(plan_revert(&fresh, &RevertRequest::new(ticket("1234"))).is_ok());
        let keep = RevertRequest { data: Take::Leave, ..RevertRequest::new(ticket("1234")) };
        assert!(plan_revert(&failed(), &keep).is_ok());
    }

    #[test]
    fn each_refusal_of_a_revert_names_its_way_out() {
        let mut moved = failed().head('c');
        moved.git.dirty.push(dirty("notes.txt"));
        assert_eq!(codes(&plan_revert(&moved, &back("1234"))), [C::HeadMoved, C::TreeDirty]);

        let mut gone = failed();
        gone.backups.remove(&service("wikijs"));
        gone.backups.get_mut(&service("redmine")).unwrap()[0].entries[0].verified = false;
        gone.runtime.images.remove("redmine:5");
        let decided = plan_revert(&gone, &back("1234"));
        assert_eq!(codes(&decided), [C::BackupMissing, C::BackupUnverified, C::RuntimeArtifactMissing]);
        insta::assert_snapshot!(said(&decided), @r#"
        backup-missing: backup wikijs/20260518_100001 is not there: /srv/app/.asd/workspace/backups/wikijs/20260518_100001
          → holdpoint backup list
          → holdpoint revert 1234 --skip-data
        backup-unverified: backup redmine/20260518_100002 was never verified
          → holdpoint backup verify redmine
          → holdpoint revert 1234 --skip-data
        runtime-artifact-missing: old images are neither here nor in their registry: redmine: redmine:5
          → docker pull redmine:5
          → docker load, where somebody has it as a file; then the same command again
        "#);
        gone.runtime.pullable.insert("redmine:5".into());
        let without_data = RevertRequest { data: Take::Leave, ..back("1234") };
        let plan = plan_revert(&gone, &without_data).unwrap();
        assert_eq!(
            plan.steps[0].name.as_str(),
            "revert.redmine.pull",
            "the old image is had before anything stops"
        );

        let later = crate::model::release::ReleaseState {
            base: oid(TARGET),
            merge: Some(oid('c')),
            started_at: at("11:00:00"),
            ..release("1240", Status::Succeeded)
        };
        let on_top = failed().head('c').released(later);
        let decided = plan_revert(&on_top, &back("1234"));
        insta::assert_snapshot!(said(&decided), @r#"
        later-release-on-top: later releases stand on top of `1234`
            1240 is succeeded, begun 2026-05-18T11:00:00Z
          → holdpoint revert 1240
          → holdpoint revert 1234 --with-later
        "#);
        let all = plan_revert(&on_top, &RevertRequest { with_later: true, ..back("1234") }).unwrap();
        assert_eq!(all.also, ["1240@1".parse().unwrap()]);
        assert_eq!(all.base, oid(BASE));

        let mut undecided = failed();
        let state = &mut undecided.history.as_mut().unwrap().state;
        state.status = Status::Undecided;
        state.failed_step = Some(StepName::new(["1234-fill.sh"]));
        insta::assert_snapshot!(said(&plan_revert(&undecided, &back("1234"))), @r#"
        step-undecided: the end of step `1234-fill.sh` of `1234` is unknown
          → look whether its effect is there; then one of:
          → holdpoint run 1234 --mark-done=1234-fill.sh
          → holdpoint run 1234 --run-again=1234-fill.sh
        "#);

        let mut taken_over = failed();
        taken_over.history.as_mut().unwrap().state.superseded_by = Some("1240@1".into());
        assert_eq!(codes(&plan_revert(&taken_over, &back("1234"))), [C::AttemptStatusNotRecoverable]);
        assert_eq!(codes(&plan_revert(&scene(), &back("1234"))), [C::StateMissing]);
    }

    #[test]
    fn what_changed_nothing_or_is_reverted_already_is_no_failure() {
        let mut early = failed();
        let history = early.history.as_mut().unwrap();
        history.state.merge = None;
        history.state.status = Status::Failed;
        history.phases_done.clear();
        insta::assert_snapshot!(said(&plan_revert(&early, &back("1234"))), @r#"nothing: nothing was changed by `1234`: it never got past its backups, so there is nothing to take back"#);
        let mut twice = failed();
        twice.history.as_mut().unwrap().state.status = Status::Reverted;
        insta::assert_snapshot!(said(&plan_revert(&twice, &back("1234"))), @r#"nothing: `1234` is already reverted"#);
    }

    #[test]
    fn a_revert_that_goes_on_repeats_nothing_that_is_done_and_asks_for_no_second_consent() {
        let mut facts = failed();
        facts.git.trees = [(oid('d'), oid('e')), (oid(BASE), oid('e'))].into();
        facts.git.head = oid('d');
        let history = facts.history.as_mut().unwrap();
        history.state.status = Status::Stuck;
        history.state.phase = Phase::Revert;
        let done = [
            "safety.redmine.1",
            "safety.wikijs.1",
            "revert.wikijs.stop",
            "revert.redmine.stop",
            "revert.git",
            "restore.redmine.1",
        ];
        for name in done {
            let record = StepRecord::new(Phase::Revert, StepEnd::Done, at("11:30:00"));
            history.steps.insert(StepName::new([name]), record);
        }
        for name in ["redmine", "wikijs"] {
            facts.services.get_mut(&service(name)).unwrap().run = RunState::Stopped;
        }
        let mut plan = plan_revert(&facts, &RevertRequest::new(ticket("1234"))).unwrap();
        plan.notes.clear();
        insta::assert_snapshot!(sketch(&plan), @r#"
        1234@1 revert cycle 1 from revert: a → b on main
          redmine changed redmine:5 → redmine:5 (touched by 1234)
          wikijs changed wiki:2.4 → wiki:2.4 (touched by 1234)
        revert safety.redmine.1 (already done)
            $ docker pause asd-redmine-1
            $ docker unpause asd-redmine-1
        revert safety.wikijs.1 (already done)
            $ docker pause asd-wikijs-1
            $ docker unpause asd-wikijs-1
        revert revert.wikijs.stop (already done) after safety.redmine.1 safety.wikijs.1
            $ docker stop asd-wikijs-1
        revert revert.redmine.stop (already done) after revert.wikijs.stop
            $ docker stop asd-redmine-1
        revert revert.git (already done) after revert.redmine.stop
            $ git read-tree --reset -u --no-recurse-submodules --end-of-options aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
            $ git -c 'user.name=deploy' -c 'user.email=deploy@prod1' -c 'commit.gpgSign=false' commit --quiet --no-verify --allow-empty '--cleanup=whitespace' -m 'Revert release 1234' -m 'Holdpoint-Reverts: 1234'
        revert restore.redmine.1 (already done) after revert.git
        revert revert.redmine.start after revert.git restore.redmine.1
            $ docker compose -p asd -f packages/redmine/docker-compose.yaml --project-directory packages/redmine up -d --force-recreate --no-deps redmine
        revert revert.redmine.health after revert.redmine.start
        revert restore.wikijs.1 after revert.git
        revert revert.wikijs.start after revert.git restore.wikijs.1
            $ docker compose -p asd -f packages/wikijs/docker-compose.yaml --project-directory packages/wikijs up -d --force-recreate --no-deps wikijs
        revert revert.wikijs.health after revert.wikijs.start
        revert revert.verify.tree after restore.redmine.1 revert.redmine.start revert.redmine.health restore.wikijs.1 revert.wikijs.start revert.wikijs.health
            $ git diff --quiet --no-ext-diff --exit-code --end-of-options aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa --
        revert revert.verify.redmine after restore.redmine.1 revert.redmine.start revert.redmine.health restore.wikijs.1 revert.wikijs.start revert.wikijs.health
        revert revert.verify.wikijs after restore.redmine.1 revert.redmine.start revert.redmine.health restore.wikijs.1 revert.wikijs.start revert.wikijs.health
        "#);
    }

    #[test]
    fn services_of_the_hosts_own_programs_are_stopped_and_started_by_them() {
        let mut facts = scene().with(plain("web")).shelved(set("web", "files", "10:00:01", 10)).head(TARGET);
        let mut state = release("1234", Status::Succeeded);
        state.services = vec![service("web")];
        state.backups.insert(service("web"), stamp("20260518_100001"));
        facts.now = at("10:03:00");
        let facts = facts.history(state, &Phase::FORWARD, &[]);
        assert!(matches!(facts.base_settings.services[&service("web")].driver, DriverSpec::Command(_)));
        let plan = plan_revert(&facts, &RevertRequest::new(ticket("1234"))).unwrap();
        insta::assert_snapshot!(sketch(&plan), @r#"
        1234@1 revert cycle 1 from revert: a → b on main
          web changed - → - (touched by 1234)
        revert safety.web.1
        revert revert.web.stop after safety.web.1
            $ bin/web stop
        revert revert.git after revert.web.stop
            $ git read-tree --reset -u --no-recurse-submodules --end-of-options aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
            $ git -c 'user.name=deploy' -c 'user.email=deploy@prod1' -c 'commit.gpgSign=false' commit --quiet --no-verify --allow-empty '--cleanup=whitespace' -m 'Revert release 1234' -m 'Holdpoint-Reverts: 1234'
        revert restore.web.1 after revert.git
        revert revert.web.start after revert.git restore.web.1
            $ bin/web start
        revert revert.web.health after revert.web.start
        revert revert.verify.tree after restore.web.1 revert.web.start revert.web.health
            $ git diff --quiet --no-ext-diff --exit-code --end-of-options aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa --
        revert revert.verify.web after restore.web.1 revert.web.start revert.web.health
        note: data of web goes back to 20260518_100001: 2m old, 10B, sha256 sha…
        "#);
    }
}
