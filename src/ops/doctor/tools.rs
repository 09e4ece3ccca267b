//! Programs that a release needs, and how the host treats what people leave running.

use std::collections::BTreeSet;
use std::path::Path;

use crate::drivers::compose::{self, Composed};
use crate::model::facts::RunState;
use crate::model::gather::Gather;
use crate::model::quantity::counted;
use crate::model::reason::ReasonCode;
use crate::model::source::Relink;
use crate::model::spec::DriverSpec;
use crate::model::view::{DoctorRow, Verdict};
use crate::ops::host::Host;
use crate::ops::inspect::Posture;
use crate::sys::files;

use super::row::{bad, refusal, row, warn, well};

/// The oldest git that knows everything we ask of it (`--no-write-fetch-head`).
const OLDEST_GIT: (u32, u32) = (2, 29);

/// Git, and the checkout it reads.
pub(super) fn git(host: &Host) -> Vec<DoctorRow> {
    let version = match host.git.version() {
        Ok(version) => version,
        Err(error) => return vec![bad("git", error.to_string(), &["install git"])],
    };
    let mut rows = vec![if is_old(&version) {
        let fact = format!("{version} is too old: {}.{} or newer is wanted", OLDEST_GIT.0, OLDEST_GIT.1);
        bad("git", fact, &["install a newer git"])
    } else {
        well("git", version)
    }];
    rows.push(match host.git.standing() {
        Err(error) => refusal("checkout", Verdict::Bad, &error.blocker()),
        Ok((head, None, _)) => {
            let fact = format!("HEAD is detached at {}", head.short());
            let way = format!("git switch {}", host.settings.git.branch);
            bad("checkout", fact, &[&way])
        }
        Ok((head, Some(branch), _)) => well("checkout", format!("{} on {branch}", head.short())),
    });
    rows
}

fn is_old(version: &str) -> bool {
    let mut numbers = version.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
    let found = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    found < OLDEST_GIT
}

/// The configuration was read, or we would not be here.
pub(super) fn configuration(host: &Host) -> DoctorRow {
    let count = host.settings.services.len();
    let files = host.settings.sources.len();
    if count == 0 {
        return warn(
            "configuration",
            "it names no service: a release only moves the tree",
            &["holdpoint init"],
        );
    }
    well("configuration", format!("{}, read from {}", counted(count, "service"), counted(files, "file")))
}

/// What a release reads from elsewhere than the configuration says: good for a night, and not for a year.
pub(super) fn relinked(host: &Host) -> Vec<DoctorRow> {
    let in_force = host.links.in_force(None);
    let row = |link: &Relink| {
        let to = link.to.as_deref().unwrap_or(&link.own);
        let why = link.reason.as_deref().map(|why| format!(": {why}")).unwrap_or_default();
        let fact = format!(
            "`{}` is relinked to `{to}` by {} since {}{why}",
            link.source,
            link.by,
            link.at.format("%F")
        );
        let way = "write it into .asd/release.toml, then `holdpoint source relink … --reset`; see `holdpoint source show`";
        warn("source", fact, &[way])
    };
    in_force.into_values().map(row).collect()
}

/// Compose and its engine, where a service needs them.
pub(super) fn runtime(seen: &Posture) -> Vec<DoctorRow> {
    let composed =
        |service: &crate::model::spec::ServiceSpec| matches!(service.driver, DriverSpec::Compose(_));
    if !seen.settings.services.values().any(composed) {
        return Vec::new();
    }
    let of_tools = seen.troubles.iter().filter(|trouble| trouble.code == ReasonCode::Tools);
    let mut rows: Vec<DoctorRow> =
        of_tools.map(|trouble| refusal("compose", Verdict::Bad, trouble)).collect();
    if let Some(compose) = &seen.runtime.compose {
        let engine = seen.runtime.engine.as_deref().unwrap_or("no engine");
        rows.push(well(
            "compose",
            format!("{} {} with {engine}", compose.command.join(" "), compose.version),
        ));
    }
    let unread = seen.troubles.iter().filter(|trouble| trouble.code == ReasonCode::SourceUnavailable);
    rows.extend(unread.map(|trouble| refusal("compose file", Verdict::Bad, trouble)));
    rows
}

