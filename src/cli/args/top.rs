//! The program itself, its global options and its verbs.

use std::path::PathBuf;

use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};

use super::attempts::{
    DeploymentsVerb, PruneRecordsArgs, ReadinessArgs, RedeployArgs, RetryArgs, RollbackArgs, ShelveArgs,
};
use super::backup::BackupVerb;
use super::exits;
use super::late::{Late, for_parsing};
use super::look::{
    CheckArgs, DoctorArgs, DriftArgs, ListArgs, LogArgs, LogsArgs, ReportArgs, StateArgs, StatusArgs,
};
use super::playbook::PlaybookVerb;
use super::preview::PreviewVerb;
use super::recover::{DiagnoseArgs, EvidenceVerb, IncidentVerb};
use super::release::{
    ApproveArgs, CancelArgs, CloseArgs, ConfigureArgs, OnceArgs, ReturnArgs, RevertArgs, RunArgs,
};
use super::rollout::{AgentArgs, FleetVerb, RolloutVerb};
use super::serve::{ServeArgs, TokenVerb};
use super::setup::{AdoptArgs, CompletionsArgs, DemoArgs, InitArgs, ManArgs, SchemaArgs};
use super::source::SourceVerb;
use crate::cli::exit_code;
use crate::report::text::Add;

/// Release to your own hosts: halt at the first failure, know where, resume or revert
#[derive(Debug, Clone, Parser)]
#[command(
    name = "holdpoint",
    version,
    disable_help_subcommand = true,
    subcommand_required = true,
    arg_required_else_help = true,
    max_term_width = 100
)]
pub struct Cli {
    #[command(flatten)]
    /// Options of every verb.
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
}

/// Options of every verb.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Everywhere")]
pub struct Global {
    /// Work as if started in this folder
    #[arg(short = 'C', value_name = "DIR", global = true)]
    pub dir: Option<PathBuf>,
    /// For people, or for programs
    #[arg(long, value_enum, default_value_t = Format::Human, value_name = "human|json", hide_possible_values = true, hide_default_value = true, global = true)]
    pub format: Format,
    /// Short for `--format json`
    #[arg(long, global = true)]
    pub json: bool,
    /// When to use colour
    #[arg(long, value_enum, default_value_t = ColorWhen::Auto, value_name = "auto|always|never", hide_possible_values = true, hide_default_value = true, global = true)]
    pub color: ColorWhen,
    /// Say more
    #[arg(short, long, action = clap::ArgAction::Count, global = true)]
    pub verbose: u8,
}

impl Global {
    /// The form that was asked for, by either option.
    pub fn format(&self) -> Format {
        if self.json { Format::Json } else { self.format }
    }
}

/// Who reads the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// People.
    Human,
    /// Programs: one document an answer, one line an event.
    Json,
}

