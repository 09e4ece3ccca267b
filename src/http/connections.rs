//! Connections, from their being taken to their end: who is let in, TLS, one version of HTTP, and what becomes of all of them
//! when the server stops.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;

use super::crowd::Crowd;

/// How long a connection may be without a whole head of a request on it: while one comes, and between two. The HTTP library
/// counts both as one. Browsers and proxies keep a connection for a minute and more; one that is cut off in the moment in
/// which they use it again costs a request.
const IDLE: Duration = Duration::from_mins(2);

/// How long a handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// How long requests may take that are under way when it stops. Streams do not end by themselves.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// How long it waits after a connection that could not be taken: what is missing then, such as a free descriptor, is not
/// there sooner because it is asked for sooner.
const TAKE_AGAIN: Duration = Duration::from_millis(50);

/// What is served, and to whom.
#[derive(Clone)]
pub(super) struct Connections {
    /// Who may come in.
    pub(super) crowd: Arc<Crowd>,
    /// Over TLS; none: plainly.
    pub(super) tls: Option<TlsAcceptor>,
    /// What answers. A request carries the address from which it came, as [`ConnectInfo`].
    pub(super) app: Router,
}

impl Connections {
    /// Takes connections until `stopped`. Then the listener is closed, and with it at once each connection on which nothing is
    /// asked; requests under way may end within [`LAST_WORDS`]. Returns when all connections have ended, or have been cut off.
    pub(super) async fn serve(self, listener: TcpListener, stopped: impl Future<Output = ()>) {
        let stopping = GracefulShutdown::new();
        let mut open = JoinSet::new();
        let mut stopped = pin!(stopped);
        loop {
            let (stream, peer) = tokio::select! {
                biased;
                () = &mut stopped => break,
                // How one of them ended is its own affair; what is kept of it here is forgotten.
                Some(_) = open.join_next() => continue,
                taken = take(&listener) => taken,
            };
            // Whoever has no place here is let go without a word, and without the work of a handshake.
            if let Some(place) = self.crowd.enter(peer.ip()) {
                let (connections, watcher) = (self.clone(), stopping.watcher());
                open.spawn(async move {
                    connections.talk(stream, peer, watcher).await;
                    drop(place);
                });
            }
        }
        drop(listener);
        // Those that are still open then are cut off when `open` goes.
        _ = timeout(LAST_WORDS, stopping.shutdown()).await;
    }

    /// One connection, to its end. What goes wrong on it is nobody's affair but its client's, who sees it end.
    async fn talk(self, stream: TcpStream, peer: SocketAddr, watcher: Watcher) {
        let Some(stream) = self.secured(stream).await else { return };
        let app = TowerToHyperService::new(self.app);
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(ConnectInfo(peer));
            app.call(request)
        });
        // One version of HTTP: what would tell two apart waits for ever for a connection that says nothing.
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new()).header_read_timeout(IDLE);
        _ = watcher.watch(http.serve_connection(TokioIo::new(stream), service)).await;
    }

    /// What requests are read from; none: no handshake came of it in time.
    async fn secured(&self, stream: TcpStream) -> Option<Box<dyn Wire>> {
        let Some(tls) = &self.tls else { return Some(Box::new(stream)) };
        let shaken = timeout(HANDSHAKE, tls.accept(stream)).await.ok()?;
        Some(Box::new(shaken.ok()?))
    }
}

/// Plain or not: all that speaks HTTP is in the program once, not once for each.
trait Wire: AsyncRead + AsyncWrite + Unpin + Send {}

impl<W: AsyncRead + AsyncWrite + Unpin + Send> Wire for W {}

