//! `playbook lint` and `playbook test`: what is wrong with playbooks, before anybody needs them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::decide::playbooks::{Prepared, lint as judge, sample_findings, too_few};
use crate::manifest::playbook::{Book, SHIPPED, book};
use crate::manifest::settings::SourceFile;
use crate::manifest::{ManifestError, sample};
use crate::model::arrange::Arrange;
use crate::model::gather::Gather;
use crate::model::lint::{CheckedView, Finding, Sample};
use crate::model::matching::{Origin, Shelf};
use crate::model::playbook::{Adhoc, Playbook};
use crate::ops::error::OpsError;
use crate::ops::host::Host;
use crate::sys::files;
use crate::sys::process::{self, Capture};

use super::shelf::shelf;

/// Bytes that a file may have.
const LIMIT: u64 = 1 << 20;

/// Looks for what is wrong in these files, or in every playbook that is known here.
///
/// # Errors
/// A file that cannot be read, or bash that cannot be asked.
pub fn lint(host: &Host, named: &[PathBuf]) -> Result<CheckedView, OpsError> {
    let shelf = shelf(host);
    let files = if named.is_empty() { every(host)? } else { read_all(named)? };
    let mut view = CheckedView::default();
    let mut books = Vec::new();
    for file in &files {
        match book(file) {
            Ok(book) => books.push(book),
            Err(error) => view.findings.push(finding(&error)),
        }
    }
    let ids = shelf.playbooks.iter().map(|known| &known.playbook.id);
    let of_books = books.iter().flat_map(|book| &book.playbooks).map(|playbook| &playbook.id);
    let known: BTreeSet<String> = ids.chain(of_books).cloned().gather();
    view.findings.extend(judge(&books, &known));
    for book in &books {
        view.playbooks += book.playbooks.len();
        view.findings.extend(unparsed(host, book)?);
    }
    view.findings.arrange();
    Ok(view)
}

/// Holds recorded failures against the playbooks; with ids only those that name them.
///
/// # Errors
/// A usage error for an id that is not known; a folder that cannot be read.
pub fn test(host: &Host, ids: &[String]) -> Result<CheckedView, OpsError> {
    let shelf = shelf(host);
    for id in ids {
        super::shelf::known(host, id)?;
    }
    let is_asked = |id: &str| ids.is_empty() || ids.iter().any(|asked| asked == id);
    let mut view = CheckedView::default();
    let mut samples: Vec<Sample> = Vec::new();
    let folder = samples_folder(host);
    for path in if files::is_folder(&folder) { files::walk(&folder)? } else { Vec::new() } {
        if path.extension().is_none_or(|ending| ending != "txt") {
            continue;
        }
        match sample::parse(&read(host.root(), &path)?) {
            Ok(sample) => samples.push(sample),
            Err(error) => view.findings.push(finding(&error)),
        }
    }
    samples.retain(|sample| sample.playbook.as_deref().map_or(ids.is_empty(), is_asked));
    let playbooks = shelf.plain();
    let prepared = Prepared::new(&playbooks);
    view.samples = samples.len();
    view.playbooks = playbooks.iter().filter(|playbook| is_asked(&playbook.id)).count();
    for sample in &samples {
        view.findings.extend(sample_findings(&prepared, sample));
    }
    let own: Vec<(String, String)> = own(&shelf).filter(|(_, id)| is_asked(id)).collect();
    view.findings.extend(too_few(&own, &samples));
    view.findings.arrange();
    Ok(view)
}

/// Playbooks of the project's own folder: their samples lie beside them. Those that only came with the binary were tested
/// where it was made.
fn own(shelf: &Shelf) -> impl Iterator<Item = (String, String)> + '_ {
    let own = shelf.playbooks.iter().filter(|known| known.origin != Origin::Shipped);
    own.map(|known| (known.file.clone(), known.playbook.id.clone()))
}

/// `recovery/samples`, beside the folder of playbooks.
fn samples_folder(host: &Host) -> PathBuf {
    host.root().join(&host.settings.paths.playbooks).with_file_name("samples")
}

/// Every file: the project's own, and those of the binary whose place none of them takes.
fn every(host: &Host) -> Result<Vec<SourceFile>, OpsError> {
    let folder = host.root().join(&host.settings.paths.playbooks);
    let mut own = Vec::new();
    for name in files::list(&folder).unwrap_or_default() {
        let path = folder.join(&name);
        if path.extension().is_some_and(|ending| ending == "yaml") {
            own.push(read(host.root(), &path)?);
        }
    }
    let is_own = |name: &str| own.iter().any(|file| file.path.rsplit('/').next() == Some(name));
    let shipped: Vec<SourceFile> = SHIPPED
        .iter()
        .filter(|(name, _)| !is_own(name))
        .map(|(name, text)| SourceFile { path: (*name).to_owned(), text: (*text).to_owned() })
        .collect();
    own.extend(shipped);
    Ok(own)
}

fn read_all(named: &[PathBuf]) -> Result<Vec<SourceFile>, OpsError> {
    named.iter().map(|path| read(Path::new(""), path)).collect()
}

fn read(root: &Path, path: &Path) -> Result<SourceFile, OpsError> {
    let shown = path.strip_prefix(root).unwrap_or(path).display().to_string();
    let text = files::read_text(path, LIMIT).map_err(|source| OpsError::Unreadable { source })?;
    Ok(SourceFile { path: shown, text })
}

fn finding(error: &ManifestError) -> Finding {
    let (line, column) = error.place.as_ref().map_or((0, 0), |place| (place.line, place.column));
    Finding { file: error.file.clone(), line, column, what: error.problem.to_string() }
}

/// Text blocks that bash cannot parse.
fn unparsed(host: &Host, book: &Book) -> Result<Vec<Finding>, OpsError> {
    let mut findings = Vec::new();
    for (at, playbook) in book.playbooks.iter().enumerate() {
        if let Some(why) = unparsed_block(host, playbook)? {
            let (line, column) = book.place(&format!("{at}.fix.adhoc"));
            let what = format!("bash cannot parse `fix.adhoc`: {why}");
            findings.push(Finding { file: book.file.clone(), line, column, what });
        }
    }
    Ok(findings)
}

fn unparsed_block(host: &Host, playbook: &Playbook) -> Result<Option<String>, OpsError> {
    let Adhoc::Text(text) = &playbook.fix.adhoc else { return Ok(None) };
    let ask = Capture {
        argv: ["bash", "-n", "-c", text].map(str::to_owned).to_vec(),
        cwd: host.root().to_path_buf(),
        env: host.surroundings.env.clone(),
        limit_bytes: LIMIT,
        timeout: Some(Duration::from_secs(10)),
        ..Capture::default()
    };
    let answer = process::capture(&ask).map_err(|error| OpsError::Failed {
        what: format!("bash could not be asked: {error}"),
        hint: "look whether it is there: `bash --version`".to_owned(),
    })?;
    let said = String::from_utf8_lossy(&answer.stderr).into_owned();
    let first = said.lines().next().unwrap_or("it does not say why").trim_start_matches("bash: -c: ");
    Ok((answer.code != Some(0)).then(|| first.to_owned()))
}
