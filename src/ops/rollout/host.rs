//! What a host does when a rollout tells it something: the word is on disk before anything is begun, the same word again is
//! answered with what became of it, and an older one is answered with the newer.

use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::model::reason::ReasonCode;
use crate::model::release::{ReleaseState, Status};
use crate::model::rollout::{HostAnswer, Offer, PlanId, Wish};
use crate::ops::error::OpsError;
use crate::ops::host::Host;
use crate::ops::spawn::FOR;
use crate::sys::files;
use crate::sys::process::{Apart, Capture, Ends, base_environment, capture, own_program};

/// The hidden word under which what was told is carried out, by a process of its own.
pub const CARRY: &str = "__carry";

/// Bytes of our own records, and of what a release prints.
const LIMIT: u64 = 1 << 20;
const OUTPUT: u64 = 256 << 20;

/// Where a project keeps what is ours.
pub(super) const WORKSPACE: &str = ".asd/workspace";

/// What this host was told last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Told {
    /// The offer.
    offer: Offer,
    /// The plan that released here first, and the ticket's newest attempt that had begun before that: what began later is the
    /// plan's.
    base: Option<(PlanId, u32)>,
    /// The ticket's newest attempt when this was told, and when it last changed: what is still so is no answer to it.
    then: Option<(u32, DateTime<Utc>)>,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Done {
    generation: u64,
    exit: i32,
    attempt: Option<String>,
    said: Option<String>,
}

/// A host's folder of what it was told.
struct Ear {
    host: Host,
    folder: PathBuf,
}

impl Ear {
    fn open(start: &Path) -> Result<Self, OpsError> {
        let host = Host::open(start)?;
        let folder = host.store.layout().fleet();
        files::make_folders(&folder, 0o750)?;
        Ok(Self { host, folder })
    }

    fn read<T: for<'de> Deserialize<'de>>(&self, name: &str) -> Result<Option<T>, OpsError> {
        read(&self.folder, name)
    }

    fn save(&self, name: &str, value: &impl Serialize) -> Result<(), OpsError> {
        let text = serde_json::to_vec(value).unwrap_or_default();
        Ok(files::save_atomic(&self.folder.join(name), &text, 0o640)?)
    }

    fn newest(&self, offer: &Offer) -> Result<Option<ReleaseState>, OpsError> {
        Ok(self.host.store.state(&offer.ticket)?)
    }

    /// The newest attempt of the ticket, where the plan that tells began it.
    fn ours(&self, told: &Told) -> Result<Option<ReleaseState>, OpsError> {
        let offer = &told.offer;
        let before = told.base.as_ref().filter(|(plan, _)| *plan == offer.plan_id).map(|(_, before)| *before);
        // An attempt without a snapshot was refused before anything happened: there is nothing of it to be seen or taken back.
        let began = |state: &ReleaseState| state.snapshot.is_some();
        let is_ours = |state: &ReleaseState| before.is_some_and(|before| state.attempt > before);
        Ok(self.newest(offer)?.filter(|state| began(state) && is_ours(state)))
    }

    /// What became of an offer, where the records can say.
    fn outcome(&self, told: &Told) -> Result<Option<Done>, OpsError> {
        let done: Option<Done> = self.read("done.json")?;
        let done = done.filter(|done| done.generation == told.offer.generation);
        // A release that was held may have gone on since, by hand.
        if let Some(done) = done.filter(|done| done.exit != 10) {
            return Ok(Some(done));
        }
        self.seen(told)
    }

    /// What the ticket's own records say became of an offer whose runner left no word.
    fn seen(&self, told: &Told) -> Result<Option<Done>, OpsError> {
        let offer = &told.offer;
        let ours = self.ours(told)?;
        let attempt = ours.as_ref().map(|state| format!("{}@{}", state.ticket, state.attempt));
        let done = |exit, said: &str| {
            let said = Some(said.to_owned()).filter(|said| !said.is_empty());
            Some(Done { generation: offer.generation, exit, attempt: attempt.clone(), said })
        };
        let Some(state) = ours else {
            // There is nothing to take back, or everything still to do.
            return Ok(if offer.wish == Wish::Revert {
                done(0, "this plan released nothing here")
            } else {
                None
            });
        };
        let as_it_was = told.then == Some((state.attempt, state.updated_at));
        Ok(match (offer.wish, state.status) {
            (Wish::Revert, Status::Reverted) | (Wish::Release, Status::Succeeded) => done(0, ""),
            (_, Status::Stuck) => done(7, "its revert failed"),
            // Told again after it failed: there is everything still to do.
            (Wish::Release, _) if as_it_was => None,
            (Wish::Release, Status::Held) => done(10, "at a hold point"),
            (Wish::Release, Status::Undecided | Status::RevertUndecided) => {
                done(8, "a step's end is not known")
            }
            (Wish::Release, Status::Interrupted | Status::RevertInterrupted) => done(130, "it was cut off"),
            (Wish::Release, Status::Failed | Status::Canceled | Status::Reverted) => {
                done(1, state.status.word())
            }
            _ => None,
        })
    }
}