/// When colour is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ColorWhen {
    /// On a terminal that wants it (`NO_COLOR` is honoured).
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// What can be done.
#[derive(Debug, Clone, Subcommand)]
pub enum Verb {
    /// Release a ticket: prepare, migrate, ticket, verify; or resume it
    ///
    /// Looks first, shows the plan, then carries out exactly that plan and halts at the first failure. Verified
    /// backups are taken before anything is changed.
    #[command(
        after_help = "Examples:\n  holdpoint run 1234 --dry-run\n  holdpoint run 1234\n  holdpoint run 1234 --from=verify"
    )]
    Run(Late<Box<RunArgs>>),
    /// Take a release back: data restored, tree and services as before
    ///
    /// Shows the cost first: the commits, the services, the age of each backup and what was written since. The
    /// present data is copied aside before anything is restored.
    #[command(
        after_help = "Examples:\n  holdpoint revert 1234 --dry-run\n  holdpoint revert 1234 --skip-data"
    )]
    Revert(Late<RevertArgs>),
    /// End a release that will never be resumed
    ///
    /// Changes nothing but the record: the host stays as it is.
    #[command(after_help = "Example:\n  holdpoint close 1234 --reason 'abandoned, see 1240'")]
    Close(Late<CloseArgs>),
    /// Pass a hold point
    ///
    /// Only records the approval; `holdpoint run TICKET --from=PHASE` then goes on. With `[recovery] owner_approval` it also
    /// agrees to what another operator wants put back: `revert`, `redeploy` or `rollback`, typed again, then goes ahead.
    #[command(
        after_help = "Examples:\n  holdpoint approve 1234 --reason 'looked at the backups'\n  holdpoint approve 1234 --for revert --reason 'agreed on the phone'"
    )]
    Approve(Late<ApproveArgs>),
    /// Stop a running attempt in order, from another terminal
    ///
    /// No new step starts, what runs is awaited, and the attempt ends `canceled`; asked again, what runs is ended. A step
    /// that outlived its runner is ended, and its attempt can be resumed.
    #[command(after_help = "Example:\n  holdpoint cancel 1234@1 --confirm 1234@1 --reason 'wrong window'")]
    Cancel(Late<CancelArgs>),
    /// For ticket scripts: run a command once per release
    ///
    /// A script that starts again after a failure does not repeat what it did `once`.
    #[command(
        after_help = "Example, in releases/1234-fix.sh:\n  holdpoint once add-column -- psql -f add-column.sql"
    )]
    Once(Late<OnceArgs>),
    /// After a hotfix branch release: back on the main branch, clean, verified
    ///
    /// Never brings in unreleased content: it moves only if the main branch has the tree that runs.
    #[command(after_help = "Examples:\n  holdpoint return-to-main --dry-run\n  holdpoint return-to-main")]
    ReturnToMain(Late<ReturnArgs>),
    /// Run the `post_start` and `ensure_config` hooks of a service
    #[command(after_help = "Example:\n  holdpoint configure wikijs --reason 'the key was replaced'")]
    Configure(Late<ConfigureArgs>),
    /// Verified backups outside a release
    #[command(subcommand, disable_help_subcommand = true)]
    Backup(Late<BackupVerb>),
    /// What failed, why, how far it got, and the narrowest way out
    ///
    /// Looks at everything again and changes nothing; that somebody looked is noted in the ticket's log.
    #[command(
        after_help = "Examples:\n  holdpoint diagnose 1234\n  holdpoint diagnose 1234 --no-detect --json"
    )]
    Diagnose(Late<DiagnoseArgs>),
    /// What was seen of a failure: keep it, list it, compare it
    #[command(subcommand)]
    Evidence(Late<EvidenceVerb>),
    /// What can be done with an attempt, and what stands in the way
    ///
    /// Changes nothing. Each way on and back is decided as the verb itself would decide it, with the code of every reason
    /// and what clears it; `--if-version` of the verbs takes the version that is named.
    #[command(after_help = "Examples:\n  holdpoint readiness 1234\n  holdpoint readiness 1234@1 --json")]
    Readiness(Late<ReadinessArgs>),
    /// A new attempt of the same commit; nothing newer comes in
    #[command(
        after_help = "Examples:\n  holdpoint retry 1234 --dry-run\n  holdpoint retry 1234@1 --if-version VERSION --yes"
    )]
    Retry(Late<RetryArgs>),
    /// A new attempt of today's checkout and configuration; nothing is fetched from git
    #[command(
        after_help = "Examples:\n  holdpoint redeploy 1234 --dry-run\n  holdpoint redeploy --service wikijs --reason 'its volume was replaced'"
    )]
    Redeploy(Late<RedeployArgs>),
    /// Put back what an older attempt left: its tree and its images, never data
    ///
    /// Nothing is built or fetched: it is refused, before anything is stopped, where an image is not on this host any
    /// more. Further releases wait until somebody approves.
    #[command(
        after_help = "Examples:\n  holdpoint readiness 1234\n  holdpoint rollback 1234 --candidate 1201@1 --dry-run"
    )]
    Rollback(Late<RollbackArgs>),
    /// Take an attempt out of the list; nothing is deleted
    #[command(after_help = "Example:\n  holdpoint archive 1201@1 --confirm 1201@1")]
    Archive(Late<ShelveArgs>),
    /// Bring an archived attempt back into the list
    #[command(after_help = "Example:\n  holdpoint unarchive 1201@1")]
    Unarchive(Late<ShelveArgs>),
    /// Throw away the records of archived, old attempts that nobody needs
    ///
    /// Shows what would go, and why the rest is kept; only the plan that was shown is carried out.
    #[command(
        after_help = "Examples:\n  holdpoint prune --before 2026-01-31\n  holdpoint prune --before 2026-01-31 --no-dry-run --plan PLAN"
    )]
    Prune(Late<PruneRecordsArgs>),
    /// The recovery verbs under the names that other runbooks know
    #[command(subcommand, disable_help_subcommand = true)]
    Deployments(Late<DeploymentsVerb>),
    /// Something is wrong on a running host: from the symptom to the proof that it is over
    #[command(subcommand)]
    Incident(Late<IncidentVerb>),
    /// A branch beside production: bring it up, list it, take it away
    #[command(subcommand, disable_help_subcommand = true)]
    Preview(Late<PreviewVerb>),
    /// What later releases read, and having them read it from elsewhere
    #[command(subcommand, disable_help_subcommand = true)]
    Source(Late<SourceVerb>),
    /// History: every attempt on this host
    #[command(after_help = "Examples:\n  holdpoint list\n  holdpoint list --all --json")]
    List(Late<ListArgs>),
    /// Where a release stands, and what to type next
    #[command(after_help = "In a shell:\n  eval \"$(holdpoint state 1234 --export)\"; echo \"$MERGE_SHA\"")]
    State(Late<StateArgs>),
    /// The audit log of a ticket
    ///
    /// With -f it joins a live run and ends with that run's exit status: the way back after a lost connection.
    #[command(after_help = "Examples:\n  holdpoint log 1234 -f\n  holdpoint log 1234 --verify")]
    Log(Late<LogArgs>),
    /// Write one self-contained HTML file with a timeline
    #[command(after_help = "Example:\n  holdpoint report 1234 -o 1234.html")]
    Report(Late<ReportArgs>),
    /// What would a release do, and is the host well
    ///
    /// Decides as `run` would, shows the same plan or the same refusals, and writes nothing.
    #[command(
        after_help = "Examples:\n  holdpoint check 1234\n  holdpoint check --incoming hotfix/1240\n  holdpoint check --diff HEAD~1\n  holdpoint check --guard"
    )]
    Check(Late<CheckArgs>),
    /// What runs, and whether it is well
    #[command(after_help = "Examples:\n  holdpoint status\n  holdpoint status wikijs --json")]
    Status(Late<StatusArgs>),
    /// What is meant to run, held against what runs
    ///
    /// HEAD, images, containers, configuration and ticket scripts. What cannot be seen is a difference, too.
    #[command(after_help = "Examples:\n  holdpoint drift\n  holdpoint drift --check --json")]
    Drift(Late<DriftArgs>),
    /// What a service printed
    #[command(
        after_help = "Examples:\n  holdpoint logs wikijs --tail 200\n  holdpoint logs wikijs --since 10m -f"
    )]
    Logs(Late<LogsArgs>),
    /// Is this host fit to release
    #[command(after_help = "Example:\n  holdpoint doctor")]
    Doctor(Late<DoctorArgs>),
    /// Known failures: which one is this, how to be sure, what to do
    #[command(subcommand, disable_help_subcommand = true)]
    Playbook(Late<PlaybookVerb>),
    /// The same release over many hosts, in stages with gates
    #[command(subcommand, disable_help_subcommand = true)]
    Rollout(Late<RolloutVerb>),
    /// The hosts of a fleet
    #[command(subcommand, disable_help_subcommand = true)]
    Fleet(Late<FleetVerb>),
    /// On a host that nobody reaches: do what rollouts order, over one connection to their ledger
    ///
    /// Nothing listens here. The agent watches one key of the ledger on etcd, releases or takes back what stands there, once
    /// however often it is told, and answers in another key. It goes on where it was when it is started again; a release
    /// goes on when it is stopped.
    #[command(
        after_help = "Examples:\n  holdpoint agent\n  holdpoint agent --config /etc/holdpoint/agent.toml --print-unit > /etc/systemd/system/holdpoint-agent.service"
    )]
    Agent(Late<AgentArgs>),
    /// Answer over HTTP: an API for programs, a console for people
    ///
    /// The same verbs as here, for whoever has a token. What is begun over HTTP is a process of its own and goes on when the
    /// server is stopped.
    #[command(
        after_help = "Examples:\n  holdpoint serve\n  holdpoint serve --listen 0.0.0.0:7443 --tls-cert host.pem --tls-key host.key --name ops.example.org\n  holdpoint serve --print-unit > /etc/systemd/system/holdpoint.service"
    )]
    Serve(Late<ServeArgs>),
    /// Who may ask over HTTP, and for what
    #[command(subcommand, disable_help_subcommand = true)]
    Token(Late<TokenVerb>),
    /// Read what runs here and draft the configuration
    ///
    /// Writes `.asd/release.toml`, a `release.just` to import, and an exclude entry; never over a file of yours.
    #[command(after_help = "Examples:\n  holdpoint init --dry-run\n  holdpoint init")]
    Init(Late<InitArgs>),
    /// Record what runs now as the baseline, touching nothing
    #[command(
        after_help = "Examples:\n  holdpoint adopt --dry-run\n  holdpoint adopt --reason 'first adoption'"
    )]
    Adopt(Late<AdoptArgs>),
    /// See it work: four releases on a throwaway host, with nothing to install but git
    #[command(after_help = "Examples:\n  holdpoint demo\n  holdpoint demo --keep\n  holdpoint demo --fleet")]
    Demo(Late<DemoArgs>),
    /// Print completions for a shell
    #[command(after_help = "Example:\n  holdpoint completions bash > /etc/bash_completion.d/holdpoint")]
    Completions(Late<CompletionsArgs>),
    /// Print the manual page, of the program or of a verb
    #[command(after_help = "Example:\n  holdpoint man run | man -l -")]
    Man(Late<ManArgs>),
    /// Print the JSON schema of a configuration file
    #[command(after_help = "Example:\n  holdpoint schema release > release.schema.json")]
    Schema(Late<SchemaArgs>),
}

