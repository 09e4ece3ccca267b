//! Hosts over ssh: real servers with keys of their own on loopback addresses, asked by the system's own client with a
//! configuration of its own.

use std::fmt::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::scene::Fleet;
use crate::support::{Output, Port, Running, binary, has, skip, wait_until};

const SERVER: &str = "/usr/sbin/sshd";
const SEPARATION: &str = "/run/sshd";

const PLAN: &str = r#"
name = "web 2"
ticket = "1234"
ref = "REF"
ticket_runs = "every-host"
[[stage]]
id = "all"
hosts = { share = "100%" }
parallel = 3
"#;

/// Servers of some hosts. Dropped: stopped.
struct Servers {
    folder: PathBuf,
    running: Vec<Option<Running>>,
    ports: Vec<Port>,
}

impl Servers {
    fn for_hosts(fleet: &Fleet, names: &[&str]) -> Self {
        let folder = fleet.root().join("ssh");
        std::fs::create_dir(&folder).unwrap();
        for key in ["host", "user"] {
            let mut make = Command::new("ssh-keygen");
            make.args(["-q", "-t", "ed25519", "-N", "", "-C", key, "-f"]).arg(folder.join(key));
            Output::of(make).exits(0);
        }
        std::fs::copy(folder.join("user.pub"), folder.join("authorized")).unwrap();
        let mut servers = Self { folder, running: Vec::new(), ports: Vec::new() };
        let mut client = String::new();
        let host_key = std::fs::read_to_string(servers.folder.join("host.pub")).unwrap();
        let mut known = String::new();
        let user = Output::of({
            let mut who = Command::new("id");
            who.arg("-un");
            who
        });
        for (at, name) in names.iter().enumerate() {
            let port = Port::free();
            let (address, number) = (format!("127.0.0.{}", at + 2), port.number());
            servers.ports.push(port);
            let shown = servers.folder.display();
            let config = format!(
                "ListenAddress {address}\nPort {number}\nHostKey {shown}/host\nPidFile none\nUsePAM no\n\
                 AuthorizedKeysFile {shown}/authorized\nStrictModes no\nPasswordAuthentication no\n\
                 KbdInteractiveAuthentication no\nPermitRootLogin prohibit-password\nLogLevel VERBOSE\n"
            );
            std::fs::write(servers.folder.join(format!("{name}.conf")), config).unwrap();
            let _ = write!(
                client,
                "Host {name}\n  HostName {address}\n  Port {number}\n  User {}\n  IdentityFile {shown}/user\n  \
                 IdentitiesOnly yes\n  IdentityAgent none\n  UserKnownHostsFile {shown}/known\n  StrictHostKeyChecking yes\n",
                user.stdout.trim()
            );
            let _ = write!(known, "[{address}]:{number} {host_key}");
            servers.running.push(None);
            servers.start(fleet, at, name);
        }
        std::fs::write(servers.folder.join("known"), known).unwrap();
        std::fs::write(servers.folder.join("client.conf"), client).unwrap();
        servers
    }

    fn start(&mut self, fleet: &Fleet, at: usize, name: &str) {
        let mut command = fleet.ground.command(SERVER, fleet.root());
        command.args(["-D", "-e", "-f"]).arg(self.folder.join(format!("{name}.conf")));
        self.running[at] = Some(fleet.ground.starts(command));
        let (address, port) = (format!("127.0.0.{}", at + 2), self.ports[at].number());
        wait_until(&format!("{name} listens"), || {
            std::net::TcpStream::connect((address.as_str(), port)).is_ok()
        });
    }

    /// A client that reads this configuration where a person's would be read.
    fn client(&self, bin: &Path) {
        std::fs::create_dir_all(bin).unwrap();
        let real = ["/usr/bin/ssh", "/bin/ssh"].into_iter().find(|path| Path::new(path).exists()).unwrap();
        let text = format!("#!/bin/sh\nexec {real} -F {}/client.conf \"$@\"\n", self.folder.display());
        std::fs::write(bin.join("ssh"), text).unwrap();
        std::fs::set_permissions(bin.join("ssh"), std::fs::Permissions::from_mode(0o755)).unwrap();
    }
}

