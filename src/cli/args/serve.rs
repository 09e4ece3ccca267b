//! The HTTP API, its console, and who may use them.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::http::{Doors, Listen, Tls};
use crate::model::access::{OperatorName, Role};
use crate::model::quantity::Span;
use crate::ops::access::Making;

/// `serve`
#[derive(Debug, Clone, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag that a person types")]
pub struct ServeArgs {
    /// Where to listen; anywhere but on this machine alone it needs TLS
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:7070")]
    pub listen: SocketAddr,
    /// Certificate, with those that lead to its issuer
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// Key of the certificate
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    /// Listen elsewhere without TLS: everybody on the way can read the tokens
    #[arg(long)]
    pub insecure_listen: bool,
    /// A name that it is asked under, besides its address; once for each
    #[arg(long = "name", value_name = "NAME")]
    pub names: Vec<String>,
    /// The three surfaces answer without a token: words and counts, no names
    #[arg(long)]
    pub public_read: bool,
    /// A reverse proxy in front says in this header who asks; it must be the only way here
    #[arg(long, value_name = "HEADER")]
    pub trust_proxy_user: Option<String>,
    /// A reverse proxy in front speaks TLS: cookies are for TLS alone
    #[arg(long)]
    pub behind_tls: bool,
    /// Print a unit file for systemd that serves with these options, and do not serve
    #[arg(long)]
    pub print_unit: bool,
}

impl ServeArgs {
    /// Where it listens.
    pub fn at(&self) -> Listen {
        let tls = self.tls_cert.clone().zip(self.tls_key.clone()).map(|(cert, key)| Tls { cert, key });
        Listen { at: self.listen, tls, insecure: self.insecure_listen }
    }

    /// Doors and names.
    pub fn doors(&self) -> Doors {
        Doors {
            public_read: self.public_read,
            proxy_user: self.trust_proxy_user.as_ref().map(|name| name.to_lowercase()),
            names: self.names.clone(),
            tls: self.behind_tls,
        }
    }
}

/// `token …`
#[derive(Debug, Clone, Subcommand)]
pub enum TokenVerb {
    /// Make a token; its value is shown this once
    #[command(
        after_help = "Examples:\n  holdpoint token create alice --role operator\n  holdpoint token create ci --role viewer --expires-in 30d --curl-config ~/.holdpoint-curl"
    )]
    Create(CreateTokenArgs),
    /// Every token that was made here
    #[command(after_help = "Example:\n  holdpoint token list")]
    List,
    /// Take somebody's token back: it is refused at once, on open streams, too
    #[command(after_help = "Example:\n  holdpoint token revoke alice")]
    Revoke(RevokeTokenArgs),
}

/// `token create NAME`
#[derive(Debug, Clone, Args)]
pub struct CreateTokenArgs {
    /// Whose it is: the audit log names this operator
    pub name: OperatorName,
    /// viewer looks; operator releases and recovers; admin also throws records away
    #[arg(long, value_name = "ROLE", value_parser = role)]
    pub role: Role,
    /// How long it is good
    #[arg(long, value_name = "DUR", default_value = "90d")]
    pub expires_in: Span,
    /// Write it to this file as a configuration of curl (`curl -K FILE …`) instead of showing it
    #[arg(long, value_name = "FILE")]
    pub curl_config: Option<PathBuf>,
}

impl CreateTokenArgs {
    /// What it is to be.
    pub fn making(self) -> Making {
        let Self { name, role, expires_in, curl_config } = self;
        Making { name, role, expires_in, curl_config }
    }
}

/// `token revoke NAME`
#[derive(Debug, Clone, Args)]
pub struct RevokeTokenArgs {
    /// Whose
    pub name: OperatorName,
}

fn role(text: &str) -> Result<Role, String> {
    let known = Role::ALL.into_iter().find(|role| role.word() == text);
    known.ok_or_else(|| "it is viewer, operator or admin".to_owned())
}