impl Verb {
    /// Whether the answer on standard output is all that the verb is for: then losing it is a failure.
    pub fn answers_only(&self) -> bool {
        match self {
            Verb::Readiness(_)
            | Verb::List(_)
            | Verb::State(_)
            | Verb::Log(_)
            | Verb::Report(_)
            | Verb::Check(_)
            | Verb::Status(_)
            | Verb::Logs(_)
            | Verb::Drift(_)
            | Verb::Diagnose(_)
            | Verb::Doctor(_)
            | Verb::Completions(_)
            | Verb::Man(_)
            | Verb::Token(_)
            | Verb::Fleet(_)
            | Verb::Schema(_) => true,
            Verb::Rollout(verb) => verb.answers_only(),
            Verb::Playbook(verb) => match &**verb {
                PlaybookVerb::Run(args) => !args.apply,
                PlaybookVerb::New(_)
                | PlaybookVerb::List(_)
                | PlaybookVerb::Show(_)
                | PlaybookVerb::Match(_)
                | PlaybookVerb::Lint(_)
                | PlaybookVerb::Test(_) => true,
            },
            Verb::Backup(verb) => matches!(**verb, BackupVerb::List(_) | BackupVerb::Verify(_)),
            Verb::Preview(verb) => matches!(**verb, PreviewVerb::List),
            Verb::Source(verb) => matches!(**verb, SourceVerb::Show),
            Verb::Evidence(verb) => !matches!(**verb, EvidenceVerb::Capture(_)),
            Verb::Incident(verb) => matches!(**verb, IncidentVerb::Show(_) | IncidentVerb::List),
            Verb::Run(_)
            | Verb::Revert(_)
            | Verb::Close(_)
            | Verb::Approve(_)
            | Verb::Cancel(_)
            | Verb::Once(_)
            | Verb::ReturnToMain(_)
            | Verb::Configure(_)
            | Verb::Retry(_)
            | Verb::Redeploy(_)
            | Verb::Rollback(_)
            | Verb::Archive(_)
            | Verb::Unarchive(_)
            | Verb::Prune(_)
            | Verb::Deployments(_)
            | Verb::Agent(_)
            | Verb::Serve(_)
            | Verb::Init(_)
            | Verb::Adopt(_)
            | Verb::Demo(_) => false,
        }
    }
}