/// A fleet over ssh, and its servers; none where this machine cannot have them.
fn over_ssh(names: &[&str]) -> Option<(Fleet, Servers)> {
    if !Path::new(SERVER).exists() || !has("ssh") || !has("ssh-keygen") {
        skip("no ssh server: install openssh-server");
        return None;
    }
    if rustix::process::geteuid().is_root() {
        std::fs::create_dir_all(SEPARATION).unwrap();
    }
    let fleet = Fleet::bare(names);
    let servers = Servers::for_hosts(&fleet, names);
    servers.client(&fleet.root().join("bin"));
    let table = |name: &&str| {
        let (folder, program) = (fleet.prod(name), binary());
        format!(
            "[hosts.{name}]\ntransport = \"ssh\"\nfolder = \"{}\"\nprogram = \"{program}\"\n",
            folder.display()
        )
    };
    fleet.write("desk/fleet.toml", &names.iter().map(table).collect::<String>());
    Some((fleet, servers))
}

fn path(fleet: &Fleet) -> String {
    format!("{}:{}", fleet.root().join("bin").display(), std::env::var("PATH").unwrap())
}

fn rollout(fleet: &Fleet, words: &[&str], plan: &str) -> Command {
    let mut command = fleet.ground.command(binary(), &fleet.root().join("desk"));
    command.arg("rollout").args(words).args(["--plan-id", plan]).env("PATH", path(fleet));
    let temporary = fleet.root().join("t");
    std::fs::create_dir_all(&temporary).unwrap();
    command.env("TMPDIR", temporary);
    command.stdin(std::process::Stdio::null());
    command
}

#[test]
fn three_hosts_release_over_ssh_and_go_back() {
    let Some((fleet, servers)) = over_ssh(&["web1", "web2", "web3"]) else { return };
    let commit = fleet.ships("1234", "2");
    let plan = fleet.plan(PLAN, &commit);
    let started = Output::of(rollout(&fleet, &["start"], &plan));
    started.exits(0).shows("completed");
    assert_eq!(fleet.images(), ["web:2", "web:2", "web:2"]);
    // One connection a host for all that was said on it.
    for server in servers.running.iter().flatten() {
        let connections = server.so_far().matches("Accepted publickey").count();
        assert_eq!(connections, 1, "{}", server.so_far());
    }
    // Nothing of it is left.
    assert_eq!(programs(fleet.root(), "ssh"), []);
    let again =
        fleet.plan(&PLAN.replace("ticket = \"1234\"", "ticket = \"1235\""), &fleet.ships("1235", "3"));
    Output::of(rollout(&fleet, &["start"], &again)).exits(0);
    let back = ["recover", "--strategy", "rollback", "--reason", "x"];
    Output::of(rollout(&fleet, &back, &again)).exits(4).shows("plan-terminal");
}

#[test]
fn a_host_whose_connection_is_lost_is_unreachable_and_what_it_did_is_looked_up() {
    let Some((fleet, mut servers)) = over_ssh(&["web1"]) else { return };
    let commit = fleet.ships("1234", "2");
    fleet.write("web1/run/wait", "");
    let plan = fleet.plan(PLAN, &commit);
    let running = fleet.ground.starts(rollout(&fleet, &["start"], &plan));
    wait_until("it is at work", || fleet.image("web1") == "web:2");
    // The server and everything it has open: as if the cable were pulled.
    let server = servers.running[0].take().unwrap();
    let log = server.so_far();
    assert!(log.contains("Accepted publickey"), "{log}");
    drop(server);
    end_sessions(fleet.root());
    wait_until("it counts as unreachable", || fleet.states(&plan) == ["web1 unreachable"]);
    // It goes on without anybody watching.
    std::fs::remove_file(fleet.root().join("web1/run/wait")).unwrap();
    servers.start(&fleet, 0, "web1");
    running.wait().exits(0).shows("completed");
    assert_eq!(fleet.calls("web1", "web:2"), 1, "it was told again and did it once");
}

/// Ends the kept connections of a fleet at the client's end; with the listener gone nobody makes new ones.
fn end_sessions(root: &Path) {
    for process in programs(root, "ssh") {
        // It may have ended by itself meanwhile.
        let _ = rustix::process::kill_process(process, rustix::process::Signal::KILL);
    }
}

/// Programs of a fleet with this name.
fn programs(root: &Path, name: &str) -> Vec<rustix::process::Pid> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let id = entry.file_name().to_str().and_then(|name| name.parse::<i32>().ok());
        let (Some(id), Ok(line)) = (id, std::fs::read(entry.path().join("cmdline"))) else { continue };
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        let program = line.split(' ').next().and_then(|path| path.rsplit('/').next()).unwrap_or_default();
        if program == name && line.contains(root.to_str().unwrap()) {
            found.push(rustix::process::Pid::from_raw(id).unwrap());
        }
    }
    found
}
