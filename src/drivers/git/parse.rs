//! Git's machine-readable answers, read.

use chrono::{DateTime, Utc};

use super::GitError;
use crate::model::facts::{Commit, DirtyFile, HeadMove, Signature};
use crate::model::id::Oid;
use crate::model::spec::REVERT_TRAILER;

/// `status --porcelain=v2 --branch -z`.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Status {
    /// HEAD; none: no commit yet.
    pub(super) head: Option<Oid>,
    /// Branch; none: detached.
    pub(super) branch: Option<String>,
    /// What is not as committed; owner and time are not known here.
    pub(super) dirty: Vec<DirtyFile>,
}

pub(super) fn unreadable(what: &'static str, said: &str) -> GitError {
    GitError::Unreadable { what, said: said.chars().take(120).collect::<String>().escape_debug().to_string() }
}

pub(super) fn oid(what: &'static str, text: &str) -> Result<Oid, GitError> {
    text.parse().map_err(|_| unreadable(what, text))
}

/// NUL-terminated fields as text. Names that are not UTF-8 keep a mark in place of each odd byte.
fn fields(answer: &[u8]) -> Vec<String> {
    if answer.is_empty() {
        return Vec::new();
    }
    let answer = answer.strip_suffix(b"\0").unwrap_or(answer);
    answer.split(|byte| *byte == 0).map(|field| String::from_utf8_lossy(field).into_owned()).collect()
}

pub(super) fn status(answer: &[u8]) -> Result<Status, GitError> {
    const WHAT: &str = "`git status`";
    let mut status = Status::default();
    let mut records = fields(answer).into_iter();
    while let Some(record) = records.next() {
        let bad = || unreadable(WHAT, &record);
        let (kind, rest) = record.split_once(' ').ok_or_else(bad)?;
        match kind {
            "#" => match rest.split_once(' ') {
                Some(("branch.oid", "(initial)") | ("branch.head", "(detached)")) => {}
                Some(("branch.oid", head)) => status.head = Some(oid(WHAT, head)?),
                Some(("branch.head", branch)) => status.branch = Some(branch.to_owned()),
                _ => {}
            },
            "1" | "2" | "u" => {
                let before_path = match kind {
                    "1" => 7,
                    "2" => 8,
                    _ => 9,
                };
                let mut parts = rest.splitn(before_path + 1, ' ');
                let code = parts.next().ok_or_else(bad)?.replace('.', " ");
                let path = parts.nth(before_path - 1).ok_or_else(bad)?.to_owned();
                if kind == "2" {
                    let _moved_from = records.next();
                }
                status.dirty.push(DirtyFile { path, code, owner: None, changed_at: None });
            }
            "?" => {
                let code = "??".to_owned();
                status.dirty.push(DirtyFile { path: rest.to_owned(), code, owner: None, changed_at: None });
            }
            "!" => {}
            _ => return Err(bad()),
        }
    }
    Ok(status)
}

/// One answer of `cat-file --batch-check='%(objectname) %(objecttype)'`: none where there is no such object.
pub(super) fn batch_check(answer: &[u8]) -> Result<Vec<Option<Oid>>, GitError> {
    const WHAT: &str = "`git cat-file --batch-check`";
    String::from_utf8_lossy(answer)
        .lines()
        .map(|line| match line.rsplit_once(' ') {
            Some((_, "missing" | "ambiguous")) => Ok(None),
            Some((id, "commit" | "tree" | "blob" | "tag")) => oid(WHAT, id).map(Some),
            _ => Err(unreadable(WHAT, line)),
        })
        .collect()
}

/// How `git log` is asked for [`commits`].
pub(super) fn commit_format(signatures: bool) -> String {
    let verdict = if signatures { "%G?%x00%GF" } else { "%x00" };
    let trailer = format!("%(trailers:key={REVERT_TRAILER},valueonly,separator=%x2C)");
    format!("--format=%H%x00%T%x00%P%x00%an%x00%ct%x00%s%x00{trailer}%x00{verdict}")
}

/// A commit with its tree and its parents.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Linked {
    pub(super) tree: Oid,
    pub(super) parents: Vec<Oid>,
    pub(super) commit: Commit,
    /// Where it was asked for.
    pub(super) signature: Option<Signature>,
}

/// Answers in [`commit_format`].
pub(super) fn commits(answer: &[u8], signatures: bool) -> Result<Vec<Linked>, GitError> {
    const WHAT: &str = "`git log`";
    fields(answer)
        .chunks(9)
        .map(|part| {
            let [id, tree, parents, author, at, subject, reverts, verdict, key] = part else {
                return Err(unreadable(WHAT, &part.join(" ")));
            };
            let mut tickets = reverts.split(',').map(|ticket| ticket.trim().parse().ok());
            let commit = Commit {
                oid: oid(WHAT, id)?,
                author: author.clone(),
                at: moment(WHAT, at)?,
                subject: subject.clone(),
                reverts: tickets.next().flatten(),
                also_reverts: tickets.flatten().collect(),
            };
            let signature = signatures.then(|| signature(verdict, key));
            let parents =
                parents.split_whitespace().map(|parent| oid(WHAT, parent)).collect::<Result<_, _>>()?;
            Ok(Linked { tree: oid(WHAT, tree)?, parents, commit, signature })
        })
        .collect()
}