/// Verbs under the headings that `--help` shows them by.
const GROUPS: [(&str, &[&str]); 7] = [
    ("Release", &["run", "revert", "close", "approve", "cancel", "once", "return-to-main", "configure"]),
    ("Back up", &["backup"]),
    ("Look", &["list", "state", "log", "report", "check", "status", "drift", "logs", "doctor"]),
    (
        "Recover",
        &[
            "diagnose",
            "readiness",
            "retry",
            "redeploy",
            "rollback",
            "archive",
            "unarchive",
            "prune",
            "deployments",
            "evidence",
            "incident",
            "playbook",
            "preview",
            "source",
        ],
    ),
    ("Many hosts", &["rollout", "fleet", "agent"]),
    ("Serve", &["serve", "token"]),
    ("Set up", &["init", "adopt", "demo", "completions", "man", "schema"]),
];

/// The command line as it is parsed, its help on one screen: verbs in groups, a verb's paragraphs above its options.
pub fn command() -> clap::Command {
    let command = plain_command();
    let mut verbs = String::new();
    for (heading, names) in GROUPS {
        verbs.add(format_args!("{heading}:\n"));
        for name in names {
            let about = command.find_subcommand(name).and_then(clap::Command::get_about);
            let about = about.map(ToString::to_string).unwrap_or_default();
            verbs.add(format_args!("  {name:<15} {about}\n"));
        }
        verbs.push('\n');
    }
    let template = format!(
        "{{about-with-newline}}\n{{usage-heading}} {{usage}}\n\n{verbs}Everywhere:\n{{options}}{{after-help}}"
    );
    command.help_template(template).after_help(exit_code::table()).mut_subcommands(|verb| {
        // Without a long form clap keeps every option on one line.
        let verb = match verb.get_long_about().cloned() {
            Some(whole) => verb.about(whole).long_about(None),
            None => verb,
        };
        with_exits(verb, None)
    })
}

