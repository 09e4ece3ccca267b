//! The way to the members of etcd: their own JSON gateway over HTTP. One member is asked until it does not answer, then the
//! next one; what nobody answers within [`PATIENCE`] is given up.

use std::cell::{Cell, RefCell};
use std::fmt::Write as _;
use std::io;
use std::path::Path;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use ureq::tls::{Certificate, ClientCert, PemItem, PrivateKey, RootCerts, TlsConfig, parse_pem};
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};
use ureq::{Agent, Timeout};

use super::contract::LedgerError;
use super::wire::{LoginAsk, LoginSaid, Refusal};
use crate::model::rollout::EtcdSpec;
use crate::sys::clock::{Clock, SystemClock};
use crate::sys::{files, net};

/// How long one member may take: one that was stopped is left before a lease ends.
const ONE: Duration = Duration::from_secs(3);

/// How long it is tried in all: longer than the members need to choose a new leader.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long is waited when every member was asked in vain.
const ROUND: Duration = Duration::from_millis(200);

/// Bytes of an answer: a page of keys is far smaller.
const ANSWER: u64 = 64 << 20;

/// Bytes of a certificate, key or password.
const FILE: u64 = 1 << 20;

/// Addresses of one name that are tried: as many as the library has room for.
const LOOKED_AT: usize = 16;

/// gRPC's words for what went wrong.
pub(super) mod code {
    pub(in crate::fleet::ledger) const DEADLINE: u32 = 4;
    pub(in crate::fleet::ledger) const NOT_FOUND: u32 = 5;
    pub(in crate::fleet::ledger) const OUT_OF_RANGE: u32 = 11;
    pub(in crate::fleet::ledger) const INTERNAL: u32 = 13;
    pub(in crate::fleet::ledger) const UNAVAILABLE: u32 = 14;
    pub(in crate::fleet::ledger) const UNAUTHENTICATED: u32 = 16;
}

/// What etcd says, as a bad request, of a token that is older than a change of its users.
const TOKEN_IS_OLD: &str = "revision of auth store is old";

/// What became of a question.
pub(super) enum Asked<T> {
    /// The answer. `again`: an earlier member may have done it already, without saying so.
    Said { said: T, again: bool },
    /// A member says why not, and did nothing.
    Refused(Refusal),
}

/// Why one member gave no answer.
enum Silence {
    /// It was never asked.
    Unsent(String),
    /// It may have done it.
    Unknown(String),
}

/// The members.
pub(super) struct Gateway {
    agent: Agent,
    endpoints: Vec<String>,
    login: Option<(String, String)>,
    token: RefCell<Option<String>>,
    turn: Cell<usize>,
    clock: SystemClock,
}

impl std::fmt::Debug for Gateway {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gateway").field("endpoints", &self.endpoints).finish_non_exhaustive()
    }
}

impl Gateway {
    /// Reads what it needs; asks nobody yet. Files are looked for from `root`.
    pub(super) fn new(spec: &EtcdSpec, root: &Path) -> Result<Self, LedgerError> {
        let mut tls = TlsConfig::builder();
        if let Some(ca) = &spec.ca {
            let roots = certificates(&root.join(ca))?;
            tls = tls.root_certs(RootCerts::from(roots));
        }
        if let Some((certificate, key)) = &spec.client {
            let chain = certificates(&root.join(certificate))?;
            tls = tls.client_cert(Some(ClientCert::new_with_certs(&chain, private_key(&root.join(key))?)));
        }
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .proxy(None)
            .user_agent(concat!("holdpoint/", env!("CARGO_PKG_VERSION")))
            .tls_config(tls.build())
            .build();
        let login = match &spec.login {
            None => None,
            Some((user, file)) => {
                let text = String::from_utf8(secret(&root.join(file))?).unwrap_or_default();
                Some((user.clone(), text.trim_end_matches(['\n', '\r']).to_owned()))
            }
        };
        Ok(Self {
            agent: Agent::with_parts(config, DefaultConnector::new(), Plain),
            endpoints: spec.endpoints.clone(),
            login,
            token: RefCell::new(None),
            turn: Cell::new(0),
            clock: SystemClock::new(),
        })
    }

    /// Which member is asked: changes when one did not answer.
    pub(super) fn turn(&self) -> usize {
        self.turn.get()
    }

