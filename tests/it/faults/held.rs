//! What a step's shim holds and lets go, seen from outside: the fence, its session, descriptors, and its word on the end.

use std::fs::File;

use rustix::fs::FlockOperation;
use rustix::process::{Pid, Signal};

use super::tally::Tally;
use super::{lives, pid_in, runs, step_folder};
use crate::support::{Host, begun, let_go, wait_until, waiting};

/// Does nothing to the host, or plants a bug in it.
pub(super) type Prepare<'a> = &'a dyn Fn(&mut Host);

/// The fence is held as long as a step works, whatever became of its runner.
pub(super) fn fence(prepare: Prepare<'_>) -> Tally {
    let mut tally = Tally::new("P6", "the fence while a step outlives its runner");
    let mut host = waiting();
    prepare(&mut host);
    let free = || {
        let fence = File::open(host.workspace("host.fence")).unwrap();
        rustix::fs::flock(&fence, FlockOperation::NonBlockingLockExclusive).is_ok()
    };
    let running = begun(&host);
    tally.case("beside its runner", || assert!(!free(), "anybody could take it"));
    running.signal(Signal::KILL);
    drop(running);
    tally.case("without its runner", || assert!(!free(), "anybody could take it"));
    let_go(&host, 0);
    wait_until("the shim ended", || !lives(pid_in(&host, "pid")));
    tally.case("afterwards", || assert!(free(), "nobody can take it"));
    tally
}

/// A step is in a session of its own: what happens to the operator's terminal is not its concern.
pub(super) fn session(prepare: Prepare<'_>) -> Tally {
    let mut tally = Tally::new("P10", "a step's session");
    let mut host = waiting();
    prepare(&mut host);
    let running = begun(&host);
    let (shim, child) = (pid_in(&host, "pid"), pid_in(&host, "child"));
    let session = |pid| rustix::process::getsid(Pid::from_raw(pid)).unwrap().as_raw_nonzero().get();
    tally.case("the shim leads it", || assert_eq!(session(shim), shim));
    tally.case("the program is in it", || assert_eq!(session(child), shim));
    let_go(&host, 0);
    drop(running);
    tally
}

/// A step has three descriptors, whatever whoever started us left open.
pub(super) fn descriptors(prepare: Prepare<'_>) -> Tally {
    let mut tally = Tally::new("P9", "descriptors that a step inherits");
    let mut host = Host::new();
    let root = host.root().display().to_string();
    host.script("1234", "shape", &format!("ls /proc/self/fd >{root}/open"));
    host.ships("1234", "wikijs", "2");
    prepare(&mut host);
    host.types("exec 3</dev/null 9>/dev/null; holdpoint run 1234").exits(0);
    let open = std::fs::read_to_string(host.root().join("open")).unwrap();
    // The fourth is the folder that `ls` itself has open.
    tally.case("inherited ones", || assert_eq!(open, "0\n1\n2\n3\n"));
    tally
}

/// Half of what a shim wrote about the end says nothing: a person is asked.
pub(super) fn half_an_end(prepare: Prepare<'_>) -> Tally {
    let mut tally = Tally::new("P7", "an end that was written in part");
    let mut host = waiting();
    prepare(&mut host);
    let running = begun(&host);
    running.signal(Signal::KILL);
    drop(running);
    let_go(&host, 0);
    wait_until("the shim ended", || !lives(pid_in(&host, "pid")));
    let end = step_folder(&host).join("exit");
    let whole = std::fs::read(&end).unwrap();
    for length in [0, 1, 5, whole.len() / 2, whole.len() - 6, whole.len() - 1] {
        std::fs::write(&end, &whole[..length]).unwrap();
        tally.case(&format!("{length} bytes of {}", whole.len()), || {
            host.run(["run", "1234", "--from=ticket"]).exits(8).shows("step-undecided");
        });
    }
    std::fs::write(&end, &whole).unwrap();
    tally.case("the whole", || {
        host.run(["run", "1234", "--from=ticket"]).exits(0);
        assert_eq!(runs(&host), 1);
    });
    tally
}

#[test]
fn the_fence_is_held_as_long_as_a_step_works() {
    fence(&|_| ()).end();
}

#[test]
fn a_step_has_a_session_of_its_own() {
    session(&|_| ()).end();
}

#[test]
fn a_step_inherits_nothing_that_somebody_left_open() {
    descriptors(&|_| ()).end();
}

#[test]
fn half_of_what_a_shim_wrote_says_nothing() {
    half_an_end(&|_| ()).end();
}