/// The next connection.
async fn take(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok(taken) => return taken,
            Err(_) => sleep(TAKE_AGAIN).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, ErrorKind, Read as _, Write as _};
    use std::net::TcpStream;

    use axum::routing::get;
    use tokio::runtime::{Builder, Runtime};
    use tokio::sync::Notify;
    use tokio::task::JoinHandle;

    use super::*;

    /// Serves on a free port: `/` answers, `/slow` answers when it is told to.
    struct Served {
        runtime: Runtime,
        at: SocketAddr,
        begun: Arc<Notify>,
        answer: Arc<Notify>,
        stop: Arc<Notify>,
        done: JoinHandle<()>,
    }

    impl Served {
        fn plainly() -> Self {
            let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
            let [begun, answer, stop] = std::array::from_fn(|_| Arc::new(Notify::new()));
            let (begins, wait) = (Arc::clone(&begun), Arc::clone(&answer));
            let slow = move || async move {
                begins.notify_one();
                wait.notified().await;
                "slowly"
            };
            let from = |from: ConnectInfo<SocketAddr>| async move { from.0.to_string() };
            let app = Router::new().route("/", get(from)).route("/slow", get(slow));
            let connections = Connections { crowd: Crowd::within_limits(), tls: None, app };
            let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
            let (at, stopped) = (listener.local_addr().unwrap(), Arc::clone(&stop));
            let done = runtime.spawn(async move { connections.serve(listener, stopped.notified()).await });
            Self { runtime, at, begun, answer, stop, done }
        }

        fn connected(&self) -> TcpStream {
            let stream = TcpStream::connect(self.at).unwrap();
            stream.set_read_timeout(Some(LAST_WORDS * 4)).unwrap();
            stream
        }

        /// A connection on which something is asked that is not answered yet.
        fn asked_slowly(&self) -> TcpStream {
            let stream = self.connected();
            asks(&stream, "/slow");
            self.runtime.block_on(async { timeout(LAST_WORDS * 4, self.begun.notified()).await.unwrap() });
            stream
        }

        fn has_returned(self) {
            self.runtime.block_on(async { timeout(LAST_WORDS * 4, self.done).await.unwrap().unwrap() });
        }
    }

    fn asks(mut stream: &TcpStream, path: &str) {
        write!(stream, "GET {path} HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    }

    /// What comes until this does.
    fn hears(mut stream: &TcpStream, end: &str) -> String {
        let (mut said, mut byte) = (String::new(), [0]);
        while !said.ends_with(end) {
            stream.read_exact(&mut byte).unwrap_or_else(|error| panic!("{error} after `{said}`"));
            said.push(char::from(byte[0]));
        }
        said
    }

    /// Nothing comes any more; `Err`: it is not over yet.
    fn is_over(mut stream: &TcpStream) -> io::Result<()> {
        match stream.read(&mut [0; 64]) {
            Ok(0) => Ok(()),
            Ok(_) => Err(io::Error::other("something came")),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => Ok(()),
            Err(error) => Err(error),
        }
    }

    #[test]
    fn at_a_stop_idle_connections_are_closed_at_once_and_a_request_under_way_is_answered() {
        let server = Served::plainly();
        let (silent, kept, slow) = (server.connected(), server.connected(), server.asked_slowly());
        asks(&kept, "/");
        let said = hears(&kept, &kept.local_addr().unwrap().to_string());
        assert!(said.starts_with("HTTP/1.1 200 OK\r\n") && !said.contains("connection: close"), "{said}");
        server.stop.notify_one();
        for idle in [&silent, &kept] {
            idle.set_read_timeout(Some(LAST_WORDS / 2)).unwrap();
            is_over(idle).unwrap();
        }
        TcpStream::connect(server.at).unwrap_err();
        assert!(!server.done.is_finished(), "a request is under way");
        server.answer.notify_one();
        let said = hears(&slow, "slowly");
        assert!(said.starts_with("HTTP/1.1 200 OK\r\n") && said.contains("connection: close\r\n"), "{said}");
        is_over(&slow).unwrap();
        server.has_returned();
    }

    #[test]
    fn at_a_stop_what_does_not_end_is_cut_off() {
        let server = Served::plainly();
        let slow = server.asked_slowly();
        server.stop.notify_one();
        is_over(&slow).unwrap();
        server.has_returned();
    }
}