/// A verb whose help ends with the exit statuses that it can end with.
fn with_exits(verb: clap::Command, above: Option<&str>) -> clap::Command {
    let name = above.map_or_else(String::new, |above| format!("{above} ")) + verb.get_name();
    if verb.has_subcommands() {
        return verb.mut_subcommands(|below| with_exits(below, Some(&name)));
    }
    let examples =
        verb.get_after_help().map(|text| pasteable(&text.to_string()) + "\n\n").unwrap_or_default();
    verb.after_help(examples + &exit_code::table_of(exits::of(&name)))
}

/// Columns of a line that no terminal breaks.
const NARROW: usize = 78;

/// Examples as they can be pasted: a command that a terminal would break in the middle of a word goes on behind a `\`.
fn pasteable(text: &str) -> String {
    let mut out = String::new();
    for line in text.lines() {
        let mut width = 0;
        for (at, part) in line.split_inclusive(' ').enumerate() {
            let begins = part.starts_with("--") || part.starts_with('>');
            // Up to the next option, which belongs together with its value.
            let rest: usize = line
                .split_inclusive(' ')
                .skip(at)
                .enumerate()
                .take_while(|(i, next)| *i == 0 || !(next.starts_with("--") || next.starts_with('>')))
                .map(|(_, next)| next.len())
                .sum();
            if begins && width + rest > NARROW {
                out.push_str("\\\n    ");
                width = 4;
            }
            out.push_str(part);
            width += part.len();
        }
        out.push('\n');
    }
    out.truncate(out.trim_end().len());
    out
}

