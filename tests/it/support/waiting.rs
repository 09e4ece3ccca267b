//! A release that waits in its ticket's script until it is let go.

use super::{Host, Running, wait_until};

/// A host whose ticket script counts its runs, says that it began, and waits until it is let go; then it exits with what
/// `go` holds. Another script comes after it.
pub(crate) fn waiting() -> Host {
    let host = Host::new();
    let root = host.root().display();
    // It waits without a process of its own, so that whoever kills the script has killed all of the step; and no longer than
    // its host stands.
    let body = format!(
        "mkfifo {root}/pause.$$\nexec 9<>{root}/pause.$$\necho once more >>{root}/runs\ntouch {root}/began\n\
         until [ -e {root}/go ] || [ ! -e {root}/began ]; do read -rt 0.02 -u 9 || :; done\n\
         echo was let go\nexit $(cat {root}/go)"
    );
    host.script("1234", "a-waits", &body);
    host.script("1234", "b-after", &format!("touch {root}/after"));
    host.ships("1234", "wikijs", "2");
    host
}

/// Starts that release, up to the script.
pub(crate) fn begun(host: &Host) -> Running {
    let running = host.start(["run", "1234"]);
    wait_until("the script began", || host.root().join("began").exists());
    running
}

/// Lets the script go; it exits with `status`.
pub(crate) fn let_go(host: &Host, status: i32) {
    std::fs::write(host.root().join("new"), format!("{status}\n")).unwrap();
    std::fs::rename(host.root().join("new"), host.root().join("go")).unwrap();
}
