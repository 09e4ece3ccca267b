//! What a step's shim leaves behind: `pid` (itself), `child` (the program), `exit` (how it ended), and how the next runner
//! reads them. They are not synced: they count only whole, and only within the same boot.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::{Pid, PidfdFlags, Signal};

use super::program::{Exit, Part};
use crate::sys::FileError;
use crate::sys::files;
use crate::sys::plant::{Bug, planted};
use crate::sys::process::{boot_id, is_alive, kin, start_time};

/// A record that counts ends in this line.
const END: &str = "#end";

/// Bytes of an `exit` file.
const ROOM: usize = 512;

/// Bytes of a system's sentence in it, at most.
const WHY: usize = 200;

/// Name of the program's end in `exit` when it never began.
const NOT_STARTED: &str = "not-started";

/// What is found of a step whose outcome nobody recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trace {
    /// Its program was never started.
    NeverStarted,
    /// These processes still work on it.
    AtWork(Vec<u32>),
    /// Its program is gone, nobody saw how, and these processes that it started live on in sessions of their own: services
    /// that it left running, or work of its own that went out of sight.
    LeftRunning(Vec<u32>),
    /// Its program ended like this, and that is the step's own end.
    Ended(Exit),
    /// What became of it cannot be told.
    Unknown,
}

/// A step that works while no runner lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepAtWork {
    /// The step's folder.
    pub folder: PathBuf,
    /// Processes that belong to it.
    pub pids: Vec<u32>,
}

/// How the shim's program ended, as far as `exit` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Said {
    Ended(Exit),
    /// The system's sentence.
    NotStarted(String),
}

/// The three files of a step's folder.
#[derive(Debug, Clone, Copy)]
pub(super) struct Traces<'a> {
    folder: &'a Path,
}

impl<'a> Traces<'a> {
    pub(super) const fn of(folder: &'a Path) -> Self {
        Self { folder }
    }

    /// Keeps the room in which the end is written later: a disk that the program fills must not hide how it ended.
    pub(super) fn make_room(self) -> Result<(), FileError> {
        let fresh = self.folder.join("exit.new");
        files::remove_file(&fresh)?;
        self.fill(&fresh, &[b'\n'; ROOM])
    }

    /// Forgets how the program before this one in the same folder ended.
    pub(super) fn forget_end(self) -> Result<(), FileError> {
        files::remove_file(&self.folder.join("exit"))
    }

    pub(super) fn say_shim(self, pid: u32, part: Part) -> Result<(), FileError> {
        self.write("pid", &format!("{}part={}\n", process(pid), part.word()))
    }

    pub(super) fn say_child(self, pid: u32) -> Result<(), FileError> {
        self.write("child", &process(pid))
    }

    pub(super) fn say_end(self, part: Part, said: &Said, took: Duration) -> Result<(), FileError> {
        // Beside it there must be room for the other lines, in bytes.
        let why = |why: &str| {
            let plain = why.chars().filter(|c| !c.is_control());
            let mut bytes = 0;
            plain.take_while(|c| (bytes += c.len_utf8(), bytes <= WHY).1).collect::<String>()
        };
        let mut text = match said {
            Said::NotStarted(text) => format!("{NOT_STARTED}={}\n", why(text)),
            Said::Ended(exit) => match exit {
                Exit::Code(code) => format!("rc={code}\n"),
                Exit::Signal(signal) => format!("signal={signal}\n"),
                Exit::TimedOut => "ended=timeout\n".to_owned(),
                Exit::TooMuchOutput => "ended=output\n".to_owned(),
                Exit::Stopped | Exit::EndedByTick => "ended=asked\n".to_owned(),
            },
        };
        let _ = writeln!(text, "part={}\nms={}\nboot={}", part.word(), took.as_millis(), boot_id());
        // Into the room that was kept: of one length, so that nothing new is asked of the disk.
        let mut room = text.into_bytes();
        room.resize(ROOM - END.len() - 2, b' ');
        room.extend_from_slice(format!("\n{END}\n").as_bytes());
        let fresh = self.folder.join("exit.new");
        files::overwrite(&fresh, &room)?;
        files::rename(&fresh, &self.folder.join("exit"))
    }

