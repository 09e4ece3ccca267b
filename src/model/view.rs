//! What a verb hands to its reader: plain values that `report` renders for people and serde renders as `--json`.
//!
//! `ops` fills them, `report` and `cli` show them. Paths are relative to the project root where they lie inside it;
//! commands are ready to type, in the form that exists on this host (`just …` or `holdpoint …`, design/04).

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::event::RunEvent;
use super::facts::{ContainerState, RunState};
use super::id::{AttemptId, BackupStamp, BranchName, Oid, ServiceName, StepName, TicketId};
use super::outcome::Ending;
use super::phase::Phase;
use super::plan::Plan;
use super::reason::{Blocker, ending_of};
use super::release::{ReleaseState, Status};

/// What deciding came to: a plan, or why there is none. `--dry-run`, `check` and a refused verb show this value.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(tag = "decision", rename_all = "kebab-case")]
pub enum Decision {
    /// This would be done.
    Plan {
        /// The plan.
        plan: Box<Plan>,
    },
    /// This stands against it.
    Refused(RefusedView),
    /// There is nothing to do, and that is well (`already reverted`, `nothing was changed`).
    Nothing {
        /// What is the case, in a sentence.
        fact: String,
    },
}

impl Decision {
    /// How a verb that only decides ends: as the run would be refused, else ok (design/01).
    pub fn ending(&self) -> Ending {
        match self {
            Decision::Refused(refused) => refused.ending,
            Decision::Plan { .. } | Decision::Nothing { .. } => Ending::Ok,
        }
    }
}

/// Gates that said no. A refusal is an answer (design/01): it names each code, the fact behind it, and what to type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RefusedView {
    /// The word behind the exit status.
    pub ending: Ending,
    /// The exit status.
    pub exit: u8,
    /// All that stands against it, in the order of design/04.
    pub blockers: Vec<Blocker>,
    /// What else the person should know.
    pub notes: Vec<String>,
    /// Playbooks that fit, as in [`FailureView`].
    pub playbooks: Vec<String>,
}

impl RefusedView {
    /// A refusal for these reasons; no playbook is looked for.
    pub fn new(blockers: Vec<Blocker>, notes: Vec<String>) -> Self {
        let ending = ending_of(&blockers);
        Self { ending, exit: ending.status(), blockers, notes, playbooks: Vec::new() }
    }
}

/// How a verb that changes something ended: its last words.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RunView {
    /// The word behind the exit status.
    pub ending: Ending,
    /// The attempt, where there is one.
    pub attempt: Option<AttemptId>,
    /// Where the attempt stands now.
    pub status: Option<Status>,
    /// Milliseconds it took.
    pub ms: u64,
    /// What the person should know at the end (`safety copy of wikijs: …`), one line each.
    pub lines: Vec<String>,
    /// What failed, where something did.
    pub failure: Option<FailureView>,
    /// Commands that make sense now.
    pub next: Vec<NextCommand>,
}

/// A command to type, and when to type it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NextCommand {
    /// When: `to go on once the cause is fixed`.
    pub when: String,
    /// What to type.
    pub command: String,
}

/// After a failure (design/04): what failed, where to look, and the ways on and back.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FailureView {
    /// What failed as a person typed it: `release-run` or `release-revert`.
    pub what: String,
    /// Phase it failed in.
    pub phase: Phase,
    /// Step that failed, where one did.
    pub step: Option<StepName>,
    /// One line: `verify failed: 2 of 9 checks`.
    pub headline: String,
    /// Each cause, in the seed's wording where it has one: `wikijs.healthy: unhealthy`.
    pub causes: Vec<String>,
    /// Last lines of what the step or the container printed, already redacted.
    pub output: Vec<String>,
    /// What became of each service.
    pub services: Vec<ServiceEnd>,
    /// Commands that look: `just status wikijs`.
    pub look: Vec<String>,
    /// Where the evidence lies.
    pub evidence: Option<String>,
    /// Playbooks that fit: `release-verify-race (strong match): re-run just verify`.
    pub playbooks: Vec<String>,
    /// Sentences and commands for a person (`the script is plain bash: read it`), one line each.
    pub notes: Vec<String>,
    /// Takes the release back; none where nothing was changed.
    pub roll_back: Option<String>,
    /// Goes on once the cause is fixed.
    pub go_on: Option<String>,
}

