//! JSON schemas of what people write, for editors: `holdpoint schema NAME`.

use schemars::generate::SchemaSettings;
use serde_json::Value;

use super::raw::RawRelease;
use super::raw_rollout::{RawAgent, RawFleet, RawPlan};
use super::services::RawManifest;

/// Names that `holdpoint schema` knows, each with the file it describes.
pub const SCHEMAS: [(&str, &str); 5] = [
    ("release", ".asd/release.toml"),
    ("manifest", "packages/*/manifest.yaml"),
    ("fleet", "fleet.toml"),
    ("agent", "agent.toml"),
    ("rollout", "rollout plan"),
];

/// The JSON schema (draft 2020-12) of that name; none when there is no such schema.
pub fn schema(name: &str) -> Option<Value> {
    let generator = SchemaSettings::draft2020_12().for_deserialize().into_generator();
    let schema = match name {
        "release" => generator.into_root_schema_for::<RawRelease>(),
        "manifest" => generator.into_root_schema_for::<RawManifest>(),
        "fleet" => generator.into_root_schema_for::<RawFleet>(),
        "agent" => generator.into_root_schema_for::<RawAgent>(),
        "rollout" => generator.into_root_schema_for::<RawPlan>(),
        _ => return None,
    };
    Some(schema.to_value())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_schema_that_is_named_is_there_and_describes_itself() {
        for (name, file) in SCHEMAS {
            let schema = schema(name).unwrap();
            assert_eq!(schema["title"], file);
            assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
        }
        assert_eq!(schema("nothing"), None);
    }

    #[test]
    fn the_release_schema_has_every_section_its_defaults_and_no_other_keys() {
        let schema = schema("release").unwrap();
        let mut sections: Vec<&str> =
            schema["properties"].as_object().unwrap().keys().map(String::as_str).collect();
        sections.sort_unstable();
        assert_eq!(
            sections,
            [
                "backup",
                "compose",
                "disk",
                "freeze",
                "git",
                "guard",
                "notify",
                "owners",
                "paths",
                "recovery",
                "run",
                "secrets",
                "services",
                "surface",
                "verify",
                "workspace"
            ]
        );
        assert_eq!(schema["additionalProperties"], false);
        assert_eq!(schema["$defs"]["RawRun"]["properties"]["parallel"]["default"], 4);
        assert_eq!(schema["$defs"]["RawRun"]["properties"]["timeout"]["default"], "30m");
    }

    #[test]
    fn every_key_says_what_it_means() {
        for (name, _) in SCHEMAS {
            let schema = schema(name).unwrap();
            for (table, described) in schema["$defs"].as_object().unwrap() {
                let Some(keys) = described["properties"].as_object() else { continue };
                for (key, property) in keys {
                    let says = property["description"].is_string() || property["$ref"].is_string();
                    assert!(says, "{table}.{key}: {property}");
                }
            }
        }
    }
}
