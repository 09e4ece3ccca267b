//! Phase 1: look, save, and move the tree as the very last step.

use super::draft::{named, step};
use crate::decide::commands::git::{self, Author};
use crate::model::facts::Facts;
use crate::model::id::{AttemptId, BranchName, Oid, TicketId};
use crate::model::phase::Phase;
use crate::model::plan::{Action, DoneWhen, Step, WhenUnknown};

/// The immutable intent is stored and read back before anything else.
pub(in crate::decide) fn snapshot() -> Step {
    let name = named(["snapshot"]);
    step(name, Phase::Prepare, "store snapshot and plan", Action::Snapshot)
}

/// How the tree gets to the target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::decide) enum Move {
    /// It is there: inherited from an earlier attempt.
    Nowhere,
    /// Fast-forward on the branch that is checked out.
    Merge,
    /// Another branch is checked out at the target.
    Switch,
    /// One new commit has the content of an older one.
    Back,
}

/// Moving the tree: our own revert commits are taken back first, where they stand in the way.
pub(in crate::decide) fn tree(
    facts: &Facts,
    way: &Move,
    attempt: &AttemptId,
    target: &Oid,
    branch: &BranchName,
    unrevert: Option<&(TicketId, Oid)>,
) -> Vec<Step> {
    let root = &facts.host.root;
    let mut steps = Vec::new();
    if let Some((ticket, base)) = unrevert.filter(|_| *way == Move::Merge) {
        let commands = git::unrevert(root, ticket, &facts.git.head, base);
        let title = format!("take back our revert of {ticket}: {branch} to {}", base.short());
        steps.push(moving(["git", "unrevert"], title, commands, base, branch));
    }
    if let Some(cut_off) = facts.git.cut_off.as_ref().filter(|_| *way != Move::Switch) {
        let title = format!("finish the fast-forward to {} that was cut off", cut_off.to.short());
        let commands = vec![git::finish(root, &cut_off.to)];
        let finish = moving(["git", "finish"], title, commands, &cut_off.to, branch);
        // Where HEAD is says nothing of the files.
        steps.push(Step { when_unknown: WhenUnknown::Repeat, ..finish });
    }
    match way {
        Move::Nowhere => {}
        Move::Back => steps.push(back(facts, attempt, target)),
        Move::Merge => {
            let title = format!("fast-forward {branch} to {}", target.short());
            steps.push(moving(["git", "merge"], title, vec![git::merge(root, target)], target, branch));
        }
        Move::Switch => {
            let title = format!("switch to {branch} at {}", target.short());
            steps.push(moving(
                ["git", "switch"],
                title,
                vec![git::switch(root, branch, target)],
                target,
                branch,
            ));
        }
    }
    steps
}

/// History is never rewritten: what an older attempt left comes back as one commit, which the next release takes back.
fn back(facts: &Facts, attempt: &AttemptId, target: &Oid) -> Step {
    let by = Author { operator: &facts.host.operator, host: &facts.host.name };
    let subject = format!("Roll {} back to {}", attempt.ticket, target.short());
    let commands = git::put_back(&facts.host.root, &attempt.ticket, &[], &subject, target, &by);
    let action = Action::Commands { commands, done_when: Some(DoneWhen::TreeOf { commit: target.clone() }) };
    let title = format!("commit the content of {} ({subject})", target.short());
    Step {
        when_unknown: WhenUnknown::Check,
        changes: true,
        timeout: Some(facts.target_settings.run.timeout),
        ..step(named(["git", "rollback"]), Phase::Prepare, title, action)
    }
}

fn moving(
    name: [&str; 2],
    title: String,
    commands: Vec<crate::model::spec::CommandSpec>,
    head: &Oid,
    branch: &BranchName,
) -> Step {
    let done_when = Some(DoneWhen::HeadIs { head: head.clone(), branch: Some(branch.clone()) });
    let action = Action::Commands { commands, done_when };
    Step {
        when_unknown: WhenUnknown::Check,
        changes: true,
        ..step(named(name), Phase::Prepare, title, action)
    }
}
