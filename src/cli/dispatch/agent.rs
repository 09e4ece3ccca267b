//! `agent`.

use super::call::Call;
use crate::cli::args::{AgentArgs, Format};
use crate::cli::error::CliError;
use crate::model::outcome::Ending;
use crate::model::rollout::AgentNews;
use crate::ops::rollout::Agent;
use crate::report::human::{access, rollouts as shown};
use crate::report::json;
use crate::sys::process::own_binary;
use crate::sys::signal::{Signal, Stop};

pub(super) fn agent(call: &Call<'_>, args: &AgentArgs) -> Result<Ending, CliError> {
    let agent = Agent::open(&call.folder()?.join(&args.config))?;
    if args.print_unit {
        let binary = own_binary().map_err(|error| CliError::new(Ending::Failed, error))?;
        call.print(&access::agent_unit(&binary, agent.file()));
        return Ok(Ending::Ok);
    }
    let stop = Stop::install().map_err(|error| CliError::new(Ending::Failed, error))?;
    let tell = |news: &AgentNews| {
        let text = match call.format() {
            Format::Human => shown::agent(news),
            Format::Json => json::line(news).unwrap_or_default(),
        };
        call.print(&text);
    };
    match agent.run(&stop, &tell) {
        // Asked to stop is how an agent ends.
        Ok(()) => Ok(if stop.signal() == Some(Signal::Int) { Ending::Interrupted } else { Ending::Ok }),
        Err(error) => call.refused(error),
    }
}
