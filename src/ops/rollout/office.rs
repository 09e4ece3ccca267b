//! Where the command line works on rollouts: at the desk of this machine, or at another machine's server.

use std::path::Path;

use chrono::{DateTime, Utc};
use serde_json::json;

use crate::manifest::settings::SourceFile;
use crate::model::rollout::{
    Act, AuditRow, DescribeView, Exclusion, HostListRow, HostName, Line, PlanId, PlanRow, PreviewView,
    RecoverView, RolloutPlan, StuckView,
};
use crate::ops::error::OpsError;

use super::act::{self, Terms};
use super::desk::{self, Desk};
use super::remote::Remote;
use super::{create, look};

/// Where rollouts are worked on.
pub enum Office {
    /// Here.
    Here(Box<Desk>),
    /// At a server.
    There(Remote),
}

impl Office {
    /// The server that was named, on the command line or by a variable; else the desk of a folder.
    ///
    /// # Errors
    /// As [`Desk::open`] and [`Remote::named`].
    pub fn open(start: &Path, url: Option<&str>, in_the_clear: bool) -> Result<Self, OpsError> {
        Ok(match Remote::named(url, in_the_clear)? {
            Some(remote) => Office::There(remote),
            None => Office::Here(Box::new(Desk::open(start)?)),
        })
    }

    /// Every plan, newest first.
    ///
    /// # Errors
    /// What the ledger or the server says; so for all below.
    pub fn list(&self) -> Result<Vec<PlanRow>, OpsError> {
        match self {
            Office::Here(desk) => look::list(desk),
            Office::There(remote) => remote.get("/v1/rollouts"),
        }
    }

    /// Plans that do not get on.
    ///
    /// # Errors
    /// As [`Office::list`].
    pub fn stuck(&self) -> Result<StuckView, OpsError> {
        match self {
            Office::Here(desk) => look::stuck(desk),
            Office::There(remote) => remote.get("/v1/rollouts/stuck"),
        }
    }

    /// The newest records of one plan's audit or of every plan's, newest first.
    ///
    /// # Errors
    /// As [`Office::list`].
    pub fn audit(&self, plan: Option<&PlanId>, limit: Option<usize>) -> Result<Vec<AuditRow>, OpsError> {
        let remote = match self {
            Office::Here(desk) => return look::audit(desk, plan, limit),
            Office::There(remote) => remote,
        };
        let plan = plan.map(|plan| format!("plan_id={plan}"));
        let limit = limit.map(|limit| format!("limit={limit}"));
        let words: Vec<String> = plan.into_iter().chain(limit).collect();
        remote.get(&format!("/v1/audit?{}", words.join("&")))
    }

    /// All that is known of a plan.
    ///
    /// # Errors
    /// As [`Office::list`].
    pub fn describe(&self, plan: &PlanId) -> Result<DescribeView, OpsError> {
        match self {
            Office::Here(desk) => look::describe(desk, plan),
            Office::There(remote) => remote.describe(plan),
        }
    }

    /// The next commit of a plan, not made.
    ///
    /// # Errors
    /// As [`Office::list`].
    pub fn preview(&self, plan: &PlanId) -> Result<PreviewView, OpsError> {
        match self {
            Office::Here(desk) => look::preview(desk, plan),
            Office::There(remote) => remote.get(&format!("/v1/rollouts/{plan}/preview")),
        }
    }

    /// Keeps a plan, or shows it.
    ///
    /// # Errors
    /// As [`Office::list`].
    pub fn plan(&self, source: &SourceFile, dry_run: bool) -> Result<RolloutPlan, OpsError> {
        match self {
            Office::Here(desk) if dry_run => create::drafted(desk, source),
            Office::Here(desk) => create::create(desk, source),
            Office::There(remote) => {
                remote.post("/v1/rollouts", &json!({ "toml": source.text, "dry_run": dry_run }))
            }
        }
    }

    /// An act on a plan.
    ///
    /// # Errors
    /// As [`Office::list`].
    pub fn act(&self, plan: &PlanId, wanted: &Act, terms: Terms<'_>) -> Result<RecoverView, OpsError> {
        match self {
            Office::Here(desk) => act::act(desk, plan, wanted, terms),
            Office::There(remote) => remote.act(plan, wanted, terms),
        }
    }

    /// Refuses where whoever types this could not drive the plan: somebody does. A server drives it by itself.
    ///
    /// # Errors
    /// A refusal (`plan-driven`), or as [`Office::list`].
    pub fn refuse_driven(&self, plan: &PlanId) -> Result<(), OpsError> {
        match self {
            Office::Here(desk) => act::refuse_driven(desk, plan),
            Office::There(_) => Ok(()),
        }
    }

    /// The hosts of the fleet.
    ///
    /// # Errors
    /// As [`Office::list`].
    pub fn hosts(&self) -> Result<Vec<HostListRow>, OpsError> {
        match self {
            Office::Here(desk) => look::hosts(desk),
            Office::There(remote) => remote.get("/v1/hosts"),
        }
    }

    /// Takes a host out of every plan until a moment, or brings it back.
    ///
    /// # Errors
    /// As [`Office::list`].
    pub fn exclude(
        &self,
        host: &HostName,
        until: Option<DateTime<Utc>>,
        reason: &str,
    ) -> Result<Option<Exclusion>, OpsError> {
        match self {
            Office::Here(desk) => desk::exclude(desk, host, until, reason),
            Office::There(remote) => {
                let until = until.map(|until| until.to_rfc3339());
                let body = json!({ "until": until, "reason": reason, "lift": until.is_none() });
                remote.post(&format!("/v1/hosts/{host}/exclude"), &body)
            }
        }
    }

    /// Whether the line is stopped: why, and by whom.
    ///
    /// # Errors
    /// As [`Office::list`].
    pub fn line(&self) -> Result<Option<Line>, OpsError> {
        match self {
            Office::Here(desk) => look::line(desk),
            Office::There(remote) => remote.get("/v1/stop-the-line"),
        }
    }

    /// Stops the line, or lets it go.
    ///
    /// # Errors
    /// As [`Office::list`].
    pub fn stop_the_line(&self, reason: &str, lift: bool) -> Result<Option<Line>, OpsError> {
        match self {
            Office::Here(desk) => desk::stop_the_line(desk, reason, lift),
            Office::There(remote) => {
                remote.post("/v1/stop-the-line", &json!({ "reason": reason, "lift": lift }))
            }
        }
    }
}
