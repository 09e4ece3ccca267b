//! What a person asked for, as parsed from a command line or a request body: plain values, nothing observed yet.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::id::{AttemptId, BackupStamp, BranchName, Oid, ServiceName, StepName, TicketId};
use super::phase::Phase;
use super::quantity::Span;
use super::rollout::HostName;

/// `run TICKET` with its flags.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag that a person types")]
pub struct RunRequest {
    /// Ticket.
    pub ticket: TicketId,
    /// Resume from this phase.
    pub from: Option<Phase>,
    /// Phases to leave out; audited, they need `reason`.
    pub skip: Vec<Phase>,
    /// Release from this branch.
    pub branch: Option<BranchName>,
    /// Release from whatever branch is checked out (`--force-allow-non-main`).
    pub current_branch: bool,
    /// A commit on that branch to stop at.
    pub at: Option<Oid>,
    /// Take this as BASE although HEAD moved.
    pub base: Option<Oid>,
    /// Touched services, instead of classifying.
    pub services: Option<Vec<ServiceName>>,
    /// Take over an unfinished release.
    pub supersedes: Option<TicketId>,
    /// Run these tickets' scripts too, in this order, before ours.
    pub with_tickets: Vec<TicketId>,
    /// Leave other tickets' scripts alone.
    pub without_scripts: bool,
    /// The host on which the ticket's scripts run instead of here.
    pub ticket_ran_on: Option<HostName>,
    /// Reverted tickets that may come back.
    pub reintroduce: Vec<TicketId>,
    /// Do not ask the remote.
    pub no_fetch: bool,
    /// Accept a backup much smaller than the last.
    pub accept_small_backup: bool,
    /// Take commits that came since into this release.
    pub take_new_commits: bool,
    /// Go on although scripts, services or configuration changed.
    pub accept_changes: bool,
    /// Go on although the host is untrusted.
    pub accept_untrusted: bool,
    /// Refuse unless the plan still has this id.
    pub plan: Option<String>,
    /// A step whose end is unknown and which may run again.
    pub run_again: Option<StepName>,
    /// A step whose end is unknown and which a person knows to be done.
    pub mark_done: Option<StepName>,
    /// Health deadlines for this attempt: of one service, or of all (`None`).
    pub health_deadline: BTreeMap<Option<ServiceName>, Span>,
    /// Why, for what is audited.
    pub reason: Option<String>,
    /// Who else agreed, as the person says; nobody checks it.
    pub approved_by: Option<String>,
    /// A new attempt of what is recorded, instead of what comes in.
    pub anew: Option<Anew>,
}

/// A new attempt of what is recorded (design/05).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Anew {
    /// `retry`: the failed attempt's own commit once more.
    Retry,
    /// `redeploy`: today's checkout and configuration.
    Redeploy,
    /// `rollback`: what an older attempt left.
    Rollback {
        /// That attempt.
        candidate: AttemptId,
        /// Values in the environment files may have changed since.
        accept_environment: bool,
        /// Its data may have another schema since.
        accept_schema: bool,
    },
}

impl Anew {
    /// The verb.
    pub const fn verb(&self) -> &'static str {
        match self {
            Anew::Retry => "retry",
            Anew::Redeploy => "redeploy",
            Anew::Rollback { .. } => "rollback",
        }
    }

    /// What is typed behind `holdpoint` for this verb on a ticket, with further flags.
    pub fn typed(&self, ticket: &TicketId, flags: &str) -> String {
        let candidate = match self {
            Anew::Rollback { candidate, .. } => format!(" --candidate {candidate}"),
            Anew::Retry | Anew::Redeploy => String::new(),
        };
        format!("{} {ticket}{candidate} {flags}", self.verb()).trim_end().to_owned()
    }
}

impl RunRequest {
    /// A plain `run TICKET`.
    pub fn new(ticket: TicketId) -> Self {
        Self {
            ticket,
            from: None,
            skip: Vec::new(),
            branch: None,
            current_branch: false,
            at: None,
            base: None,
            services: None,
            supersedes: None,
            with_tickets: Vec::new(),
            without_scripts: false,
            ticket_ran_on: None,
            reintroduce: Vec::new(),
            no_fetch: false,
            accept_small_backup: false,
            take_new_commits: false,
            accept_changes: false,
            accept_untrusted: false,
            plan: None,
            run_again: None,
            mark_done: None,
            health_deadline: BTreeMap::new(),
            reason: None,
            approved_by: None,
            anew: None,
        }
    }
}

