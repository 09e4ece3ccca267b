//! `rollout` and `fleet`, in seed 004's own forms.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::model::rollout::{HostName, PlanId, StageId, Strategy, Until};

/// `rollout …`
#[derive(Debug, Clone, Subcommand)]
pub enum RolloutVerb {
    /// Plans: made, looked at, given up
    #[command(subcommand, disable_help_subcommand = true)]
    Plan(PlanVerb),
    /// Begin a plan, and drive it from here until it is over or paused
    ///
    /// Ctrl-C ends the driving, not the plan: hosts go on with what they were told, and `rollout resume` drives on.
    #[command(
        after_help = "Examples:\n  holdpoint rollout start --plan-id plan-3fa9c1d2\n  holdpoint rollout start --plan-id plan-3fa9c1d2 --dry-run\n  holdpoint rollout start --plan-id plan-3fa9c1d2 --until canary"
    )]
    Start(StartArgs),
    /// Go on after a pause, and drive the plan from here where nobody does
    #[command(
        after_help = "Examples:\n  holdpoint rollout resume --plan-id plan-3fa9c1d2\n  holdpoint rollout resume --plan-id plan-3fa9c1d2 --until rest"
    )]
    Resume(ResumeArgs),
    /// Begin nothing new; reversible
    #[command(
        after_help = "Example:\n  holdpoint rollout pause --plan-id plan-3fa9c1d2 --reason 'errors on web2'"
    )]
    Pause(ReasonedArgs),
    /// End the current stage; terminal for the stage
    ///
    /// The plan is paused, and hosts of the stage that were told nothing stay as they are. `rollout recover --strategy
    /// retry` goes on with the next stage.
    #[command(
        after_help = "Example:\n  holdpoint rollout halt --plan-id plan-3fa9c1d2 --reason 'looking into errors'"
    )]
    Halt(ReasonedArgs),
    /// Pass the manual gate of the current stage
    #[command(
        after_help = "Example:\n  holdpoint rollout approve --plan-id plan-3fa9c1d2 --reason 'canary looked at'"
    )]
    Approve(ReasonedArgs),
    /// Get a plan unstuck: back, again, or past the stage
    ///
    /// `rollback` really takes every touched host back and is terminal; `retry` asks again and offers again to what failed;
    /// `skip_failed` goes past the current stage without its gates.
    #[command(
        after_help = "Examples:\n  holdpoint rollout recover --plan-id plan-3fa9c1d2 --strategy rollback --reason 'error rate' --wait\n  holdpoint rollout recover --plan-id plan-3fa9c1d2 --strategy retry --reason 'telemetry is back'\n  holdpoint rollout recover --plan-id plan-3fa9c1d2 --strategy skip_failed --confirm canary --reason 'validated'"
    )]
    Recover(RecoverArgs),
    /// Plans that do not get on, and why
    ///
    /// Ends with 6 where there is one.
    #[command(after_help = "Examples:\n  holdpoint rollout stuck\n  holdpoint rollout stuck --json")]
    Stuck(ElsewhereArgs),
    /// What was done to a plan, or to every plan and the fleet, by whom and why; newest first
    #[command(
        after_help = "Examples:\n  holdpoint rollout audit\n  holdpoint rollout audit plan-3fa9c1d2 --limit 20 --json"
    )]
    Audit(AuditArgs),
    /// Pause every plan but hotfixes, and let none begin
    #[command(
        after_help = "Examples:\n  holdpoint rollout stop-the-line --reason 'the registry is compromised'\n  holdpoint rollout stop-the-line --lift --reason 'all clear'"
    )]
    StopTheLine(LineArgs),
}

impl RolloutVerb {
    /// Whether the answer on standard output is all that the verb is for.
    pub fn answers_only(&self) -> bool {
        match self {
            RolloutVerb::Stuck(_) | RolloutVerb::Audit(_) => true,
            RolloutVerb::Plan(verb) => !matches!(verb, PlanVerb::Cancel(_)),
            _ => false,
        }
    }
}