/// Whether somebody carries out what was told.
fn is_carried(folder: &Path) -> Result<bool, OpsError> {
    let path = folder.join("carry.lock");
    let lock = files::open_or_create(&path, 0o640)?;
    Ok(!files::try_share(&lock, &path)?)
}

fn read<T: for<'de> Deserialize<'de>>(folder: &Path, name: &str) -> Result<Option<T>, OpsError> {
    let path = folder.join(name);
    if !files::exists(&path) {
        return Ok(None);
    }
    let bytes = files::read_limited(&path, LIMIT)?;
    serde_json::from_slice(&bytes).map(Some).map_err(|error| OpsError::Failed {
        what: format!("`{}` cannot be read: {error}", path.display()),
        hint: "look at `holdpoint list`, then take that file away: the next offer is then the first"
            .to_owned(),
    })
}

/// Takes an offer, begins what it asks for, and answers at once with how far it is.
///
/// # Errors
/// What keeps this folder from being a host, or the word from being written: nothing was begun.
pub fn tell(folder: &Path, offer: &[u8]) -> Result<HostAnswer, OpsError> {
    let offer: Offer = serde_json::from_slice(offer).map_err(|error| OpsError::Usage {
        what: format!("this is no offer of a rollout: {error}"),
        hint: "hosts are told by `holdpoint rollout start`".to_owned(),
    })?;
    // While it is carried out its release may be replacing the very configuration: nothing but our own records is looked at,
    // and something newer is heard when that is over.
    let records = folder.join(WORKSPACE).join("fleet");
    if files::exists(&records)
        && is_carried(&records)?
        && let Some(told) = read::<Told>(&records, "told.json")?
    {
        let generation = told.offer.generation;
        return Ok(HostAnswer { generation, at_work: true, exit: None, attempt: None, said: None });
    }
    let ear = Ear::open(folder)?;
    // One at a time: two coordinators may talk to this host for a moment.
    let path = ear.folder.join("ask.lock");
    let lock = files::open_or_create(&path, 0o640)?;
    files::take(&lock, &path)?;
    let told = match ear.read::<Told>("told.json")? {
        Some(told) if told.offer.generation >= offer.generation => told,
        before => {
            let kept = before.and_then(|told| told.base).filter(|(plan, _)| *plan == offer.plan_id);
            let newest = ear.newest(&offer)?;
            // A release goes on under the number of an attempt that was refused.
            let begun =
                newest.as_ref().map_or(0, |state| state.attempt - u32::from(state.snapshot.is_none()));
            let then = newest.map(|state| (state.attempt, state.updated_at));
            let first = (offer.wish == Wish::Release).then(|| (offer.plan_id.clone(), begun));
            let told = Told { base: kept.or(first), then, offer };
            ear.save("told.json", &told)?;
            told
        }
    };
    answer(&ear, folder, &told)
}

fn answer(ear: &Ear, folder: &Path, told: &Told) -> Result<HostAnswer, OpsError> {
    let generation = told.offer.generation;
    // In this order: what is no longer carried has left its word.
    let carried = is_carried(&ear.folder)?;
    if !carried && let Some(done) = ear.outcome(told)? {
        let Done { exit, attempt, said, .. } = done;
        return Ok(HostAnswer { generation, at_work: false, exit: Some(exit), attempt, said });
    }
    if !carried {
        let own = own_program()?.display().to_string();
        let argv = [own, CARRY.to_owned(), folder.display().to_string()];
        let begun = Apart::start(&argv, Path::new("/"), &base_environment(&ear.host.settings.run.env));
        begun.map_err(|error| OpsError::Failed {
            what: error.to_string(),
            hint: "holdpoint doctor".to_owned(),
        })?;
    }
    Ok(HostAnswer { generation, at_work: true, exit: None, attempt: None, said: None })
}

