//! `logs SERVICE`: what a service printed, by its own means, and with `--follow` what it prints.

use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::decide;
use crate::drivers::compose;
use crate::model::facts::{Compose, ComposeFlavour};
use crate::model::id::ServiceName;
use crate::model::outcome::Ending;
use crate::model::request::LogLines;
use crate::model::spec::{CommandSpec, DriverSpec};
use crate::ops::ask::{ask, environment, said};
use crate::ops::error::OpsError;
use crate::ops::host::Host;
use crate::sys::process::{self, GoOn};
use crate::sys::signal::{Signal, Stop};

use super::status::known_services;

/// How long printing may take, and how much may be printed.
const PATIENCE: Duration = Duration::from_mins(1);
const LIMIT: u64 = 64 << 20;

/// A program that only prints is asked again this often while it is followed.
const AGAIN_EVERY: Duration = Duration::from_secs(1);

/// How often a wait is looked up from.
const BEAT: Duration = Duration::from_millis(100);

/// A service's last lines, secrets made unreadable.
///
/// # Errors
/// A usage error for a name that is no service here, and for `--since` where its lines carry no times; when the service
/// has no way to print, or its program fails.
pub fn logs(host: &Host, service: &ServiceName, lines: &LogLines) -> Result<Vec<String>, OpsError> {
    logs_within(host, service, lines, PATIENCE)
}

/// The same, from a service that may take so long to print.
pub(in crate::ops) fn logs_within(
    host: &Host,
    service: &ServiceName,
    lines: &LogLines,
    patience: Duration,
) -> Result<Vec<String>, OpsError> {
    let printer = Printer::of(host, service, &LogLines { follow: false, ..*lines })?;
    printer.printed(host, patience)
}

/// Shows a service's last lines and then each new one, until somebody says stop or nobody reads any more. Nothing is
/// changed by ending it.
///
/// # Errors
/// As [`logs`].
pub fn follow_logs(
    host: &Host,
    service: &ServiceName,
    lines: &LogLines,
    each: &mut dyn FnMut(&str) -> GoOn,
    stop: &Stop,
) -> Result<Ending, OpsError> {
    let printer = Printer::of(host, service, lines)?;
    match host.settings.services.get(service).map(|spec| &spec.driver) {
        Some(DriverSpec::Compose(_)) => printer.streamed(host, each, stop),
        _ => printer.asked_again(host, each, stop),
    }
}

/// How a service prints, and what of it is wanted.
#[derive(Clone)]
struct Printer {
    service: ServiceName,
    command: CommandSpec,
    lines: LogLines,
    /// The command itself cannot leave older lines out.
    sifts: bool,
}

impl Printer {
    fn of(host: &Host, service: &ServiceName, lines: &LogLines) -> Result<Self, OpsError> {
        known_services(host, std::slice::from_ref(service))?;
        let unknown = || OpsError::Usage {
            what: format!("`{service}` is no service of this host"),
            hint: "holdpoint status".to_owned(),
        };
        let spec = host.settings.services.get(service).ok_or_else(unknown)?;
        let found = match spec.driver {
            DriverSpec::Compose(_) => {
                compose::find(host.settings.compose_command.as_deref(), &host.surroundings).compose
            }
            DriverSpec::Command(_) => None,
        };
        let command = decide::logs(spec, &host.settings, found.as_ref(), host.root(), lines);
        let command = command.ok_or_else(|| match spec.driver {
            DriverSpec::Compose(_) => OpsError::Failed {
                what: format!("the logs of `{service}` cannot be read: no compose answers here"),
                hint: "holdpoint doctor".to_owned(),
            },
            DriverSpec::Command(_) => OpsError::Failed {
                what: format!("`{service}` has no command that prints its logs"),
                hint: format!("say it in {}: `commands = {{ logs = […] }}`", spec.defined_in),
            },
        })?;
        let first_generation =
            |compose: &Compose| compose.flavour == ComposeFlavour::V1 && lines.since.is_some();
        let sifts = found.as_ref().is_none_or(first_generation);
        Ok(Self { service: service.clone(), command, lines: *lines, sifts })
    }

    /// What it prints now, as far as it is wanted.
    fn printed(&self, host: &Host, patience: Duration) -> Result<Vec<String>, OpsError> {
        let answer = ask(host, &self.command, LIMIT, patience)
            .map_err(|error| self.failed(host, &error.to_string()))?;
        let text = said(host, &answer);
        if answer.code != Some(0) {
            return Err(self.ended(host, answer.code, text.lines().last()));
        }
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        if !self.sifts {
            return Ok(lines);
        }
        if let Some(since) = self.lines.since {
            lines = self.since(&lines, since)?;
        }
        let first = self.lines.at_most().map_or(0, |tail| lines.len().saturating_sub(tail as usize));
        Ok(lines.split_off(first))
    }

    /// Lines from the first one of that moment on; one without a time belongs to the line above it.
    fn since(&self, lines: &[String], since: DateTime<Utc>) -> Result<Vec<String>, OpsError> {
        if !lines.is_empty() && lines.iter().all(|line| moment(line).is_none()) {
            return Err(OpsError::Usage {
                what: format!(
                    "the lines of `{}` carry no times, so which are newer is not known",
                    self.service
                ),
                hint: format!("holdpoint logs {} --tail 200", self.service),
            });
        }
        let first = lines.iter().position(|line| moment(line).is_some_and(|at| at >= since));
        Ok(first.map_or_else(Vec::new, |first| lines[first..].to_vec()))
    }

