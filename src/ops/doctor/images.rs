//! Old images: what a revert would need, and the jobs that would take them away.

use std::collections::BTreeSet;
use std::path::Path;

use crate::drivers::compose;
use crate::model::facts::SnapshotService;
use crate::model::gather::Gather;
use crate::model::id::{AttemptId, ServiceName};
use crate::model::view::DoctorRow;
use crate::ops::host::Host;
use crate::ops::inspect::Posture;
use crate::sys::files;

use super::row::{bad, warn, well};

/// Where jobs stand that clean a host up.
const PLACES: [&str; 7] = [
    "/etc/crontab",
    "/etc/cron.d",
    "/etc/cron.hourly",
    "/etc/cron.daily",
    "/etc/cron.weekly",
    "/var/spool/cron/crontabs",
    "/etc/systemd/system",
];

/// Whether the images that the last release replaced are still here, and whether a job would remove them.
pub(super) fn rows(host: &Host, seen: &Posture) -> Vec<DoctorRow> {
    if seen.runtime.engine.is_none() {
        return Vec::new();
    }
    let needed = needed(host, seen);
    let missing = missing(host, seen, &needed);
    let jobs = prune_jobs();
    let mut rows = Vec::new();
    if !missing.is_empty() {
        let fact =
            format!("a revert of the last release needs images that are not here: {}", missing.join(", "));
        let pulls: Vec<String> = missing
            .iter()
            .map(|image| format!("{} pull {image}", seen.runtime.engine.as_deref().unwrap_or("docker")))
            .collect();
        let pulls: Vec<&str> = pulls.iter().map(String::as_str).collect();
        rows.push(bad("old images", fact, &pulls));
    }
    for job in &jobs {
        let fact =
            format!("`{job}` removes images that no container uses, the ones that a revert needs among them");
        rows.push(warn(
            "old images",
            fact,
            &["prune without `--all`: images that a release replaced keep a tag of ours"],
        ));
    }
    if rows.is_empty() && !needed.is_empty() {
        rows.push(well("old images", format!("{} are kept for a revert", needed.len())));
    }
    rows
}

/// Images of one service that ran before the newest release, by name and by what they were known as.
struct Old {
    images: Vec<String>,
    identities: Vec<String>,
}

/// What ran before the newest release and would run again after its revert.
fn needed(host: &Host, seen: &Posture) -> Vec<Old> {
    let Some(last) = seen.releases.iter().rfind(|state| state.merge.is_some()) else { return Vec::new() };
    let attempt = AttemptId { ticket: last.ticket.clone(), number: last.attempt };
    let Ok(Some(snapshot)) = host.store.snapshot(&attempt) else { return Vec::new() };
    let composed = |name: &ServiceName| seen.compose.contains_key(name);
    let words = |text: Option<String>| -> Vec<String> {
        text.unwrap_or_default().split_whitespace().map(str::to_owned).collect()
    };
    let services = snapshot.services.into_iter().filter(|(name, _)| composed(name));
    let old = |(_, service): (_, SnapshotService)| Old {
        images: words(service.image_before),
        identities: words(service.identity_before),
    };
    services.map(old).filter(|old| !old.images.is_empty()).collect()
}

/// Those that are here neither by their name nor by what they were known as when they ran.
fn missing(host: &Host, seen: &Posture, needed: &[Old]) -> Vec<String> {
    let Some(engine) = &seen.runtime.engine else { return Vec::new() };
    let references: BTreeSet<String> =
        needed.iter().flat_map(|old| old.images.iter().chain(&old.identities)).cloned().gather();
    // An engine that does not answer is said elsewhere.
    let Ok(here) = compose::images(engine, &references, &host.surroundings) else { return Vec::new() };
    let known_otherwise =
        |old: &Old| !old.identities.is_empty() && old.identities.iter().all(|id| here.contains_key(id));
    let gone = needed.iter().filter(|old| !known_otherwise(old));
    gone.flat_map(|old| &old.images).filter(|image| !here.contains_key(*image)).cloned().collect()
}

/// Files that call `docker … prune --all`.
fn prune_jobs() -> Vec<String> {
    let mut found = Vec::new();
    for place in PLACES.map(Path::new) {
        let paths = if files::is_folder(place) {
            files::list(place).unwrap_or_default().into_iter().map(|name| place.join(name)).collect()
        } else {
            vec![place.to_path_buf()]
        };
        let takes = |path: &std::path::PathBuf| {
            files::is_file(path) && files::read_text(path, 1 << 20).is_ok_and(|text| takes_all_images(&text))
        };
        found.extend(paths.into_iter().filter(takes).map(|path| path.display().to_string()));
    }
    found
}

/// Whether a line removes every image that no container uses.
fn takes_all_images(text: &str) -> bool {
    text.lines().filter(|line| !line.trim_start().starts_with('#')).any(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let has = |word: &str| words.iter().any(|found| found.trim_matches(['"', '\'', ';']) == word);
        let program = words.iter().any(|word| word.ends_with("docker") || word.ends_with("podman"));
        let all = has("--all")
            || words
                .iter()
                .any(|word| word.starts_with('-') && !word.starts_with("--") && word.contains('a'));
        program && has("prune") && (has("image") || has("system")) && all
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_jobs_that_take_every_unused_image_are_named() {
        for taking in [
            "0 3 * * * root docker system prune -af",
            "/usr/bin/docker image prune --all --force",
            "podman image prune -a",
        ] {
            assert!(takes_all_images(taking), "{taking}");
        }
        for harmless in [
            "docker image prune -f",
            "# docker system prune -a",
            "docker volume prune -a",
            "apt autoremove -a",
            "",
        ] {
            assert!(!takes_all_images(harmless), "{harmless}");
        }
    }
}
