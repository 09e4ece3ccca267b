//! `snapshot.toml` with its own digest, and the plan beside it.

use std::path::Path;

use crate::model::facts::Snapshot;
use crate::model::plan::Plan;
use crate::sys::files;

use super::error::StoreError;

/// A snapshot or plan may have this many bytes.
const LIMIT: u64 = 16 << 20;

/// First line: the digest of everything after it.
const DIGEST: &str = "# sha256:";

/// Writes a snapshot; returns its digest, `sha256:…`.
pub(super) fn save(path: &Path, snapshot: &Snapshot, mode: u32) -> Result<String, StoreError> {
    let encode = |error: toml::ser::Error| StoreError::Encode { what: "snapshot", why: error.to_string() };
    let body = toml::to_string(snapshot).map_err(encode)?;
    let digest = files::sha256_of(body.as_bytes());
    files::save_atomic(path, format!("{DIGEST}{digest}\n{body}").as_bytes(), mode)?;
    Ok(format!("sha256:{digest}"))
}

/// Reads a snapshot and proves it against its digest.
pub(super) fn load(path: &Path) -> Result<Option<Snapshot>, StoreError> {
    if !files::exists(path) {
        return Ok(None);
    }
    let text = files::read_text(path, LIMIT)?;
    let damaged = |what: String| StoreError::Damaged { path: path.to_path_buf(), what };
    let (first, body) = text.split_once('\n').ok_or_else(|| damaged("it has one line".to_owned()))?;
    let digest = first.strip_prefix(DIGEST).ok_or_else(|| damaged("its digest is missing".to_owned()))?;
    if files::sha256_of(body.as_bytes()) != digest {
        return Err(damaged("its content does not match its digest".to_owned()));
    }
    toml::from_str(body).map(Some).map_err(|error| damaged(error.message().to_owned()))
}

/// Writes a plan. It explains; what counts is in the log and the snapshot, so it is not synced.
pub(super) fn save_plan(path: &Path, plan: &Plan, mode: u32) -> Result<(), StoreError> {
    let encode = |error: serde_json::Error| StoreError::Encode { what: "plan", why: error.to_string() };
    let text = serde_json::to_string_pretty(plan).map_err(encode)?;
    files::write(path, text.as_bytes(), mode)?;
    Ok(())
}

/// Reads a plan.
pub(super) fn load_plan(path: &Path) -> Result<Option<Plan>, StoreError> {
    if !files::exists(path) {
        return Ok(None);
    }
    let text = files::read_text(path, LIMIT)?;
    let damaged =
        |error: serde_json::Error| StoreError::Damaged { path: path.to_path_buf(), what: error.to_string() };
    serde_json::from_str(&text).map(Some).map_err(damaged)
}
