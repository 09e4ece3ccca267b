//! The log's head has witnesses: the system's log and every notification name it, so that a log that was written anew or cut
//! later can be told from the one that was (design/03).

use std::os::unix::net::UnixDatagram;
use std::process::Stdio;

use crate::support::{Host, Output, Scene, Service, binary, skip};

/// A syslog of our own: a socket, which programs of one mount namespace find at `/dev/log`.
struct Syslog(UnixDatagram);

/// Makes a `/dev` with nothing but what programs need and our socket, for this process and its children alone.
const WITH_SYSLOG: &str = "
set -e
mkdir -p devices
mount -t tmpfs -o mode=0755 tmpfs devices
for name in null zero full random urandom tty; do cp -a /dev/$name devices/; done
ln -s /proc/self/fd devices/fd
if [ -S syslog ]; then touch devices/log; mount --bind syslog devices/log; fi
mount --move devices /dev
cd prod
exec \"$@\"
";

impl Syslog {
    /// For a host; none where this machine does not let us.
    fn of(host: &Host) -> Option<Self> {
        let tried = host.command("unshare", host.root()).args(["-m", "true"]).status();
        if !tried.is_ok_and(|status| status.success()) {
            skip("a /dev of our own needs root");
            return None;
        }
        let socket = UnixDatagram::bind(host.root().join("syslog")).unwrap();
        socket.set_nonblocking(true).unwrap();
        Some(Self(socket))
    }

    /// The lines that came since the last time.
    fn lines(&self) -> Vec<String> {
        let mut buffer = [0; 8192];
        let next =
            || self.0.recv(&mut buffer).ok().map(|length| String::from_utf8(buffer[..length].to_vec()));
        std::iter::from_fn(next).map(Result::unwrap).collect()
    }
}

/// The program where `/dev/log` is ours, or is not there when nobody bound it.
fn run(host: &Host, line: &[&str]) -> Output {
    let mut command = host.command("unshare", host.root());
    command.args(["-m", "sh", "-c", WITH_SYSLOG, "sh", binary()]).args(line).stdin(Stdio::null());
    Output::of(command)
}

/// `seq=… chain=…` of a log's last record.
fn head(host: &Host, ticket: &str) -> String {
    let log = host.log(ticket);
    let last = log.lines().last().unwrap();
    let value = |key: &str| last.split_once(key).unwrap().1.split(' ').next().unwrap();
    format!("seq={} chain={}", value(" seq="), value(" chain="))
}

fn telling() -> Host {
    let scene = Scene::new().service(Service::new("wikijs")).config(
        "[run]\nhold_before = [\"migrate\"]\n\n[[notify]]\non = [\"held\", \"failed\", \"succeeded\", \"reverted\"]\n\
         command = [\"sh\", \"-c\", \"cat >>../news; echo >>../news\"]",
    );
    let host = scene.build();
    host.script("1234", "x", "test -e ../ready");
    host.ships("1234", "wikijs", "2");
    host
}

/// The newest of the news says where the log ends.
#[track_caller]
fn the_news_name(host: &Host, event: &str) {
    let news = std::fs::read_to_string(host.root().join("news")).unwrap();
    let last: serde_json::Value = serde_json::from_str(news.lines().last().unwrap()).unwrap();
    let said = format!("seq={} chain={}", last["log"]["seq"], last["log"]["chain"].as_str().unwrap());
    assert_eq!((last["event"].as_str(), said), (Some(event), head(host, "1234")));
}

#[test]
fn each_end_of_an_attempt_tells_the_systems_log_and_the_news_where_the_log_ends() {
    let host = telling();
    let Some(syslog) = Syslog::of(&host) else { return };
    let steps: [(&[&str], i32, &str, Option<&str>); 7] = [
        (&["run", "1234"], 10, "held", Some("held")),
        (&["approve", "1234", "--reason", "looked"], 0, "held", None),
        (&["run", "1234", "--from=migrate"], 1, "failed", Some("failed")),
        (&["run", "1234"], 4, "failed", None),
        (&["run", "1234", "--from=ticket"], 0, "succeeded", Some("succeeded")),
        (&["revert", "1234", "--yes"], 0, "reverted", Some("reverted")),
        (&["state", "1234"], 0, "", None),
    ];
    for (at, (line, code, status, news)) in steps.into_iter().enumerate() {
        if at == 4 {
            std::fs::write(host.root().join("ready"), "").unwrap();
        }
        run(&host, line).exits(code);
        let told = syslog.lines();
        let Some(last) = told.last() else {
            assert!(matches!(line[0], "state") || code == 4, "{line:?} told nobody");
            continue;
        };
        assert_eq!(told.len(), 1, "{told:#?}");
        let (begin, text) = last.split_once("]: ").unwrap();
        assert!(begin.starts_with("<85>") && begin.contains(" holdpoint["), "{last}");
        let project = host.prod().display().to_string();
        assert!(text.starts_with(&format!("ticket=1234 attempt=1 status={status} operator=")), "{last}");
        assert!(
            text.ends_with(&format!(" project={project} {}", head(&host, "1234"))),
            "{last}\n{}",
            host.log("1234")
        );
        if let Some(event) = news {
            the_news_name(&host, event);
        }
    }
    host.run(["log", "1234", "--verify"]).exits(0);
}

#[test]
fn a_runner_that_was_killed_is_told_of_by_the_next() {
    let host = Host::new();
    let Some(syslog) = Syslog::of(&host) else { return };
    host.script("1234", "dies", "kill -KILL $(cut -d' ' -f4 /proc/$PPID/stat)\nsleep 0.2");
    host.ships("1234", "wikijs", "2");
    assert_eq!(run(&host, &["run", "1234"]).code, None);
    assert_eq!(syslog.lines(), [""; 0]);
    crate::support::wait_until("its step ended", || {
        run(&host, &["close", "1234", "--reason", "x"]).code == Some(0)
    });
    let told = syslog.lines();
    assert!(told[0].contains("status=interrupted"), "{told:#?}");
    assert!(told.last().unwrap().ends_with(&head(&host, "1234")), "{told:#?}");
}

#[test]
fn a_host_without_a_syslog_or_with_one_that_does_not_read_releases_all_the_same() {
    let host = Host::new();
    let Some(syslog) = Syslog::of(&host) else { return };
    host.ships("1234", "wikijs", "2");
    // Nobody reads: the queue is full.
    let sender = UnixDatagram::unbound().unwrap();
    sender.set_nonblocking(true).unwrap();
    while sender.send_to(b"full", host.root().join("syslog")).is_ok() {}
    run(&host, &["run", "1234"]).exits(0);
    assert!(syslog.lines().iter().all(|line| line == "full"));
    std::fs::remove_file(host.root().join("syslog")).unwrap();
    host.ships("1235", "wikijs", "3");
    run(&host, &["run", "1235"]).exits(0);
    assert_eq!(host.image("wikijs"), "wikijs:3");
}
