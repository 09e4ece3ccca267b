//! What may be asked of a release, and with which options: as a plan to show, and as a command line to run.

use std::str::FromStr;

use serde::Deserialize;

use crate::http::api::words::Words;
use crate::http::asked::Asked;
use crate::http::problem::Problem;
use crate::model::id::{AttemptId, IdError, ReleaseRef, StepName};
use crate::model::phase::Phase;
use crate::model::readiness::Readiness;
use crate::model::release::Status;
use crate::model::request::{Anew, RevertRequest, RunRequest, Take};
use crate::model::view::Decision;
use crate::ops::recover::{self, Admission, Wish};
use crate::ops::{Host, release};

/// What may be asked of a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    Resume,
    Retry,
    Redeploy,
    Rollback,
    Revert,
    Cancel,
    Archive,
    Unarchive,
    Approve,
    Close,
    Diagnose,
    Capture,
}

impl Verb {
    const ALL: [Verb; 12] = [
        Verb::Resume,
        Verb::Retry,
        Verb::Redeploy,
        Verb::Rollback,
        Verb::Revert,
        Verb::Cancel,
        Verb::Archive,
        Verb::Unarchive,
        Verb::Approve,
        Verb::Close,
        Verb::Diagnose,
        Verb::Capture,
    ];

    /// The verb that an address names.
    pub(super) fn of(asked: &Asked) -> Result<Self, Problem> {
        let word = asked.path.get("verb").map_or("", String::as_str);
        let known = Self::ALL.into_iter().find(|verb| verb.word() == word);
        known.ok_or_else(|| Problem::not_found(format!("nobody can do `{word}` here")))
    }

    pub(super) const fn word(self) -> &'static str {
        match self {
            Verb::Resume => "resume",
            Verb::Retry => "retry",
            Verb::Redeploy => "redeploy",
            Verb::Rollback => "rollback",
            Verb::Revert => "revert",
            Verb::Cancel => "cancel",
            Verb::Archive => "archive",
            Verb::Unarchive => "unarchive",
            Verb::Approve => "approve",
            Verb::Close => "close",
            Verb::Diagnose => "diagnose",
            Verb::Capture => "capture",
        }
    }

    pub(super) const fn title(self) -> &'static str {
        match self {
            Verb::Resume => "Resume",
            Verb::Retry => "Retry",
            Verb::Redeploy => "Redeploy",
            Verb::Rollback => "Roll back",
            Verb::Revert => "Revert",
            Verb::Cancel => "Cancel",
            Verb::Archive => "Archive",
            Verb::Unarchive => "Unarchive",
            Verb::Approve => "Approve",
            Verb::Close => "Close",
            Verb::Diagnose => "Diagnose",
            Verb::Capture => "Capture evidence",
        }
    }

    /// Whether its button warns: it takes something back, or stops something.
    pub(super) const fn is_grave(self) -> bool {
        matches!(self, Verb::Revert | Verb::Rollback | Verb::Cancel | Verb::Close)
    }

    /// Whether it leads from the release back to what was before it.
    pub(super) fn is_backward(self) -> bool {
        self == Verb::Revert
    }

    /// Whether it begins work that is not waited for.
    pub(super) const fn begins(self) -> bool {
        matches!(self, Verb::Resume | Verb::Retry | Verb::Redeploy | Verb::Rollback | Verb::Revert)
    }

    /// Whether the exact id has to be typed: all that change more than what is known.
    pub(super) const fn is_confirmed(self) -> bool {
        !matches!(self, Verb::Diagnose | Verb::Capture)
    }

    /// Whether the host must still be as it was shown. What runs moves on while it is asked to stop.
    pub(super) const fn is_bound(self) -> bool {
        self.is_confirmed() && !matches!(self, Verb::Cancel)
    }

    /// What it does, where no plan of steps says so.
    pub(super) fn sentence(self, id: &AttemptId, status: Status) -> String {
        match self {
            Verb::Cancel => format!(
                "{id} is {status}. It is asked to stop in order: the step at work ends first, nothing after it begins, and what was done stays done until somebody resumes or reverts it."
            ),
            Verb::Archive => format!(
                "{id} is {status}. It leaves the list of releases. Nothing of it is deleted: log, evidence and backups stay, and it comes back with “Unarchive”."
            ),
            Verb::Unarchive => format!("{id} comes back into the list of releases."),
            Verb::Approve => format!("{id} is {status}. Its hold point is passed; then it can be resumed."),
            Verb::Close => {
                format!("{id} is {status}. It is ended for good: it can never be resumed after this.")
            }
            _ => format!("{} of {id}.", self.title()),
        }
    }
}

