//! `check --guard`: the host's own guardrail, alone. Recovery asks it before it changes anything (design/05).

use crate::decide;
use crate::model::reason::{Blocker, ReasonCode};
use crate::model::view::GuardView;

use super::ask::{ask, said};
use super::error::OpsError;
use super::host::Host;
use super::sources::RELEASE_TOML;

/// How much a guardrail may print.
const LIMIT: u64 = 1 << 20;

/// Runs `[guard] command` and says how it ended.
///
/// # Errors
/// A usage error where none is configured; when it cannot be started or does not end within `[run] timeout`.
pub fn guard(host: &Host) -> Result<GuardView, OpsError> {
    let command = decide::guard(&host.settings, host.root()).ok_or_else(|| OpsError::Usage {
        what: format!("there is no guardrail to run: `{RELEASE_TOML}` has no `[guard]`"),
        hint: "write one, then run the same command again: `[guard]` with `command = [\"scripts/guardrails.sh\"]`"
            .to_owned(),
    })?;
    let shown: Vec<String> = command.argv.iter().map(|word| host.redactor.redact(word)).collect();
    let began = host.clock.monotonic();
    let limit = host.settings.run.timeout.0;
    let answer = ask(host, &command, LIMIT, limit).map_err(|error| OpsError::Failed {
        what: format!("the guardrail gave no answer: {error}"),
        hint: format!("try it by hand: `{}`", shown.join(" ")),
    })?;
    let ms = u64::try_from(host.clock.monotonic().saturating_sub(began).as_millis()).unwrap_or(u64::MAX);
    let blocker = (answer.code != Some(0)).then(|| {
        let how = answer.code.map_or("was ended by a signal".to_owned(), |code| format!("exited {code}"));
        Blocker::new(ReasonCode::GuardFailed, format!("`{}` {how}", shown.join(" ")))
            .way_out("mend what it names, then: holdpoint check --guard")
    });
    let output = said(host, &answer).lines().map(str::to_owned).collect();
    Ok(GuardView { passed: blocker.is_none(), exit: answer.code, command: shown, ms, output, blocker })
}

/// What the guardrail says against putting something else in place; nothing where none is configured.
///
/// # Errors
/// As [`guard`].
pub(super) fn blocker(host: &Host) -> Result<Option<Blocker>, OpsError> {
    if host.settings.guard.is_none() {
        return Ok(None);
    }
    Ok(guard(host)?.blocker)
}

/// Refuses what would put something back while the guardrail says no.
///
/// # Errors
/// [`OpsError::Refused`] with `guard-failed`; as [`guard`].
pub(super) fn must_pass(host: &Host) -> Result<(), OpsError> {
    blocker(host)?.map_or(Ok(()), |blocker| Err(OpsError::refused(blocker)))
}
