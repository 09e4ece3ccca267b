//! The server itself: where it listens, over what, and how it stops. Its runtime is made here, so that no other verb pays for
//! one.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use thiserror::Error;
use tokio_rustls::TlsAcceptor;

use crate::ops::rollout;
use crate::sys::signal::Stop;

use super::connections::Connections;
use super::crowd::Crowd;
use super::router::router;
use super::shared::{Doors, Shared, THREADS};

/// How often it looks for rollouts that nobody drives.
const LOOK_AGAIN: Duration = Duration::from_secs(10);

/// How often it is looked whether to stop.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// A certificate and its key.
#[derive(Debug, Clone)]
pub struct Tls {
    /// Certificates, ours first.
    pub cert: PathBuf,
    /// Its key.
    pub key: PathBuf,
}

/// Where it listens, and over what.
#[derive(Debug, Clone)]
pub struct Listen {
    /// Address and port; port 0: any free one.
    pub at: SocketAddr,
    /// Over TLS; none: plainly.
    pub tls: Option<Tls>,
    /// Anywhere but on this machine alone, although plainly.
    pub insecure: bool,
}

/// Why it does not serve.
#[derive(Debug, Error)]
pub enum ServeError {
    /// Everybody on the way could read the tokens.
    #[error("`{at}` is not this machine alone, and without TLS everybody on the way could read the tokens")]
    Plain {
        /// Where it was to listen.
        at: SocketAddr,
    },
    /// The address cannot be had.
    #[error("`{at}` cannot be listened on")]
    Taken {
        /// Where it was to listen.
        at: SocketAddr,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Certificate or key cannot be used.
    #[error("`{path}` cannot be used: {what}", path = path.display())]
    Certificate {
        /// Which file.
        path: PathBuf,
        /// Why.
        what: String,
    },
    /// The runtime cannot be made, or serving failed.
    #[error("the server failed")]
    Failed {
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

/// Serves until it is asked to stop. `ready` is told the address once requests are taken.
///
/// # Errors
/// [`ServeError`].
pub fn serve(
    root: &Path,
    listen: &Listen,
    doors: Doors,
    stop: &Stop,
    ready: impl FnOnce(SocketAddr),
) -> Result<(), ServeError> {
    if !listen.at.ip().is_loopback() && listen.tls.is_none() && !listen.insecure {
        return Err(ServeError::Plain { at: listen.at });
    }
    let tls = listen.tls.as_ref().map(configured).transpose()?;
    let taken = |source| ServeError::Taken { at: listen.at, source };
    let socket = TcpListener::bind(listen.at).map_err(taken)?;
    socket.set_nonblocking(true).map_err(taken)?;
    let at = socket.local_addr().map_err(taken)?;
    let failed = |source| ServeError::Failed { source };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .max_blocking_threads(THREADS)
        .thread_name("http")
        .enable_all()
        .build()
        .map_err(failed)?;
    let doors = Doors { tls: doors.tls || tls.is_some(), ..doors };
    let shared = Arc::new(Shared::new(root.to_path_buf(), doors));
    let app = router(Arc::clone(&shared));
    let connections = Connections { crowd: Crowd::within_limits(), tls, app };
    let done = runtime.block_on(async {
        let listener = tokio::net::TcpListener::from_std(socket)?;
        tokio::spawn(drive_what_is_left(Arc::clone(&shared)));
        tokio::spawn(forget_strangers(shared));
        ready(at);
        connections.serve(listener, until_stopped(stop)).await;
        Ok(())
    });
    // What still blocks on a program is not waited for: that program goes on by itself.
    runtime.shutdown_background();
    done.map_err(failed)
}

async fn until_stopped(stop: &Stop) {
    while stop.level() == 0 {
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Rollouts that are under way and that nobody drives get a coordinator, for as long as this server runs: who drove one may be
/// killed at any time.
async fn drive_what_is_left(shared: Arc<Shared>) {
    let mut begun = Vec::new();
    loop {
        let (seen, before) = (Arc::clone(&shared), std::mem::take(&mut begun));
        let look = move || rollout::drive_left(&*seen.once_opened()?, &before);
        // What cannot be read now is looked at again; meanwhile `rollout stuck` lists such a plan.
        if let Ok(Ok(now)) = tokio::task::spawn_blocking(look).await {
            begun = now;
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

/// What is known of how fast an address asks is forgotten once it no longer matters.
async fn forget_strangers(shared: Arc<Shared>) {
    loop {
        tokio::time::sleep(Duration::from_mins(1)).await;
        shared.pace.retain_recent();
        shared.refusals.retain_recent();
    }
}

fn configured(tls: &Tls) -> Result<TlsAcceptor, ServeError> {
    let wrong = |path: &Path, what: String| ServeError::Certificate { path: path.to_path_buf(), what };
    let certs = CertificateDer::pem_file_iter(&tls.cert)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| wrong(&tls.cert, error.to_string()))?;
    if certs.is_empty() {
        return Err(wrong(&tls.cert, "there is no certificate in it".to_owned()));
    }
    let key = PrivateKeyDer::from_pem_file(&tls.key).map_err(|error| wrong(&tls.key, error.to_string()))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(certs, key))
        .map_err(|error| wrong(&tls.cert, error.to_string()))?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}