/// How `git log` is asked for [`bodies`].
pub(super) const BODY_FORMAT: &str = "--format=%H%x00%P%x00%b";

/// A commit with what it says below its subject.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Body {
    pub(super) commit: Oid,
    pub(super) parents: Vec<Oid>,
    pub(super) text: String,
}

/// Answers in [`BODY_FORMAT`].
pub(super) fn bodies(answer: &[u8]) -> Result<Vec<Body>, GitError> {
    const WHAT: &str = "`git log`";
    fields(answer)
        .chunks(3)
        .map(|part| {
            let [id, parents, text] = part else { return Err(unreadable(WHAT, &part.join(" "))) };
            let parents =
                parents.split_whitespace().map(|parent| oid(WHAT, parent)).collect::<Result<_, _>>()?;
            Ok(Body { commit: oid(WHAT, id)?, parents, text: text.clone() })
        })
        .collect()
}

/// Answers in `%H%x00%T`: commits with their trees.
pub(super) fn trees(answer: &[u8]) -> Result<Vec<(Oid, Oid)>, GitError> {
    const WHAT: &str = "`git log`";
    fields(answer)
        .chunks(2)
        .map(|part| match part {
            [id, tree] => Ok((oid(WHAT, id)?, oid(WHAT, tree)?)),
            _ => Err(unreadable(WHAT, &part.join(" "))),
        })
        .collect()
}

/// Good is what `git verify-commit` takes: good, or good by a key of unknown trust. An ssh key of unknown trust is one that
/// stands in no `allowed_signers` file, or did not when the commit was made, and that is not good.
fn signature(verdict: &str, key: &str) -> Signature {
    match verdict {
        "G" => Signature::Good,
        "U" if !key.starts_with("SHA256:") => Signature::Good,
        "N" => Signature::Missing,
        "U" | "E" => Signature::Unknown,
        "X" | "Y" | "R" => Signature::Expired,
        // `B`, and whatever a newer git may say.
        _ => Signature::Bad,
    }
}

fn moment(what: &'static str, seconds: &str) -> Result<DateTime<Utc>, GitError> {
    let bad = || unreadable(what, seconds);
    DateTime::from_timestamp(seconds.parse().map_err(|_| bad())?, 0).ok_or_else(bad)
}

/// How the reflog is asked for [`newest_move`].
pub(super) const REFLOG_FORMAT: &str = "--format=%H%x00%gs%x00%gn <%ge>%x00%gd";

/// The newest entry that is a pull, merge, reset or rebase and moved HEAD to another commit. Who it was is the
/// committer's identity at that time.
pub(super) fn newest_move(answer: &[u8]) -> Result<Option<HeadMove>, GitError> {
    const WHAT: &str = "`git log -g`";
    let fields = fields(answer);
    let entries: Vec<&[String]> = fields.chunks(4).collect();
    for pair in entries.windows(2) {
        let [[to, what, who, at], [from, ..]] = pair else { return Err(unreadable(WHAT, &fields.join(" "))) };
        let word = what.split([' ', ':', '(']).next().unwrap_or_default();
        if to == from || !matches!(word, "pull" | "merge" | "reset" | "rebase") {
            continue;
        }
        let seconds = at.trim_end_matches('}').rsplit_once('{').map_or("", |(_, seconds)| seconds);
        return Ok(Some(HeadMove {
            from: oid(WHAT, from)?,
            to: oid(WHAT, to)?,
            who: who.clone(),
            at: moment(WHAT, seconds)?,
            what: what.clone(),
        }));
    }
    Ok(None)
}

/// `-z --name-only`.
pub(super) fn names(answer: &[u8]) -> Vec<String> {
    fields(answer)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn answer() -> impl Strategy<Value = Vec<u8>> {
        let words = [
            "1 ",
            "2 ",
            "u ",
            "? ",
            "# branch.oid ",
            "M. N... ",
            "\0",
            "\n",
            " missing",
            " commit",
            "HEAD@{",
            "1",
        ];
        let oid = "0123456789abcdef0123456789abcdef01234567".to_owned();
        let word = prop_oneof![
            proptest::sample::select(words.to_vec()).prop_map(|word| word.as_bytes().to_vec()),
            Just(oid.into_bytes()),
            proptest::collection::vec(any::<u8>(), 0..6),
        ];
        proptest::collection::vec(word, 0..30).prop_map(|words| words.concat())
    }

    parser! {
    "git";

        #[test]
        fn any_answer_is_read_or_refused(answer in answer()) {
            let _ = (status(&answer), batch_check(&answer), commits(&answer, true), trees(&answer));
            let _ = (newest_move(&answer), names(&answer));
        }
    }

    #[test]
    fn a_signature_is_good_only_by_a_key_that_is_known() {
        assert!(
            [("G", "SHA256:x"), ("G", ""), ("U", "ABCDEF")]
                .iter()
                .all(|(v, k)| signature(v, k) == Signature::Good)
        );
        assert_eq!(signature("U", "SHA256:x"), Signature::Unknown);
        assert_eq!(signature("N", ""), Signature::Missing);
        assert_eq!(signature("Y", ""), Signature::Expired);
        assert_eq!([signature("B", ""), signature("?", "")], [Signature::Bad; 2]);
    }
}
