//! What is meant to run, held against what runs (the materialization check of seeds 000 and 002).

mod head;
mod service;

use crate::model::drift::{DriftCode, DriftRow, DriftSeen, DriftView, RanScript};
use crate::model::reason::{Blocker, ReasonCode};

/// Holds everything against each other. What could not be seen is a row, too.
pub fn drift(seen: &DriftSeen) -> DriftView {
    let mut rows = head::rows(seen);
    rows.extend(seen.troubles.iter().filter(|trouble| hides(trouble)).map(unseen));
    for spec in seen.settings.services.values() {
        rows.extend(service::rows(seen, spec));
    }
    rows.extend(seen.strays.iter().map(|name| {
        let clears = vec![service::engine_line(seen, &["rm", "--force", name])];
        row(DriftCode::ContainerExtra, None, Some(name.clone()), clears)
    }));
    rows.extend(seen.scripts.iter().filter_map(script));
    DriftView {
        clean: rows.is_empty(),
        services: seen.settings.services.len(),
        containers: seen.services.values().map(|state| state.containers.len()).sum(),
        scripts: seen.scripts.len(),
        rows,
        notes: Vec::new(),
    }
}

/// Whether a trouble keeps something from being seen. How data is saved is no question of what runs.
fn hides(trouble: &Blocker) -> bool {
    trouble.code != ReasonCode::BackupUndeclared
}

fn unseen(trouble: &Blocker) -> DriftRow {
    let clears = if trouble.ways_out.is_empty() {
        vec!["holdpoint doctor".to_owned()]
    } else {
        trouble.ways_out.clone()
    };
    row(DriftCode::Unseen, None, Some(trouble.fact.clone()), clears)
}

fn row(code: DriftCode, intended: Option<String>, running: Option<String>, clears: Vec<String>) -> DriftRow {
    DriftRow { code, service: None, intended, running, clears }
}

fn script(script: &RanScript) -> Option<DriftRow> {
    let RanScript { path, ran, now, merge, .. } = script;
    let name = shlex::try_quote(path).map_or_else(|_| path.clone(), std::borrow::Cow::into_owned);
    let shown = |hash: &str| format!("{path} {}", hash.chars().take(12).collect::<String>());
    let back = merge.as_ref().map(|merge| format!("git restore --source={merge} -- {name}"));
    let look = merge.as_ref().map(|merge| format!("git log -p {}.. -- {name}", merge.short()));
    let clears = look.into_iter().chain(back).collect();
    match now {
        Some(now) if now == ran => None,
        Some(now) => Some(row(DriftCode::ScriptChanged, Some(shown(ran)), Some(shown(now)), clears)),
        None => Some(row(DriftCode::ScriptMissing, Some(shown(ran)), None, clears)),
    }
}