impl RunRequest {
    /// The flags that changed what a run may do, as they were typed: they stand in the audit log.
    pub fn audited(&self) -> Vec<String> {
        let mut flags: Vec<String> = self.skip.iter().map(|phase| format!("--skip-{phase}")).collect();
        let given = |name: &str, value: Option<String>| value.map(|value| format!("--{name}={value}"));
        let list = |names: &[TicketId]| names.iter().map(TicketId::as_str).collect::<Vec<_>>().join(",");
        let services = self.services.as_ref();
        let services =
            services.map(|names| names.iter().map(ServiceName::as_str).collect::<Vec<_>>().join(","));
        if let Some(Anew::Rollback { candidate, accept_environment, accept_schema }) = &self.anew {
            flags.push(format!("--candidate={candidate}"));
            flags.extend(accept_environment.then(|| "--accept-environment".to_owned()));
            flags.extend(accept_schema.then(|| "--accept-schema".to_owned()));
        }
        flags.extend(given("branch", self.branch.as_ref().map(ToString::to_string)));
        flags.extend(given("at", self.at.as_ref().map(ToString::to_string)));
        flags.extend(given("base", self.base.as_ref().map(ToString::to_string)));
        flags.extend(given("services", services));
        flags.extend(given("supersedes", self.supersedes.as_ref().map(ToString::to_string)));
        flags.extend(given("with-tickets", Some(list(&self.with_tickets)).filter(|list| !list.is_empty())));
        flags.extend(given("ticket-ran-on", self.ticket_ran_on.as_ref().map(ToString::to_string)));
        flags.extend(given("reintroduce", Some(list(&self.reintroduce)).filter(|list| !list.is_empty())));
        let switches = [
            (self.without_scripts, "--without-scripts"),
            (self.no_fetch, "--no-fetch"),
            (self.accept_small_backup, "--accept-small-backup"),
            (self.take_new_commits, "--take-new-commits"),
            (self.accept_changes, "--accept-changes"),
            (self.accept_untrusted, "--accept-untrusted"),
        ];
        flags.extend(switches.into_iter().filter(|(on, _)| *on).map(|(_, flag)| flag.to_owned()));
        flags.extend(self.health_deadline.iter().map(|(service, span)| match service {
            Some(service) => format!("--health-deadline={service}={span}"),
            None => format!("--health-deadline={span}"),
        }));
        flags
    }
}

/// Options of which a command line takes one alone.
const ONE_OF: [[&str; 2]; 5] = [
    ["--branch", "--force-allow-non-main"],
    ["--run-again", "--mark-done"],
    ["--with-tickets", "--without-scripts"],
    ["--with-tickets", "--ticket-ran-on"],
    ["--skip-ticket", "--ticket-ran-on"],
];

impl RunRequest {
    /// The options that were typed, with their reason, and further ones: where both have one, or the command line takes one of
    /// them alone, the further one counts.
    pub fn typed_with(&self, flags: &str) -> String {
        let name = |word: &str| word.split('=').next().unwrap_or_default().to_owned();
        let further: Vec<String> = flags.split_whitespace().map(name).collect();
        let is_further = |option: &str| further.iter().any(|one| one == option);
        let is_over = |option: &str| {
            let other = |pair: &[&str; 2]| pair.contains(&option) && pair.iter().any(|one| is_further(one));
            is_further(option) || ONE_OF.iter().any(other)
        };
        let said_of =
            |verb: &str, step: &Option<StepName>| step.as_ref().map(|step| format!("--{verb}={step}"));
        let unaudited = [
            self.current_branch.then(|| "--force-allow-non-main".to_owned()),
            said_of("run-again", &self.run_again),
            said_of("mark-done", &self.mark_done),
        ];
        // The candidate of a rollback stands behind its verb.
        let mut words: Vec<String> = self
            .audited()
            .into_iter()
            .chain(unaudited.into_iter().flatten())
            .filter(|word| !is_over(&name(word)) && name(word) != "--candidate")
            .collect();
        if let Some(reason) = self.reason.as_deref().filter(|_| !is_further("--reason")) {
            words.extend(shlex::try_quote(reason).map(|reason| format!("--reason {reason}")));
        }
        words.push(flags.to_owned());
        words.join(" ").trim_end().to_owned()
    }
}

impl BackupTakeRequest {
    /// The flags that changed what may be done, as they were typed: they stand in the audit log.
    pub fn audited(&self) -> Vec<String> {
        self.accept_small_backup.then(|| "--accept-small-backup".to_owned()).into_iter().collect()
    }
}

