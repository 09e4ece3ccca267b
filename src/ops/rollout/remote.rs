//! Rollouts that another machine's server keeps: the same questions and acts, asked over HTTP.

use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::drivers::orchestrator::{self, Orchestrator, Request};
use crate::model::reason::{Blocker, ReasonCode};
use crate::model::rollout::{Act, DescribeView, PlanId, PlanPhase, RecoverView, Strategy};
use crate::ops::error::OpsError;
use crate::sys::clock;
use crate::sys::process;
use crate::sys::signal::Stop;

use super::act::Terms;
use super::drive::Drove;

/// Variables that name the server.
const SERVER: [&str; 2] = ["HOLDPOINT_ORCHESTRATOR_URL", "AUTONOMY_ORCHESTRATOR_URL"];

/// The variable with the token that is shown to it.
const TOKEN: &str = "HOLDPOINT_TOKEN";

/// How often a plan that is driven there is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(400);

/// How long a server may be away while somebody watches a plan there.
const PATIENCE: Duration = Duration::from_secs(30);

/// A server that keeps rollouts.
pub struct Remote {
    server: Orchestrator,
}

impl Remote {
    /// The server that was named, or that a variable names; none: rollouts are kept here. Whoever is started by a server works
    /// where that server works.
    ///
    /// # Errors
    /// A usage error where there is no token to show to it, or where it would be shown to everybody on the way.
    pub fn named(url: Option<&str>, in_the_clear: bool) -> Result<Option<Self>, OpsError> {
        let variable = || SERVER.into_iter().find_map(process::env).filter(|url| !url.trim().is_empty());
        let variable = || variable().filter(|_| process::spoken_by().is_none());
        let Some(url) = url.map(str::to_owned).or_else(variable) else { return Ok(None) };
        if !in_the_clear && !orchestrator::is_private(&url) {
            return Err(OpsError::Usage {
                what: format!(
                    "`{url}` is neither https nor this machine alone: everybody on the way could read the token"
                ),
                hint: "an https:// address, or, where the way itself is safe, `--insecure-orchestrator`"
                    .to_owned(),
            });
        }
        let token = process::env(TOKEN).filter(|token| !token.trim().is_empty());
        let token = token.ok_or_else(|| OpsError::Usage {
            what: format!("{url} wants to know who asks, and `{TOKEN}` is not set"),
            hint: "on its machine: `holdpoint token create NAME --role operator`".to_owned(),
        })?;
        Ok(Some(Self { server: Orchestrator::new(&url, token.trim().to_owned()) }))
    }

    /// What stands under a path.
    ///
    /// # Errors
    /// What it says against it, with the codes of the command line there; or why it gives no answer.
    pub fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, OpsError> {
        self.ask(path, Request::default())
    }

    /// Changes something there.
    ///
    /// # Errors
    /// As [`Remote::get`].
    pub fn post<T: DeserializeOwned>(&self, path: &str, body: &Value) -> Result<T, OpsError> {
        self.ask(path, Request { body: Some(body), ..Request::default() })
    }

    /// All that is known of a plan.
    ///
    /// # Errors
    /// As [`Remote::get`].
    pub fn describe(&self, plan: &PlanId) -> Result<DescribeView, OpsError> {
        self.get(&format!("/v1/rollouts/{plan}"))
    }

    /// An act on a plan.
    ///
    /// # Errors
    /// As [`Remote::get`].
    pub fn act(&self, plan: &PlanId, act: &Act, terms: Terms<'_>) -> Result<RecoverView, OpsError> {
        let path = format!("/v1/rollouts/{plan}");
        let why = json!({ "reason": terms.reason.unwrap_or_default() });
        match act {
            Act::Start { until } | Act::Resume { until } => {
                let body = until.as_ref().map_or_else(|| json!({}), |until| json!({ "until": until }));
                self.change(&format!("{path}/{}", act.word()), &body, terms)
            }
            Act::Pause => self.change(&format!("{path}/pause"), &why, terms),
            Act::Halt => self.change(&format!("{path}/halt"), &why, terms),
            Act::Approve => {
                let stage = self.describe(plan)?.current_stage_id.ok_or_else(|| {
                    let no = Blocker::new(ReasonCode::NoCurrentStage, "the plan is in no stage");
                    let way =
                        format!("see how it stands: `holdpoint rollout plan describe --plan-id {plan}`");
                    OpsError::refused(no.way_out(way))
                })?;
                self.change(&format!("{path}/stages/{stage}/approve"), &why, terms)
            }
            Act::Cancel { confirmed } => {
                let confirm = confirmed.then(|| plan.to_string());
                let body = json!({ "reason": terms.reason, "confirm": confirm });
                self.ask(&path, Request { body: Some(&body), takes_away: true, if_match: terms.revision })
            }
            Act::Recover { strategy, confirm } => {
                let plan_too = Some(plan.to_string()).filter(|_| !terms.unconfirmed);
                let confirm = if *strategy == Strategy::Rollback { plan_too } else { confirm.clone() };
                let body = json!({ "strategy": strategy, "reason": terms.reason, "confirm": confirm });
                self.change(&format!("{path}/recover"), &body, terms)
            }
        }
    }