/// What runs, and what runs although nobody here answers for it.
pub(super) fn services(host: &Host, seen: &Posture) -> Vec<DoctorRow> {
    let mut rows = Vec::new();
    for (name, state) in &seen.services {
        let check = format!("service {name}");
        let logs = format!("holdpoint logs {name}");
        match (&state.trouble, state.run) {
            (Some(trouble), _) => rows.push(bad(check, trouble.clone(), &[])),
            (None, RunState::Running) => {}
            (None, RunState::Unknown) => rows.push(bad(check, "it cannot be seen", &[])),
            (None, RunState::Partly) => rows.push(warn(check, "only a part of it runs", &[&logs])),
            (None, RunState::Stopped) => rows.push(warn(check, "it is stopped", &[&logs])),
            (None, RunState::Absent) => rows.push(warn(check, "it was never started here", &[])),
        }
        if !state.leftover.is_empty() {
            let fact = format!("left over from an interrupted recreate: {}", state.leftover.join(", "));
            let way = format!("docker rm --force {}", state.leftover.join(" "));
            rows.push(warn(format!("service {name}"), fact, &[&way]));
        }
    }
    rows.extend(uncovered(host, seen));
    if rows.is_empty() && !seen.services.is_empty() {
        rows.push(well("services", format!("all {} run", seen.services.len())));
    }
    rows
}

/// Containers of our compose projects that belong to no service here: a release never looks at them.
fn uncovered(host: &Host, seen: &Posture) -> Vec<DoctorRow> {
    let Some(engine) = &seen.runtime.engine else { return Vec::new() };
    let Ok(all) = compose::survey(engine, &host.surroundings) else { return Vec::new() };
    let projects: BTreeSet<&str> = seen.compose.values().map(|resolved| resolved.project.as_str()).gather();
    let containers = || seen.services.values().flat_map(|state| &state.containers);
    let ours: BTreeSet<&str> = containers().map(|container| container.id.as_str()).gather();
    let leftover: BTreeSet<&str> =
        seen.services.values().flat_map(|state| &state.leftover).map(String::as_str).gather();
    let is_uncovered = |composed: &&Composed| {
        let container = &composed.container;
        projects.contains(container.project.as_str())
            && !ours.contains(container.id.as_str())
            && !leftover.contains(container.name.as_str())
    };
    let row = |composed: &Composed| {
        let container = &composed.container;
        let fact = format!(
            "container {} (`{}` of project {}) belongs to no service here: no release looks at it",
            container.name, container.part, container.project
        );
        let part = &container.part;
        let way =
            format!("name it in .asd/release.toml: `[services.{part}]`, or in the `services` of another one");
        warn("uncovered", fact, &[&way])
    };
    all.iter().filter(is_uncovered).map(row).collect()
}

/// Where systemd ends what a closed session leaves behind, a dropped connection ends a release.
pub(super) fn sessions() -> Vec<DoctorRow> {
    let folders =
        ["/etc/systemd/logind.conf.d", "/run/systemd/logind.conf.d", "/usr/lib/systemd/logind.conf.d"];
    let mut texts = vec![read("/etc/systemd/logind.conf")];
    for folder in folders {
        let mut names = files::list(Path::new(folder)).unwrap_or_default();
        names.sort();
        texts.extend(names.iter().map(|name| read(&format!("{folder}/{}", name.to_string_lossy()))));
    }
    let kills = texts.iter().filter_map(|text| kills_user_processes(text)).next_back();
    match kills {
        Some(true) => vec![row_of_sessions()],
        _ => Vec::new(),
    }
}

fn row_of_sessions() -> DoctorRow {
    let fact = "logind ends what a closed session leaves behind (`KillUserProcesses=yes`): a dropped connection would \
                end a release";
    let linger = "loginctl enable-linger";
    let scope = "or start releases as `systemd-run --scope --user holdpoint run …`";
    let mut row = row("sessions", Verdict::Warn, fact);
    row.ways_out = vec![linger.to_owned(), scope.to_owned()];
    row
}

fn read(path: &str) -> String {
    files::read_text(Path::new(path), 1 << 20).unwrap_or_default()
}

/// What a logind configuration says last; none where it does not say.
fn kills_user_processes(text: &str) -> Option<bool> {
    let value = |line: &str| {
        Some(line.trim().strip_prefix("KillUserProcesses")?.trim().strip_prefix('=')?.trim().to_owned())
    };
    let last = text.lines().filter_map(value).next_back()?;
    Some(matches!(last.to_lowercase().as_str(), "yes" | "true" | "on" | "1"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_git_is_told_from_a_new_one() {
        for (version, old) in
            [("2.39.5", false), ("2.29.0", false), ("2.28.9", true), ("1.8.3.1", true), ("3.0", false)]
        {
            assert_eq!(is_old(version), old, "{version}");
        }
    }

    #[test]
    fn logind_says_it_in_its_last_line() {
        assert_eq!(kills_user_processes("[Login]\n#KillUserProcesses=yes\n"), None);
        assert_eq!(kills_user_processes("KillUserProcesses=no\nKillUserProcesses = yes\n"), Some(true));
        assert_eq!(kills_user_processes("KillUserProcesses=no\n"), Some(false));
    }
}