/// A service after a halt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServiceEnd {
    /// Service.
    pub name: ServiceName,
    /// What runs of it.
    pub now: ServiceNow,
}

/// What runs of a service after a halt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ServiceNow {
    /// What the release brings.
    New,
    /// What ran before.
    Old,
    /// Nothing.
    Stopped,
    /// The release has not come to it.
    Untouched,
    /// It could not be seen.
    Unknown,
}

impl ServiceNow {
    /// The word on screen.
    pub const fn word(self) -> &'static str {
        match self {
            ServiceNow::New => "new",
            ServiceNow::Old => "old",
            ServiceNow::Stopped => "stopped",
            ServiceNow::Untouched => "untouched",
            ServiceNow::Unknown => "unknown",
        }
    }
}

/// Who holds the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HolderView {
    /// Process id of the runner.
    pub pid: u32,
    /// Who started it.
    pub operator: String,
    /// Since when.
    pub since: DateTime<Utc>,
    /// On which ticket.
    pub ticket: Option<TicketId>,
    /// In which phase.
    pub phase: Option<Phase>,
    /// Steps that still work although their runner is gone, each in words; empty while the runner lives.
    pub left: Vec<String>,
}

/// `state TICKET`.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StateView {
    /// What the state file holds, its status read together with the lock.
    pub state: ReleaseState,
    /// Who works on it now.
    pub runner: Option<HolderView>,
    /// What became of each phase of this cycle, in order.
    pub phases: Vec<PhaseRow>,
    /// What the record of the failure says.
    pub failure: Option<String>,
    /// State file.
    pub state_file: String,
    /// Audit log.
    pub log_file: String,
    /// Folder of the newest attempt.
    pub folder: String,
    /// Causes that playbooks' remedies left open: `release-x: .asd/release.toml`.
    pub causes: Vec<String>,
    /// Set when the state file had to be rebuilt from the log: why.
    pub rebuilt: Option<String>,
    /// Commands that make sense now.
    pub next: Vec<NextCommand>,
}

/// One phase of a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PhaseRow {
    /// Phase.
    pub phase: Phase,
    /// `done`, `failed`, `skipped`, `skipped-no-script`, `skipped-ran-elsewhere`, `start` (it runs, or was left), or `-` (not begun).
    pub word: String,
    /// Milliseconds it took.
    pub ms: Option<u64>,
    /// Why it failed or was left out.
    pub reason: Option<String>,
}

/// One row of `list`: one attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ListRow {
    /// Attempt.
    pub attempt: AttemptId,
    /// Status, read together with the lock.
    pub status: Status,
    /// Phase it is in or stopped in.
    pub phase: Phase,
    /// Branch.
    pub branch: BranchName,
    /// Commit released; none before the tree moved.
    pub merge: Option<Oid>,
    /// Touched services.
    pub services: Vec<ServiceName>,
    /// Who began it.
    pub operator: String,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When it was last written.
    pub updated_at: DateTime<Utc>,
    /// The attempt that took its place.
    pub superseded_by: Option<String>,
    /// Ended for good by a person.
    pub closed: bool,
    /// Out of the default list.
    pub archived: bool,
}

/// `log TICKET`.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LogView {
    /// Ticket.
    pub ticket: TicketId,
    /// The file.
    pub log_file: String,
    /// Its records.
    pub events: Vec<RunEvent>,
    /// With `--verify`: what the chain says.
    pub verification: Option<VerificationView>,
}

