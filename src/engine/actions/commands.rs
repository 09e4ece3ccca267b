//! Runs the commands of a step, each through the one place that starts changing programs.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::drivers::service;
use crate::engine::failure::{Failure, INTERRUPTED, LOST};
use crate::model::event::Progress;
use crate::model::facts::{RunState, ServiceState};
use crate::model::id::ServiceName;
use crate::model::phase::Phase;
use crate::model::plan::{DoneWhen, WhenUnknown};
use crate::model::projection::{field, stamps_text};
use crate::model::spec::{CommandSpec, DriverSpec, Payload};
use crate::sys::files;
use crate::sys::supervise::{self, Exit, Part, Program, SuperviseError, Tick, TickAnswer};

use super::effects::{Effects, Work};

/// Lines of a failing program that are kept in the failure.
const TAIL: usize = 20;

/// Runs commands in order; each must exit 0. Where the effect can be seen, an effect that is already there is not made
/// again, and an effect that is not there afterwards is a failure.
pub(super) fn run_all(
    work: Work<'_>,
    commands: &[CommandSpec],
    done_when: Option<&DoneWhen>,
) -> Result<Effects, Failure> {
    if let Some(wanted) = done_when
        && work.step.unknown_since.is_some()
        && is_there(work, wanted)?
    {
        keep_tree(work, done_when)?;
        return with_head(work, Effects::looked(), done_when);
    }
    for (index, command) in commands.iter().enumerate() {
        // Where nothing can be looked at, the end of the last program is the step's.
        let is_last = index + 1 == commands.len() && done_when.is_none();
        let part =
            if is_last && work.step.when_unknown == WhenUnknown::Ask { Part::Whole } else { Part::One };
        run_one(work, command, part, &Files::default(), &mut |_| TickAnswer::Go)?;
    }
    if let Some(wanted @ (DoneWhen::HeadIs { .. } | DoneWhen::TreeOf { .. })) = done_when
        && !was_made(work, wanted)?
    {
        let summary = format!("`{}` ran and its effect is not there", work.step.name);
        return Err(Failure::new("no-effect", summary).hint("look at the tree with `git status`"));
    }
    keep_tree(work, done_when)?;
    with_head(work, Effects::default(), done_when)
}

/// Git never makes the files of the tree durable, and what is recorded as done must be there after a power cut.
fn keep_tree(work: Work<'_>, done_when: Option<&DoneWhen>) -> Result<(), Failure> {
    if matches!(done_when, Some(DoneWhen::HeadIs { .. } | DoneWhen::TreeOf { .. })) {
        files::sync_filesystem(&work.context.surroundings.root)?;
    }
    Ok(())
}

/// Whether the effect of programs that ended well is there. Where that cannot be looked at, they are believed: a step that
/// was recorded as failed and is not would lead astray; verify looks again.
fn was_made(work: Work<'_>, wanted: &DoneWhen) -> Result<bool, Failure> {
    match is_there(work, wanted) {
        Err(failure) if !failure.is_interruption() => {
            let note = format!("what `{}` did could not be looked at: {}", work.step.name, failure.summary);
            work.recorder.progress(&Progress::Note(note));
            Ok(true)
        }
        looked => looked,
    }
}

/// A step that moves HEAD says where to: the state file's `MERGE_SHA` is read from it.
fn with_head(work: Work<'_>, effects: Effects, done_when: Option<&DoneWhen>) -> Result<Effects, Failure> {
    // Taking our own revert back leads to BASE, not past it.
    let moves = work.step.phase == Phase::Prepare && work.step.name.as_str() != "git.unrevert";
    Ok(match done_when {
        Some(DoneWhen::HeadIs { head, .. }) if moves => effects.detail(field::HEAD, head.as_str()),
        // The commit that was made is known only now.
        Some(DoneWhen::TreeOf { .. }) if moves => {
            effects.detail(field::HEAD, work.context.git.head()?.as_str())
        }
        _ => effects,
    })
}

