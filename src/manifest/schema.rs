//! JSON schemas of what people write, for editors: `holdpoint schema NAME`.
//!
//! They are made from the types that the files are read into, by a test, and shipped as texts: what makes shapes of types
//! would be a twentieth of the program.

use crate::model::packed::shipped;

/// Names that `holdpoint schema` knows, each with the file it describes.
pub const SCHEMAS: [(&str, &str); 6] = [
    ("release", ".asd/release.toml"),
    ("manifest", "packages/*/manifest.yaml"),
    ("fleet", "fleet.toml"),
    ("agent", "agent.toml"),
    ("rollout", "rollout plan"),
    ("playbook", "recovery/playbooks/*.yaml"),
];

/// The JSON schema (draft 2020-12) of that name, as it is printed; none when there is no such schema.
pub fn schema(name: &str) -> Option<String> {
    Some(match name {
        "release" => shipped!("release.json"),
        "manifest" => shipped!("manifest.json"),
        "fleet" => shipped!("fleet.json"),
        "agent" => shipped!("agent.json"),
        "rollout" => shipped!("rollout.json"),
        "playbook" => shipped!("playbook.json"),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use schemars::generate::SchemaSettings;
    use serde_json::Value;

    use super::*;
    use crate::manifest::raw::RawRelease;
    use crate::manifest::raw_rollout::{RawAgent, RawFleet, RawPlan};
    use crate::manifest::services::RawManifest;
    use crate::model::packed::kept;
    use crate::model::playbook::Playbook;

    fn made(name: &str) -> Value {
        let generator = SchemaSettings::draft2020_12().for_deserialize().into_generator();
        let schema = match name {
            "release" => generator.into_root_schema_for::<RawRelease>(),
            "manifest" => generator.into_root_schema_for::<RawManifest>(),
            "fleet" => generator.into_root_schema_for::<RawFleet>(),
            "agent" => generator.into_root_schema_for::<RawAgent>(),
            "rollout" => generator.into_root_schema_for::<RawPlan>(),
            // A list has no type of ours that could carry its title.
            "playbook" => {
                let mut list = generator.into_root_schema_for::<Vec<Playbook>>();
                list.insert("title".to_owned(), "recovery/playbooks/*.yaml".into());
                list
            }
            _ => unreachable!("{name}"),
        };
        schema.to_value()
    }

    #[test]
    fn every_schema_is_what_its_type_says() {
        for (name, _) in SCHEMAS {
            kept(&format!("src/manifest/schemas/{name}.json"), &schema(name).unwrap(), &made(name));
        }
    }

    #[test]
    fn every_schema_that_is_named_is_there_and_describes_itself() {
        for (name, file) in SCHEMAS {
            let schema = made(name);
            assert_eq!(schema["title"], file);
            assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
        }
        assert_eq!(schema("nothing"), None);
    }

    #[test]
    fn the_release_schema_has_every_section_its_defaults_and_no_other_keys() {
        let schema = made("release");
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
            let schema = made(name);
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