/// What checking a log's chain found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct VerificationView {
    /// Whole, sound records.
    pub records: u64,
    /// Head: sequence number.
    pub head_seq: u64,
    /// Head: chain value, 16 hexadecimal digits. Compare it with what syslog and the notifications were told.
    pub head_chain: String,
    /// What is wrong, one line each; empty means sound.
    pub findings: Vec<String>,
}

/// `check --guard`: what the host's own guardrail said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GuardView {
    /// It exited 0.
    pub passed: bool,
    /// Its exit status; none when a signal ended it.
    pub exit: Option<i32>,
    /// What was run.
    pub command: Vec<String>,
    /// Milliseconds it took.
    pub ms: u64,
    /// What it printed, secrets made unreadable: standard output, then standard error.
    pub output: Vec<String>,
    /// Where it did not pass: `guard-failed`, and what to do.
    pub blocker: Option<Blocker>,
}

/// `status [SERVICE…]`: the posture of this host.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StatusView {
    /// Host name.
    pub host: String,
    /// HEAD of the checkout.
    pub head: Option<Oid>,
    /// Checked-out branch; none when detached.
    pub branch: Option<BranchName>,
    /// Who holds the host.
    pub runner: Option<HolderView>,
    /// The release that holds the host up, or else the last one.
    pub release: Option<ListRow>,
    /// Each service.
    pub services: Vec<StatusRow>,
    /// What the person should know (leftover containers, an untrusted host…).
    pub notes: Vec<String>,
}

/// One service as it runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StatusRow {
    /// Service.
    pub service: ServiceName,
    /// `compose` or `command`.
    pub driver: String,
    /// Up, down, partly.
    pub run: RunState,
    /// What its probe or its healthcheck says: `healthy`, `HTTP 503`; none where nothing asks.
    pub health: Option<String>,
    /// Whether that answer is a good one.
    pub well: bool,
    /// Image that runs.
    pub image: Option<String>,
    /// Image that is intended.
    pub intended: Option<String>,
    /// Identity of what runs: the registry's digest where it is known, else the image's local id; one a container.
    pub digest: Option<String>,
    /// Times its containers were restarted by the engine; none where nobody counts.
    pub restarts: Option<u32>,
    /// Up since; none: it does not run, or nobody knows.
    pub since: Option<DateTime<Utc>>,
    /// Who says so.
    pub since_by: Option<SinceBy>,
    /// Attempt that touched it last.
    pub last_release: Option<String>,
    /// Its containers.
    pub containers: Vec<ContainerState>,
    /// Why it could not be seen, or what is odd about it.
    pub trouble: Option<String>,
}

/// Who says since when a service is up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SinceBy {
    /// Its containers: it is so.
    Container,
    /// The record of the release that started it last: somebody may have started it again since.
    Record,
}

/// How good a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// As it should be.
    Well,
    /// Worth knowing.
    Warn,
    /// A release would fail or be refused.
    Bad,
}

/// One check of `doctor`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DoctorRow {
    /// What was looked at: `git`, `compose`, `disk`, `volume of wikijs`.
    pub check: String,
    /// How good it is.
    pub verdict: Verdict,
    /// What was seen.
    pub fact: String,
    /// What a person may do about it.
    pub ways_out: Vec<String>,
}

/// One backup set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BackupRow {
    /// Service.
    pub service: ServiceName,
    /// Its folder's name.
    pub stamp: BackupStamp,
    /// When the first entry began: the write window counts from here.
    pub started_at: DateTime<Utc>,
    /// Seconds from then until now.
    pub age_seconds: u64,
    /// Bytes of all entries.
    pub bytes: u64,
    /// Kind of each entry.
    pub kinds: Vec<String>,
    /// `ticket@n`, `manual`, `safety:<ticket>`.
    pub taken_for: String,
    /// Every entry was verified when it was taken.
    pub verified: bool,
    /// Why retention keeps it: `newest verified`, `named by 1234`; none: it may go.
    pub kept_for: Option<String>,
    /// Its folder.
    pub path: String,
}

