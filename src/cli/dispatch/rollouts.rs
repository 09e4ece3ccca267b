//! `rollout …` and `fleet …`.

use super::call::{Call, now};
use crate::cli::args::{
    AuditArgs, CancelPlanArgs, CreateArgs, ElsewhereArgs, ExcludeArgs, FleetHostVerb, FleetVerb, Format,
    LineArgs, OnPlanArgs, PlanVerb, ReasonedArgs, RecoverArgs, ResumeArgs, RolloutVerb, StartArgs,
};
use crate::cli::error::CliError;
use crate::cli::terminal::To;
use crate::model::outcome::Ending;
use crate::model::reason::{Blocker, ReasonCode};
use crate::model::rollout::{Act, DescribeView, News, PlanId, RecoverView, Strategy};
use crate::model::view::RefusedView;
use crate::ops::OpsError;
use crate::ops::rollout::{self, Drove, Lead, Office, TAKEN_BACK, Terms};
use crate::report::human::rollouts as shown;
use crate::report::json;
use crate::sys::signal::Stop;

pub(super) fn rollout(call: &Call<'_>, verb: RolloutVerb) -> Result<Ending, CliError> {
    match verb {
        RolloutVerb::Plan(verb) => plan(call, verb),
        RolloutVerb::Start(args) => start(call, &args),
        RolloutVerb::Resume(args) => resume(call, &args),
        RolloutVerb::Pause(args) => reasoned(call, &args, &Act::Pause),
        RolloutVerb::Halt(args) => reasoned(call, &args, &Act::Halt),
        RolloutVerb::Approve(args) => reasoned(call, &args, &Act::Approve),
        RolloutVerb::Recover(args) => recover(call, &args),
        RolloutVerb::Stuck(args) => whole(call, || stuck(call, &args)),
        RolloutVerb::Audit(args) => whole(call, || audit(call, &args)),
        RolloutVerb::StopTheLine(args) => whole(call, || line(call, &args)),
    }
}

fn plan(call: &Call<'_>, verb: PlanVerb) -> Result<Ending, CliError> {
    match verb {
        PlanVerb::Create(args) => whole(call, || create(call, &args)),
        PlanVerb::Preview(args) => on(call, &args, |office, id| {
            let view = office.preview(id)?;
            call.answer(&view, || shown::preview(&view))?;
            Ok(Ending::Ok)
        }),
        PlanVerb::List(args) => whole(call, || {
            let office = office(call, &args)?;
            let (rows, line) = (office.list()?, office.line()?);
            call.answer(&rows, || shown::list(&rows) + &shown::line(line.as_ref()))?;
            Ok(Ending::Ok)
        }),
        PlanVerb::Describe(args) => on(call, &args, |office, id| {
            let view = office.describe(id)?;
            call.answer(&view, || shown::describe(&view))?;
            Ok(Ending::Ok)
        }),
        PlanVerb::Cancel(args) => cancel(call, &args),
    }
}

fn office(call: &Call<'_>, elsewhere: &ElsewhereArgs) -> Result<Office, CliError> {
    Ok(Office::open(&call.folder()?, elsewhere.orchestrator_url.as_deref(), elsewhere.insecure_orchestrator)?)
}

/// Does something with one plan; a refusal is shown whole.
fn on(
    call: &Call<'_>,
    args: &OnPlanArgs,
    work: impl FnOnce(&Office, &PlanId) -> Result<Ending, Trouble>,
) -> Result<Ending, CliError> {
    let office = office(call, &args.elsewhere)?;
    whole(call, || work(&office, &args.plan_id))
}

/// Does something; a refusal is shown whole.
fn whole(call: &Call<'_>, work: impl FnOnce() -> Result<Ending, Trouble>) -> Result<Ending, CliError> {
    match work() {
        Ok(ending) => Ok(ending),
        Err(Trouble::Ops(error)) => call.refused(error),
        Err(Trouble::Cli(error)) => Err(error),
    }
}

/// Why a verb did not come to its end: a refusal is shown in its own way.
enum Trouble {
    Ops(OpsError),
    Cli(CliError),
}

impl From<OpsError> for Trouble {
    fn from(error: OpsError) -> Self {
        Trouble::Ops(error)
    }
}

impl From<CliError> for Trouble {
    fn from(error: CliError) -> Self {
        Trouble::Cli(error)
    }
}

fn create(call: &Call<'_>, args: &CreateArgs) -> Result<Ending, Trouble> {
    let office = office(call, &args.elsewhere)?;
    let source = rollout::read(&call.folder()?.join(&args.file))?;
    let plan = office.plan(&source, args.dry_run)?;
    call.answer(&plan, || {
        let next = if args.dry_run {
            format!("nothing was kept; to keep it: holdpoint rollout plan create {}\n", args.file.display())
        } else {
            ways_on(&office, &plan.plan_id)
        };
        shown::planned(&plan) + &next
    })?;
    Ok(Ending::Ok)
}

