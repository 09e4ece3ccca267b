//! A release over many hosts: the plan that was made, the state it is in, why it waits, and what is shown of it (design/07).

mod agent;
mod answer;
mod ids;
mod plan;
mod state;
mod store;
mod until;
mod view;

pub use agent::{AgentNews, AgentSpec, Order, Word};
pub use answer::{Heard, HostAnswer, Offer, Series};
pub use ids::{HostName, PlanId, StageId};
pub use plan::{
    Amount, FailureCap, Gate, GateKind, HostSpec, Inventory, Limit, OnHarm, OnHostFailure, Reach,
    Reintroduce, RolloutPlan, StagePlan, Unreachable,
};
pub use state::{
    Approval, Desired, HostRow, HostState, PlanPhase, RolloutState, StagePhase, StageState, Verdict,
    VerdictWord, Wait, Wish,
};
pub use store::EtcdSpec;
pub use until::{Until, UntilError};
pub use view::{
    Act, AuditRecord, AuditRow, DescribeView, Exclusion, HostListRow, HostView, Line, News, PlanRow,
    Precondition, PreviewHost, PreviewView, RecoverView, StageView, Strategy, StrategyUnknown, StuckPlan,
    StuckView,
};
