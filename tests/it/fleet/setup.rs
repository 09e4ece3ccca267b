//! Members of etcd that the printed script sets up: certificates, users, and all.

use super::scene::Fleet;
use crate::support::{Output, Port, Running, lacks, wait_until};

/// Members that let in whom the script made a user. Dropped: ended.
pub(super) struct Setup {
    _members: Vec<Running>,
    ports: Vec<Port>,
}

impl Setup {
    /// Three members at the desk of a fleet, with agents on some of its hosts; none where etcd is not here.
    pub(super) fn on(fleet: &Fleet, agents: &[&str]) -> Option<Self> {
        if lacks(&["etcd", "etcdctl", "openssl"]) {
            return None;
        }
        let ports: Vec<Port> = std::iter::repeat_with(Port::free).take(6).collect();
        let names: Vec<String> =
            ports.chunks(2).map(|two| format!("127.0.0.1:{}:{}", two[0].number(), two[1].number())).collect();
        let mut line = vec!["fleet", "etcd-setup"];
        line.extend(names.iter().flat_map(|name| ["--member", name]));
        let two = fleet.run(&line[..6]).exits(2);
        two.shows("survive no more losses");
        line.extend(agents.iter().flat_map(|name| ["--host", name]));
        fleet.write("desk/setup.sh", &fleet.run(&line).exits(0).stdout);
        script(fleet, &["certificates"]).exits(0);
        let start = |name: &String| {
            let mut command = fleet.ground.command("sh", &fleet.root().join("desk"));
            let line = script(fleet, &["member", name]).exits(0).stdout;
            command.args(["-c", &line.replace("\netcd ", "\nexec etcd ")]);
            fleet.ground.starts(command)
        };
        let members = names.iter().map(start).collect();
        for port in ports.iter().step_by(2) {
            wait_until("a member listens", || {
                std::net::TcpStream::connect(("127.0.0.1", port.number())).is_ok()
            });
        }
        script(fleet, &["users"]).exits(0).shows("Authentication Enabled");
        Some(Self { _members: members, ports })
    }

    /// Asks etcd as one of its users would.
    pub(super) fn as_user(&self, fleet: &Fleet, user: &str, words: &[&str]) -> Output {
        let folder = fleet.root().join("desk/etcd");
        let password = std::fs::read_to_string(folder.join(format!("{user}.password"))).unwrap();
        let mut command = fleet.ground.command("etcdctl", &folder);
        command.env("ETCDCTL_API", "3").env("ETCDCTL_USER", format!("{user}:{}", password.trim()));
        command.arg("--endpoints").arg(format!("https://127.0.0.1:{}", self.ports[0].number()));
        let (cert, key) = (format!("{user}.pem"), format!("{user}.key"));
        command.args(["--cacert", "ca.pem", "--cert", &cert, "--key", &key]).args(words);
        Output::of(command)
    }
}

/// Runs the script.
pub(super) fn script(fleet: &Fleet, words: &[&str]) -> Output {
    let desk = fleet.root().join("desk");
    let mut command = fleet.ground.command("sh", &desk);
    command.arg("setup.sh").args(words);
    command.env("ETCD_SETUP_FILES", desk.join("etcd")).env("ETCD_SETUP_DATA", desk.join("data"));
    Output::of(command)
}
