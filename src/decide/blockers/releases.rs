//! What other releases on this host say against a run.

use super::Case;
use super::checkout::{commit_line, listed};
use crate::decide::anew::waits_since_rollback;
use crate::decide::course::{Way, left_by_last};
use crate::decide::range::is_in_cycle;
use crate::decide::typed::Typed;
use crate::model::facts::{Commit, Facts};
use crate::model::id::TicketId;
use crate::model::reason::{Blocker, ReasonCode};
use crate::model::release::{ReleaseState, Status, Transition, next};

/// The target still contains what was taken back here. Running the ticket itself again is consent enough.
pub(super) fn reverted_ticket_returns(case: &Case<'_>) -> Option<Blocker> {
    if !case.course.brings_content() {
        return None;
    }
    let facts = case.facts;
    let returns = |state: &&ReleaseState| {
        let merge = state.merge.as_ref();
        let is_in_target = merge.and_then(|merge| facts.git.contains.get(merge)).is_some_and(|c| c.in_target);
        state.status == Status::Reverted
            && is_in_target
            && state.ticket != case.request.ticket
            && !case.request.reintroduce.contains(&state.ticket)
            && !came_back(facts, state)
            && !merge.is_some_and(|merge| facts.git.undone.contains(merge))
    };
    let returning_here: Vec<&ReleaseState> = facts.releases.iter().filter(returns).collect();
    (!returning_here.is_empty()).then(|| returning(case, &returning_here))
}

/// Whether a later release brought the reverted commits back already: they are in HEAD, and the commit by which this ticket
/// was taken back, which only this host has, is not. That of another ticket says nothing about it.
fn came_back(facts: &Facts, reverted: &ReleaseState) -> bool {
    let contained = reverted.merge.as_ref().and_then(|merge| facts.git.contains.get(merge));
    contained.is_some_and(|contained| contained.in_head)
        && !facts.git.ahead.iter().any(|commit| commit.takes_back(&reverted.ticket))
}

/// Whether a revert of this ticket is on record as its last word.
pub(in crate::decide) fn was_taken_back(facts: &Facts, ticket: &TicketId) -> bool {
    facts.releases.iter().any(|state| state.ticket == *ticket && state.status == Status::Reverted)
}

/// One for all of them, with a way out that names all that have to be named: also those that were named already, but for one
/// that is none of those taken back.
fn returning(case: &Case<'_>, states: &[&ReleaseState]) -> Blocker {
    let tickets: Vec<&str> = states.iter().map(|state| state.ticket.as_str()).collect();
    let (was, it) = if tickets.len() == 1 { ("was", "it") } else { ("were", "them") };
    let headline =
        format!("{} contains {} again, which {was} taken back here", case.source(), tickets.join(" and "));
    let is_theirs = |commit: &&Commit| states.iter().any(|state| state.merge.as_ref() == Some(&commit.oid));
    let lines: Vec<String> = case.facts.git.incoming.iter().filter(is_theirs).map(commit_line).collect();
    let named = case.request.reintroduce.iter().filter(|ticket| was_taken_back(case.facts, ticket));
    let all: Vec<&str> = named.map(TicketId::as_str).chain(tickets).collect();
    Blocker::new(ReasonCode::RevertedTicketReturns, listed(&headline, lines.into_iter()))
        .way_out(case.again_with(&format!("--reintroduce {} --reason '…'", all.join(","))))
        .way_out(format!("revert {it} on {} first, then run the same command again", case.source()))
}

/// Another ticket is past its merge and neither succeeded, reverted nor closed.
pub(super) fn unfinished(case: &Case<'_>) -> Vec<Blocker> {
    if case.course.way == Way::Resume {
        return Vec::new();
    }
    let is_other = |state: &&ReleaseState| {
        is_in_cycle(state)
            && state.ticket != case.request.ticket
            && case.request.supersedes.as_ref() != Some(&state.ticket)
    };
    case.facts.releases.iter().filter(is_other).map(|state| one_unfinished(case, state)).collect()
}

fn one_unfinished(case: &Case<'_>, state: &ReleaseState) -> Blocker {
    let (typed, other) = (Typed::on(case.facts), &state.ticket);
    let fact = format!("`{other}` is {} in phase {}, past its merge", state.status, state.phase);
    let mut blocker = Blocker::new(ReasonCode::ReleaseUnfinished, fact);
    if !state.status.is_backward() && state.status != Status::Canceled {
        blocker = blocker.way_out(typed.run(other, &format!("--from={}", state.phase)));
    }
    blocker = blocker.way_out(typed.revert(other, ""));
    if next(state.status, Transition::Superseded).is_ok() && case.request.anew.is_none() {
        let flags = format!("--supersedes {other} --reason '…'");
        blocker = blocker.way_out(typed.run(&case.request.ticket, &flags));
    }
    if next(state.status, Transition::Closed).is_ok() {
        blocker = blocker.way_out(format!("holdpoint close {other} --reason '…'"));
    }
    blocker
}