fn start(call: &Call<'_>, args: &StartArgs) -> Result<Ending, CliError> {
    on(call, &args.plan, |office, id| {
        if args.dry_run {
            let view = office.preview(id)?;
            call.answer(&view, || shown::preview(&view))?;
            return Ok(Ending::Ok);
        }
        let view = office.act(id, &Act::Start { until: args.until.clone() }, Terms::default())?;
        said(call, &view)?;
        driven(call, office, id, Lead::AtOnce, false)
    })
}

fn resume(call: &Call<'_>, args: &ResumeArgs) -> Result<Ending, CliError> {
    on(call, &args.plan, |office, id| {
        if args.drive_only {
            return driven(call, office, id, Lead::Next, false);
        }
        office.refuse_driven(id)?;
        let view = office.act(id, &Act::Resume { until: args.until.clone() }, Terms::default())?;
        said(call, &view)?;
        driven(call, office, id, Lead::AtOnce, false)
    })
}

/// Drives a plan from here, under the person's eyes.
fn driven(
    call: &Call<'_>,
    office: &Office,
    id: &PlanId,
    lead: Lead,
    wanted_back: bool,
) -> Result<Ending, Trouble> {
    let stop = Stop::install().map_err(|error| CliError::new(Ending::Failed, error))?;
    let tell = |news: &News| {
        let text = match call.format() {
            Format::Human => shown::news(news),
            Format::Json => json::line(news).unwrap_or_default(),
        };
        call.print(&text);
    };
    let drove = match office {
        Office::Here(desk) => match rollout::drive(desk, id, lead, &stop, &tell) {
            // What was typed is written, and whoever drives the plan goes by it.
            Err(OpsError::Refused(no)) if lead == Lead::AtOnce && is_driven(&no) => {
                if call.format() == Format::Human {
                    let by = no.blockers.first().map_or("", |blocker| blocker.fact.as_str());
                    call.print(&format!("done; {by}, who goes on with it\n"));
                }
                return Ok(Ending::Ok);
            }
            drove => drove?,
        },
        Office::There(remote) => remote.follow(id, &stop, &|view| tell(&told(view)))?,
    };
    let ending = rollout::ending(&drove, wanted_back);
    let view = office.describe(id)?;
    match call.format() {
        Format::Human => call.print(&shown::describe(&view)),
        Format::Json => {
            call.print(&json::line(&view).map_err(|error| CliError::new(Ending::Internal, error))?);
        }
    }
    if drove == Drove::Stopped && call.format() == Format::Human {
        let text = match office {
            Office::Here(_) => {
                format!("not driven any more; to drive on: holdpoint rollout resume --plan-id {id}\n")
            }
            Office::There(_) => format!(
                "not watched any more, the server drives on; where it stands: holdpoint rollout plan describe --plan-id {id}\n"
            ),
        };
        call.terminal.write(To::Err, &text);
    }
    Ok(ending)
}

/// What a look from afar says: where the plan stands now.
fn told(view: &DescribeView) -> News {
    News {
        plan_id: view.plan_id.clone(),
        phase: view.phase,
        records: Vec::new(),
        waits_for: view.waits_for.clone(),
    }
}

fn said(call: &Call<'_>, view: &RecoverView) -> Result<(), CliError> {
    let text = match call.format() {
        Format::Human => shown::acted(view),
        Format::Json => json::line(view).map_err(|error| CliError::new(Ending::Internal, error))?,
    };
    call.print(&text);
    Ok(())
}

fn because(reason: &str) -> Terms<'_> {
    Terms { reason: Some(reason), ..Terms::default() }
}

fn reasoned(call: &Call<'_>, args: &ReasonedArgs, act: &Act) -> Result<Ending, CliError> {
    on(call, &args.plan, |office, id| {
        let view = office.act(id, act, because(&args.reason))?;
        call.answer(&view, || shown::acted(&view) + &ways_on(office, id))?;
        Ok(Ending::Ok)
    })
}

/// What can be typed next. What was typed is done: that this is not known now is no error.
fn ways_on(office: &Office, id: &PlanId) -> String {
    let next = office.describe(id).map(|view| view.next).unwrap_or_default();
    shown::ways_on(&next)
}

fn recover(call: &Call<'_>, args: &RecoverArgs) -> Result<Ending, CliError> {
    let act = Act::Recover { strategy: args.strategy, confirm: args.confirm.clone() };
    on(call, &args.plan, |office, id| {
        let is_named = args.confirm.as_deref() == Some(id.as_str());
        let asks = !args.yes && !is_named && call.format() == Format::Human && call.terminal.can_ask();
        let view = if asks {
            asked(call, office, id, &act, &args.reason)?
        } else {
            office.act(id, &act, because(&args.reason))?
        };
        if !args.wait || view.new_phase.is_terminal() {
            call.answer(&view, || shown::acted(&view) + &ways_on(office, id))?;
            return Ok(Ending::Ok);
        }
        said(call, &view)?;
        driven(call, office, id, Lead::AtOnce, args.strategy == Strategy::Rollback)
    })
}

