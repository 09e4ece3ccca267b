//! The one HTTP client: no redirects, no kept connections, screened addresses, the host's own trust store.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;
use std::sync::OnceLock;

use thiserror::Error;
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};
use ureq::{Agent, Proxy};

use crate::sys::{files, net};

/// Why a name was not looked up to an end.
#[derive(Debug, Error)]
pub(super) enum Screened {
    /// Nobody knows the name.
    #[error("`{host}` is not known")]
    Unknown { host: String },
    /// The address may not be asked.
    #[error("`{host}` is {address}, which is a link-local or metadata address and is not asked")]
    Forbidden { host: String, address: IpAddr },
}

/// The client for probes. Certificates are loaded on the first `https://` only.
pub(super) fn agent(url: &str) -> &'static Agent {
    static PLAIN: OnceLock<Agent> = OnceLock::new();
    static SECURE: OnceLock<Agent> = OnceLock::new();
    if url.starts_with("https://") {
        SECURE.get_or_init(|| build(system_roots(), None))
    } else {
        PLAIN.get_or_init(|| build(RootCerts::WebPki, None))
    }
}

/// A client for this machine's own addresses, which no proxy could reach.
pub(in crate::drivers) fn agent_without_proxy() -> Agent {
    build(RootCerts::WebPki, None)
}

/// Whether it is this machine's own address, by its number or as `localhost`.
pub(in crate::drivers) fn is_here(url: &str) -> bool {
    let uri = url.parse::<ureq::http::Uri>().ok();
    let Some(authority) = uri.as_ref().and_then(ureq::http::Uri::authority) else { return false };
    let host = authority.host().trim_start_matches('[').trim_end_matches(']');
    let is_plain = uri.as_ref().and_then(ureq::http::Uri::scheme_str) == Some("http");
    let is_own = host.parse::<IpAddr>().map_or(host == "localhost", |address| address.is_loopback());
    is_plain && is_own && !authority.as_str().contains('@')
}

/// The client for news: as for probes, but through the host's proxy where the environment names one.
pub(in crate::drivers) fn agent_through_proxy() -> Agent {
    build(system_roots(), Proxy::try_from_env())
}

fn build(roots: RootCerts, proxy: Option<Proxy>) -> Agent {
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_idle_connections(0)
        .proxy(proxy)
        .user_agent(concat!("holdpoint/", env!("CARGO_PKG_VERSION")))
        .tls_config(TlsConfig::builder().root_certs(roots).build())
        .build();
    Agent::with_parts(config, DefaultConnector::new(), Screen)
}

/// Looks names up once and refuses addresses that only a machine's own provider answers on. The library's own resolver
/// starts a thread for each question and panics where the host has none left.
#[derive(Debug)]
struct Screen;

impl Resolver for Screen {
    fn resolve(
        &self,
        uri: &ureq::http::Uri,
        config: &ureq::config::Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let host = || uri.host().unwrap_or("-").to_owned();
        let unknown = || ureq::Error::Other(Box::new(Screened::Unknown { host: host() }));
        let name = uri.scheme().zip(uri.authority());
        let name = name.and_then(|(scheme, authority)| DefaultResolver::host_and_port(scheme, authority));
        let addresses = net::look_up(&name.ok_or_else(unknown)?, *timeout.after).map_err(|error| {
            if error.kind() == io::ErrorKind::TimedOut {
                ureq::Error::Timeout(timeout.reason)
            } else {
                unknown()
            }
        })?;
        let mut found = self.empty();
        for address in config.ip_family().keep_wanted(addresses.into_iter()).take(LOOKED_AT) {
            found.push(address);
        }
        if found.is_empty() {
            return Err(unknown());
        }
        match found.iter().map(std::net::SocketAddr::ip).find(is_forbidden) {
            Some(address) => Err(ureq::Error::Other(Box::new(Screened::Forbidden { host: host(), address }))),
            None => Ok(found),
        }
    }
}

/// Addresses of one name that are tried: as many as the library has room for.
const LOOKED_AT: usize = 16;

/// Metadata services that do not live on a link-local address.
const METADATA_V4: [Ipv4Addr; 2] = [Ipv4Addr::new(100, 100, 100, 200), Ipv4Addr::new(168, 63, 129, 16)];
const METADATA_V6: [Ipv6Addr; 1] = [Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)];

fn is_forbidden(address: &IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.is_link_local() || METADATA_V4.contains(&v4),
        IpAddr::V6(v6) => v6.is_unicast_link_local() || METADATA_V6.contains(&v6),
    }
}

/// Where systems keep the certificates they trust.
const BUNDLES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

const BUNDLE_LIMIT: u64 = 16 << 20;

/// The host's own trusted certificates, so that a company's own authority counts; Mozilla's where the host has none.
fn system_roots() -> RootCerts {
    for bundle in BUNDLES {
        let Ok(pem) = files::read_limited(Path::new(bundle), BUNDLE_LIMIT) else { continue };
        let roots: Vec<_> = parse_pem(&pem)
            .filter_map(|item| match item {
                Ok(PemItem::Certificate(certificate)) => Some(certificate),
                _ => None,
            })
            .collect();
        if !roots.is_empty() {
            return RootCerts::from(roots);
        }
    }
    RootCerts::WebPki
}