/// After a rollback nothing is released until somebody says that the cause is known (design/05).
pub(super) fn rolled_back(case: &Case<'_>) -> Option<Blocker> {
    if case.request.anew.is_some() || case.course.way == Way::Resume {
        return None;
    }
    let left = left_by_last(case.facts)?;
    let state = case.facts.releases.iter().find(|state| state.merge.as_ref() == Some(&left))?;
    waits_since_rollback(state)
}

/// A changing step failed here and nothing has proven the host clean since.
pub(super) fn untrusted(case: &Case<'_>) -> Option<Blocker> {
    let (ticket, what) = case.facts.untrusted.as_ref()?;
    let request = case.request;
    let goes_on_there = *ticket == request.ticket
        && matches!(case.course.way, Way::Resume | Way::Again | Way::Anew)
        || request.supersedes.as_ref() == Some(ticket);
    if goes_on_there || request.accept_untrusted {
        return None;
    }
    let typed = Typed::on(case.facts);
    let state = case.facts.releases.iter().find(|state| state.ticket == *ticket);
    let fact = format!("`{ticket}` stopped half-way ({what}), and nothing has proven this host clean since");
    let mut blocker = Blocker::new(ReasonCode::HostUntrusted, fact);
    if let Some(state) = state.filter(|state| is_in_cycle(state)) {
        if !state.status.is_backward() && state.status != Status::Canceled {
            blocker = blocker.way_out(typed.run(ticket, &format!("--from={}", state.phase)));
        }
        let may_take_over = *ticket != request.ticket && request.anew.is_none();
        if may_take_over && next(state.status, Transition::Superseded).is_ok() {
            blocker =
                blocker.way_out(typed.run(&request.ticket, &format!("--supersedes {ticket} --reason '…'")));
        }
    }
    if state.is_some_and(|state| state.superseded_by.is_none() && state.status != Status::Reverted) {
        blocker = blocker.way_out(typed.revert(ticket, ""));
    }
    Some(blocker.way_out(case.again_with("--accept-untrusted --reason '…'")))
}

#[cfg(test)]
mod tests {
    use crate::decide::plan_run;
    use crate::decide::refusal::Refusal;
    use crate::decide::testing::*;
    use crate::model::facts::{Commit, Containment, Facts};
    use crate::model::phase::Phase;
    use crate::model::reason::ReasonCode as C;
    use crate::model::release::{ReleaseState, Status};
    use crate::model::request::RunRequest;

    fn quiet() -> Facts {
        scene().with(plain("web")).changed("web/main.py").head(TARGET)
    }

    fn onwards() -> Facts {
        let mut facts = quiet();
        facts.git.target = Some(oid('c'));
        facts.git.incoming = vec![commit('c', "More")];
        facts
    }

