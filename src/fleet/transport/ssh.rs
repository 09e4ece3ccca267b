//! Hosts over ssh: the system's own client with the user's own configuration, keys and jump hosts. One of it a host stays, and
//! each later word is a line over it: neither side starts anything for that.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::hands::{FLEET, PATIENCE, understood};
use crate::model::rollout::{Heard, HostAnswer, HostName, Offer};
use crate::sys::clock::{Clock, SystemClock};
use crate::sys::process::{Captured, Conversation, ProcessError, Said, base_environment};

/// What `ssh` ends with when it is the connection that failed.
const CONNECTION_FAILED: i32 = 255;

/// What a shell ends with when there is no such program.
const NO_PROGRAM: [i32; 2] = [126, 127];

/// How long a connection is kept over which nothing is said.
const REST: Duration = Duration::from_mins(1);

/// Connections that are kept: each is a process here and two there.
const KEPT: usize = 256;

/// How long connections may take to end at the end; what does not is ended.
const FAREWELL: Duration = Duration::from_secs(5);

/// Kept connections, each to one host.
#[derive(Debug, Default)]
pub(super) struct Connections {
    clock: SystemClock,
    kept: Mutex<BTreeMap<HostName, Kept>>,
    leaving: Mutex<Vec<Conversation>>,
}

#[derive(Debug)]
struct Kept {
    line: Conversation,
    rest: Rest,
}

/// What is known of a connection over which nothing is said at the moment.
#[derive(Debug, Clone, Copy)]
struct Rest {
    used: Duration,
    /// Whether the host was at work when it was heard last: it is asked again soon.
    at_work: bool,
}

/// Whose connection makes room for that of a host: of a host that is done, the one that was used longest ago. None: all are asked
/// again as soon as this one, in turn; letting go of one for the other would begin each anew each time.
fn gives_way<'a>(kept: impl Iterator<Item = (&'a HostName, Rest)>) -> Option<HostName> {
    let done = kept.filter(|(_, rest)| !rest.at_work);
    done.min_by_key(|(_, rest)| rest.used).map(|(host, _)| host.clone())
}

impl Connections {
    pub(super) fn tell(
        &self,
        host: &HostName,
        address: &str,
        program: &str,
        folder: &str,
        offer: &Offer,
    ) -> Heard {
        let Ok(folder) = shlex::try_quote(folder) else {
            return Heard::Nothing { why: "its folder cannot be named to a shell".to_owned() };
        };
        let mut word = serde_json::to_vec(offer).unwrap_or_default();
        word.push(b'\n');
        let began = self.clock.monotonic();
        let left = || PATIENCE.saturating_sub(self.clock.monotonic().saturating_sub(began));
        if let Some(mut line) = self.take(host) {
            match line.ask(&word, left(), &answer) {
                Ok(Said::Line(answer)) => return self.keep(host, line, answer),
                Err(error @ ProcessError::TimedOut { .. }) => {
                    return Heard::Nothing { why: error.to_string() };
                }
                // It was cut since: the same word may be said twice.
                Ok(Said::Ended(_)) | Err(_) => {}
            }
        }
        // The other side's shell takes this apart again.
        let argv = called(address, format!("{program} {FLEET} {folder}"));
        let line = Conversation::begin(&argv, Path::new("/"), &base_environment(&[]));
        let said = line.and_then(|mut line| Ok((line.ask(&word, left(), &answer)?, line)));
        match said {
            Ok((Said::Line(answer), line)) => self.keep(host, line, answer),
            Ok((Said::Ended(said), _)) if said.code == Some(CONNECTION_FAILED) => {
                Heard::Nothing { why: last_line(&said) }
            }
            Ok((Said::Ended(said), _)) if said.code.is_some_and(|code| NO_PROGRAM.contains(&code)) => {
                let why = format!("`{program}` is no program there: {}", last_line(&said));
                understood(&Captured { code: Some(2), stdout: Vec::new(), stderr: why.into_bytes() }, offer)
            }
            Ok((Said::Ended(said), _)) => understood(&said, offer),
            Err(error) => Heard::Nothing { why: error.to_string() },
        }
    }

    fn take(&self, host: &HostName) -> Option<Conversation> {
        locked(&self.kept).remove(host).map(|kept| kept.line)
    }

    /// Keeps a connection for what is said next, and lets go of those over which nothing is said any more.
    fn keep(&self, host: &HostName, line: Conversation, answer: HostAnswer) -> Heard {
        let now = self.clock.monotonic();
        let mut kept = locked(&self.kept);
        let mut idle: Vec<Conversation> =
            kept.extract_if(.., |_, one| one.rest.used + REST < now).map(|(_, one)| one.line).collect();
        if kept.len() >= KEPT {
            let other = gives_way(kept.iter().map(|(host, one)| (host, one.rest)));
            idle.extend(other.and_then(|host| kept.remove(&host)).map(|one| one.line));
        }
        if kept.len() < KEPT {
            let rest = Rest { used: now, at_work: answer.at_work };
            kept.insert(host.clone(), Kept { line, rest });
        } else {
            idle.push(line);
        }
        drop(kept);
        idle.iter_mut().for_each(Conversation::hang_up);
        let mut leaving = locked(&self.leaving);
        leaving.extend(idle);
        leaving.retain(|line| !line.is_over());
        Heard::Answer(answer)
    }
}

impl Drop for Connections {
    /// All are told before any is waited for.
    fn drop(&mut self) {
        let kept = std::mem::take(&mut *locked(&self.kept));
        let mut all = std::mem::take(&mut *locked(&self.leaving));
        all.extend(kept.into_values().map(|kept| kept.line));
        all.iter_mut().for_each(Conversation::hang_up);
        let until = self.clock.monotonic() + FAREWELL;
        for line in all {
            if !line.is_over_within(until.saturating_sub(self.clock.monotonic())) {
                line.end();
            }
        }
    }
}

fn locked<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

fn answer(line: &[u8]) -> Option<HostAnswer> {
    serde_json::from_slice(line).ok()
}

/// `ssh`, never asking anybody. A master that the user's own configuration names and that is there is used; none is made.
fn called(address: &str, command: String) -> Vec<String> {
    let mut argv = vec!["ssh".to_owned()];
    for option in ["BatchMode=yes", "ConnectTimeout=8", "ServerAliveInterval=10", "ControlMaster=no"] {
        argv.extend(["-o".to_owned(), option.to_owned()]);
    }
    argv.extend(["-T", "--", address].map(str::to_owned));
    argv.push(command);
    argv
}

fn last_line(said: &Captured) -> String {
    let text = String::from_utf8_lossy(&said.stderr);
    text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("ssh said nothing").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_connections_those_of_hosts_at_work_are_kept() {
        let host = |name: &str| name.parse::<HostName>().unwrap();
        let rest = |seconds, at_work| Rest { used: Duration::from_secs(seconds), at_work };
        let mut kept = BTreeMap::from([
            (host("busy"), rest(1, true)),
            (host("done"), rest(3, false)),
            (host("done-long"), rest(2, false)),
        ]);
        let gives =
            |kept: &BTreeMap<HostName, Rest>| gives_way(kept.iter().map(|(host, rest)| (host, *rest)));
        assert_eq!(gives(&kept), Some(host("done-long")));
        kept.retain(|_, rest| rest.at_work);
        assert_eq!(gives(&kept), None);
    }
}