/// `rollout plan …`
#[derive(Debug, Clone, Subcommand)]
pub enum PlanVerb {
    /// Make a plan of a file; from then on it never changes
    #[command(
        after_help = "Examples:\n  holdpoint rollout plan create rollout.toml --dry-run\n  holdpoint rollout plan create rollout.toml"
    )]
    Create(CreateArgs),
    /// What the next step of a plan would do, without doing it
    #[command(after_help = "Example:\n  holdpoint rollout plan preview --plan-id plan-3fa9c1d2")]
    Preview(OnPlanArgs),
    /// Every plan, newest first
    #[command(after_help = "Example:\n  holdpoint rollout plan list")]
    List(ElsewhereArgs),
    /// Where a plan stands, why it waits, and what to type next
    #[command(
        after_help = "Examples:\n  holdpoint rollout plan describe --plan-id plan-3fa9c1d2\n  holdpoint rollout plan describe --plan-id plan-3fa9c1d2 --json"
    )]
    Describe(OnPlanArgs),
    /// Give a plan up; hosts stay as they are, terminal
    #[command(
        after_help = "Examples:\n  holdpoint rollout plan cancel --plan-id plan-3fa9c1d2\n  holdpoint rollout plan cancel --plan-id plan-3fa9c1d2 --confirm plan-3fa9c1d2 --reason 'replaced by 1240'"
    )]
    Cancel(CancelPlanArgs),
}

/// Where the ledger is.
#[derive(Debug, Clone, Args)]
pub struct ElsewhereArgs {
    /// A `holdpoint serve` that keeps the rollouts, with a token in `HOLDPOINT_TOKEN`; default: `HOLDPOINT_ORCHESTRATOR_URL`,
    /// else the folder of `fleet.toml`
    #[arg(long, value_name = "URL")]
    pub orchestrator_url: Option<String>,
    /// Show the token to an `http://` address of another machine: everybody on the way can read it
    #[arg(long)]
    pub insecure_orchestrator: bool,
}

/// Which plan.
#[derive(Debug, Clone, Args)]
pub struct OnPlanArgs {
    /// The plan's id
    #[arg(long, value_name = "ID")]
    pub plan_id: PlanId,
    #[command(flatten)]
    /// Where.
    pub elsewhere: ElsewhereArgs,
}

/// `rollout audit`
#[derive(Debug, Clone, Args)]
pub struct AuditArgs {
    /// Only this plan's
    #[arg(value_name = "PLAN")]
    pub plan: Option<PlanId>,
    /// The same, as the other verbs name a plan
    #[arg(long, value_name = "ID", conflicts_with = "plan")]
    pub plan_id: Option<PlanId>,
    /// At most so many; default: 100
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub limit: Option<u16>,
    #[command(flatten)]
    /// Where.
    pub elsewhere: ElsewhereArgs,
}

/// `rollout start`
#[derive(Debug, Clone, Args)]
pub struct StartArgs {
    #[command(flatten)]
    /// Which.
    pub plan: OnPlanArgs,
    /// Show the first step and change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Pause once this stage is past; `rollout resume` goes on
    #[arg(long, value_name = "STAGE", conflicts_with = "dry_run")]
    pub until: Option<StageId>,
}

/// `rollout resume`
#[derive(Debug, Clone, Args)]
pub struct ResumeArgs {
    #[command(flatten)]
    /// Which.
    pub plan: OnPlanArgs,
    /// Pause once this stage is past; default: where it was to pause before, if it has not come to that
    #[arg(long, value_name = "STAGE", conflicts_with = "drive_only")]
    pub until: Option<StageId>,
    /// As the server starts it, which has recorded the act: drive, once whoever drives now has let go
    #[arg(long, hide = true)]
    pub drive_only: bool,
}

/// Which plan, and why.
#[derive(Debug, Clone, Args)]
pub struct ReasonedArgs {
    #[command(flatten)]
    /// Which.
    pub plan: OnPlanArgs,
    /// Why, for the audit
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
}

/// `rollout recover`
#[derive(Debug, Clone, Args)]
pub struct RecoverArgs {
    #[command(flatten)]
    /// Which.
    pub plan: OnPlanArgs,
    /// `rollback`, `retry` or `skip_failed`
    #[arg(long, value_name = "STRATEGY")]
    pub strategy: Strategy,
    /// Why, for the audit
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    /// The stage once more, to skip one that did harm; the plan's id once more, to take hosts back without being asked
    #[arg(long, value_name = "STAGE|ID")]
    pub confirm: Option<String>,
    /// Drive it from here until it is over or paused
    #[arg(long)]
    pub wait: bool,
    /// Go ahead without asking
    #[arg(long, short = 'y')]
    pub yes: bool,
}