/// Carries out what this host was told, and leaves word of what became of it.
///
/// # Errors
/// What keeps it from being begun, or its end from being written.
pub fn carry(folder: &Path) -> Result<(), OpsError> {
    let ear = Ear::open(folder)?;
    let path = ear.folder.join("carry.lock");
    let lock = files::open_or_create(&path, 0o640)?;
    if !files::try_take(&lock, &path)? {
        return Ok(());
    }
    let Some(told) = ear.read::<Told>("told.json")? else { return Ok(()) };
    if ear.outcome(&told)?.is_some() {
        return Ok(());
    }
    let offer = &told.offer;
    let own = own_program()?.display().to_string();
    let mut argv = vec![own, FOR.to_owned(), offer.operator.clone()];
    argv.extend(["-C", &ear.host.root().display().to_string(), "--json"].map(str::to_owned));
    argv.extend(verb(offer, ear.ours(&told)?.as_ref()));
    let mut env = ear.host.surroundings.env.clone();
    env.extend(base_environment(&ear.host.settings.run.env));
    let ended = capture(&Capture {
        argv,
        cwd: ear.host.root().to_path_buf(),
        env,
        stdin: None,
        limit_bytes: OUTPUT,
        timeout: None,
        ends: Ends::Program,
    });
    let done = match ended {
        Ok(ended) => {
            let said = String::from_utf8_lossy(&ended.stdout);
            let last = said.lines().rev().find_map(|line| serde_json::from_str::<Value>(line).ok());
            let last = serde_json::from_str::<Value>(&said).ok().or(last).unwrap_or_default();
            let attempt = last["attempt"].as_str().map(str::to_owned);
            let exit = ended.code.unwrap_or(130);
            Done { generation: offer.generation, exit, attempt, said: headline(&last) }
        }
        Err(error) => {
            Done { generation: offer.generation, exit: 70, attempt: None, said: Some(error.to_string()) }
        }
    };
    ear.save("done.json", &done)
}

/// The command line that a person would type on this host. What the plan's own release left behind is gone on with.
fn verb(offer: &Offer, ours: Option<&ReleaseState>) -> Vec<String> {
    let ticket = offer.ticket.to_string();
    let wait = offer.lock_wait.to_string();
    let mut words = match offer.wish {
        Wish::Release => vec!["run".to_owned(), ticket, "--at".to_owned(), offer.commit.to_string()],
        Wish::Revert => vec!["revert".to_owned(), ticket, "--yes".to_owned()],
    };
    if offer.wish == Wish::Revert {
        // Data goes back only where the plan says so, and then with what was written since: that is what it says.
        words.push(if offer.data { "--discard-writes" } else { "--skip-data" }.to_owned());
        words.extend(["--reason".to_owned(), format!("rollout {} goes back", offer.plan_id)]);
    }
    let halted = |state: &&ReleaseState| matches!(state.status, Status::Failed | Status::Interrupted);
    if let Some(state) = ours.filter(halted).filter(|_| offer.wish == Wish::Release) {
        words.extend(["--from".to_owned(), state.phase.to_string()]);
    }
    if let Some(host) = offer.ticket_ran_on.as_ref().filter(|_| offer.wish == Wish::Release) {
        words.extend(["--ticket-ran-on".to_owned(), host.to_string()]);
    }
    if let Some(back) = offer.reintroduce.as_ref().filter(|_| offer.wish == Wish::Release) {
        words.extend(back.tickets.iter().map(|ticket| format!("--reintroduce={ticket}")));
        words.extend(["--reason".to_owned(), back.reason.clone()]);
    }
    words.extend(["--lock-wait".to_owned(), wait]);
    words
}

/// The line that says most of an answer: what failed, or what stood against it.
fn headline(last: &Value) -> Option<String> {
    let failure = &last["failure"]["headline"];
    let blocker = &last["blockers"][0];
    let text = match (failure.as_str(), blocker["code"].as_str(), blocker["fact"].as_str()) {
        (Some(text), ..) => text.to_owned(),
        (None, Some(code), Some(fact)) => {
            // Most of what a person would type on this host is no way out for a plan.
            let is = |known: ReasonCode| code == known.word();
            let there = blocker["ways_out"][0].as_str().unwrap_or_default();
            let way = if is(ReasonCode::RevertedTicketReturns) {
                "; `reintroduce` in the plan lets it".to_owned()
            } else if [
                ReasonCode::ResumeNeeded,
                ReasonCode::ReleaseUnfinished,
                ReasonCode::OtherTicketScripts,
            ]
            .into_iter()
            .any(is)
            {
                format!("; there: {there}")
            } else {
                String::new()
            };
            format!("{code}: {}{way}", fact.lines().next().unwrap_or_default())
        }
        _ => last["error"]["message"].as_str()?.to_owned(),
    };
    Some(text.chars().take(300).collect())
}
