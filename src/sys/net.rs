//! Sockets of our own: free ports, and a small HTTP server on this host alone. It serves the demo's three services.

#![expect(clippy::disallowed_methods, reason = "this is a place that waits")]

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use thiserror::Error;

/// Why a port could not be used.
#[derive(Debug, Error)]
#[error("port {port} of this host could not be {verb}")]
pub struct NetError {
    /// The port; 0: any.
    pub port: u16,
    /// What was tried.
    pub verb: &'static str,
    /// What the system said.
    #[source]
    pub source: io::Error,
}

/// What was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// `GET`, `POST`, …
    pub method: String,
    /// The path as sent, with its query.
    pub path: String,
    /// The body, as far as it is within 64 KiB.
    pub body: Vec<u8>,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// Plain text.
    pub body: String,
}

/// How long one connection may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// How often the server looks whether it should go on.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Bytes of a request's head, and of its body, that are read.
const LIMIT: u64 = 64 << 10;

/// The addresses of `name:port`, within this long. An address needs no looking up; where no thread can be started, the
/// system's own patience holds.
///
/// # Errors
/// What the system says of the name; [`io::ErrorKind::TimedOut`].
pub fn look_up(name_and_port: &str, within: Duration) -> io::Result<Vec<SocketAddr>> {
    if let Ok(address) = name_and_port.parse() {
        return Ok(vec![address]);
    }
    let ask = |name: &str| name.to_socket_addrs().map(Iterator::collect);
    let (sender, answer) = mpsc::channel();
    let name = name_and_port.to_owned();
    // It may outlast us: nobody can take a question to the resolver back.
    let asking = thread::Builder::new().spawn(move || sender.send(ask(&name)));
    match asking {
        Ok(_) => answer.recv_timeout(within).unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())),
        Err(_) => ask(name_and_port),
    }
}

/// Ports of this host that nobody listens on, all different.
///
/// # Errors
/// [`NetError`] when the system gives none.
pub fn free_ports(count: usize) -> Result<Vec<u16>, NetError> {
    let failed = |source| NetError { port: 0, verb: "found", source };
    // All are held until the last is found, so that no two are the same.
    let held: Result<Vec<TcpListener>, io::Error> =
        (0..count).map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0))).collect();
    let ports: Result<Vec<u16>, io::Error> =
        held.map_err(failed)?.iter().map(|listener| Ok(listener.local_addr()?.port())).collect();
    ports.map_err(failed)
}

/// Serves HTTP on this host alone, one request after another, for as long as `go_on` says so.
///
/// # Errors
/// [`NetError`] when the port cannot be listened on. A broken connection is its client's trouble.
pub fn serve(
    port: u16,
    answer: &mut dyn FnMut(&Request) -> Reply,
    go_on: &mut dyn FnMut() -> bool,
) -> Result<(), NetError> {
    let failed = |source| NetError { port, verb: "listened on", source };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(failed)?;
    listener.set_nonblocking(true).map_err(failed)?;
    while go_on() {
        match listener.accept() {
            Ok((stream, _)) => {
                let _ = talk(&stream, answer);
            }
            Err(_) => std::thread::sleep(LOOK_EVERY),
        }
    }
    Ok(())
}

fn talk(stream: &TcpStream, answer: &mut dyn FnMut(&Request) -> Reply) -> io::Result<()> {
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let Some(request) = read_request(stream)? else { return Ok(()) };
    let reply = answer(&request);
    let head = format!(
        "HTTP/1.1 {} -\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        reply.status,
        reply.body.len()
    );
    let mut stream = stream;
    stream.write_all(head.as_bytes())?;
    stream.write_all(reply.body.as_bytes())
}

fn read_request(stream: &TcpStream) -> io::Result<Option<Request>> {
    let mut reader = BufReader::new(stream);
    let mut head = reader.by_ref().take(LIMIT);
    let mut line = String::new();
    head.read_line(&mut line)?;
    let mut words = line.split_whitespace();
    let (Some(method), Some(path)) = (words.next(), words.next()) else { return Ok(None) };
    let (method, path) = (method.to_owned(), path.to_owned());
    let mut length = 0_u64;
    loop {
        let mut line = String::new();
        if head.read_line(&mut line)? == 0 || line.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().unwrap_or(0);
        }
    }
    let mut body = Vec::new();
    reader.take(length.min(LIMIT)).read_to_end(&mut body)?;
    Ok(Some(Request { method, path, body }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(port: u16, request: &str) -> String {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    #[test]
    fn a_request_is_answered_and_the_server_ends_when_told() {
        let port = free_ports(1).unwrap()[0];
        let (tell, told) = std::sync::mpsc::channel::<()>();
        let server = std::thread::spawn(move || {
            let mut answer = |request: &Request| Reply {
                status: 201,
                body: format!("{} {} {}", request.method, request.path, request.body.len()),
            };
            serve(port, &mut answer, &mut || told.try_recv().is_err()).unwrap();
        });
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            std::thread::sleep(Duration::from_millis(5));
        }
        let answer = ask(port, "POST /notes HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello");
        assert!(answer.starts_with("HTTP/1.1 201 ") && answer.ends_with("\r\n\r\nPOST /notes 5"), "{answer}");
        assert_eq!(ask(port, "nonsense\r\n\r\n"), "");
        tell.send(()).unwrap();
        server.join().unwrap();
    }

    #[test]
    fn free_ports_are_all_different() {
        let mut ports = free_ports(5).unwrap();
        ports.sort_unstable();
        ports.dedup();
        assert_eq!(ports.len(), 5);
    }
}
