//! Who we are: the person, the host, this boot, this process.

#![expect(clippy::disallowed_methods, reason = "this is the place that asks the system who we are")]

use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::sys::FileError;
use crate::sys::files::{self, failed};

use super::env;

/// The folder that we were started in.
pub fn current_folder() -> Result<PathBuf, FileError> {
    std::env::current_dir().map_err(failed("found", Path::new(".")))
}

/// What the kernel appends to the name of a program whose file was replaced or taken away while it runs.
const REPLACED: &str = " (deleted)";

/// What this program is started by once more: its file, or where another version has taken that file's place meanwhile, as
/// an upgrade does, the very program that runs. So a server, its runs and their shims are always of one version.
pub fn own_program() -> Result<PathBuf, FileError> {
    let own = running_from()?;
    let is_replaced = own.to_string_lossy().ends_with(REPLACED) && !files::exists(&own);
    Ok(if is_replaced { PathBuf::from(OWN) } else { own })
}

/// The file that this program was started from; another version may be there by now.
pub fn own_binary() -> Result<PathBuf, FileError> {
    let own = running_from()?;
    let before = own.to_str().and_then(|own| own.strip_suffix(REPLACED)).map(PathBuf::from);
    Ok(before.filter(|_| !files::exists(&own)).unwrap_or(own))
}

/// The program that runs, whatever became of its file.
const OWN: &str = "/proc/self/exe";

fn running_from() -> Result<PathBuf, FileError> {
    std::env::current_exe().map_err(failed("found", Path::new(OWN)))
}

/// Identifies this boot of the machine; empty where the kernel does not say.
pub fn boot_id() -> String {
    small("/proc/sys/kernel/random/boot_id")
}

/// The host's name.
pub fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

fn small(path: &str) -> String {
    files::read_text(Path::new(path), 4096).map(|text| text.trim().to_owned()).unwrap_or_default()
}

/// Whom this process speaks for, and what started it for them.
static SPOKEN_FOR: OnceLock<(String, Starter)> = OnceLock::new();

/// What started a process, as it was seen when it began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Starter {
    /// This very program: the server, or the coordinator of a rollout.
    Ours,
    /// Another program: its name.
    Another(String),
    /// It is gone, or may not be looked at.
    Unseen,
}

/// From now on the person is this one: the HTTP server starts a verb for whoever asked it.
pub fn speak_for(name: &str) {
    let _ = SPOKEN_FOR.set((name.to_owned(), starter()));
}

/// The person: the one it was started for, else whoever is at the keyboard.
pub fn operator() -> String {
    SPOKEN_FOR.get().map_or_else(at_the_keyboard, |(name, _)| name.clone())
}

/// Who is at the keyboard when this process speaks for somebody, and what started it; none: it speaks for nobody else.
/// Whoever may start this program may name anybody as the one it speaks for: so the record names all three.
pub fn spoken_by() -> Option<(String, &'static Starter)> {
    SPOKEN_FOR.get().map(|(_, starter)| (at_the_keyboard(), starter))
}

fn starter() -> Starter {
    let theirs = format!("/proc/{}/exe", std::os::unix::process::parent_id());
    let Ok(program) = std::fs::read_link(&theirs) else { return Starter::Unseen };
    let file = |path: &str| std::fs::metadata(path).ok().map(|file| (file.dev(), file.ino()));
    if file(&theirs).is_some_and(|file_of_theirs| file(OWN) == Some(file_of_theirs)) {
        return Starter::Ours;
    }
    let name = program.file_name().map(|name| name.to_string_lossy().trim_end_matches(REPLACED).to_owned());
    name.map_or(Starter::Unseen, Starter::Another)
}

/// The one who logged in, else the one behind sudo, else the user we run as (design/08).
fn at_the_keyboard() -> String {
    const NOBODY_LOGGED_IN: u32 = u32::MAX;
    let login = small("/proc/self/loginuid").parse().ok().filter(|uid| *uid != NOBODY_LOGGED_IN);
    let login = login.and_then(user_name);
    let sudo = || env("SUDO_USER").filter(|name| !name.is_empty());
    let own = || {
        let uid = rustix::process::geteuid().as_raw();
        user_name(uid).unwrap_or_else(|| uid.to_string())
    };
    login.or_else(sudo).unwrap_or_else(own)
}

