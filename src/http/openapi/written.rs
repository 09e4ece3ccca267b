//! How the document is made from the routes, and that it was.

use schemars::generate::SchemaSettings;
use schemars::{Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use crate::http::problem::Problem;
use crate::http::route::{Method, Need, Route, Work};
use crate::http::routes;
use crate::model::packed::{kept, shipped};

#[test]
fn the_document_is_what_the_routes_say() {
    kept("src/http/openapi/openapi.json", &shipped!("openapi.json"), &document(&routes::all()));
}

/// The document.
fn document(routes: &[Route]) -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.definitions_path = "/components/schemas".into();
        settings.meta_schema = None;
        settings.contract = schemars::generate::Contract::Serialize;
    });
    let mut answers = settings.clone().into_generator();
    // What is sent to us has other obligations than what we answer: what may be left out, for one.
    let mut asked = settings
        .with(|settings| {
            settings.contract = schemars::generate::Contract::Deserialize;
            settings.inline_subschemas = true;
        })
        .into_generator();
    let problem = answers.subschema_for::<Problem>();
    let mut paths = Map::new();
    for route in routes {
        let operation = operation(route, &mut answers, &mut asked, &problem);
        let path = paths.entry(route.path).or_insert_with(|| json!({}));
        if let Value::Object(path) = path {
            path.insert(route.method.word().to_lowercase(), operation);
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "holdpoint",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Release to your own hosts: halt at the first failure, know where, resume or revert.",
        },
        "paths": paths,
        "components": {
            "schemas": answers.take_definitions(true),
            "securitySchemes": { "bearer": { "type": "http", "scheme": "bearer" } },
        },
    })
}

fn operation(
    route: &Route,
    answers: &mut SchemaGenerator,
    asked: &mut SchemaGenerator,
    problem: &Schema,
) -> Value {
    let mut operation = json!({
        "operationId": operation_id(route),
        "summary": route.summary,
        "parameters": parameters(route, asked),
        "responses": responses(route, answers, problem),
        "security": match route.need {
            Need::Nobody => json!([{}]),
            Need::PublicRead | Need::Role(_) => json!([{ "bearer": [] }]),
        },
        "x-holdpoint-role": match route.need {
            Need::Nobody => Value::Null,
            Need::PublicRead => json!("viewer"),
            Need::Role(role) => json!(role.word()),
        },
    });
    if let (Some(body), Value::Object(operation)) = (route.shapes.body, &mut operation) {
        let schema = body(asked);
        let required = schema.get("required").is_some();
        operation.insert(
            "requestBody".to_owned(),
            json!({ "required": required, "content": { "application/json": { "schema": schema } } }),
        );
    }
    operation
}

fn operation_id(route: &Route) -> String {
    let words = route.path.split(['/', '-', '.']).filter(|word| !word.is_empty() && !word.starts_with('{'));
    words.fold(route.method.word().to_lowercase(), |id, word| {
        let (first, rest) = word.split_at(1);
        id + &first.to_uppercase() + rest
    }) + if route.path.ends_with('}') { "One" } else { "" }
}

/// The words of the path, those after `?`, and the headers that a change honours.
fn parameters(route: &Route, asked: &mut SchemaGenerator) -> Value {
    let mut parameters = Vec::new();
    let names = route.path.split('/').filter_map(|word| word.strip_prefix('{')?.strip_suffix('}'));
    for name in names {
        parameters.push(json!({
            "name": name, "in": "path", "required": true, "schema": { "type": "string", "minLength": 1 },
        }));
    }
    if let Some(query) = route.shapes.query {
        let schema = query(asked);
        let required = schema.get("required").and_then(Value::as_array).cloned().unwrap_or_default();
        let properties = schema.get("properties").and_then(Value::as_object).cloned().unwrap_or_default();
        for (name, schema) in properties {
            let required = required.contains(&json!(name));
            parameters.push(json!({ "name": name, "in": "query", "required": required, "schema": schema }));
        }
    }
    if matches!(route.work, Work::Run(..) | Work::Act(_)) {
        // As `router::version` and `running::key_of` take them.
        let version = r#"^("[A-Za-z0-9._:-]{1,255}"|[A-Za-z0-9._:-]{1,255})$"#;
        for (name, pattern) in [("Idempotency-Key", "^[!-~]{1,255}$"), ("If-Match", version)] {
            let text = json!({ "type": "string", "pattern": pattern });
            parameters.push(json!({ "name": name, "in": "header", "required": false, "schema": text }));
        }
    }
    if matches!(route.work, Work::Stream) {
        let number = json!({ "type": "integer", "minimum": 0 });
        parameters
            .push(json!({ "name": "Last-Event-ID", "in": "header", "required": false, "schema": number }));
    }
    json!(parameters)
}

fn responses(route: &Route, answers: &mut SchemaGenerator, problem: &Schema) -> Value {
    let schema = (route.shapes.answer)(answers);
    let good = |what: &str, kind: &str, schema: &Value| json!({ "description": what, "content": { kind: { "schema": schema } } });
    let text = json!({ "type": "string" });
    let mut responses = Map::new();
    match &route.work {
        Work::Stream => {
            responses.insert("200".to_owned(), good("records as they come", "text/event-stream", &text));
        }
        Work::Metrics => {
            responses.insert("200".to_owned(), good("numbers", "text/plain", &text));
        }
        Work::Run(..) => {
            let schema = json!(schema);
            responses.insert("200".to_owned(), good("it is done", "application/json", &schema));
            responses.insert("202".to_owned(), good("it has begun", "application/json", &schema));
        }
        Work::Act(_) => {
            responses.insert("200".to_owned(), good("it is done", "application/json", &json!(schema)));
        }
        Work::Look(_) | Work::Document => {
            responses.insert("200".to_owned(), good("the answer", "application/json", &json!(schema)));
        }
    }
    if route.path == "/health" {
        responses.insert("503".to_owned(), good("it is down", "application/json", &json!(schema)));
    }
    for status in statuses(route) {
        responses.insert(
            status.to_string(),
            json!({ "description": why(status), "content": { "application/problem+json": { "schema": problem } } }),
        );
    }
    Value::Object(responses)
}

/// What may stand in the way.
fn statuses(route: &Route) -> Vec<u16> {
    let mut statuses = vec![400, 421, 429, 500];
    if route.need != Need::Nobody {
        statuses.extend([401, 403]);
    }
    statuses.extend([404, 409, 422]);
    if route.method != Method::Get {
        statuses.extend([408, 412, 413, 423, 428, 507]);
    }
    statuses.sort_unstable();
    statuses
}

const fn why(status: u16) -> &'static str {
    match status {
        400 => "it cannot be read",
        401 => "nobody said who asks, or the token is not good",
        403 => "the token's role may not ask this",
        404 => "there is no such thing here",
        408 => "the body did not come in time",
        409 => "something stands in the way; each reason has a code and what clears it",
        412 => "it is not as it was when it was read",
        413 => "the body is too large",
        421 => "this server does not go by that name",
        422 => "it can be read and does not fit together",
        423 => "another run holds this host",
        428 => "how it stands must be read first: the version goes into `If-Match`",
        429 => "too many requests",
        507 => "the disk is full",
        _ => "it failed",
    }
}
