//! One line to the system's log. Our own lines in place of a crate: those that there are bring a date library and a logging
//! facade with them, and wait for a syslog that does not read.

use std::os::unix::net::UnixDatagram;
use std::path::Path;

use chrono::{DateTime, Local, Utc};

/// Where a syslog listens, whichever it is.
const SOCKET: &str = "/dev/log";

/// Facility `authpriv` (10), severity `notice` (5): who changed this host is for those who may read who signed in.
const PRIORITY: u8 = 10 * 8 + 5;

/// Tells the system's log, if there is one that takes the line at once. Nobody is waited for and nothing is reported: a host
/// without a syslog, or with one that is stuck, releases all the same.
pub fn tell(now: DateTime<Utc>, text: &str) {
    let _ = send(Path::new(SOCKET), &line(&now.with_timezone(&Local), std::process::id(), text));
}

/// As RFC 3164 has it on a local socket: no host name, and a day with a blank in place of its zero.
fn line<Z: chrono::TimeZone>(at: &DateTime<Z>, pid: u32, text: &str) -> String
where
    Z::Offset: std::fmt::Display,
{
    format!("<{PRIORITY}>{} holdpoint[{pid}]: {text}", at.format("%b %e %H:%M:%S"))
}

fn send(socket: &Path, line: &str) -> std::io::Result<usize> {
    let datagram = UnixDatagram::unbound()?;
    // A syslog that does not read has a full queue, and then this line is lost.
    datagram.set_nonblocking(true)?;
    datagram.send_to(line.as_bytes(), socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_as_syslogs_read_it() {
        let at = "2026-05-08T15:30:12.345Z".parse::<DateTime<Utc>>().unwrap();
        assert_eq!(line(&at, 4711, "seq=17"), "<85>May  8 15:30:12 holdpoint[4711]: seq=17");
    }

    #[test]
    fn what_is_told_arrives_and_one_that_does_not_read_or_is_not_there_holds_nobody_up() {
        let folder = crate::sys::files::temporary_folder("holdpoint-syslog-").unwrap();
        let path = folder.path().join("log");
        assert!(send(&path, "nobody").is_err());
        let syslog = UnixDatagram::bind(&path).unwrap();
        send(&path, "first").unwrap();
        // Until its queue is full; then at once, too.
        let lost = (0..100_000).find_map(|_| send(&path, "more").err()).expect("a queue has an end");
        assert_eq!(lost.kind(), std::io::ErrorKind::WouldBlock);
        let mut buffer = [0; 64];
        let length = syslog.recv(&mut buffer).unwrap();
        assert_eq!(&buffer[..length], b"first");
    }
}