/// The name of a user id. None when it has none.
pub fn user_name(uid: u32) -> Option<String> {
    named("/etc/passwd", "passwd", &uid.to_string(), 2, 0)
}

/// The id of a group. None when there is no such group.
pub fn group_id(name: &str) -> Option<u32> {
    named("/etc/group", "group", name, 0, 2)?.parse().ok()
}

/// Finds the line whose field `by` is `key` and returns its field `wanted`: in the file, else where the system's name
/// service knows more than the file (LDAP, sssd), through `getent`.
fn named(file: &str, database: &str, key: &str, by: usize, wanted: usize) -> Option<String> {
    let pick = |text: &str| {
        let fields = |line: &str| line.split(':').map(str::to_owned).collect::<Vec<_>>();
        let line = text.lines().map(fields).find(|line| line.get(by).is_some_and(|field| field == key))?;
        line.get(wanted).cloned()
    };
    let local = files::read_text(Path::new(file), 16 << 20).ok().and_then(|text| pick(&text));
    local.or_else(|| {
        let asked = super::capture(&super::Capture {
            argv: vec!["getent".into(), database.into(), key.into()],
            cwd: PathBuf::from("/"),
            env: super::base_environment(&[]),
            stdin: None,
            limit_bytes: 64 << 10,
            timeout: Some(std::time::Duration::from_secs(5)),
            ends: super::Ends::Program,
        });
        pick(&String::from_utf8_lossy(&asked.ok()?.stdout))
    })
}

/// The user that we run as.
pub fn own_user() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// Our process id.
pub fn own_pid() -> u32 {
    std::process::id()
}

/// How many files this process may have open. None: nothing limits that.
pub fn most_open_files() -> Option<u64> {
    rustix::process::getrlimit(rustix::process::Resource::Nofile).current
}

/// Leaves the session and process group that we were started in, for one of our own: what ends them does not end us.
/// A process that already leads its group stays where it is.
pub fn leave_session() {
    let _ = rustix::process::setsid();
}

/// When a process began, in clock ticks since boot: with the boot id it tells a process from a later one of the same
/// number.
pub type Start = u64;

/// When a process began. None when there is no such process.
pub fn start_time(pid: u32) -> Option<Start> {
    kin(pid).map(|kin| kin.start)
}

/// Where a process belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Kin {
    /// Its parent.
    pub parent: u32,
    /// Its process group.
    pub group: u32,
    /// The session it is in. None when that one is outside our PID namespace, as for whatever a container runtime starts
    /// in a container.
    pub session: Option<u32>,
    /// When it began.
    pub start: Start,
}

/// Where a process belongs. None when there is no such process, or it has ended.
pub fn kin(pid: u32) -> Option<Kin> {
    let stat = files::read_limited(Path::new(&format!("/proc/{pid}/stat")), 4096).ok()?;
    let text = String::from_utf8_lossy(&stat);
    // The second field is the program's name in brackets and may hold anything.
    let (_, rest) = text.rsplit_once(") ")?;
    let mut fields = rest.split(' ');
    let dead = matches!(fields.next()?, "Z" | "X");
    let parent = fields.next()?.parse().ok()?;
    let group = fields.next()?.parse().ok()?;
    let session: u32 = fields.next()?.parse().ok()?;
    let began = fields.nth(15)?.parse().ok()?;
    (!dead).then_some(Kin { parent, group, session: (session != 0).then_some(session), start: began })
}

/// Whether the very process that began then still lives.
pub fn is_alive(pid: u32, start: Start) -> bool {
    start_time(pid) == Some(start)
}

/// An error for a program that could not be found.
pub(in crate::sys) fn not_found(program: &str) -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, format!("there is no program `{program}` on the path"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn we_are_alive_and_nobody_is_who_began_at_another_time() {
        let start = start_time(own_pid()).expect("we live");
        assert!(is_alive(own_pid(), start));
        assert!(!is_alive(own_pid(), start + 1));
        assert!(!is_alive(u32::MAX - 1, 1));
    }

    #[test]
    fn names_are_found() {
        assert_eq!(user_name(0).as_deref(), Some("root"));
        assert_eq!(group_id("root"), Some(0));
        assert_eq!(group_id("no-such-group-here"), None);
        assert!(!operator().is_empty() && !host_name().is_empty() && !boot_id().is_empty());
    }
}
