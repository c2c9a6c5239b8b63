//! What a record must be, in words of our own, and a check of JSON against a schema: the keywords that this format uses.
//!
//! The specification's own schema is not part of this repository; where `CODI2_AGENT_TRACE_SCHEMA` names a file with
//! it, the same check reads that, too. Absent on purpose: every other keyword, at which the check fails.

use serde_json::{Value, json};

/// The fields of the format.
pub(super) fn ours() -> Value {
    let texts = |names: &[&str]| -> Value {
        names
            .iter()
            .map(|name| ((*name).to_owned(), json!({"type": "string"})))
            .collect::<serde_json::Map<_, _>>()
            .into()
    };
    json!({
        "type": "object",
        "required": ["version", "id", "timestamp", "files"],
        "properties": {
            "version": {"type": "string", "pattern": "^[0-9]+\\.[0-9]+\\.[0-9]+$"},
            "id": {"type": "string", "format": "uuid"},
            "timestamp": {"type": "string", "format": "date-time"},
            "vcs": {
                "type": "object", "required": ["type", "revision"],
                "properties": {"type": {"enum": ["git", "jj", "hg", "svn"]}, "revision": {"type": "string"}},
            },
            "tool": {"type": "object", "properties": texts(&["name", "version"])},
            "files": {"type": "array", "items": {
                "type": "object", "required": ["path", "conversations"],
                "properties": {"path": {"type": "string"}, "conversations": {"type": "array", "items": {
                    "type": "object", "required": ["ranges"],
                    "properties": {
                        "url": {"type": "string", "format": "uri"},
                        "contributor": {"$ref": "#/$defs/contributor"},
                        "ranges": {"type": "array", "items": {
                            "type": "object", "required": ["start_line", "end_line"],
                            "properties": {
                                "start_line": {"type": "integer", "minimum": 1},
                                "end_line": {"type": "integer", "minimum": 1},
                                "contributor": {"$ref": "#/$defs/contributor"},
                            },
                        }},
                    },
                }}},
            }},
            "metadata": {"type": "object"},
        },
        "$defs": {"contributor": {
            "type": "object", "required": ["type"],
            "properties": {
                "type": {"enum": ["human", "ai", "mixed", "unknown"]},
                "model_id": {"type": "string", "maxLength": 250},
            },
        }},
    })
}

/// What is wrong with a value, if anything.
pub(super) fn check(value: &Value, schema: &Value) -> Result<(), String> {
    at(value, schema, schema, "")
}

fn at(value: &Value, schema: &Value, root: &Value, place: &str) -> Result<(), String> {
    for (keyword, wanted) in schema.as_object().expect("a schema is an object") {
        let text = || value.as_str().unwrap_or_default();
        let names = || wanted.as_array().into_iter().flatten().filter_map(Value::as_str);
        let holds = match keyword.as_str() {
            "$schema" | "$id" | "$defs" | "title" | "description" => true,
            "$ref" => {
                let pointer = wanted.as_str().and_then(|name| name.strip_prefix('#')).expect("a place in the schema");
                at(value, root.pointer(pointer).expect("the place is there"), root, place)?;
                true
            }
            "type" => match wanted.as_str() {
                Some("object") => value.is_object(),
                Some("array") => value.is_array(),
                Some("string") => value.is_string(),
                Some("integer") => value.is_i64() || value.is_u64(),
                other => panic!("the check does not know the type {other:?}"),
            },
            "required" => names().all(|name| value.get(name).is_some()),
            "properties" => {
                for (name, schema) in wanted.as_object().expect("properties are an object") {
                    value.get(name).map_or(Ok(()), |value| at(value, schema, root, &format!("{place}/{name}")))?;
                }
                true
            }
            "items" => {
                for (index, value) in value.as_array().into_iter().flatten().enumerate() {
                    at(value, wanted, root, &format!("{place}/{index}"))?;
                }
                true
            }
            "enum" => wanted.as_array().is_some_and(|all| all.contains(value)),
            "minimum" => value.as_i64() >= wanted.as_i64(),
            "maxLength" => text().chars().count() as u64 <= wanted.as_u64().expect("a length"),
            "pattern" => {
                assert_eq!(wanted, "^[0-9]+\\.[0-9]+\\.[0-9]+$", "the only pattern that the check knows");
                let number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
                text().split('.').count() == 3 && text().split('.').all(number)
            }
            "format" => match wanted.as_str() {
                Some("uuid") => uuid::Uuid::parse_str(text()).is_ok_and(|id| id.to_string() == text()),
                Some("date-time") => {
                    let shape: String = text().chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
                    ["0000-00-00T00:00:00Z", "0000-00-00T00:00:00.000Z"].contains(&shape.as_str())
                }
                Some("uri") => {
                    text().split_once(':').is_some_and(|(scheme, rest)| !scheme.is_empty() && !rest.is_empty())
                }
                other => panic!("the check does not know the format {other:?}"),
            },
            other => panic!("the check does not know {other:?}"),
        };
        if !holds {
            return Err(format!("{place}: {value} against {keyword} {wanted}"));
        }
    }
    Ok(())
}

#[test]
fn the_check_finds_what_is_wrong() {
    let right = json!({"version": "0.1.0", "id": "550e8400-e29b-41d4-a716-446655440000", "timestamp": "2026-01-25T10:00:00Z",
        "files": [{"path": "a", "conversations": [{"contributor": {"type": "ai"}, "ranges": [{"start_line": 1, "end_line": 2}]}]}]});
    assert_eq!(check(&right, &ours()), Ok(()));
    let conversation = "/files/0/conversations/0";
    for (pointer, wrong) in [
        ("/version", json!("1.0")),
        ("/version", json!("1..0")),
        ("/id", json!("x")),
        ("/timestamp", json!("today")),
        ("/files", json!({})),
        ("/files/0", json!({"path": "a"})),
        ("/files/0/path", json!(1)),
        ("/files/0/conversations/0/contributor/type", json!("robot")),
        ("/files/0/conversations/0/contributor", json!({"type": "ai", "model_id": "m".repeat(251)})),
        ("/files/0/conversations/0/ranges/0/start_line", json!(0)),
        ("/files/0/conversations/0/ranges/0/end_line", json!(1.5)),
        (conversation, json!({})),
    ] {
        let mut value = right.clone();
        *value.pointer_mut(pointer).unwrap() = wrong.clone();
        assert!(check(&value, &ours()).is_err(), "{pointer} {wrong}");
    }
}
