//! A host over ssh: the system's own client with the user's own configuration, keys and jump hosts; one connection a host,
//! kept for everything that is said on it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::hands::{FLEET, start, understood};
use crate::model::rollout::{Heard, Offer};
use crate::sys::process::Captured;
use crate::sys::{files, net};

/// What `ssh` ends with when it is the connection that failed.
const CONNECTION_FAILED: i32 = 255;

/// What a shell ends with when there is no such program.
const NO_PROGRAM: [i32; 2] = [126, 127];

pub(super) fn tell(sockets: &Path, address: &str, program: &str, folder: &str, offer: &Offer) -> Heard {
    let Ok(folder) = shlex::try_quote(folder) else {
        return Heard::Nothing { why: "its folder cannot be named to a shell".to_owned() };
    };
    let mut argv = with_control(sockets, address);
    argv.extend(["-T", "--", address].map(str::to_owned));
    // The other side's shell takes this apart again.
    argv.push(format!("{program} {FLEET} {folder}"));
    match start(argv, offer) {
        Ok(said) if said.code == Some(CONNECTION_FAILED) => Heard::Nothing { why: last_line(&said) },
        Ok(said) if said.code.is_some_and(|code| NO_PROGRAM.contains(&code)) => {
            let why = format!("`{program}` is no program there: {}", last_line(&said));
            understood(&Captured { code: Some(2), stdout: Vec::new(), stderr: why.into_bytes() }, offer)
        }
        Ok(said) => understood(&said, offer),
        Err(error) => Heard::Nothing { why: error.to_string() },
    }
}

/// `ssh`, never asking anybody, over a kept connection.
fn with_control(sockets: &Path, address: &str) -> Vec<String> {
    // A socket's whole path has room for about a hundred bytes.
    let name = files::sha256_of(address.as_bytes());
    let socket = format!("ControlPath={}/{}", sockets.display(), &name[..8]);
    let mut argv = vec!["ssh".to_owned()];
    let options = ["BatchMode=yes", "ConnectTimeout=8", "ServerAliveInterval=10", "ControlMaster=auto"];
    for option in options.into_iter().chain(["ControlPersist=60", &socket]) {
        argv.extend(["-o".to_owned(), option.to_owned()]);
    }
    argv
}

fn last_line(said: &Captured) -> String {
    let text = String::from_utf8_lossy(&said.stderr);
    text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("ssh said nothing").to_owned()
}

/// How long kept connections may take to end; what does not ends by itself.
const FAREWELL: Duration = Duration::from_secs(5);

/// Ends the kept connections, as `ssh -O exit` does: a hundred of that program take as long as all that was said on them.
pub(super) fn hang_up(sockets: &Path) {
    let all: Vec<PathBuf> =
        files::list(sockets).unwrap_or_default().into_iter().map(|name| sockets.join(name)).collect();
    // OpenSSH's PROTOCOL.mux, each with its length before it: hello (1) of version 4, terminate (0x10000005) as request 0.
    let words: Vec<u8> = [8_u32, 1, 4, 8, 0x1000_0005, 0].into_iter().flat_map(u32::to_be_bytes).collect();
    net::say_farewell(&all, &words, FAREWELL);
}
