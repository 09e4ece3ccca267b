//! The command line: every verb and flag of design/01, parsed into the requests of `model`.

mod attempts;
mod backup;
mod exits;
mod look;
mod playbook;
mod recover;
mod release;
mod setup;
mod top;
mod values;

pub use attempts::{
    DeploymentsVerb, PruneRecordsArgs, ReadinessArgs, RedeployArgs, RetryArgs, RollbackArgs, ShelveArgs,
};
pub use backup::{BackupVerb, PruneArgs, RestoreArgs, TakeArgs, VerifySetArgs};
pub use look::{
    CheckArgs, DoctorArgs, DriftArgs, ListArgs, LogArgs, LogsArgs, ReportArgs, StateArgs, StatusArgs,
};
pub use playbook::{
    LintArgs, ListPlaybooksArgs, MatchArgs, NewPlaybookArgs, PlaybookVerb, RunPlaybookArgs, ShowPlaybookArgs,
    TestArgs,
};
pub use recover::{
    CaptureArgs, CompareArgs, DiagnoseArgs, EvidenceListArgs, EvidenceVerb, IncidentActArgs, IncidentVerb,
    OpenArgs, ResolveArgs,
};
pub use release::{
    Act, ApproveArgs, CancelArgs, CloseArgs, ConfigureArgs, OnceArgs, ReturnArgs, RevertArgs, RunArgs,
};
pub use setup::{AdoptArgs, CompletionsArgs, DemoArgs, InitArgs, ManArgs, SchemaArgs, SchemaName};
pub use top::{Cli, ColorWhen, Format, Global, Verb, command, plain_command};
