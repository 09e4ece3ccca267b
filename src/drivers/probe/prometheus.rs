//! A query, put to a Prometheus over its HTTP API.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

use super::ask::get_json;
use crate::model::quantity::Span;
use crate::model::rollout::Series;

/// What a query came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// Its series.
    pub series: Vec<Series>,
    /// How many values a series has when none is missing.
    pub wanted: usize,
}

/// Values of each series that are looked at in a window.
const IN_WINDOW: i64 = 20;

/// Asks for the values of now, or of a window that ends now.
///
/// # Errors
/// In words, when there is no answer, or the server says what is wrong with the query.
pub fn measured(
    url: &str,
    query: &str,
    window: Option<Span>,
    now: DateTime<Utc>,
    timeout: Duration,
) -> Result<Measured, String> {
    let mut asked = vec![("query", query.to_owned())];
    let mut wanted = 1;
    if let Some(window) = window {
        let seconds = i64::try_from(window.0.as_secs()).unwrap_or(i64::MAX).clamp(1, 366 * 24 * 3600);
        let step = (seconds / IN_WINDOW).max(1);
        let steps = seconds / step;
        wanted = usize::try_from(steps).unwrap_or_default() + 1;
        // Counted back from this moment, and not from its second: the newest value is the one that matters most.
        let at = |moment: DateTime<Utc>| moment.format("%s%.3f").to_string();
        asked.push(("start", at(now - TimeDelta::seconds(steps * step))));
        asked.push(("end", at(now)));
        asked.push(("step", step.to_string()));
    }
    let verb = if window.is_some() { "query_range" } else { "query" };
    let asked = serde_urlencoded::to_string(asked).map_err(|error| error.to_string())?;
    let answer = get_json(&format!("{}/api/v1/{verb}?{asked}", url.trim_end_matches('/')), timeout)?;
    Ok(Measured { series: read(&answer)?, wanted })
}

fn read(answer: &Value) -> Result<Vec<Series>, String> {
    if answer["status"] != "success" {
        return Err(answer["error"].as_str().unwrap_or("it is no answer of a Prometheus").to_owned());
    }
    let data = &answer["data"];
    let result = &data["result"];
    let each = result.as_array().map(Vec::as_slice).unwrap_or_default();
    match data["resultType"].as_str() {
        Some("scalar") => {
            Ok(vec![Series { name: String::new(), values: value(result).into_iter().collect() }])
        }
        Some("vector" | "matrix") => Ok(each.iter().map(series).collect()),
        _ => Err("the query comes to no numbers".to_owned()),
    }
}

/// `{"metric": {…}, "value": [at, "1"]}`, or `"values"` with a list of these.
fn series(one: &Value) -> Series {
    let labels = one["metric"].as_object();
    let labels = labels.into_iter().flatten().filter(|(name, _)| *name != "__name__");
    let labels: Vec<String> =
        labels.map(|(name, value)| format!("{name}={:?}", value.as_str().unwrap_or_default())).collect();
    let name = one["metric"]["__name__"].as_str().unwrap_or_default();
    let name = if labels.is_empty() { name.to_owned() } else { format!("{name}{{{}}}", labels.join(",")) };
    let values = match one["values"].as_array() {
        Some(values) => values.iter().filter_map(value).collect(),
        None => value(&one["value"]).into_iter().collect(),
    };
    Series { name, values }
}

/// `[at, "0.05"]`: also `NaN`, `+Inf`, `-Inf`.
fn value(pair: &Value) -> Option<f64> {
    pair[1].as_str()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_kind_of_answer_is_read_and_an_error_is_said_as_it_is() {
        let of = |kind: &str, result: Value| {
            read(&json!({ "status": "success", "data": { "resultType": kind, "result": result } }))
        };
        let named = |name: &str, values: &[f64]| Series { name: name.to_owned(), values: values.to_vec() };
        assert_eq!(of("scalar", json!([1.5, "0.25"])), Ok(vec![named("", &[0.25])]));
        let metric = json!({ "__name__": "errors", "job": "a" });
        let vector =
            json!([{ "metric": metric, "value": [1.5, "+Inf"] }, { "metric": {}, "value": [1.5, "2"] }]);
        assert_eq!(
            of("vector", vector),
            Ok(vec![named("errors{job=\"a\"}", &[f64::INFINITY]), named("", &[2.0])])
        );
        let matrix = json!([{ "metric": {}, "values": [[1, "1"], [2, "2"]] }]);
        assert_eq!(of("matrix", matrix), Ok(vec![named("", &[1.0, 2.0])]));
        assert!(of("string", json!([1, "x"])).is_err());
        let wrong =
            json!({ "status": "error", "errorType": "bad_data", "error": "parse error: unexpected end" });
        assert_eq!(read(&wrong), Err("parse error: unexpected end".to_owned()));
        assert!(read(&json!([])).is_err() && read(&json!({})).is_err());
    }
}