/// `backup verify`: one set against its own record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BackupVerifyRow {
    /// Service.
    pub service: ServiceName,
    /// Set.
    pub stamp: BackupStamp,
    /// Files looked at.
    pub files: u64,
    /// Bytes hashed.
    pub bytes: u64,
    /// What is wrong, one line each; empty means sound.
    pub findings: Vec<String>,
}

/// `check --diff REF`: how the present configuration differs from that of a commit, and what a release of every service
/// would do otherwise.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DiffView {
    /// Settings and services, with every default filled in.
    pub settings: Vec<DiffRow>,
    /// Steps that come, go, or do something else.
    pub steps: Vec<DiffRow>,
    /// What could not be compared.
    pub notes: Vec<String>,
}

impl DiffView {
    /// Whether nothing differs.
    pub fn is_empty(&self) -> bool {
        self.settings.is_empty() && self.steps.is_empty()
    }
}

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DiffRow {
    /// What differs: a setting's dotted name, a step's name.
    pub what: String,
    /// With REF's configuration; none: not there.
    pub before: Option<String>,
    /// With the present one; none: not there.
    pub after: Option<String>,
}

/// What `init`, `adopt` and `backup prune` did, or would do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChangeView {
    /// Each thing written, recorded or removed.
    pub changes: Vec<Change>,
    /// What the person should know.
    pub notes: Vec<String>,
    /// What to type next.
    pub next: Vec<NextCommand>,
    /// Nothing was written: this was a dry run.
    pub dry_run: bool,
}

/// One thing written, recorded or removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// `wrote`, `kept`, `recorded`, `removed`.
    pub verb: String,
    /// The file, the attempt, the backup set.
    pub what: String,
    /// Why, or what it is for.
    pub detail: String,
    /// Its content, where a dry run shows it.
    pub content: Option<String>,
}

/// `report TICKET`: everything a reader who was not there needs.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReportView {
    /// When the report was made.
    pub made_at: DateTime<Utc>,
    /// Where the release stands.
    pub state: StateView,
    /// The newest attempt's plan, where it can still be read.
    pub plan: Option<Box<Plan>>,
    /// Every record of the ticket.
    pub events: Vec<RunEvent>,
    /// What the chain says.
    pub verification: VerificationView,
    /// Transcripts of failed steps: step, last lines (already redacted).
    pub transcripts: Vec<TranscriptView>,
    /// Backup sets that the release names.
    pub backups: Vec<BackupRow>,
}

/// What a step printed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TranscriptView {
    /// Step.
    pub step: StepName,
    /// Record of its intent.
    pub seq: u64,
    /// The file.
    pub path: String,
    /// Its last lines, already redacted.
    pub lines: Vec<String>,
}

/// What a person is asked before something is taken back or thrown away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Question {
    /// Go ahead with the plan, or quit.
    GoAhead,
    /// The write window is wide: restore the data, keep it, or quit (design/04).
    WriteWindow,
    /// The world moved while the person read: the new plan was shown, go ahead with it, or quit.
    PlanChanged,
}

/// A person's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consent {
    /// Go ahead; to [`Question::WriteWindow`]: restore, the writes may be thrown away.
    Go,
    /// Go ahead without the data (only to [`Question::WriteWindow`]).
    KeepData,
    /// No. A closed terminal and an end of input are a no, too.
    Quit,
    /// Nobody can be asked here: exit 2 unless the command line holds the consent.
    NobodyThere,
}

/// Whoever is asked. Asking happens without the lock held (design/04).
pub trait Person {
    /// Shows the plan and asks.
    fn decide(&self, plan: &Plan, question: Question) -> Consent;
    /// Shows what would be removed and asks.
    fn confirm(&self, changes: &ChangeView) -> Consent;
    /// Shows a plan that goes ahead without asking.
    fn show(&self, plan: &Plan);
    /// Whether anybody is there who could be asked.
    fn is_there(&self) -> bool;
}