    /// How the program ended; none where that was not written whole, or in another boot.
    pub(super) fn end(self) -> Option<(Part, Said)> {
        let record = self.read("exit")?;
        let part = Part::from_word(&record.value("part")?)?;
        let number = |key: &str| record.value(key).and_then(|text| text.parse().ok());
        let said = if let Some(why) = record.value(NOT_STARTED) {
            Said::NotStarted(why)
        } else if let Some(code) = number("rc") {
            Said::Ended(Exit::Code(code))
        } else if let Some(signal) = number("signal") {
            Said::Ended(Exit::Signal(signal))
        } else {
            Said::Ended(match record.value("ended")?.as_str() {
                "timeout" => Exit::TimedOut,
                "output" => Exit::TooMuchOutput,
                "asked" => Exit::Stopped,
                _ => return None,
            })
        };
        Some((part, said))
    }

    /// The shim's process, while it lives.
    pub(super) fn shim(self) -> Option<u32> {
        self.read("pid")?.living()
    }

    /// Whether the newest shim that said who it is was this one.
    pub(super) fn shim_was(self, pid: u32) -> bool {
        self.read("pid").and_then(|record| record.value("pid")) == Some(pid.to_string())
    }

    /// Whether a process is in the session that the shim led, or that cannot be told.
    fn may_be_in_its_session(self, pid: u32) -> bool {
        let shim = self.read("pid").and_then(|record| record.value("pid")?.parse::<u32>().ok());
        // Not by getsid: rustix believes that no session has the number 0, and the kernel says 0 of one outside our PID
        // namespace.
        let session = kin(pid).and_then(|kin| kin.session);
        shim.is_none() || session.is_none() || session == shim
    }

    fn child(self) -> Option<u32> {
        self.read("child")?.living()
    }

    /// Whole or not at all; what reads it while it is replaced sees the old one.
    fn write(self, name: &str, text: &str) -> Result<(), FileError> {
        let fresh = self.folder.join(format!("{name}.new"));
        files::remove_file(&fresh)?;
        self.fill(&fresh, format!("{text}{END}\n").as_bytes())?;
        files::rename(&fresh, &self.folder.join(name))
    }

    /// Readable for whoever may read the folder, whatever the umask says.
    fn fill(self, path: &Path, bytes: &[u8]) -> Result<(), FileError> {
        let mode = files::mode(self.folder)? & 0o660;
        files::write(path, bytes, mode)?;
        files::set_mode(path, mode)
    }

    fn read(self, name: &str) -> Option<Record> {
        let text = files::read_text(&self.folder.join(name), 4096).ok()?;
        let whole = text.strip_suffix(&format!("{END}\n"));
        let record = Record { text: whole.or(planted(Bug::ExitWithoutEnd).then_some(&text))?.to_owned() };
        (record.value("boot")? == boot_id()).then_some(record)
    }
}

struct Record {
    text: String,
}

impl Record {
    fn value(&self, key: &str) -> Option<String> {
        let line = self.text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='))?;
        Some(line.to_owned())
    }

    fn living(&self) -> Option<u32> {
        let pid = self.value("pid")?.parse().ok()?;
        let start = self.value("start")?.parse().ok()?;
        is_alive(pid, start).then_some(pid)
    }
}

fn process(pid: u32) -> String {
    // A process that is gone already began at no time that anybody else could have.
    let start = start_time(pid).unwrap_or(0);
    format!("pid={pid}\nstart={start}\nboot={}\n", boot_id())
}

/// Looks what became of a step whose intent has no outcome. `boot` is the boot in which the intent was recorded, where
/// that is known.
pub fn look(step_folder: &Path, boot: Option<&str>) -> Trace {
    let traces = Traces::of(step_folder);
    // The shim first: one that ends while we look leaves `exit`, which is read after it.
    let shim = traces.shim();
    if shim.is_none()
        && let Some((part, said)) = traces.end()
    {
        return match (part, said) {
            (Part::Look, _) | (Part::One, Said::Ended(Exit::Code(0))) => Trace::Unknown,
            (_, Said::NotStarted(_)) => Trace::Ended(Exit::Code(127)),
            (Part::One | Part::Whole, Said::Ended(exit)) => Trace::Ended(exit),
        };
    }
    let ours: Vec<u32> = shim.into_iter().chain(traces.child()).collect();
    let marked = working_in(step_folder);
    let is_near = !ours.is_empty() || marked.iter().any(|pid| traces.may_be_in_its_session(*pid));
    let mut pids = [ours, marked].concat();
    pids.sort_unstable();
    pids.dedup();
    if !pids.is_empty() {
        return if is_near { Trace::AtWork(pids) } else { Trace::LeftRunning(pids) };
    }
    let was_this_boot = boot.is_some_and(|boot| boot == boot_id());
    let never = was_this_boot && !files::exists(&step_folder.join("pid"));
    if never { Trace::NeverStarted } else { Trace::Unknown }
}