    /// Compose goes on printing by itself.
    fn streamed(
        &self,
        host: &Host,
        each: &mut dyn FnMut(&str) -> GoOn,
        stop: &Stop,
    ) -> Result<Ending, OpsError> {
        let env = environment(host, &self.command);
        let wanted = || if stop.level() == 0 { GoOn::Yes } else { GoOn::No };
        let older = |line: &str| {
            self.sifts && self.lines.since.is_some_and(|since| moment(line).is_some_and(|at| at < since))
        };
        let mut last = None;
        let mut show = |line: &str| {
            let line = host.redactor.redact(line);
            let next = if older(&line) { GoOn::Yes } else { each(&line) };
            last = Some(line);
            next
        };
        let ended = process::stream(&self.command.argv, &self.command.cwd, &env, &wanted, &mut show);
        let code = ended.map_err(|error| self.failed(host, &error.to_string()))?;
        match (stop.signal(), code) {
            (Some(signal), _) => Ok(ending(signal)),
            (None, Some(0) | None) => Ok(Ending::Ok),
            (None, code) => Err(self.ended(host, code, last.as_deref())),
        }
    }

    /// A program that only prints is asked again and again, and what it printed before is left out.
    fn asked_again(
        &self,
        host: &Host,
        each: &mut dyn FnMut(&str) -> GoOn,
        stop: &Stop,
    ) -> Result<Ending, OpsError> {
        // All that it prints is compared, the end of it is shown.
        let whole = Self { lines: LogLines { tail: Some(u32::MAX), ..self.lines }, ..self.clone() };
        let mut known = whole.printed(host, PATIENCE)?;
        let mut shown = self.lines.at_most().map_or(0, |tail| known.len().saturating_sub(tail as usize));
        loop {
            for line in &known[shown..] {
                if each(line) == GoOn::No {
                    return Ok(Ending::Ok);
                }
            }
            let mut waited = Duration::ZERO;
            while waited < AGAIN_EVERY {
                if let Some(signal) = stop.signal() {
                    return Ok(ending(signal));
                }
                host.clock.sleep(BEAT);
                waited += BEAT;
            }
            let now = whole.printed(host, PATIENCE)?;
            shown = now.len() - fresh(&known, &now).len();
            known = now;
        }
    }

    fn failed(&self, host: &Host, what: &str) -> OpsError {
        let shown = self.command.argv.join(" ");
        let hint = format!("try it by hand: `{}`", host.redactor.redact(&shown));
        OpsError::Failed { what: host.redactor.redact(what), hint }
    }

    fn ended(&self, host: &Host, code: Option<i32>, last: Option<&str>) -> OpsError {
        let code = code.map_or("by a signal".to_owned(), |code| format!("with {code}"));
        self.failed(host, &format!("printing the logs ended {code}: {}", last.unwrap_or_default()))
    }
}

fn ending(signal: Signal) -> Ending {
    match signal {
        Signal::Int => Ending::Interrupted,
        Signal::Term => Ending::Terminated,
    }
}

/// What a program printed that it had not printed before: it prints a window that moves on, so what is new stands behind
/// the longest end of the old window that the new one begins with.
fn fresh<'n>(old: &[String], new: &'n [String]) -> &'n [String] {
    let longest = old.len().min(new.len());
    let overlap = (1..=longest).rev().find(|length| old[old.len() - length..] == new[..*length]);
    &new[overlap.unwrap_or(0)..]
}

/// The time that a line begins with, behind the name that compose puts before it.
fn moment(line: &str) -> Option<DateTime<Utc>> {
    let own = line.split_once(" | ").map_or(line, |(_, own)| own).trim_start_matches(['[', ' ']);
    let word = own.split([' ', ']', '\t']).next()?;
    DateTime::parse_from_rfc3339(word).ok().map(|at| at.with_timezone(&Utc))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        text.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect()
    }

    #[test]
    fn only_what_is_new_is_shown_again() {
        for (old, new, shown) in [
            ("a b c", "a b c", ""),
            ("a b c", "a b c d e", "d e"),
            ("a b c", "b c d", "d"),
            ("a a a", "a a a a", "a"),
            ("a b c", "x y", "x y"),
            ("", "a", "a"),
            ("a", "", ""),
        ] {
            assert_eq!(fresh(&lines(old), &lines(new)), lines(shown), "{old} then {new}");
        }
    }

    #[test]
    fn the_time_of_a_line_is_read_where_it_stands() {
        for line in [
            "2026-05-18T10:00:00Z up",
            "wikijs_1  | 2026-05-18T10:00:00Z up",
            "[2026-05-18T12:00:00+02:00] up",
        ] {
            assert_eq!(moment(line).map(|at| at.to_rfc3339()).as_deref(), Some("2026-05-18T10:00:00+00:00"));
        }
        assert_eq!(moment("up since 2026-05-18T10:00:00Z"), None);
    }
}