/// What was chosen: in the address while it is looked at, in the form when it is confirmed.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Options {
    /// The `stateVersion` that was shown.
    pub(super) version: String,
    /// Phase that it goes on from.
    pub(super) from: String,
    pub(super) candidate: String,
    pub(super) accept_changes: String,
    pub(super) take_new_commits: String,
    pub(super) accept_untrusted: String,
    pub(super) accept_environment: String,
    pub(super) accept_schema: String,
    pub(super) skip_git: String,
    pub(super) skip_data: String,
    pub(super) discard_writes: String,
    pub(super) with_later: String,
    pub(super) run_again: String,
    pub(super) mark_done: String,
}

fn on(field: &str) -> bool {
    !field.is_empty()
}

fn parsed<T: FromStr<Err = IdError>>(text: &str) -> Result<T, Problem> {
    text.parse().map_err(|error: IdError| Problem::invalid(error.to_string()))
}

/// A step's name, which has one spelling.
fn step(text: &str) -> Result<Option<StepName>, Problem> {
    let name = StepName::new([text]);
    match text {
        "" => Ok(None),
        text if name.as_str() == text => Ok(Some(name)),
        text => Err(Problem::invalid(format!("`{text}` is no name of a step"))),
    }
}

fn some<T: FromStr<Err = IdError>>(text: &str) -> Result<Option<T>, Problem> {
    if text.is_empty() { Ok(None) } else { parsed(text).map(Some) }
}

impl Verb {
    /// Whether it can be done in more than one way.
    pub(super) fn has_options(self) -> bool {
        self == Verb::Rollback || !self.switches(&Options::default()).is_empty()
    }

    /// What can be chosen: the form's field, its words, and whether it was.
    pub(super) fn switches(self, options: &Options) -> Vec<(&'static str, &'static str, bool)> {
        let untrusted = (
            "accept_untrusted",
            "although nothing has proven this host clean (needs a reason)",
            on(&options.accept_untrusted),
        );
        match self {
            Verb::Resume => vec![
                (
                    "accept_changes",
                    "with inputs that were changed since, as they are now",
                    on(&options.accept_changes),
                ),
                (
                    "take_new_commits",
                    "with commits that came since: a new attempt",
                    on(&options.take_new_commits),
                ),
                untrusted,
            ],
            Verb::Retry | Verb::Redeploy => vec![untrusted],
            Verb::Rollback => vec![
                (
                    "accept_environment",
                    "with today's environment values (needs a reason)",
                    on(&options.accept_environment),
                ),
                ("accept_schema", "on data of today's schema (needs a reason)", on(&options.accept_schema)),
                untrusted,
            ],
            Verb::Revert => vec![
                ("skip_data", "leave the data as it is", on(&options.skip_data)),
                ("discard_writes", "throw away what was written since", on(&options.discard_writes)),
                ("skip_git", "leave the checkout as it is", on(&options.skip_git)),
                ("with_later", "with the later releases on top of it", on(&options.with_later)),
            ],
            _ => Vec::new(),
        }
    }
}

impl Options {
    /// What was chosen, for the form that confirms it.
    pub(super) fn chosen(&self) -> Vec<(&'static str, &str)> {
        let all = [
            ("from", &self.from),
            ("candidate", &self.candidate),
            ("accept_changes", &self.accept_changes),
            ("take_new_commits", &self.take_new_commits),
            ("accept_untrusted", &self.accept_untrusted),
            ("accept_environment", &self.accept_environment),
            ("accept_schema", &self.accept_schema),
            ("skip_git", &self.skip_git),
            ("skip_data", &self.skip_data),
            ("discard_writes", &self.discard_writes),
            ("with_later", &self.with_later),
            ("run_again", &self.run_again),
            ("mark_done", &self.mark_done),
        ];
        all.into_iter().filter(|(_, value)| on(value)).map(|(name, value)| (name, value.as_str())).collect()
    }

    /// Whether what was accepted needs a reason.
    pub(super) fn wants_a_reason(&self) -> bool {
        [&self.accept_untrusted, &self.accept_environment, &self.accept_schema]
            .into_iter()
            .any(|on| !on.is_empty())
    }