/// Processes that were started by a step: they carry its folder in their environment. Only those that we may look at.
fn working_in(step_folder: &Path) -> Vec<u32> {
    let mark = format!("HOLDPOINT_STEP_DIR={}", step_folder.display());
    let carries = |pid: &u32| {
        let environment = files::read_limited(Path::new(&format!("/proc/{pid}/environ")), 1 << 20);
        environment.is_ok_and(|bytes| bytes.split(|byte| *byte == 0).any(|entry| entry == mark.as_bytes()))
            && start_time(*pid).is_some()
    };
    super::tree::processes().into_iter().filter(carries).collect()
}

/// The steps whose shim holds the fence right now, found by the open file.
pub fn at_work(fence: &Path) -> Vec<StepAtWork> {
    let Ok(fence) = files::absolute(fence) else { return Vec::new() };
    let holds = |pid: &u32| {
        let open = files::list(Path::new(&format!("/proc/{pid}/fd"))).unwrap_or_default();
        open.iter().any(|fd| {
            let link = Path::new("/proc").join(pid.to_string()).join("fd").join(fd);
            files::link_target(&link).is_ok_and(|target| target == fence)
        })
    };
    super::tree::processes().into_iter().filter(holds).filter_map(step_of).collect()
}

/// The step that a shim watches, from its arguments.
fn step_of(pid: u32) -> Option<StepAtWork> {
    let line = files::read_limited(Path::new(&format!("/proc/{pid}/cmdline")), 1 << 20).ok()?;
    let words: Vec<String> =
        line.split(|byte| *byte == 0).map(|word| String::from_utf8_lossy(word).into_owned()).collect();
    let at = words.iter().position(|word| word == super::shim::STEP)?;
    let folder = PathBuf::from(words.get(at + 1)?);
    let pids = [pid].into_iter().chain(Traces::of(&folder).child()).collect();
    Some(StepAtWork { folder, pids })
}

