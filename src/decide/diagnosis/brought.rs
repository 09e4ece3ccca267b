//! Whether the cause came with the release.

use super::seen::DiagnosisSeen;
use crate::model::diagnosis::FailureKind;
use crate::model::facts::RunState;

/// What of the release is the cause, where that is known.
pub(super) fn came_with_it(seen: &DiagnosisSeen<'_>, kind: FailureKind) -> Option<String> {
    let text = seen.text();
    let has = |words: &[&str]| words.iter().any(|word| text.contains(word));
    let step = seen.step()?.as_str();
    if kind == FailureKind::Script && has(&["syntax error", "unexpected end of file"]) {
        return Some(format!("`{step}` is no valid shell"));
    }
    let service = seen.service()?;
    if !seen.brings_its_image() {
        return None;
    }
    if has(&["manifest unknown", "no such image", "pull access denied", "not found: manifest"]) {
        return Some(format!("it wants an image of `{service}` that cannot be had"));
    }
    let row = seen.posture.iter().find(|row| row.service == *service)?;
    let ends = matches!(row.run, RunState::Stopped | RunState::Partly) || row.restarts.is_some_and(|n| n > 2);
    (kind == FailureKind::Health && ends).then(|| format!("the new image of `{service}` does not stay up"))
}
