//! The command line: every verb and flag of design/01, parsed into the requests of `model`.

mod attempts;
mod backup;
mod exits;
mod late;
mod look;
mod playbook;
mod preview;
mod recover;
mod release;
mod rollout;
mod serve;
mod setup;
mod source;
mod top;
mod values;

pub use attempts::{
    DeploymentsVerb, PruneRecordsArgs, ReadinessArgs, RedeployArgs, RetryArgs, RollbackArgs, ShelveArgs,
};
pub use backup::{BackupVerb, PruneArgs, RestoreArgs, TakeArgs, VerifySetArgs};
pub(super) use exits::of as endings_of;
pub use look::{
    CheckArgs, DoctorArgs, DriftArgs, ListArgs, LogArgs, LogsArgs, ReportArgs, StateArgs, StatusArgs,
};
pub use playbook::{
    LintArgs, ListPlaybooksArgs, MatchArgs, NewPlaybookArgs, PlaybookVerb, RunPlaybookArgs, ShowPlaybookArgs,
    TestArgs,
};
pub use preview::{PreviewCleanupArgs, PreviewIdArgs, PreviewUpArgs, PreviewVerb};
pub use recover::{
    CaptureArgs, CompareArgs, DiagnoseArgs, EvidenceListArgs, EvidenceShowArgs, EvidenceVerb,
    IncidentActArgs, IncidentVerb, OpenArgs, ResolveArgs,
};
pub use release::{
    Act, ApproveArgs, CancelArgs, CloseArgs, ConfigureArgs, OnceArgs, ReturnArgs, RevertArgs, RunArgs,
};
pub use rollout::{
    AgentArgs, AuditArgs, CancelPlanArgs, CreateArgs, ElsewhereArgs, EtcdSetupArgs, ExcludeArgs,
    FleetHostVerb, FleetVerb, LineArgs, OnPlanArgs, PlanVerb, ReasonedArgs, RecoverArgs, ResumeArgs,
    RolloutVerb, StartArgs,
};
pub use serve::{CreateTokenArgs, RevokeTokenArgs, ServeArgs, TokenVerb};
pub use setup::{AdoptArgs, CompletionsArgs, DemoArgs, InitArgs, ManArgs, SchemaArgs, SchemaName};
pub use source::{RelinkArgs, SourceVerb};
pub use top::{Cli, ColorWhen, Format, Global, Verb, command, command_of, parsing_command, plain_command};
