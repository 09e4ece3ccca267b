//! Real members of etcd on loopback, in a temporary folder. Dropped: ended.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

pub(crate) use rustix::process::Signal;
use rustix::process::{Pid, kill_process};

use super::Port;

/// One member.
struct Member {
    client: Port,
    peer: Port,
    running: Option<Child>,
}

/// Members that know each other.
pub(crate) struct Etcd {
    folder: PathBuf,
    members: Vec<Member>,
}

impl Etcd {
    /// So many members in a folder, ready to be asked.
    pub(crate) fn of(count: usize, folder: &Path) -> Self {
        std::fs::create_dir_all(folder).unwrap();
        let member = || Member { client: Port::free(), peer: Port::free(), running: None };
        let mut cluster =
            Self { folder: folder.to_owned(), members: std::iter::repeat_with(member).take(count).collect() };
        for at in 0..count {
            cluster.start(at);
        }
        cluster.wait_ready();
        cluster
    }

    /// What a client is given.
    pub(crate) fn endpoints(&self) -> Vec<String> {
        (0..self.members.len()).map(|at| self.endpoint(at)).collect()
    }

    fn endpoint(&self, at: usize) -> String {
        format!("http://127.0.0.1:{}", self.members[at].client.number())
    }

    /// Starts a member with what it has on its disk.
    pub(crate) fn start(&mut self, at: usize) {
        let peer = |member: &Member| format!("http://127.0.0.1:{}", member.peer.number());
        let all = self.members.iter().enumerate().map(|(at, member)| format!("m{at}={}", peer(member)));
        let all = all.collect::<Vec<_>>().join(",");
        let (client, peer) = (self.endpoint(at), peer(&self.members[at]));
        let log = File::create(self.folder.join(format!("m{at}.log"))).unwrap();
        let mut command = Command::new("etcd");
        command
            .args(["--name", &format!("m{at}"), "--initial-cluster-state", "new", "--initial-cluster", &all])
            .args(["--listen-client-urls", &client, "--advertise-client-urls", &client])
            .args(["--listen-peer-urls", &peer, "--initial-advertise-peer-urls", &peer])
            .arg("--data-dir")
            .arg(self.folder.join(format!("m{at}")))
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log);
        self.members[at].running = Some(command.spawn().unwrap());
    }

    /// Waits until every member listens for clients: each does once there is a leader.
    pub(crate) fn wait_ready(&self) {
        let deadline = Instant::now() + Duration::from_secs(30);
        for member in &self.members {
            while std::net::TcpStream::connect(("127.0.0.1", member.client.number())).is_err() {
                assert!(Instant::now() < deadline, "etcd did not start: {}", self.logs());
                std::thread::sleep(Duration::from_millis(10));
            }
        }
    }

    fn logs(&self) -> String {
        let log =
            |at: usize| std::fs::read_to_string(self.folder.join(format!("m{at}.log"))).unwrap_or_default();
        (0..self.members.len()).map(log).collect()
    }

    /// Asks a member through its gateway.
    pub(crate) fn ask(&self, at: usize, path: &str, body: &serde_json::Value) -> serde_json::Value {
        self.asked(at, path, body).unwrap()
    }

    /// The same of a member that may have no leader at the moment.
    pub(crate) fn asked(
        &self,
        at: usize,
        path: &str,
        body: &serde_json::Value,
    ) -> Result<serde_json::Value, ureq::Error> {
        let mut answer = ureq::post(format!("{}{path}", self.endpoint(at))).send(body.to_string())?;
        Ok(serde_json::from_str(&answer.body_mut().read_to_string()?).unwrap())
    }

    /// The member that leads.
    pub(crate) fn leader(&self) -> usize {
        let leads = |at: &usize| {
            let status = self.ask(*at, "/v3/maintenance/status", &serde_json::json!({}));
            status["leader"] == status["header"]["member_id"]
        };
        (0..self.members.len()).find(leads).unwrap()
    }

    /// Sends a member a signal.
    pub(crate) fn signal(&self, at: usize, signal: Signal) {
        let running = self.members[at].running.as_ref().unwrap();
        kill_process(Pid::from_child(running), signal).unwrap();
    }

    /// Kills a member: nothing of it is left but its disk.
    pub(crate) fn kill(&mut self, at: usize) {
        self.signal(at, Signal::KILL);
        self.members[at].running.take().unwrap().wait().unwrap();
    }
}

impl Drop for Etcd {
    fn drop(&mut self) {
        for running in self.members.iter_mut().filter_map(|member| member.running.as_mut()) {
            let _ = running.kill();
            let _ = running.wait();
        }
    }
}