impl BackupRestoreRequest {
    /// The flags that changed what may be done, as they were typed: they stand in the audit log.
    pub fn audited(&self) -> Vec<String> {
        self.discard_writes.then(|| "--discard-writes".to_owned()).into_iter().collect()
    }
}

impl RevertRequest {
    /// The flags that changed what a revert may do, as they were typed: they stand in the audit log.
    pub fn audited(&self) -> Vec<String> {
        let switches = [
            (self.git == Take::Leave, "--skip-git"),
            (self.data == Take::Leave, "--skip-data"),
            (self.discard_writes, "--discard-writes"),
            (self.with_later, "--with-later"),
        ];
        switches.into_iter().filter(|(on, _)| *on).map(|(_, flag)| flag.to_owned()).collect()
    }
}

/// Whether a revert takes a part back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Take {
    /// Takes it back.
    Back,
    /// Leaves it as it is.
    Leave,
}

/// `revert TICKET` with its flags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevertRequest {
    /// Ticket.
    pub ticket: TicketId,
    /// The tree (`--skip-git` leaves it).
    pub git: Take,
    /// The data (`--skip-data` leaves it).
    pub data: Take,
    /// Writes made since the backups may be thrown away.
    pub discard_writes: bool,
    /// Take back the releases on top as well.
    pub with_later: bool,
    /// Refuse unless the plan still has this id.
    pub plan: Option<String>,
    /// A step whose end is unknown and which may run again.
    pub run_again: Option<StepName>,
    /// A step whose end is unknown and which a person knows to be done.
    pub mark_done: Option<StepName>,
    /// Why.
    pub reason: Option<String>,
    /// Who else agreed, as the person says; nobody checks it.
    pub approved_by: Option<String>,
}

impl RevertRequest {
    /// A plain `revert TICKET`.
    pub fn new(ticket: TicketId) -> Self {
        Self {
            ticket,
            git: Take::Back,
            data: Take::Back,
            discard_writes: false,
            with_later: false,
            plan: None,
            run_again: None,
            mark_done: None,
            reason: None,
            approved_by: None,
        }
    }
}

/// `backup take` with its flags.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BackupTakeRequest {
    /// Whose data; empty: of every service.
    pub services: Vec<ServiceName>,
    /// Accept a backup much smaller than the last.
    pub accept_small_backup: bool,
}

/// `backup restore SERVICE` with its flags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupRestoreRequest {
    /// Whose data.
    pub service: ServiceName,
    /// Which set; none: the newest verified one that is not a safety copy.
    pub stamp: Option<BackupStamp>,
    /// Writes made since that backup may be thrown away.
    pub discard_writes: bool,
}

/// Which lines `logs SERVICE` shows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LogLines {
    /// So many of the last ones; none: fifty, or with `since` all.
    pub tail: Option<u32>,
    /// Only those since this moment.
    pub since: Option<DateTime<Utc>>,
    /// And each new one, as it comes.
    pub follow: bool,
}

impl LogLines {
    /// How many of the last lines are shown at most; none: all.
    pub fn at_most(&self) -> Option<u32> {
        self.tail.or(if self.since.is_some() { None } else { Some(50) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_command_has_what_was_typed_once_and_nothing_that_excludes_it() {
        let ticket = |name: &str| name.parse::<TicketId>().unwrap();
        let mut request = RunRequest::new(ticket("1235"));
        assert_eq!(request.typed_with(""), "");
        assert_eq!(request.typed_with("--without-scripts"), "--without-scripts");
        request.reintroduce = vec![ticket("1200")];
        request.with_tickets = vec![ticket("1")];
        request.reason = Some("it is mended".to_owned());
        assert_eq!(request.typed_with(""), "--with-tickets=1 --reintroduce=1200 --reason 'it is mended'");
        let without = request.typed_with("--without-scripts");
        assert_eq!(without, "--reintroduce=1200 --reason 'it is mended' --without-scripts");
        let both = request.typed_with("--reintroduce 1200,1201 --reason '…'");
        assert_eq!(both, "--with-tickets=1 --reintroduce 1200,1201 --reason '…'");
        let mut again = RunRequest { current_branch: true, ..RunRequest::new(ticket("1235")) };
        again.run_again = Some(StepName::new(["git", "merge"]));
        assert_eq!(again.typed_with(""), "--force-allow-non-main --run-again=git.merge");
        let main = again.typed_with("--branch main --mark-done=git.merge");
        assert_eq!(main, "--branch main --mark-done=git.merge");
    }
}