/// Recovers a plan once a person has said yes to the hosts that it would take back. A plan under way moves on while they
/// think: they are asked again where other hosts have come, and those they said yes to are all that is taken back.
fn asked(
    call: &Call<'_>,
    office: &Office,
    id: &PlanId,
    act: &Act,
    reason: &str,
) -> Result<RecoverView, Trouble> {
    let mut agreed: Option<String> = None;
    loop {
        let seen = office.describe(id)?.revision;
        let on = |unconfirmed| Terms { revision: Some(&seen), unconfirmed, ..because(reason) };
        let mut done = office.act(id, act, on(true));
        if let Err(OpsError::Refused(no)) = &done
            && is_asked(no)
        {
            let hosts = no.blockers.first().map_or("", |blocker| blocker.fact.as_str());
            if agreed.as_deref() != Some(hosts) {
                let answer = call.terminal.ask(&format!("{hosts}\nGo ahead? [y/N] "), &|| false);
                if !matches!(answer.unwrap_or_default().as_str(), "y" | "yes") {
                    let no = Blocker::new(ReasonCode::Declined, "nobody said yes: no host is taken back");
                    let way = "to go ahead, the same command again";
                    return Err(OpsError::refused(no.way_out(way)).into());
                }
                agreed = Some(hosts.to_owned());
            }
            done = office.act(id, act, on(false));
        }
        match done {
            Err(OpsError::Refused(no)) if has_moved_on(&no) => {}
            done => return Ok(done?),
        }
    }
}

fn has_moved_on(no: &RefusedView) -> bool {
    no.blockers.first().is_some_and(|blocker| blocker.code == ReasonCode::RevisionConflict)
}

fn is_driven(no: &RefusedView) -> bool {
    no.blockers.first().is_some_and(|blocker| blocker.code == ReasonCode::PlanDriven)
}

/// Whether it is refused only because nobody has said yes to the hosts that a rollback takes back.
fn is_asked(no: &RefusedView) -> bool {
    no.blockers.first().is_some_and(|blocker| {
        blocker.code == ReasonCode::ConfirmationRequired && blocker.fact.starts_with(TAKEN_BACK)
    })
}

fn cancel(call: &Call<'_>, args: &CancelPlanArgs) -> Result<Ending, CliError> {
    on(call, &args.plan, |office, id| {
        let confirmed = args.confirm.as_deref() == Some(id.as_str());
        let terms = Terms { reason: args.reason.as_deref(), ..Terms::default() };
        let view = office.act(id, &Act::Cancel { confirmed }, terms)?;
        call.answer(&view, || shown::acted(&view))?;
        Ok(Ending::Ok)
    })
}

fn stuck(call: &Call<'_>, args: &ElsewhereArgs) -> Result<Ending, Trouble> {
    let office = office(call, args)?;
    let (view, line) = (office.stuck()?, office.line()?);
    call.answer(&view, || shown::stuck(&view) + &shown::line(line.as_ref()))?;
    Ok(if view.stuck_plans.is_empty() { Ending::Ok } else { Ending::Differs })
}

fn audit(call: &Call<'_>, args: &AuditArgs) -> Result<Ending, Trouble> {
    let plan = args.plan.as_ref().or(args.plan_id.as_ref());
    let rows = office(call, &args.elsewhere)?.audit(plan, args.limit.map(usize::from))?;
    call.answer(&rows, || shown::audit(&rows))?;
    Ok(Ending::Ok)
}

fn line(call: &Call<'_>, args: &LineArgs) -> Result<Ending, Trouble> {
    let line = office(call, &args.elsewhere)?.stop_the_line(&args.reason, args.lift)?;
    call.answer(&line, || match &line {
        Some(_) => "the line is stopped: every plan but hotfixes pauses, and none begins\n".to_owned(),
        None => {
            "the line may go: plans that were paused by it stay paused until they are resumed\n".to_owned()
        }
    })?;
    Ok(Ending::Ok)
}

pub(super) fn fleet(call: &Call<'_>, verb: FleetVerb) -> Result<Ending, CliError> {
    let verb = match verb {
        FleetVerb::Host(verb) => verb,
        FleetVerb::EtcdSetup(args) => {
            call.print(&rollout::etcd_setup(&args.member, &args.host, &args.prefix)?);
            return Ok(Ending::Ok);
        }
    };
    whole(call, || {
        match verb {
            FleetHostVerb::List(args) => {
                let rows = office(call, &args)?.hosts()?;
                call.answer(&rows, || shown::hosts(&rows))?;
            }
            FleetHostVerb::Exclude(args) => exclude(call, &args)?,
        }
        Ok(Ending::Ok)
    })
}

fn exclude(call: &Call<'_>, args: &ExcludeArgs) -> Result<(), Trouble> {
    let until = args.until.map(|until| until.moment(now())).filter(|_| !args.lift);
    let exclusion = office(call, &args.elsewhere)?.exclude(&args.host, until, &args.reason)?;
    Ok(call.answer(&exclusion, || match &exclusion {
        Some(_) => format!("{} is told nothing by any plan until then\n", args.host),
        None => format!("{} takes part\n", args.host),
    })?)
}