/// Asks the shim of a step to end all that it watches, as a runner's second signal does. False when no shim lives.
pub fn ask_to_end(step_folder: &Path) -> bool {
    let Some(pid) = Traces::of(step_folder).shim() else { return false };
    let Some(raw) = i32::try_from(pid).ok().and_then(Pid::from_raw) else { return false };
    let Ok(held) = rustix::process::pidfd_open(raw, PidfdFlags::empty()) else { return false };
    // Held now; asked again so that no later process of the same number is meant.
    Traces::of(step_folder).shim() == Some(pid)
        && rustix::process::pidfd_send_signal(&held, Signal::TERM).is_ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::sys::process::own_pid;

    fn say_end(traces: Traces<'_>, part: Part, said: &Said, took: Duration) -> Result<(), FileError> {
        traces.make_room()?;
        traces.say_end(part, said, took)
    }

    #[test]
    fn an_end_counts_only_when_it_was_written_whole_and_in_this_boot() {
        let folder = files::temporary_folder("holdpoint-trace-").unwrap();
        let traces = Traces::of(folder.path());
        assert_eq!(look(folder.path(), Some(&boot_id())), Trace::NeverStarted);
        assert_eq!(look(folder.path(), Some("another boot")), Trace::Unknown);
        assert_eq!(look(folder.path(), None), Trace::Unknown);
        say_end(traces, Part::Whole, &Said::Ended(Exit::Code(3)), Duration::ZERO).unwrap();
        assert_eq!(look(folder.path(), None), Trace::Ended(Exit::Code(3)));
        let path = folder.path().join("exit");
        let text = files::read_text(&path, 4096).unwrap();
        files::write(&path, text.replace(END, "").as_bytes(), 0o640).unwrap();
        assert_eq!(look(folder.path(), None), Trace::Unknown, "without its last line");
        files::write(&path, text.replace("boot=", "boot=other").as_bytes(), 0o640).unwrap();
        assert_eq!(look(folder.path(), None), Trace::Unknown, "of another boot");
    }

    #[test]
    fn the_good_end_of_one_program_of_several_says_nothing_of_the_step() {
        let folder = files::temporary_folder("holdpoint-trace-").unwrap();
        let traces = Traces::of(folder.path());
        let end = |part, code| {
            say_end(traces, part, &Said::Ended(Exit::Code(code)), Duration::ZERO).unwrap();
            look(folder.path(), None)
        };
        assert_eq!(end(Part::One, 0), Trace::Unknown);
        assert_eq!(end(Part::One, 1), Trace::Ended(Exit::Code(1)));
        assert_eq!(end(Part::Look, 1), Trace::Unknown);
        assert_eq!(end(Part::Whole, 0), Trace::Ended(Exit::Code(0)));
    }

    #[test]
    fn a_living_shim_is_at_work_and_a_later_process_of_its_number_is_not() {
        let folder = files::temporary_folder("holdpoint-trace-").unwrap();
        let traces = Traces::of(folder.path());
        traces.say_shim(own_pid(), Part::Whole).unwrap();
        assert_eq!(look(folder.path(), None), Trace::AtWork(vec![own_pid()]));
        let path = folder.path().join("pid");
        let text = files::read_text(&path, 4096).unwrap();
        files::write(&path, text.replace("start=", "start=1").as_bytes(), 0o640).unwrap();
        assert_eq!(look(folder.path(), Some(&boot_id())), Trace::Unknown);
    }

    #[test]
    fn every_end_is_read_back() {
        let folder = files::temporary_folder("holdpoint-trace-").unwrap();
        let traces = Traces::of(folder.path());
        for exit in [Exit::Code(0), Exit::Signal(9), Exit::TimedOut, Exit::TooMuchOutput, Exit::Stopped] {
            say_end(traces, Part::One, &Said::Ended(exit), Duration::ZERO).unwrap();
            assert_eq!(traces.end(), Some((Part::One, Said::Ended(exit))));
        }
        let said = Said::NotStarted("no such file".to_owned());
        say_end(traces, Part::Whole, &said, Duration::ZERO).unwrap();
        assert_eq!(traces.end(), Some((Part::Whole, said)));
    }

    fn any_end() -> impl Strategy<Value = Said> {
        prop_oneof![
            any::<i32>().prop_map(|code| Said::Ended(Exit::Code(code))),
            any::<i32>().prop_map(|signal| Said::Ended(Exit::Signal(signal))),
            prop::sample::select(vec![Exit::TimedOut, Exit::TooMuchOutput, Exit::Stopped])
                .prop_map(Said::Ended),
            prop_oneof!["[ -~]{0,200}", "é{0,100}"].prop_map(Said::NotStarted),
        ]
    }

    parser! {
        "what shims leave behind";

        #[test]
        fn any_end_is_read_back_and_a_part_of_it_is_none(said in any_end(), cut in 0..ROOM) {
            let folder = files::temporary_folder("holdpoint-trace-").unwrap();
            let traces = Traces::of(folder.path());
            say_end(traces, Part::One, &said, Duration::from_millis(3)).unwrap();
            prop_assert_eq!(traces.end(), Some((Part::One, said)));
            let path = folder.path().join("exit");
            let text = files::read_text(&path, 4096).unwrap();
            prop_assert!(text.len() == ROOM, "{} bytes", text.len());
            files::write(&path, &text.as_bytes()[..cut], 0o640).unwrap();
            prop_assert_eq!(traces.end(), None);
        }

        #[test]
        fn no_text_is_taken_for_a_process_or_an_end_of_this_boot(
            text in r"((pid|start|boot|part|rc|ms|ended|not-started)=[0-9a-z -]{0,12}\n){0,6}(#end\n)?|(?s).{0,60}",
        ) {
            let folder = files::temporary_folder("holdpoint-trace-").unwrap();
            for name in ["pid", "child", "exit"] {
                files::write(&folder.path().join(name), text.as_bytes(), 0o640).unwrap();
            }
            let traces = Traces::of(folder.path());
            prop_assert_eq!((traces.end(), traces.shim(), traces.child()), (None, None, None));
            prop_assert_eq!(look(folder.path(), None), Trace::Unknown);
        }
    }
}