/// Files that a command reads or writes as its standard input and output.
#[derive(Debug, Default)]
pub(super) struct Files {
    /// The backup's file.
    pub(super) backup: Option<PathBuf>,
    /// Variables that only the engine knows.
    pub(super) env: Vec<(String, String)>,
}

/// Runs one command and waits for its end. `tick` sees it grow and may end it.
pub(super) fn run_one(
    work: Work<'_>,
    command: &CommandSpec,
    part: Part,
    files: &Files,
    tick: &mut dyn FnMut(&Tick) -> TickAnswer,
) -> Result<(), Failure> {
    let context = work.context;
    let folder = work.folder()?;
    let mut env = context.environment_of(command);
    env.extend(files.env.iter().cloned());
    env.extend(backups(work));
    env.insert("HOLDPOINT_STEP_DIR".to_owned(), folder.display().to_string());
    let payload = |wanted: Payload| (wanted == Payload::Backup).then(|| files.backup.clone()).flatten();
    let limit = work.step.timeout.map(|span| span.0);
    let program = Program {
        argv: command.argv.clone(),
        cwd: command.cwd.clone(),
        env,
        stdin: payload(command.stdin),
        stdout: payload(command.stdout),
        timeout: limit,
        end_at_level: if work.step.when_unknown == WhenUnknown::Repeat { 1 } else { 2 },
        part,
    };
    let mut warned = Duration::ZERO;
    let mut watch = |seen: &Tick| {
        if seen.silent_for >= context.silence.0 && seen.silent_for >= warned + context.silence.0 {
            warned = seen.silent_for;
            let seconds = seen.silent_for.as_secs();
            work.recorder.progress(&Progress::Silent { step: work.step.name.clone(), seconds });
        }
        tick(seen)
    };
    let finished = supervise::run(&program, &folder, context.store.fence(), context.stop, &mut watch);
    let tail = transcript_tail(work, &folder);
    let shown = match &work.step.script {
        Some(script) => script.path.clone(),
        None => shlex::try_join(command.argv.iter().map(String::as_str)).unwrap_or_default(),
    };
    let shown = context.redactor.redact(&shown);
    let finished = finished.map_err(|error| {
        if matches!(error, SuperviseError::Lost { .. }) {
            let hint = "look whether it still works and whether its effect is there; then run the same command again";
            return Failure { tail: tail.clone(), ..Failure::new(LOST, error.to_string()).rc(8).hint(hint) };
        }
        if is_out_of_room(&folder) {
            return Failure::disk_full();
        }
        let hint = "check that the program exists and can be run by you";
        Failure { tail: tail.clone(), ..Failure::new("not-started", error.to_string()).rc(127).hint(hint) }
    })?;
    let failure = match finished.exit {
        Exit::Code(0) => return Ok(()),
        Exit::Code(rc) => Failure::new("exit", format!("`{shown}` exited {rc}")).rc(rc),
        Exit::Signal(signal) => {
            Failure::new("signal", format!("`{shown}` was killed by signal {signal}")).rc(128 + signal)
        }
        Exit::TimedOut => {
            let after = work.step.timeout.unwrap_or(context.timeout);
            let summary = format!("`{shown}` did not end within {after} and was ended");
            Failure::new("timeout", summary).rc(124).hint("give it more time: `timeout` in the configuration")
        }
        Exit::Stopped => {
            let signal = context.stop.signal();
            let rc = signal.map_or(143, crate::sys::signal::Signal::exit_status);
            Failure::new(INTERRUPTED, format!("`{shown}` was ended because you asked to stop")).rc(rc)
        }
        Exit::TooMuchOutput => {
            Failure::new("output", format!("`{shown}` printed more than 100 MiB and was ended"))
        }
        Exit::EndedByTick => Failure::new("ended", format!("`{shown}` was ended")),
    };
    let hint = by_hand(work, command).or(failure.hint);
    Err(Failure { tail, hint, ..failure })
}