    fn change(&self, path: &str, body: &Value, terms: Terms<'_>) -> Result<RecoverView, OpsError> {
        self.ask(path, Request { body: Some(body), takes_away: false, if_match: terms.revision })
    }

    /// Waits until a plan that is driven there is over, or is paused with nobody driving it.
    ///
    /// # Errors
    /// As [`Remote::get`].
    pub fn follow(
        &self,
        plan: &PlanId,
        stop: &Stop,
        shows: &dyn Fn(&DescribeView),
    ) -> Result<Drove, OpsError> {
        let (mut said, mut unanswered) = (None, Duration::ZERO);
        loop {
            let view = match self.describe(plan) {
                Ok(view) => view,
                // It may be starting anew; the plan goes on there, whoever looks.
                Err(OpsError::Failed { .. }) if unanswered < PATIENCE && stop.level() == 0 => {
                    unanswered += LOOK_EVERY;
                    clock::pause(LOOK_EVERY);
                    continue;
                }
                Err(OpsError::Failed { what, .. }) => {
                    return Err(OpsError::Failed {
                        what: format!(
                            "{what}; what became of {plan} is not known here: it goes on without us"
                        ),
                        hint: format!("holdpoint rollout plan describe --plan-id {plan}"),
                    });
                }
                Err(error) => return Err(error),
            };
            unanswered = Duration::ZERO;
            let now = Some((view.phase, view.wait.clone()));
            if said != now {
                shows(&view);
                said = now;
            }
            if view.phase.is_terminal() {
                return Ok(Drove::Over(view.phase));
            }
            if view.phase == PlanPhase::Paused && view.coordinator.is_none() {
                return Ok(Drove::Paused(view.waits_for.unwrap_or_default()));
            }
            if stop.level() > 0 {
                return Ok(Drove::Stopped);
            }
            clock::pause(LOOK_EVERY);
        }
    }

    fn ask<T: DeserializeOwned>(&self, path: &str, request: Request<'_>) -> Result<T, OpsError> {
        let failed = |what: String| OpsError::Failed {
            what,
            hint: "is that a `holdpoint serve` which is up? ask its `/health`".to_owned(),
        };
        let (status, value) = self.server.ask(path, request).map_err(|error| failed(error.to_string()))?;
        if !(200..300).contains(&status) {
            return Err(against(status, &value));
        }
        serde_json::from_value(value).map_err(|error| failed(format!("its answer cannot be read: {error}")))
    }
}

/// What a server says against it, as the command line there would have said it.
fn against(status: u16, problem: &Value) -> OpsError {
    let text = |name: &str| problem[name].as_str().unwrap_or_default().to_owned();
    let reasons: Vec<Blocker> = serde_json::from_value(problem["reasons"].clone()).unwrap_or_default();
    if !reasons.is_empty() {
        return OpsError::all_refused(reasons);
    }
    let hints: Vec<String> = serde_json::from_value(problem["hints"].clone()).unwrap_or_default();
    let hint = hints.into_iter().next().unwrap_or_else(|| "GET /openapi.json".to_owned());
    let what = format!("{}: {}", text("code"), text("detail"));
    if status == 404 && text("code") == "not-found" && hint == "GET /v1/hosts" {
        let hint = "`holdpoint fleet host list` shows them".to_owned();
        return OpsError::Usage { what: text("detail"), hint };
    }
    if status == 422 || status == 400 {
        return OpsError::Usage { what, hint };
    }
    OpsError::Failed { what, hint }
}