    /// Asks the members, one after the other, until one answers.
    pub(super) fn ask<T: DeserializeOwned>(
        &self,
        path: &str,
        ask: &impl Serialize,
    ) -> Result<Asked<T>, LedgerError> {
        let until = self.clock.monotonic() + PATIENCE;
        let (mut again, mut renewed, mut asked) = (false, false, 0);
        let mut tried: Vec<String> = vec![String::new(); self.endpoints.len()];
        loop {
            let at = self.turn.get() % self.endpoints.len();
            let silence = match self.ask_with_token(&self.endpoints[at], path, ask) {
                Ok(Ok(text)) => match serde_json::from_str(text.lines().next().unwrap_or_default()) {
                    Ok(said) => return Ok(Asked::Said { said, again }),
                    Err(error) => {
                        let why = format!("{} does not answer as etcd does: {error}", self.endpoints[at]);
                        return Err(LedgerError::Unavailable { why });
                    }
                },
                Ok(Err(refusal)) if stale(&refusal) && self.login.is_some() && !renewed => {
                    *self.token.borrow_mut() = None;
                    renewed = true;
                    continue;
                }
                Ok(Err(refusal)) => return Ok(Asked::Refused(refusal)),
                Err(silence) => silence,
            };
            let why = match silence {
                Silence::Unsent(why) => why,
                Silence::Unknown(why) => {
                    again = true;
                    why
                }
            };
            tried[at] = why;
            self.turn.set(self.turn.get() + 1);
            asked += 1;
            if self.clock.monotonic() >= until && asked >= self.endpoints.len() {
                let mut why = String::new();
                for (endpoint, said) in self.endpoints.iter().zip(&tried) {
                    let _ = write!(why, "{}{endpoint}: {said}", if why.is_empty() { "" } else { "; " });
                }
                return Err(LedgerError::Unavailable { why });
            }
            if asked % self.endpoints.len() == 0 {
                self.clock.sleep(ROUND);
            }
        }
    }

    fn ask_with_token(
        &self,
        endpoint: &str,
        path: &str,
        ask: &impl Serialize,
    ) -> Result<Result<String, Refusal>, Silence> {
        let known = self.token.borrow().is_some();
        if let Some((name, password)) = self.login.as_ref().filter(|_| !known) {
            let login = self.post(endpoint, "/v3/auth/authenticate", &LoginAsk { name, password }, None);
            // Nothing was done yet, whatever became of this.
            let login = login.map_err(|silence| match silence {
                Silence::Unsent(why) | Silence::Unknown(why) => Silence::Unsent(why),
            })?;
            match login {
                Ok(text) => {
                    let said = serde_json::from_str::<LoginSaid>(&text);
                    drop(said.map(|said| self.token.replace(Some(said.token))));
                }
                Err(refusal) => return Ok(Err(refusal)),
            }
        }
        let token = self.token.borrow().clone();
        self.post(endpoint, path, ask, token.as_deref())
    }

    fn post(
        &self,
        endpoint: &str,
        path: &str,
        ask: &impl Serialize,
        token: Option<&str>,
    ) -> Result<Result<String, Refusal>, Silence> {
        let body = serde_json::to_string(ask).unwrap_or_default();
        let mut request = self.agent.post(format!("{endpoint}{path}")).content_type("application/json");
        if let Some(token) = token {
            request = request.header("Authorization", token);
        }
        let config = request.config().timeout_connect(Some(ONE)).timeout_global(Some(ONE)).build();
        let mut answer = config.send(body).map_err(|error| silence(&error))?;
        let status = answer.status().as_u16();
        let text = answer.body_mut().with_config().limit(ANSWER).read_to_string();
        let text = text.map_err(|error| Silence::Unknown(error.to_string()))?;
        if status == 200 {
            return Ok(Ok(text));
        }
        let refusal = serde_json::from_str::<Refusal>(&text).unwrap_or_else(|_| Refusal {
            code: if status >= 500 { code::UNAVAILABLE } else { 0 },
            message: format!("HTTP {status}: {}", text.trim().chars().take(200).collect::<String>()),
        });
        match refusal.code {
            code::DEADLINE | code::UNAVAILABLE | code::INTERNAL => Err(Silence::Unknown(refusal.message)),
            _ => Ok(Err(refusal)),
        }
    }

