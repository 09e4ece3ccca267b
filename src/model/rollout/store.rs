//! Where rollouts are remembered when it is not a file: what `fleet.toml` says about etcd.

/// A ledger on etcd.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EtcdSpec {
    /// Its members, each as `https://HOST:PORT`.
    pub endpoints: Vec<String>,
    /// Certificate authority of its members, as a file; none: the members speak plainly, on this machine.
    pub ca: Option<String>,
    /// Our certificate and its key, as files.
    pub client: Option<(String, String)>,
    /// User, and the file with its password.
    pub login: Option<(String, String)>,
    /// What every key begins with.
    pub prefix: String,
}