/// Whether a step's own small files find no room in its folder: then that, and not its program, is why it did not begin.
fn is_out_of_room(folder: &Path) -> bool {
    const ROOM: u64 = 16 << 10;
    files::disk_space(folder).is_ok_and(|space| space.free < ROOM)
}

/// `BACKUPS` for a ticket script: known only now, because the sets were named while prepare ran.
fn backups(work: Work<'_>) -> Option<(String, String)> {
    let state = work.recorder.state().filter(|_| work.step.phase == Phase::Ticket)?;
    Some(("BACKUPS".to_owned(), stamps_text(&state.backups)))
}

/// A ticket script is plain bash: the command that runs it by hand in the same environment.
fn by_hand(work: Work<'_>, command: &CommandSpec) -> Option<String> {
    if work.step.phase != Phase::Ticket {
        return None;
    }
    let mut words: Vec<String> = vec!["env".into()];
    let own = command.env.iter().map(|(name, value)| (name.clone(), value.clone()));
    words.extend(own.chain(backups(work)).map(|(name, value)| format!("{name}={value}")));
    words.extend(command.argv.iter().cloned());
    let line = shlex::try_join(words.iter().map(String::as_str)).ok()?;
    let there = command.env_files.iter().filter(|file| work.context.env_files.contains_key(*file));
    let files: String = there.fold(String::new(), |text, file| {
        let relative = file.strip_prefix(&command.cwd).unwrap_or(file);
        text + &format!("set -a; . ./{}; set +a; ", relative.display())
    });
    Some(format!(
        "it is plain bash: read it; to run it by hand in the same environment (outside the journal, nothing is \
         recorded): ( {files}{line} )"
    ))
}

/// The end of what it printed. That it could not be kept does not change how the program ended: what is left of it is
/// redacted by whoever takes the host next.
fn transcript_tail(work: Work<'_>, folder: &Path) -> Vec<String> {
    let text = work.context.store.write_transcript(folder, work.context.redactor).unwrap_or_else(|error| {
        let note = format!("what `{}` printed was not kept: {error}", work.step.name);
        work.recorder.progress(&Progress::Note(note));
        String::new()
    });
    let lines: Vec<&str> = text.lines().collect();
    let from = lines.len().saturating_sub(TAIL);
    lines[from..].iter().map(|line| (*line).to_owned()).collect()
}

/// Looks whether a step's effect is there.
pub(super) fn is_there(work: Work<'_>, wanted: &DoneWhen) -> Result<bool, Failure> {
    let git = work.context.git;
    let since = work.step.unknown_since;
    Ok(match wanted {
        DoneWhen::HeadIs { head, branch } => git.head_is(head, branch.as_ref())?,
        DoneWhen::TreeOf { commit } => git.tree_is(commit)?,
        DoneWhen::Recreated { driver, service } => {
            let state = observe(work, service, driver);
            let fresh = |made: Option<chrono::DateTime<chrono::Utc>>| {
                since.is_some_and(|intent| made.is_some_and(|made| made >= intent))
            };
            state.run == RunState::Running
                && !state.containers.is_empty()
                && state.containers.iter().all(|container| fresh(container.created_at))
        }
        DoneWhen::Running { driver, service } => observe(work, service, driver).run == RunState::Running,
        DoneWhen::Stopped { driver, service } => {
            matches!(observe(work, service, driver).run, RunState::Stopped | RunState::Absent)
        }
        DoneWhen::Exits(command) => {
            match run_one(work, command, Part::Look, &Files::default(), &mut |_| TickAnswer::Go) {
                Ok(()) => true,
                Err(failure) if failure.is_interruption() => return Err(failure),
                Err(_) => false,
            }
        }
    })
}

/// What runs for a service right now.
pub(super) fn observe(work: Work<'_>, name: &ServiceName, driver: &DriverSpec) -> ServiceState {
    let context = work.context;
    service::observe(name, driver, context.runtime, context.surroundings)
}