    /// Opens an answer that goes on for at most so long, at the member whose turn it is.
    pub(super) fn stream(
        &self,
        path: &str,
        ask: &impl Serialize,
        life: Duration,
    ) -> impl FnOnce() -> Result<Box<dyn io::Read + Send>, String> + Send + 'static {
        let at = self.turn.get() % self.endpoints.len();
        let body = serde_json::to_string(ask).unwrap_or_default();
        // A member that lost the others ends the stream instead of being silent.
        let mut request = self
            .agent
            .post(format!("{}{path}", self.endpoints[at]))
            .content_type("application/json")
            .header("Grpc-Metadata-hasleader", "true");
        if let Some(token) = &*self.token.borrow() {
            request = request.header("Authorization", token);
        }
        move || {
            let config = request
                .config()
                .timeout_connect(Some(ONE))
                .timeout_recv_response(Some(life))
                .timeout_recv_body(Some(life))
                .build();
            let answer = config.send(body).map_err(|error| error.to_string())?;
            let status = answer.status().as_u16();
            if status != 200 {
                return Err(format!("HTTP {status}"));
            }
            Ok(Box::new(answer.into_body().into_reader()))
        }
    }
}

fn stale(refusal: &Refusal) -> bool {
    refusal.code == code::UNAUTHENTICATED || refusal.message.contains(TOKEN_IS_OLD)
}

fn silence(error: &ureq::Error) -> Silence {
    let why = error.to_string();
    let unsent = match error {
        ureq::Error::Timeout(at) => matches!(at, Timeout::Resolve | Timeout::Connect),
        ureq::Error::Io(source) => source.kind() == io::ErrorKind::ConnectionRefused,
        ureq::Error::HostNotFound | ureq::Error::ConnectionFailed | ureq::Error::BadUri(_) => true,
        _ => false,
    };
    if unsent { Silence::Unsent(why) } else { Silence::Unknown(why) }
}

/// Looks names up without the library's own thread, which panics where the host has none left.
#[derive(Debug)]
struct Plain;

impl Resolver for Plain {
    fn resolve(
        &self,
        uri: &ureq::http::Uri,
        config: &ureq::config::Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let name = uri.scheme().zip(uri.authority());
        let name = name.and_then(|(scheme, authority)| DefaultResolver::host_and_port(scheme, authority));
        let name = name.ok_or(ureq::Error::HostNotFound)?;
        let addresses = net::look_up(&name, *timeout.after).map_err(|error| match error.kind() {
            io::ErrorKind::TimedOut => ureq::Error::Timeout(timeout.reason),
            _ => ureq::Error::HostNotFound,
        })?;
        let mut found = self.empty();
        for address in config.ip_family().keep_wanted(addresses.into_iter()).take(LOOKED_AT) {
            found.push(address);
        }
        if found.is_empty() { Err(ureq::Error::HostNotFound) } else { Ok(found) }
    }
}

fn settings(path: &Path, why: impl std::fmt::Display) -> LedgerError {
    LedgerError::Settings { why: format!("`{}` {why}", path.display()) }
}

fn read(path: &Path) -> Result<Vec<u8>, LedgerError> {
    files::read_limited(path, FILE).map_err(|error| LedgerError::Settings { why: error.to_string() })
}

/// A file that only its owner, and a group, may read.
fn secret(path: &Path) -> Result<Vec<u8>, LedgerError> {
    let bytes = read(path)?;
    let mode = files::mode(path).map_err(|error| LedgerError::Settings { why: error.to_string() })?;
    if mode & 0o007 != 0 {
        return Err(settings(path, format!("may be read by everybody: `chmod 600 {}`", path.display())));
    }
    Ok(bytes)
}

fn certificates(path: &Path) -> Result<Vec<Certificate<'static>>, LedgerError> {
    let pem = read(path)?;
    let found: Vec<_> = parse_pem(&pem)
        .filter_map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Some(certificate),
            _ => None,
        })
        .collect();
    if found.is_empty() { Err(settings(path, "holds no certificate in PEM")) } else { Ok(found) }
}

fn private_key(path: &Path) -> Result<PrivateKey<'static>, LedgerError> {
    PrivateKey::from_pem(&secret(path)?).map_err(|_| settings(path, "holds no private key in PEM"))
}
