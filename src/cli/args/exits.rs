//! Which exit statuses a verb can end with, for its `--help`. 70, a defect of ours, is every verb's.

use crate::model::outcome::Ending::{
    self, Damaged, Differs, Failed, Held, Interrupted, Locked, Nothing, Ok, Refused, Stuck, Terminated,
    Undecided, Usage,
};

/// The endings of a verb, in the order of the manual.
pub(in crate::cli) fn of(verb: &str) -> &'static [Ending] {
    let verb = verb.strip_prefix("deployments ").unwrap_or(verb);
    match verb {
        "run" => {
            // A run that takes itself back (`on_failure`) may not get to the end of that.
            &[
                Ok,
                Failed,
                Usage,
                Locked,
                Refused,
                Nothing,
                Stuck,
                Undecided,
                Damaged,
                Held,
                Interrupted,
                Terminated,
            ]
        }
        "retry" | "redeploy" | "rollback" => {
            &[Ok, Failed, Usage, Locked, Refused, Undecided, Damaged, Held, Interrupted, Terminated]
        }
        "revert" => &[Ok, Usage, Locked, Refused, Stuck, Undecided, Damaged, Held, Interrupted, Terminated],
        "approve" => &[Ok, Failed, Usage, Locked, Refused, Damaged, Held],
        "backup restore" => &[Ok, Usage, Locked, Refused, Stuck, Damaged, Interrupted, Terminated],
        "return-to-main" | "configure" | "backup take" | "preview up" | "preview cleanup"
        | "cleanup-preview" => &[Ok, Failed, Usage, Locked, Refused, Damaged, Interrupted, Terminated],
        "archive" | "unarchive" | "prune" | "close" | "adopt" | "backup prune" | "evidence capture"
        | "playbook new" | "incident open" | "incident capture" | "incident verify" | "incident resolve"
        | "source relink" | "relink" => &[Ok, Failed, Usage, Locked, Refused, Damaged],
        "init" => &[Ok, Failed, Usage, Locked],
        "check" => &[Ok, Failed, Usage, Refused, Nothing, Differs, Undecided, Damaged],
        "log" => &[Ok, Failed, Usage, Refused, Stuck, Undecided, Damaged, Held, Interrupted, Terminated],
        "readiness" | "recovery-readiness" | "state" | "report" | "doctor" | "diagnose" | "evidence list" => {
            &[Ok, Failed, Usage, Refused, Damaged]
        }
        "logs" => &[Ok, Failed, Usage, Interrupted, Terminated],
        "evidence compare" => &[Ok, Failed, Usage, Refused, Differs, Damaged],
        "drift" => &[Ok, Failed, Usage, Differs, Damaged],
        "incident show" | "source show" | "preview list" | "incident list" | "list" | "status"
        | "backup list" | "backup verify" => &[Ok, Failed, Usage, Damaged],
        "playbook match" => &[Ok, Failed, Usage, Refused, Nothing, Damaged],
        "playbook run" => {
            &[Ok, Failed, Usage, Locked, Refused, Differs, Undecided, Damaged, Interrupted, Terminated]
        }
        "playbook lint" => &[Ok, Failed, Usage, Differs],
        "rollout stuck" => &[Ok, Failed, Usage, Refused, Differs],
        "playbook test" => &[Ok, Failed, Usage, Nothing, Differs],
        "rollout start" | "rollout resume" | "rollout recover" => {
            &[Ok, Failed, Usage, Refused, Stuck, Held, Interrupted]
        }
        "rollout audit"
        | "rollout pause"
        | "rollout halt"
        | "rollout approve"
        | "rollout stop-the-line"
        | "rollout plan describe"
        | "rollout plan preview"
        | "rollout plan cancel"
        | "rollout plan create"
        | "rollout plan list"
        | "fleet host list"
        | "fleet host exclude" => &[Ok, Failed, Usage, Refused],
        "agent" => &[Ok, Failed, Usage, Refused, Interrupted],
        "serve" => &[Ok, Failed, Usage, Interrupted],
        "token create" | "token list" | "token revoke" => &[Ok, Failed, Usage, Refused, Damaged],
        "demo" => &[Ok, Failed, Interrupted, Terminated],
        _ => &[Ok, Failed, Usage],
    }
}
