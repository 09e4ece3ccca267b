//! Which verb is handed to which function.

use super::call::Call;
use super::{
    agent, attempts, backups, look, playbooks, previews, recover, releases, rollouts, serve, setup, sources,
};
use crate::cli::args::{Cli, Verb};
use crate::cli::error::CliError;
use crate::cli::exit_code;
use crate::cli::manual;
use crate::cli::terminal::Terminal;
use crate::model::outcome::Ending;
use crate::ops::recover::Shelf;

/// Does what was asked and says with which exit status it ended.
///
/// # Errors
/// Whatever kept the verb from giving its answer, with the word behind the exit status.
pub(in crate::cli) fn dispatch(cli: Cli, terminal: &Terminal) -> Result<u8, CliError> {
    let call = Call { global: cli.global, terminal };
    let ending = match cli.verb {
        Verb::Once(args) => return releases::once(&call, &args),
        Verb::Run(args) => releases::run(&call, *args.0),
        Verb::Revert(args) => releases::revert(&call, args.0),
        Verb::Close(args) => releases::close(&call, &args),
        Verb::Approve(args) => releases::approve(&call, &args),
        Verb::Cancel(args) => releases::cancel(&call, &args),
        Verb::ReturnToMain(args) => releases::return_to_main(&call, &args),
        Verb::Configure(args) => releases::configure(&call, &args),
        Verb::Backup(verb) => backups::backup(&call, verb.0),
        Verb::Diagnose(args) => recover::diagnose(&call, &args),
        Verb::Evidence(verb) => recover::evidence(&call, verb.0),
        Verb::Incident(verb) => recover::incident(&call, verb.0),
        Verb::Playbook(verb) => playbooks::playbook(&call, verb.0),
        Verb::Readiness(args) => attempts::readiness(&call, &args),
        Verb::Retry(args) => attempts::retry(&call, args.0),
        Verb::Redeploy(args) => attempts::redeploy(&call, args.0),
        Verb::Rollback(args) => attempts::rollback(&call, args.0),
        Verb::Archive(args) => attempts::shelve(&call, &args, Shelf::Archive),
        Verb::Unarchive(args) => attempts::shelve(&call, &args, Shelf::Unarchive),
        Verb::Prune(args) => attempts::prune(&call, &args),
        Verb::Deployments(verb) => attempts::deployments(&call, verb.0),
        Verb::Preview(verb) => previews::preview(&call, &verb),
        Verb::Source(verb) => sources::source(&call, &verb),
        Verb::List(args) => look::list(&call, &args),
        Verb::State(args) => look::state(&call, &args),
        Verb::Log(args) => look::log(&call, &args),
        Verb::Report(args) => look::report(&call, &args),
        Verb::Check(args) => look::check(&call, &args),
        Verb::Status(args) => look::status(&call, &args),
        Verb::Drift(args) => look::drift(&call, &args),
        Verb::Doctor(args) => look::doctor(&call, &args),
        Verb::Rollout(verb) => rollouts::rollout(&call, verb.0),
        Verb::Fleet(verb) => rollouts::fleet(&call, verb.0),
        Verb::Agent(args) => agent::agent(&call, &args),
        Verb::Serve(args) => serve::serve(&call, &args),
        Verb::Token(verb) => serve::token(&call, verb.0),
        Verb::Init(args) => setup::init(&call, &args),
        Verb::Adopt(args) => setup::adopt(&call, &args),
        Verb::Demo(args) => setup::demo(&call, &args),
        Verb::Schema(args) => setup::schema(&call, &args),
        Verb::Completions(args) => {
            call.print(&manual::completions(args.shell));
            Ok(Ending::Ok)
        }
        Verb::Man(args) => {
            call.print(&manual::page(&args.verb)?);
            Ok(Ending::Ok)
        }
        Verb::Logs(args) => look::logs(&call, &args),
    };
    ending.map(exit_code::of)
}
