//! `readiness`, `retry`, `redeploy`, `rollback`, `archive`, `unarchive`, `prune`.

use super::call::{Call, now};
use crate::cli::args::{
    Act, DeploymentsVerb, PreviewCleanupArgs, PruneRecordsArgs, ReadinessArgs, RedeployArgs, RelinkArgs,
    RetryArgs, RollbackArgs, ShelveArgs,
};
use crate::cli::error::CliError;
use crate::model::outcome::Ending;
use crate::model::request::Anew;
use crate::ops::Host;
use crate::ops::recover::{self, Shelf, Wish};
use crate::report::human::readiness;

use super::previews;
use super::releases::{cancel, noted};
use super::sources;

pub(super) fn readiness(call: &Call<'_>, args: &ReadinessArgs) -> Result<Ending, CliError> {
    let host = call.host()?;
    let answer = match recover::readiness(&host, &args.attempt.ticket, args.attempt.number) {
        Ok(answer) => answer,
        Err(error) => return call.refused(error),
    };
    call.answer(&answer, || readiness::readiness(&answer, now()))?;
    Ok(Ending::Ok)
}

pub(super) fn retry(call: &Call<'_>, args: RetryArgs) -> Result<Ending, CliError> {
    let (host, act) = (call.host()?, args.act.clone());
    anew(call, &host, &act, &args.wish())
}

pub(super) fn redeploy(call: &Call<'_>, args: RedeployArgs) -> Result<Ending, CliError> {
    let (host, act) = (call.host()?, args.act.clone());
    let wish = args.wish(|| host.settings.services.keys().cloned().collect());
    anew(call, &host, &act, &wish)
}

pub(super) fn rollback(call: &Call<'_>, args: RollbackArgs) -> Result<Ending, CliError> {
    let (host, act) = (call.host()?, args.act.clone());
    anew(call, &host, &act, &args.wish())
}

/// The full form is the consent: whoever wrote it into a runbook has decided (design/01).
pub(super) fn deployments(call: &Call<'_>, verb: DeploymentsVerb) -> Result<Ending, CliError> {
    let agreed = |act: Act| Act { yes: true, ..act };
    match verb {
        DeploymentsVerb::RecoveryReadiness(args) => readiness(call, &args),
        DeploymentsVerb::Retry(args) => retry(call, RetryArgs { act: agreed(args.act.clone()), ..args }),
        DeploymentsVerb::Redeploy(args) => {
            let args = args.redeploy();
            redeploy(call, RedeployArgs { act: agreed(args.act.clone()), ..args })
        }
        DeploymentsVerb::Rollback(args) => {
            rollback(call, RollbackArgs { act: agreed(args.act.clone()), ..args })
        }
        DeploymentsVerb::Cancel(args) => cancel(call, &args),
        DeploymentsVerb::Archive(args) => shelve(call, &args, Shelf::Archive),
        DeploymentsVerb::CleanupPreview(args) => {
            previews::cleanup(call, &PreviewCleanupArgs { act: agreed(args.act.clone()), ..args })
        }
        DeploymentsVerb::Relink(args) => {
            sources::relink(call, &RelinkArgs { act: agreed(args.act.clone()), ..args })
        }
        DeploymentsVerb::Prune(args) => prune(call, &args),
    }
}

fn anew(call: &Call<'_>, host: &Host, act: &Act, wish: &Wish) -> Result<Ending, CliError> {
    if act.dry_run {
        return call.decision(&recover::check(host, wish)?, |plan| {
            let candidate = match &wish.request {
                Anew::Rollback { candidate, .. } => format!(" --candidate {candidate}"),
                Anew::Retry | Anew::Redeploy => String::new(),
            };
            let (verb, ticket) = (wish.request.verb(), &plan.attempt.ticket);
            Some(format!("holdpoint {verb} {ticket}{candidate} --plan {}", plan.id))
        });
    }
    call.run(act, |face| recover::run(host, wish, face))
}

pub(super) fn shelve(call: &Call<'_>, args: &ShelveArgs, shelf: Shelf) -> Result<Ending, CliError> {
    let ShelveArgs { attempt, confirm, act } = args;
    if let Some(other) = confirm.as_ref().filter(|confirm| *confirm != attempt) {
        let message = format!("`--confirm {other}` is not the attempt that is meant: `{attempt}`");
        return Err(CliError::usage(message).hint(format!("holdpoint archive {attempt} --confirm {attempt}")));
    }
    let host = call.host()?;
    let act = Act { yes: act.yes || confirm.is_some(), ..act.clone() };
    let said = match (shelf, act.dry_run) {
        (Shelf::Archive, true) => "would be archived; nothing was changed",
        (Shelf::Archive, false) => "is archived: out of the list, and nothing of it is deleted",
        (Shelf::Unarchive, true) => "would be in the list again; nothing was changed",
        (Shelf::Unarchive, false) => "is in the list again",
    };
    match call.act(&act, |face| recover::shelve(&host, attempt, shelf, act.dry_run, face))? {
        Ok(state) => noted(call, &state, said),
        Err(error) => call.refused(error),
    }
}

pub(super) fn prune(call: &Call<'_>, args: &PruneRecordsArgs) -> Result<Ending, CliError> {
    let host = call.host()?;
    let act = Act { reason: args.reason.clone(), yes: true, ..Act::default() };
    call.change(&act, |face| recover::prune(&host, &args.wish(), face))
}