    /// What would be done: the same decision as a dry run's. None: the verb has no plan of steps.
    pub(super) fn decide(
        &self,
        host: &Host,
        verb: Verb,
        id: &AttemptId,
        readiness: &Readiness,
    ) -> Result<Option<Decision>, Problem> {
        // The plan is the same whatever the reason says; that one is given is asked at the end.
        let reason = self.wants_a_reason().then(|| "-".to_owned());
        let request = RunRequest {
            accept_changes: on(&self.accept_changes),
            take_new_commits: on(&self.take_new_commits),
            accept_untrusted: on(&self.accept_untrusted),
            run_again: step(&self.run_again)?,
            mark_done: step(&self.mark_done)?,
            reason,
            ..RunRequest::new(id.ticket.clone())
        };
        let anew = |request: Anew, flags: RunRequest| {
            let wish = Wish {
                ticket: Some(id.ticket.clone()),
                number: Some(id.number),
                services: Vec::new(),
                request,
                flags,
                admission: Admission { if_version: Some(readiness.state_version.clone()) },
            };
            recover::check(host, &wish)
        };
        Ok(Some(match verb {
            Verb::Resume => release::check_run(host, &RunRequest { from: readiness.resume.from, ..request })?,
            Verb::Retry => anew(Anew::Retry, request)?,
            Verb::Redeploy => anew(Anew::Redeploy, request)?,
            Verb::Rollback => {
                let wish = Anew::Rollback {
                    candidate: parsed(&self.candidate)?,
                    accept_environment: on(&self.accept_environment),
                    accept_schema: on(&self.accept_schema),
                };
                anew(wish, request)?
            }
            Verb::Revert => {
                let take = |skip: &str| if on(skip) { Take::Leave } else { Take::Back };
                let request = RevertRequest {
                    git: take(&self.skip_git),
                    data: take(&self.skip_data),
                    discard_writes: on(&self.discard_writes),
                    with_later: on(&self.with_later),
                    run_again: request.run_again,
                    mark_done: request.mark_done,
                    ..RevertRequest::new(id.ticket.clone())
                };
                release::check_revert(host, &request)?
            }
            _ => return Ok(None),
        }))
    }

    /// The command line. Every name in it was parsed; every text stays behind its option.
    pub(super) fn line(&self, verb: Verb, release: &ReleaseRef, plan: &str) -> Result<Words, Problem> {
        let id = release.to_string();
        let ticket = release.ticket.as_str();
        let plan = (!plan.is_empty()).then_some(plan);
        let anew = |words: Words| {
            words
                .on("--yes", true)
                .with("--if-version", Some(&self.version))
                .with("--plan", plan)
                .on("--accept-untrusted", on(&self.accept_untrusted))
        };
        let steps = |words: Words| -> Result<Words, Problem> {
            Ok(words.with("--run-again", step(&self.run_again)?).with("--mark-done", step(&self.mark_done)?))
        };
        let confirmed = |verb: &str| Words::of([verb, &id]).with("--confirm", Some(&id));
        Ok(match verb {
            Verb::Resume => steps(
                Words::of(["run", ticket, "--yes"])
                    .with("--from", self.from()?)
                    .with("--plan", plan)
                    .on("--accept-changes", on(&self.accept_changes))
                    .on("--take-new-commits", on(&self.take_new_commits))
                    .on("--accept-untrusted", on(&self.accept_untrusted)),
            )?,
            Verb::Retry => anew(Words::of(["retry", &id])),
            Verb::Redeploy => anew(Words::of(["redeploy", &id])),
            Verb::Rollback => anew(Words::of(["rollback", &id]))
                .with("--candidate", some::<AttemptId>(&self.candidate)?)
                .on("--accept-environment", on(&self.accept_environment))
                .on("--accept-schema", on(&self.accept_schema)),
            Verb::Revert => steps(
                Words::of(["revert", ticket, "--yes"])
                    .with("--plan", plan)
                    .on("--skip-git", on(&self.skip_git))
                    .on("--skip-data", on(&self.skip_data))
                    .on("--discard-writes", on(&self.discard_writes))
                    .on("--with-later", on(&self.with_later)),
            )?,
            Verb::Cancel => confirmed("cancel"),
            Verb::Archive => confirmed("archive"),
            Verb::Unarchive => Words::of(["unarchive", &id, "--yes"]),
            Verb::Approve => Words::of(["approve", ticket, "--yes"]),
            Verb::Close => Words::of(["close", ticket, "--yes"]),
            Verb::Diagnose => Words::of(["diagnose", &id]),
            Verb::Capture => Words::of(["evidence", "capture", &id, "--yes"]),
        })
    }

    fn from(&self) -> Result<Option<Phase>, Problem> {
        if self.from.is_empty() {
            return Ok(None);
        }
        let phase: Result<Phase, _> = self.from.parse();
        phase.map(Some).map_err(|error| Problem::invalid(error.to_string()))
    }
}
