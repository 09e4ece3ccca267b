//! `serve` and `token`.

use super::call::{Call, now};
use crate::cli::args::{ServeArgs, TokenVerb};
use crate::cli::error::CliError;
use crate::cli::terminal::To;
use crate::http::{self, ServeError};
use crate::model::access::TokenRow;
use crate::model::outcome::Ending;
use crate::ops::access;
use crate::report::human;
use crate::sys::process::own_binary;
use crate::sys::signal::{Signal, Stop};

pub(super) fn serve(call: &Call<'_>, args: &ServeArgs) -> Result<Ending, CliError> {
    let host = call.host()?;
    if args.print_unit {
        let binary = own_binary().map_err(|error| CliError::new(Ending::Failed, error))?;
        call.print(&human::access::unit(&binary, host.root(), &typed(args)));
        return Ok(Ending::Ok);
    }
    let stop = Stop::install().map_err(|error| CliError::new(Ending::Failed, error))?;
    if access::list(&host)?.iter().all(|row| row.standing != "good") {
        let note = "nobody has a token yet: `holdpoint token create NAME --role operator`\n";
        call.terminal.write(To::Err, note);
    }
    let scheme = if args.tls_cert.is_some() { "https" } else { "http" };
    let ready = |at: std::net::SocketAddr| call.print(&format!("listening on {scheme}://{at}\n"));
    http::serve(host.root(), &args.at(), args.doors(), &stop, ready).map_err(|error| match error {
        ServeError::Plain { .. } => CliError::usage(error.to_string())
            .hint("`--tls-cert FILE --tls-key FILE`, or a reverse proxy in front of 127.0.0.1")
            .hint("`--insecure-listen` where the network between is trusted"),
        ServeError::Certificate { .. } => CliError::usage(error.to_string()),
        ServeError::Taken { at, .. } => CliError::new(Ending::Failed, error)
            .hint(format!("see who listens there: `ss -ltnp 'sport = :{}'`", at.port()))
            .hint("or listen elsewhere: `--listen ADDRESS:PORT`, with port 0 on one that is free"),
        error @ ServeError::Failed { .. } => CliError::new(Ending::Failed, error),
    })?;
    // Asked to stop is how a server ends.
    Ok(if stop.signal() == Some(Signal::Int) { Ending::Interrupted } else { Ending::Ok })
}

/// The options as they were typed, for the unit.
fn typed(args: &ServeArgs) -> Vec<String> {
    let mut words = vec![format!("--listen={}", args.listen)];
    let absolute = |path: &std::path::Path| {
        crate::sys::files::absolute(path)
            .map_or_else(|_| path.display().to_string(), |path| path.display().to_string())
    };
    words.extend(args.tls_cert.iter().map(|path| format!("--tls-cert={}", absolute(path))));
    words.extend(args.tls_key.iter().map(|path| format!("--tls-key={}", absolute(path))));
    words.extend(args.insecure_listen.then(|| "--insecure-listen".to_owned()));
    words.extend(args.names.iter().map(|name| format!("--name={name}")));
    words.extend(args.public_read.then(|| "--public-read".to_owned()));
    words.extend(args.trust_proxy_user.iter().map(|header| format!("--trust-proxy-user={header}")));
    words.extend(args.behind_tls.then(|| "--behind-tls".to_owned()));
    words
}

pub(super) fn token(call: &Call<'_>, verb: TokenVerb) -> Result<Ending, CliError> {
    let host = call.host()?;
    match verb {
        TokenVerb::Create(args) => {
            let made = access::create(&host, &args.making())?;
            call.answer(&made, || human::access::made(&made))?;
        }
        TokenVerb::List => {
            let rows = access::list(&host)?;
            call.answer(&rows, || human::access::list(&rows, now()))?;
        }
        TokenVerb::Revoke(args) => {
            let rows = access::revoke(&host, &args.name)?;
            let line = |row: &TokenRow| format!("the {} token of `{}` is taken back\n", row.role, row.name);
            call.answer(&rows, || rows.iter().map(line).collect())?;
        }
    }
    Ok(Ending::Ok)
}
