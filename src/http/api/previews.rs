//! Branches beside production.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::http::asked::Asked;
use crate::http::problem::Problem;
use crate::model::id::{BranchName, Oid, ServiceName};
use crate::model::preview::{PreviewId, PreviewKind, PreviewName, PreviewRow};
use crate::ops::{Host, preview};

use super::words::Words;

pub(in crate::http) fn list(host: &Host, _: &Asked) -> Result<Vec<PreviewRow>, Problem> {
    Ok(preview::list(host)?)
}

/// `preview up`. Its environment file is chosen on the host, never from here.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::http) struct UpBody {
    #[serde(rename = "type")]
    kind: PreviewKind,
    id: PreviewName,
    #[serde(default)]
    branch: Option<BranchName>,
    #[serde(default)]
    at: Option<Oid>,
    #[serde(default)]
    services: Vec<ServiceName>,
    #[serde(default)]
    dry_run: bool,
    #[serde(default)]
    reason: Option<String>,
}

pub(in crate::http) fn up(_: &Asked, body: UpBody) -> Result<Vec<String>, Problem> {
    if body.branch.is_some() && body.at.is_some() {
        return Err(Problem::invalid("`branch` and `at` do not go together: a commit needs no branch"));
    }
    Ok(Words::of(["preview", "up"])
        .with("--type", Some(body.kind.word()))
        .with("--id", Some(body.id))
        .with("--branch", body.branch)
        .with("--at", body.at)
        .each("--services", &body.services)
        .on("--dry-run", body.dry_run)
        .on("--yes", !body.dry_run)
        .with("--reason", body.reason)
        .line())
}

/// `preview cleanup`
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::http) struct CleanupBody {
    #[serde(rename = "type")]
    kind: PreviewKind,
    id: PreviewName,
    #[serde(default)]
    dry_run: bool,
    #[serde(default)]
    reason: Option<String>,
}

pub(in crate::http) fn cleanup(_: &Asked, body: CleanupBody) -> Result<Vec<String>, Problem> {
    let preview = PreviewId { kind: body.kind, id: body.id };
    Ok(Words::of(["preview", "cleanup"])
        .with("--type", Some(preview.kind.word()))
        .with("--id", Some(&preview.id))
        .on("--dry-run", body.dry_run)
        .with("--confirm", (!body.dry_run).then(|| preview.to_string()))
        .with("--reason", body.reason)
        .line())
}
