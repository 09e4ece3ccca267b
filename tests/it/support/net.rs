//! Machines of their own on one switch: network namespaces of the kernel, each with one cable, which can be pulled. Dropped: gone.

use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use super::{Output, lacks, skip};

/// What every namespace of ours begins with; the number of the process that made it follows.
const PREFIX: &str = "hp-test-";

/// Places on one switch. They reach one another, and nothing else reaches them.
#[derive(Debug)]
pub(crate) struct Net {
    name: String,
    places: Vec<String>,
}

impl Net {
    /// A switch with a cable to each of these places; none where this machine makes no namespaces.
    pub(crate) fn of(places: &[&str]) -> Option<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        if lacks(&["ip"]) {
            return None;
        }
        sweep();
        let name = format!("{PREFIX}{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let net = Self { name, places: places.iter().map(|place| (*place).to_owned()).collect() };
        if let Err(why) = net.lay() {
            skip(&format!("no network namespaces (root makes them): {}", why.trim()));
            return None;
        }
        Some(net)
    }

    fn lay(&self) -> Result<(), String> {
        let switch = self.space("switch");
        ip(&["netns", "add", &switch])?;
        ip(&["-n", &switch, "link", "add", "bridge", "type", "bridge"])?;
        ip(&["-n", &switch, "link", "set", "dev", "bridge", "up"])?;
        for place in &self.places {
            let space = self.space(place);
            let address = format!("{}/24", self.address(place));
            ip(&["netns", "add", &space])?;
            // The machine's own interfaces see nothing of it: another run has the same addresses.
            let cable = ["link", "add", "cable", "netns", &space, "type", "veth", "peer", "name"];
            ip(&[&cable[..], &[place, "netns", &switch]].concat())?;
            ip(&["-n", &switch, "link", "set", "dev", place, "master", "bridge", "up"])?;
            ip(&["-n", &space, "addr", "add", &address, "dev", "cable"])?;
            ip(&["-n", &space, "link", "set", "dev", "cable", "up"])?;
            ip(&["-n", &space, "link", "set", "dev", "lo", "up"])?;
        }
        Ok(())
    }

    fn space(&self, place: &str) -> String {
        format!("{}-{place}", self.name)
    }

    /// Where a place is reached by the others.
    pub(crate) fn address(&self, place: &str) -> String {
        let at = self.places.iter().position(|known| known == place).unwrap();
        format!("10.77.0.{}", at + 1)
    }

    /// The same command, in a place: what it starts is there, too.
    pub(crate) fn at(&self, place: &str, command: &Command) -> Command {
        // `ip` becomes the program: signals reach it.
        let mut there = Command::new("ip");
        there.args(["netns", "exec", &self.space(place)]).arg(command.get_program()).args(command.get_args());
        there.env_clear();
        there.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        there.current_dir(command.get_current_dir().unwrap_or(Path::new("/")));
        there
    }

    /// Pulls the cable of a place: what is on its way is lost, and nobody is told so.
    pub(crate) fn cut(&self, place: &str) {
        self.link(place, "down");
    }

    /// Puts it back.
    pub(crate) fn join(&self, place: &str) {
        self.link(place, "up");
    }

    fn link(&self, place: &str, to: &str) {
        ip(&["-n", &self.space("switch"), "link", "set", "dev", place, to]).unwrap();
    }
}

impl Drop for Net {
    fn drop(&mut self) {
        for place in self.places.iter().map(String::as_str).chain(["switch"]) {
            // One that was never made is not there to be taken away.
            let _ = ip(&["netns", "del", &self.space(place)]);
        }
    }
}

fn ip(words: &[&str]) -> Result<String, String> {
    let mut command = Command::new("ip");
    command.args(words);
    let said = Output::of(command);
    if said.code == Some(0) {
        Ok(said.stdout)
    } else {
        Err(format!("ip {}: {}", words.join(" "), said.stderr))
    }
}

/// Takes away what tests left that were killed.
fn sweep() {
    for line in ip(&["netns", "list"]).unwrap_or_default().lines() {
        let name = line.split(' ').next().unwrap_or_default();
        let owner = name.strip_prefix(PREFIX).and_then(|rest| rest.split('-').next());
        if owner.is_some_and(|id| !Path::new("/proc").join(id).exists()) {
            let _ = ip(&["netns", "del", name]);
        }
    }
}