/// The command line for nothing but parsing: only the verb that is typed gets its arguments.
pub fn parsing_command() -> clap::Command {
    for_parsing(Cli::command)
}

/// The command line with one verb alone, for parsing what that verb's own arguments are: what stands before it is known of every
/// verb, and what clap says of a mistake is asked of [`parsing_command`]. Each verb that is there costs a copy of all options
/// that stand everywhere. None where no such verb is.
pub fn command_of(verb: &str) -> Option<clap::Command> {
    for_parsing(|| {
        let verbs = Verb::augment_subcommands(clap::Command::new("holdpoint"));
        let verb = verbs.find_subcommand(verb)?.clone();
        let alone = clap::Command::new("holdpoint").disable_help_subcommand(true).subcommand_required(true);
        Some(Global::augment_args(alone).subcommand(verb))
    })
}

/// The command line as the types describe it: for manual pages and completions.
pub fn plain_command() -> clap::Command {
    Cli::command()
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::FromArgMatches;

    fn parse(line: &str) -> Result<Cli, clap::Error> {
        let words = std::iter::once("holdpoint").chain(line.split_whitespace());
        command().try_get_matches_from(words).and_then(|matches| Cli::from_arg_matches(&matches))
    }

    #[test]
    fn the_command_line_is_sound_and_every_verb_stands_in_the_help() {
        let command = command();
        command.clone().debug_assert();
        let mut listed: Vec<&str> = GROUPS.iter().flat_map(|(_, names)| *names).copied().collect();
        let mut known: Vec<&str> = command.get_subcommands().map(clap::Command::get_name).collect();
        listed.sort_unstable();
        known.sort_unstable();
        assert_eq!(listed, known);
    }

    /// The examples of every verb below this one.
    fn lines_of(command: &clap::Command, out: &mut Vec<String>) {
        let below = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        let examples = below.split("\n\nExit status").next().unwrap_or_default();
        out.extend(examples.lines().map(str::to_owned));
        command.get_subcommands().for_each(|verb| lines_of(verb, out));
    }

    #[test]
    fn examples_can_be_pasted_from_a_narrow_terminal() {
        let long = "Example:\n  holdpoint rollout recover --plan-id plan-3fa9c1d2 --strategy retry --reason 'telemetry is back' --wait";
        assert_eq!(
            pasteable(long),
            "Example:\n  holdpoint rollout recover --plan-id plan-3fa9c1d2 --strategy retry \\\n    --reason 'telemetry is back' --wait"
        );
        let mut lines = Vec::new();
        command().get_subcommands().for_each(|verb| lines_of(verb, &mut lines));
        let long: Vec<&String> = lines.iter().filter(|line| line.chars().count() > 80).collect();
        assert!(lines.len() > 60 && long.is_empty(), "{long:#?}");
    }

    #[test]
    fn what_is_put_together_late_parses_the_same() {
        for (verb, line) in [
            ("run", "run 1234 --from=ticket --json -C /x"),
            ("backup", "backup restore wikijs 20260518_153012"),
            ("state", "-v state 1"),
        ] {
            let words = || std::iter::once("holdpoint").chain(line.split_whitespace());
            for command in [parsing_command(), command_of(verb).unwrap()] {
                let late = command.try_get_matches_from(words()).unwrap();
                let late = Cli::from_arg_matches(&late).unwrap();
                assert_eq!(format!("{late:?}"), format!("{:?}", parse(line).unwrap()));
            }
        }
        for line in ["run 1234 --frob", "backup frob", "frob", "state", "backup"] {
            let words = || std::iter::once("holdpoint").chain(line.split_whitespace());
            let late = parsing_command().try_get_matches_from(words()).unwrap_err();
            let now = plain_command().try_get_matches_from(words()).unwrap_err();
            assert_eq!(late.kind(), now.kind(), "{line}");
            // Help is put together once more, from all that there is.
            if now.kind() != clap::error::ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
                assert_eq!(late.render().to_string(), now.render().to_string());
            }
        }
    }

    #[test]
    fn a_run_with_every_flag_becomes_its_request() {
        let line = "run 1234 --from=ticket --plan 0123abcd --skip-verify --reason why --branch hotfix/1 \
                    --services a,b --with-tickets 1,2 --no-fetch --take-new-commits --accept-changes \
                    --mark-done wikijs.recreate --health-deadline 2m --health-deadline wikijs=5m --json -C /x";
        let cli = parse(line).unwrap();
        assert_eq!(cli.global.format(), Format::Json);
        let Verb::Run(args) = cli.verb else { panic!("not run") };
        insta::assert_debug_snapshot!(args.0.request(), @r#"
        RunRequest {
            ticket: TicketId(
                "1234",
            ),
            from: Some(
                Ticket,
            ),
            skip: [
                Verify,
            ],
            branch: Some(
                BranchName(
                    "hotfix/1",
                ),
            ),
            current_branch: false,
            at: None,
            base: None,
            services: Some(
                [
                    ServiceName(
                        "a",
                    ),
                    ServiceName(
                        "b",
                    ),
                ],
            ),
            supersedes: None,
            with_tickets: [
                TicketId(
                    "1",
                ),
                TicketId(
                    "2",
                ),
            ],
            without_scripts: false,
            ticket_ran_on: None,
            reintroduce: [],
            no_fetch: true,
            accept_small_backup: false,
            take_new_commits: true,
            accept_changes: true,
            accept_untrusted: false,
            plan: Some(
                "0123abcd",
            ),
            run_again: None,
            mark_done: Some(
                StepName(
                    "wikijs.recreate",
                ),
            ),
            health_deadline: {
                None: Span(
                    120s,
                ),
                Some(
                    ServiceName(
                        "wikijs",
                    ),
                ): Span(
                    300s,
                ),
            },
            reason: Some(
                "why",
            ),
            approved_by: None,
            anew: None,
        }
        "#);
    }

    #[test]
    fn what_is_audited_needs_its_reason() {
        for flag in [
            "--skip-migrate",
            "--skip-ticket",
            "--skip-verify",
            "--supersedes 1",
            "--reintroduce 1",
            "--accept-changes",
        ] {
            assert!(parse(&format!("run 1234 {flag}")).is_err(), "{flag}");
            assert!(parse(&format!("run 1234 {flag} --reason x")).is_ok(), "{flag}");
        }
    }

    #[test]
    fn hostile_words_are_refused_with_exit_2() {
        for line in [
            "run ../etc",
            "run 1234.env",
            "run baseline",
            "run -- -x",
            "run 1234 --from=revert",
            "run 1234 --from=x",
            "run 1234 --branch=-f",
            "run 1234 --at=abc",
            "run 1234 --services=a/b",
            "run 1234 --mark-done=a;b",
            "run 1234 --health-deadline=x",
            "run 1234 --plan=zz",
            "run",
            "once KEY",
            "frobnicate",
            "",
            "backup restore wikijs yesterday",
            "state a/b",
            "run 1234 --run-again=a --mark-done=b",
        ] {
            let error = parse(line).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{line}");
        }
    }

    #[test]
    fn the_help_shows_groups_and_exit_statuses() {
        insta::assert_snapshot!(command().render_help().to_string(), @"
        Release to your own hosts: halt at the first failure, know where, resume or revert

        Usage: holdpoint [OPTIONS] <COMMAND>

        Release:
          run             Release a ticket: prepare, migrate, ticket, verify; or resume it
          revert          Take a release back: data restored, tree and services as before
          close           End a release that will never be resumed
          approve         Pass a hold point
          cancel          Stop a running attempt in order, from another terminal
          once            For ticket scripts: run a command once per release
          return-to-main  After a hotfix branch release: back on the main branch, clean, verified
          configure       Run the `post_start` and `ensure_config` hooks of a service

        Back up:
          backup          Verified backups outside a release

        Look:
          list            History: every attempt on this host
          state           Where a release stands, and what to type next
          log             The audit log of a ticket
          report          Write one self-contained HTML file with a timeline
          check           What would a release do, and is the host well
          status          What runs, and whether it is well
          drift           What is meant to run, held against what runs
          logs            What a service printed
          doctor          Is this host fit to release

        Recover:
          diagnose        What failed, why, how far it got, and the narrowest way out
          readiness       What can be done with an attempt, and what stands in the way
          retry           A new attempt of the same commit; nothing newer comes in
          redeploy        A new attempt of today's checkout and configuration; nothing is fetched from git
          rollback        Put back what an older attempt left: its tree and its images, never data
          archive         Take an attempt out of the list; nothing is deleted
          unarchive       Bring an archived attempt back into the list
          prune           Throw away the records of archived, old attempts that nobody needs
          deployments     The recovery verbs under the names that other runbooks know
          evidence        What was seen of a failure: keep it, list it, compare it
          incident        Something is wrong on a running host: from the symptom to the proof that it is over
          playbook        Known failures: which one is this, how to be sure, what to do
          preview         A branch beside production: bring it up, list it, take it away
          source          What later releases read, and having them read it from elsewhere

        Many hosts:
          rollout         The same release over many hosts, in stages with gates
          fleet           The hosts of a fleet
          agent           On a host that nobody reaches: do what rollouts order, over one connection to their ledger

        Serve:
          serve           Answer over HTTP: an API for programs, a console for people
          token           Who may ask over HTTP, and for what

        Set up:
          init            Read what runs here and draft the configuration
          adopt           Record what runs now as the baseline, touching nothing
          demo            See it work: four releases on a throwaway host, with nothing to install but git
          completions     Print completions for a shell
          man             Print the manual page, of the program or of a verb
          schema          Print the JSON schema of a configuration file

        Everywhere:
          -C <DIR>                         Work as if started in this folder
              --format <human|json>        For people, or for programs
              --json                       Short for `--format json`
              --color <auto|always|never>  When to use colour
          -v, --verbose...                 Say more
          -h, --help                       Print help
          -V, --version                    Print version

        Exit status:
            0  ok           did what was asked
            1  failed       a step failed: the release is halted and resumable; or it could not be done
            2  usage        the command line or a configuration file is wrong
            3  locked       another run holds this host
            4  refused      a gate said no: dirty tree, wrong branch, freeze, changed inputs…
            5  nothing      nothing to release
            6  differs      a check found drift or a difference
            7  stuck        a revert or restore failed; a person must act
            8  undecided    a step's outcome is unknown and its check cannot tell
            9  damaged      state or audit log fails its own checks
           10  held         waiting at a hold point
           70  internal     a defect of ours, with what to report
          130  interrupted  stopped by INT; resumable
          143  interrupted  stopped by TERM; resumable (HUP is survived)

        Several reasons to refuse: 3 before 4 before 5.
        ");
    }
}