    #[test]
    fn another_tickets_unfinished_release_has_four_ways_out() {
        let failed = ReleaseState { phase: Phase::Verify, ..release("1233", Status::Failed) };
        let mut facts = onwards().released(failed.clone());
        insta::assert_snapshot!(said(&plan_run(&facts, &run("1234"))), @r#"
        release-unfinished: `1233` is failed in phase verify, past its merge
          → holdpoint run 1233 --from=verify
          → holdpoint revert 1233
          → holdpoint run 1234 --supersedes 1233 --reason '…'
          → holdpoint close 1233 --reason '…'
        "#);
        facts.host.just_recipes = true;
        let text = said(&plan_run(&facts, &run("1234")));
        assert!(text.contains("just release-run 1233 --from=verify"), "{text}");
        for over in [
            ReleaseState { closed: true, ..failed.clone() },
            ReleaseState { superseded_by: Some("1230@1".into()), ..failed.clone() },
            ReleaseState { merge: None, ..failed.clone() },
        ] {
            assert!(
                !codes(&plan_run(&onwards().released(over), &run("1234"))).contains(&C::ReleaseUnfinished)
            );
        }
    }

    #[test]
    fn a_release_is_taken_over_with_its_base_and_its_backups() {
        let mut failed = release("1233", Status::Failed);
        failed.services = vec![service("db")];
        failed.backups.insert(service("web"), stamp("20260518_100001"));
        let facts = onwards().with(plain("db")).released(failed);
        let mut request = run("1234");
        request.supersedes = Some(ticket("1233"));
        assert_eq!(codes(&plan_run(&facts, &request)), [C::ReasonRequired]);
        request.reason = Some("1233 is folded into 1234".into());
        let plan = plan_run(&facts, &request).unwrap();
        assert_eq!(plan.base, oid(BASE));
        assert_eq!(
            plan.head,
            Some(oid(TARGET)),
            "the tree is past BASE before anything of this attempt runs"
        );
        assert_eq!(plan.supersedes.as_deref(), Some("1233@1"));
        assert_eq!(plan.backups.len(), 1);
        let saved: Vec<&str> =
            plan.steps.iter().map(|s| s.name.as_str()).filter(|n| n.starts_with("backup.")).collect();
        assert_eq!(saved, ["backup.db.1"], "what was backed up in that cycle is not replaced");
        let names: Vec<&str> = plan.services.iter().map(|planned| planned.name.as_str()).collect();
        assert_eq!(names, ["db", "web"]);

        request.supersedes = Some(ticket("1"));
        assert_eq!(codes(&plan_run(&facts, &request)), [C::ReleaseUnfinished, C::StateMissing]);
    }

    #[test]
    fn what_was_taken_back_returns_only_when_somebody_says_so() {
        let reverted = ReleaseState { merge: Some(oid('8')), ..release("1200", Status::Reverted) };
        let mut facts = scene().with(plain("web")).changed("web/main.py").released(reverted);
        facts.git.contains.insert(oid('8'), Containment { in_head: false, in_target: true });
        insta::assert_snapshot!(said(&plan_run(&facts, &run("1234"))), @r#"
        reverted-ticket-returns: origin/main contains 1200 again, which was taken back here
          → holdpoint run 1234 --reintroduce 1200 --reason '…'
          → revert it on origin/main first, then run the same command again
        "#);
        let mut request = run("1234");
        let mut undone = facts.clone();
        undone.git.undone.insert(oid('8'));
        assert!(plan_run(&undone, &run("1234")).is_ok(), "the branch itself has taken it back");
        request.reintroduce = vec![ticket("1200")];
        request.reason = Some("fixed since".into());
        assert!(plan_run(&facts, &request).unwrap().notes.iter().all(|note| !note.contains("--reintroduce")));
        request.reintroduce.push(ticket("12000"));
        let told = "`--reintroduce 12000` lets nothing in: that ticket was not taken back here";
        assert!(plan_run(&facts, &request).unwrap().notes.contains(&told.to_owned()));
        assert!(plan_run(&facts.clone().history(facts.releases[0].clone(), &[], &[]), &run("1200")).is_ok());
        facts.git.contains.insert(oid('8'), Containment { in_head: true, in_target: true });
        assert!(plan_run(&facts, &run("1234")).is_ok(), "it is live again: no revert of ours stands on HEAD");
    }

    #[test]
    fn only_those_return_whose_own_revert_stands_and_all_are_named_at_once() {
        let gone =
            |name: &str, merge| ReleaseState { merge: Some(oid(merge)), ..release(name, Status::Reverted) };
        let mut facts =
            onwards().released(gone("1200", '8')).released(gone("1201", '9')).released(gone("1202", '7'));
        for merge in ['7', '8', '9'] {
            facts.git.contains.insert(oid(merge), Containment { in_head: true, in_target: true });
        }
        let revert = Commit { reverts: Some(ticket("1200")), ..commit(BASE, "Revert release 1200") };
        facts.git.ahead = vec![revert.clone()];
        let refusal = |facts: &Facts, request: &RunRequest| {
            let Err(Refusal::Blocked { blockers, .. }) = plan_run(facts, request) else { return None };
            blockers.into_iter().find(|blocker| blocker.code == C::RevertedTicketReturns)
        };
        let one = refusal(&facts, &run("1234")).unwrap();
        assert!(one.fact.contains("contains 1200 again") && one.ways_out[0].contains("--reintroduce 1200 "));

        facts.git.ahead[0].also_reverts = vec![ticket("1202")];
        let both = refusal(&facts, &run("1234")).unwrap();
        assert!(both.fact.contains("contains 1200 and 1202 again, which were taken back"), "{both:?}");
        assert!(both.ways_out[0].contains("--reintroduce 1200,1202 "), "{both:?}");
        let mut request = run("1234");
        request.reintroduce = vec![ticket("1200")];
        let other = refusal(&facts, &request).unwrap();
        assert!(other.fact.contains("contains 1202 again") && other.ways_out[0].contains("1200,1202"));
        request.reintroduce.insert(0, ticket("12000"));
        let slip = refusal(&facts, &request).unwrap();
        assert!(slip.ways_out[0].contains("--reintroduce 1200,1202 "), "{slip:?}");
        request.reintroduce.push(ticket("1202"));
        assert!(codes(&plan_run(&facts, &request)).iter().all(|code| *code != C::RevertedTicketReturns));
    }

    #[test]
    fn an_untrusted_host_wants_the_cause_cleared_or_a_reason() {
        let closed = ReleaseState { closed: true, ..release("1233", Status::Failed) };
        let mut facts = onwards().released(closed);
        facts.untrusted = Some((ticket("1233"), "failed in phase migrate at `web.start`".into()));
        insta::assert_snapshot!(said(&plan_run(&facts, &run("1234"))), @r#"
        host-untrusted: `1233` stopped half-way (failed in phase migrate at `web.start`), and nothing has proven this host clean since
          → holdpoint revert 1233
          → holdpoint run 1234 --accept-untrusted --reason '…'
        "#);
        let mut request = run("1234");
        request.accept_untrusted = true;
        request.reason = Some("looked at it".into());
        assert!(plan_run(&facts, &request).is_ok());
    }
}
