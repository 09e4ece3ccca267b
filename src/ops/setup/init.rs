//! `init`: reads what runs and drafts what a release needs to know. It never writes over a file without consent: one that
//! is there is `kept`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::drivers::Surroundings;
use crate::drivers::git::Git;
use crate::manifest::draft;
use crate::model::event::{EventDraft, EventKind};
use crate::model::id::TicketId;
use crate::model::projection::field;
use crate::model::source::Overlay;
use crate::model::view::{Change, ChangeView, Consent};
use crate::ops::error::OpsError;
use crate::ops::face::{Face, Given};
use crate::ops::release::following;
use crate::ops::sources::{self, RELEASE_TOML};
use crate::ops::told::Told;
use crate::store::{Durability, HolderText, Layout, Sharing, Store};
use crate::sys::clock::{Clock, SystemClock};
use crate::sys::{files, process};

use super::draft::found;
use super::files::{EXCLUDED, boot_unit, recipes};

/// Reads what runs on this host and writes the first configuration for it. A file of ours that is there and reads
/// otherwise is written over only with consent, and the old one is kept; the configuration never is.
///
/// # Errors
/// Outside of a git checkout; when a file cannot be written; [`OpsError::Store`] while a run holds this host.
pub fn init(start: &Path, dry_run: bool, face: Face<'_>) -> Result<ChangeView, OpsError> {
    let start = files::absolute(start)?;
    let env = process::base_environment(&[]);
    let root = Git::new(Surroundings { root: start, env: env.clone() }, &[]).top()?;
    let surroundings = Surroundings { root: root.clone(), env };
    let git = Git::new(surroundings.clone(), &[]);

    let mut view = ChangeView { dry_run, ..ChangeView::default() };
    let found = found(&git, &surroundings, &mut view.notes)?;
    let mut names: Vec<String> = found.services.iter().map(|service| service.name.clone()).collect();
    names.extend(super::draft::manifest_names(&git)?);
    names.extend(configured(&root));
    let mut pages = vec![
        page(&root, RELEASE_TOML, draft::render(&found), "how this host is released", Whose::Theirs),
        page(&root, "release.just", recipes(&names), "recipes for your justfile to import", Whose::Ours),
        excluded(&root, &git.exclude_file()?)?,
        page(
            &root,
            ".asd/workspace/holdpoint-interrupted.service",
            boot_unit(&root),
            "optional: after a crash it tells who is notified that a release was interrupted",
            Whose::Ours,
        ),
    ];
    if !may_replace(&pages, dry_run, face) {
        pages.iter_mut().for_each(Page::keep);
    }
    view.changes = pages.iter().map(|page| page.change(dry_run)).collect();
    if !dry_run && pages.iter().any(|page| page.fate != Fate::Keep) {
        carry_out(&root, &pages, face)?;
    }
    if !has_import(&root) {
        view.notes
            .push("to type `just release-run 1234`, add `import 'release.just'` to your justfile".to_owned());
    }
    view.next = vec![
        following("read it, correct it, and commit it where you develop", format!("$EDITOR {RELEASE_TOML}")),
        following("then see whether this host is fit to release", "holdpoint doctor".to_owned()),
        following("and record what runs, touching nothing", "holdpoint adopt".to_owned()),
    ];
    Ok(view)
}

/// Names of the services of a configuration that is there already, as far as it can be read.
fn configured(root: &Path) -> Vec<String> {
    let read = sources::of_working_tree(root, &Overlay::default());
    read.map_or_else(|_| Vec::new(), |read| read.settings.services.keys().map(ToString::to_string).collect())
}

fn has_import(root: &Path) -> bool {
    ["justfile", "Justfile", ".justfile"].iter().any(|name| {
        files::read_text(&root.join(name), 1 << 20).is_ok_and(|text| text.contains("release.just"))
    })
}

/// Who a file belongs to once it is there.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Whose {
    /// A person's: it is never written over.
    Theirs,
    /// Ours: a newer version may have another one.
    Ours,
}

/// What becomes of a file.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Keep,
    Write,
    Replace,
}

/// A file that `init` writes, as it should read.
struct Page {
    file: PathBuf,
    shown: String,
    text: String,
    /// What a dry run shows of it.
    added: String,
    detail: String,
    fate: Fate,
}