/// `rollout plan create`
#[derive(Debug, Clone, Args)]
pub struct CreateArgs {
    /// The plan: `holdpoint schema rollout` prints its keys
    pub file: PathBuf,
    /// Show its stages and hosts, and keep nothing
    #[arg(long)]
    pub dry_run: bool,
    #[command(flatten)]
    /// Where.
    pub elsewhere: ElsewhereArgs,
}

/// `rollout plan cancel`
#[derive(Debug, Clone, Args)]
pub struct CancelPlanArgs {
    #[command(flatten)]
    /// Which.
    pub plan: OnPlanArgs,
    /// Why, for the audit
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    /// The plan's id once more: where hosts were touched
    #[arg(long, value_name = "ID")]
    pub confirm: Option<String>,
}

/// `rollout stop-the-line`
#[derive(Debug, Clone, Args)]
pub struct LineArgs {
    /// Why, for everybody who is stopped by it
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    /// Let it go again; plans that it paused stay paused
    #[arg(long)]
    pub lift: bool,
    #[command(flatten)]
    /// Where.
    pub elsewhere: ElsewhereArgs,
}

/// `fleet …`
#[derive(Debug, Clone, Subcommand)]
pub enum FleetVerb {
    /// Hosts of `fleet.toml`
    #[command(subcommand, disable_help_subcommand = true)]
    Host(FleetHostVerb),
    /// Print a script that sets up an etcd for the ledger: certificates, members, users; to be read and run
    #[command(
        name = "etcd-setup",
        after_help = "Example:\n  holdpoint fleet etcd-setup --member ledger1 --member ledger2 --member ledger3 >etcd-setup.sh"
    )]
    EtcdSetup(EtcdSetupArgs),
}

/// `agent`
#[derive(Debug, Clone, Args)]
pub struct AgentArgs {
    /// What it is configured with: `holdpoint schema agent` prints its keys
    #[arg(long, value_name = "FILE", default_value = "/etc/holdpoint/agent.toml")]
    pub config: PathBuf,
    /// Print a unit file for systemd that runs it, and do not run it
    #[arg(long)]
    pub print_unit: bool,
}

/// `fleet etcd-setup`
#[derive(Debug, Clone, Args)]
pub struct EtcdSetupArgs {
    /// A member: HOST, or HOST:CLIENTPORT:PEERPORT
    #[arg(long, value_name = "HOST", required = true)]
    pub member: Vec<String>,
    /// A host with an agent, by its name in `fleet.toml`: a user that may read its own orders and answer them
    #[arg(long, value_name = "HOST")]
    pub host: Vec<HostName>,
    /// What every key begins with
    #[arg(long, value_name = "TEXT", default_value = "holdpoint/")]
    pub prefix: String,
}

/// `fleet host …`
#[derive(Debug, Clone, Subcommand)]
pub enum FleetHostVerb {
    /// Every host, how it is reached, and what keeps it from being released
    #[command(after_help = "Example:\n  holdpoint fleet host list")]
    List(ElsewhereArgs),
    /// Take a host out of every plan until a moment, or bring it back
    #[command(
        after_help = "Examples:\n  holdpoint fleet host exclude web3 --until 2d --reason 'new disk'\n  holdpoint fleet host exclude web3 --lift --reason 'it is back'"
    )]
    Exclude(ExcludeArgs),
}

/// `fleet host exclude`
#[derive(Debug, Clone, Args)]
pub struct ExcludeArgs {
    /// The host, by its name in `fleet.toml`
    pub host: HostName,
    /// Until when: a span such as 2d, or a time
    #[arg(long, value_name = "WHEN", required_unless_present = "lift")]
    pub until: Option<Until>,
    /// Why
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    /// Bring it back
    #[arg(long, conflicts_with = "until")]
    pub lift: bool,
    #[command(flatten)]
    /// Where.
    pub elsewhere: ElsewhereArgs,
}
