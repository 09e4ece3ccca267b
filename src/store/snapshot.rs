//! `snapshot.toml` with its own digest, and the plan beside it.

use std::path::Path;

use crate::model::facts::Snapshot;
use crate::model::plan::Plan;
use crate::sys::files::{self, Beneath};

use super::error::StoreError;
use super::toml_text;

/// A snapshot or plan may have this many bytes.
const LIMIT: u64 = 16 << 20;

/// First line: the digest of everything after it.
const DIGEST: &str = "# sha256:";

/// Writes a snapshot; returns its digest, `sha256:…`.
pub(super) fn save(folder: &Beneath, path: &Path, snapshot: &Snapshot) -> Result<String, StoreError> {
    let encode = |error: toml::ser::Error| StoreError::Encode { what: "snapshot", why: error.to_string() };
    let body = toml::to_string(snapshot).map_err(encode)?;
    let digest = files::sha256_of(body.as_bytes());
    folder.save_atomic(path, format!("{DIGEST}{digest}\n{body}").as_bytes())?;
    Ok(format!("sha256:{digest}"))
}

/// Reads a snapshot and proves it against its digest, and that against the one that was recorded.
pub(super) fn load(
    folder: &Beneath,
    path: &Path,
    recorded: Option<&str>,
) -> Result<Option<Snapshot>, StoreError> {
    let Some(text) = text(folder, path)? else { return Ok(None) };
    let damaged = |what: String| StoreError::Damaged { path: path.to_path_buf(), what };
    let (first, body) = text.split_once('\n').ok_or_else(|| damaged("it has one line".to_owned()))?;
    let digest = first.strip_prefix(DIGEST).ok_or_else(|| damaged("its digest is missing".to_owned()))?;
    if files::sha256_of(body.as_bytes()) != digest {
        return Err(damaged("its content does not match its digest".to_owned()));
    }
    if recorded.is_some_and(|recorded| recorded.strip_prefix("sha256:") != Some(digest)) {
        return Err(damaged("it is not the snapshot that was recorded".to_owned()));
    }
    toml_text::read(body).map(Some).map_err(damaged)
}

fn text(folder: &Beneath, path: &Path) -> Result<Option<String>, StoreError> {
    let utf8 = |bytes| {
        let what = "it is not UTF-8".to_owned();
        String::from_utf8(bytes).map_err(|_| StoreError::Damaged { path: path.to_path_buf(), what })
    };
    folder.read(path, LIMIT)?.map(utf8).transpose()
}

/// Writes a plan. It explains; what counts is in the log and the snapshot, so it is not synced.
pub(super) fn save_plan(folder: &Beneath, path: &Path, plan: &Plan) -> Result<(), StoreError> {
    let encode = |error: serde_json::Error| StoreError::Encode { what: "plan", why: error.to_string() };
    let text = serde_json::to_string_pretty(plan).map_err(encode)?;
    Ok(folder.write(path, text.as_bytes())?)
}

/// Reads a plan.
pub(super) fn load_plan(folder: &Beneath, path: &Path) -> Result<Option<Plan>, StoreError> {
    let Some(text) = text(folder, path)? else { return Ok(None) };
    let damaged =
        |error: serde_json::Error| StoreError::Damaged { path: path.to_path_buf(), what: error.to_string() };
    serde_json::from_str(&text).map(Some).map_err(damaged)
}