fn page(root: &Path, path: &str, text: String, purpose: &str, whose: Whose) -> Page {
    let file = root.join(path);
    let (fate, detail) = if !files::exists(&file) {
        (Fate::Write, purpose)
    } else if whose == Whose::Theirs {
        (Fate::Keep, "it is there already, and it is yours: move it away to have one drafted anew")
    } else if files::read_text(&file, 1 << 20).is_ok_and(|known| known == text) {
        (Fate::Keep, "it is there already")
    } else {
        (Fate::Replace, purpose)
    };
    Page { file, shown: path.to_owned(), added: text.clone(), text, detail: detail.to_owned(), fate }
}

/// Keeps the workspace out of everybody's `git add`: a line more, nothing of what is there is lost.
fn excluded(root: &Path, file: &Path) -> Result<Page, OpsError> {
    let shown = file.strip_prefix(root).unwrap_or(file).display().to_string();
    let before = if files::exists(file) { files::read_text(file, 1 << 20)? } else { String::new() };
    let known = before.lines().any(|line| line.trim() == EXCLUDED);
    let (fate, detail) = if known {
        (Fate::Keep, "it leaves the workspace out already")
    } else {
        (Fate::Write, "the workspace is never committed")
    };
    let gap = if before.is_empty() || before.ends_with('\n') { "" } else { "\n" };
    let text = format!("{before}{gap}{EXCLUDED}\n");
    let added = format!("{EXCLUDED}\n");
    Ok(Page { file: file.to_path_buf(), shown, text, added, detail: detail.to_owned(), fate })
}

impl Page {
    /// It stays as it is for want of consent.
    fn keep(&mut self) {
        if self.fate == Fate::Replace {
            self.fate = Fate::Keep;
            "it is not what this version writes: `holdpoint init --yes` writes over it"
                .clone_into(&mut self.detail);
        }
    }

    fn change(&self, dry_run: bool) -> Change {
        let verb = match self.fate {
            Fate::Keep => "kept",
            Fate::Write => "wrote",
            Fate::Replace => "rewrote",
        };
        Change {
            verb: verb.to_owned(),
            what: self.shown.clone(),
            detail: self.detail.clone(),
            content: (dry_run && self.fate != Fate::Keep).then(|| self.added.clone()),
        }
    }
}

/// Whether files that are there may be written over: `--yes`, or a person who was shown them and said so.
fn may_replace(pages: &[Page], dry_run: bool, face: Face<'_>) -> bool {
    let replaced: Vec<Change> =
        pages.iter().filter(|page| page.fate == Fate::Replace).map(|page| page.change(true)).collect();
    if replaced.is_empty() || face.consent == Given::Yes {
        return true;
    }
    if dry_run {
        return false;
    }
    let asked = ChangeView { changes: replaced, dry_run: true, ..ChangeView::default() };
    face.person.confirm(&asked) == Consent::Go
}

/// Records what is written, then writes it; what is written over is kept in the workspace.
fn carry_out(root: &Path, pages: &[Page], face: Face<'_>) -> Result<(), OpsError> {
    let clock = Arc::new(SystemClock::new());
    let now = clock.now();
    let operator = process::operator();
    let layout = Layout::new(root, Path::new(".asd/workspace/backups"));
    let replaced = layout.workspace().join("replaced").join(now.format("%Y%m%d_%H%M%S").to_string());
    let holder = HolderText { operator: operator.clone(), ticket: None, phase: None, since: now };
    let store = Store::open(layout, Sharing::AsFound).lock(&holder)?;
    let going: Vec<&Page> = pages.iter().filter(|page| page.fate != Fate::Keep).collect();
    let names: Vec<&str> = going.iter().map(|page| page.shown.as_str()).collect();
    let draft =
        EventDraft::new(EventKind::Wrote).detail(field::VERB, "init").detail(field::FILES, names.join(" "));
    let draft = Told::aside(Vec::new(), face.reason).in_record(draft);
    store.journal(&TicketId::audit(), 1, &operator, clock)?.record(draft, Durability::Sync)?;
    for page in going {
        if page.fate == Fate::Replace {
            files::make_folders(&replaced, 0o750)?;
            let name = page.file.file_name().unwrap_or_default();
            files::copy(&page.file, &replaced.join(name))?;
        }
        if let Some(folder) = page.file.parent() {
            files::make_folders(folder, 0o755)?;
        }
        files::save_atomic(&page.file, page.text.as_bytes(), 0o644)?;
    }
    Ok(())
}
