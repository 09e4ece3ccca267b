//! Which known failure this looks like. For now plainly: the quoted error lines of a playbook's symptom, found in what the
//! failing step said.

use crate::decide::playbook_match;
use crate::engine::Halt;
use crate::manifest::playbook;
use crate::manifest::settings::SourceFile;
use crate::model::phase::Phase;
use crate::model::reason::Blocker;
use crate::model::view::RefusedView;
use crate::sys::files;

use super::error::codes;
use super::host::Host;

/// Playbooks that come with the binary.
const SHIPPED: [(&str, &str); 3] = [
    ("release-verify-race.yaml", include_str!("../../recovery/playbooks/release-verify-race.yaml")),
    (
        "release-run-exit-5-with-drift.yaml",
        include_str!("../../recovery/playbooks/release-run-exit-5-with-drift.yaml"),
    ),
    (
        "release-orchestrator-source-drift.yaml",
        include_str!("../../recovery/playbooks/release-orchestrator-source-drift.yaml"),
    ),
];

/// One line for each playbook that fits: its id and its first remedy.
pub(super) fn fitting(host: &Host, halt: &Halt) -> Vec<String> {
    let mut said: Vec<String> = Vec::new();
    for (_, failure) in &halt.failures {
        said.push(failure.summary.clone());
        said.extend(failure.causes.iter().cloned());
        said.extend(failure.tail.iter().cloned());
    }
    matching(host, halt.phase, &said)
}

/// A refusal with the playbooks that fit it; `phase` is the one that was asked for.
pub(super) fn refused(host: &Host, phase: Phase, blockers: Vec<Blocker>, notes: Vec<String>) -> RefusedView {
    let mut said: Vec<String> =
        blockers.iter().map(|blocker| format!("{}: {}", blocker.code, blocker.fact)).collect();
    said.push(format!("refused: {}", codes(&blockers)));
    let playbooks = matching(host, phase, &said);
    RefusedView { playbooks, ..RefusedView::new(blockers, notes) }
}

fn matching(host: &Host, phase: Phase, said: &[String]) -> Vec<String> {
    let mut playbooks = Vec::new();
    for source in sources(host) {
        // One that does not parse never hides another.
        playbooks.extend(playbook::parse(&source).unwrap_or_default());
    }
    playbook_match::plain(&playbooks, phase, said)
}

/// The host's own playbooks first: one with the name of a shipped one takes its place.
fn sources(host: &Host) -> Vec<SourceFile> {
    let folder = host.root().join(&host.settings.paths.playbooks);
    let mut sources = Vec::new();
    let mut own = Vec::new();
    for name in files::list(&folder).unwrap_or_default() {
        let name = name.to_string_lossy().into_owned();
        if name.starts_with("release-")
            && std::path::Path::new(&name).extension().is_some_and(|ending| ending == "yaml")
            && let Ok(text) = files::read_text(&folder.join(&name), 1 << 20)
        {
            sources.push(SourceFile { path: name.clone(), text });
            own.push(name);
        }
    }
    for (name, text) in SHIPPED {
        if !own.iter().any(|known| known == name) {
            sources.push(SourceFile { path: name.to_owned(), text: text.to_owned() });
        }
    }
    sources
}
