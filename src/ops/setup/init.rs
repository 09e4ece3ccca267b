//! `init`: reads what runs and drafts what a release needs to know. It never writes over a file: one that is there is
//! `kept`.

use std::path::Path;

use crate::drivers::Surroundings;
use crate::drivers::git::Git;
use crate::manifest::draft;
use crate::model::view::{Change, ChangeView};
use crate::ops::error::OpsError;
use crate::ops::release::following;
use crate::ops::sources::RELEASE_TOML;
use crate::sys::{files, process};

use super::draft::found;
use super::files::{EXCLUDED, boot_unit, recipes};

/// Reads what runs on this host and writes the first configuration for it.
///
/// # Errors
/// Outside of a git checkout; when a file cannot be written.
pub fn init(start: &Path, dry_run: bool) -> Result<ChangeView, OpsError> {
    let start = files::absolute(start)?;
    let env = process::base_environment(&[]);
    let root = Git::new(Surroundings { root: start, env: env.clone() }, &[]).top()?;
    let surroundings = Surroundings { root: root.clone(), env };
    let git = Git::new(surroundings.clone(), &[]);

    let mut view = ChangeView { dry_run, ..ChangeView::default() };
    let found = found(&git, &surroundings, &mut view.notes)?;
    let text = draft::render(&found);
    let mut names: Vec<String> = found.services.iter().map(|service| service.name.clone()).collect();
    names.extend(super::draft::manifest_names(&git)?);

    let pen = Pen { root: &root, dry_run };
    view.changes.push(pen.write(RELEASE_TOML, &text, "how this host is released")?);
    view.changes.push(pen.write("release.just", &recipes(&names), "recipes for your justfile to import")?);
    view.changes.push(pen.exclude(&git.exclude_file()?)?);
    let unit = boot_unit(&root);
    let purpose = "optional: after a crash it tells who is notified that a release was interrupted";
    view.changes.push(pen.write(".asd/workspace/holdpoint-interrupted.service", &unit, purpose)?);

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

fn has_import(root: &Path) -> bool {
    ["justfile", "Justfile", ".justfile"].iter().any(|name| {
        files::read_text(&root.join(name), 1 << 20).is_ok_and(|text| text.contains("release.just"))
    })
}

/// Writes files that are not there.
struct Pen<'a> {
    root: &'a Path,
    dry_run: bool,
}

impl Pen<'_> {
    fn write(&self, path: &str, text: &str, purpose: &str) -> Result<Change, OpsError> {
        let file = self.root.join(path);
        if files::exists(&file) {
            return Ok(change("kept", path, "it is there already", None));
        }
        if self.dry_run {
            return Ok(change("wrote", path, purpose, Some(text.to_owned())));
        }
        if let Some(folder) = file.parent() {
            files::make_folders(folder, 0o750)?;
        }
        files::save_atomic(&file, text.as_bytes(), 0o644)?;
        Ok(change("wrote", path, purpose, None))
    }

    /// Keeps the workspace out of everybody's `git add`.
    fn exclude(&self, file: &Path) -> Result<Change, OpsError> {
        let name = file.strip_prefix(self.root).unwrap_or(file).display().to_string();
        let before = if files::exists(file) { files::read_text(file, 1 << 20)? } else { String::new() };
        if before.lines().any(|line| line.trim() == EXCLUDED) {
            return Ok(change("kept", &name, "it leaves the workspace out already", None));
        }
        let purpose = "the workspace is never committed";
        if self.dry_run {
            return Ok(change("wrote", &name, purpose, Some(format!("{EXCLUDED}\n"))));
        }
        if let Some(folder) = file.parent() {
            files::make_folders(folder, 0o755)?;
        }
        let gap = if before.is_empty() || before.ends_with('\n') { "" } else { "\n" };
        files::save_atomic(file, format!("{before}{gap}{EXCLUDED}\n").as_bytes(), 0o644)?;
        Ok(change("wrote", &name, purpose, None))
    }
}

fn change(verb: &str, what: &str, detail: &str, content: Option<String>) -> Change {
    Change { verb: verb.to_owned(), what: what.to_owned(), detail: detail.to_owned(), content }
}
