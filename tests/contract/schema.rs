use std::collections::HashSet;

use serde_json::{Map, Value};

use super::Description;

/// The violations of `schema` in `instance`. It knows the keywords of JSON Schema 2020-12 that
/// `openapi.yaml` uses, and panics at any other, so that no keyword is ignored silently. A complete
/// validator would add forty dependencies, some of which make the engine compile a second time.
pub(super) fn violations(schema: &Value, instance: &Value) -> Vec<String> {
    let mut found = Vec::new();
    check(schema, instance, "", &mut found);
    found
}

fn check(schema: &Value, instance: &Value, place: &str, found: &mut Vec<String>) {
    let Some(keywords) = schema.as_object() else {
        if *schema == Value::Bool(false) {
            found.push(format!("{place}: nothing is allowed here"));
        }
        return;
    };
    for (keyword, argument) in keywords {
        let holds = match keyword.as_str() {
            "$ref" | "allOf" | "oneOf" | "anyOf" => {
                combine(keyword, argument, schema, instance, place, found);
                true
            }
            "properties" | "additionalProperties" => {
                properties(keyword, argument, keywords, instance, place, found);
                true
            }
            "items" | "prefixItems" => {
                items(keyword, argument, keywords, instance, place, found);
                true
            }
            "unevaluatedProperties" => {
                *argument != Value::Bool(false) || {
                    let known = declared(schema);
                    instance.as_object().is_none_or(|it| it.keys().all(|key| known.contains(key)))
                }
            }
            "type" => match argument {
                Value::Array(types) => types.iter().any(|one| is_of(one, instance)),
                one => is_of(one, instance),
            },
            "const" => instance == argument,
            "enum" => argument.as_array().unwrap().contains(instance),
            "required" => required(argument, instance),
            "minimum" => instance.as_f64().is_none_or(|it| it >= argument.as_f64().unwrap()),
            "maximum" => instance.as_f64().is_none_or(|it| it <= argument.as_f64().unwrap()),
            "minItems" => instance.as_array().is_none_or(|it| it.len() as u64 >= count(argument)),
            "maxItems" => instance.as_array().is_none_or(|it| it.len() as u64 <= count(argument)),
            "minLength" => instance.as_str().is_none_or(|it| it.len() as u64 >= count(argument)),
            "maxLength" => instance.as_str().is_none_or(|it| it.len() as u64 <= count(argument)),
            "pattern" | "format" | "default" | "description" | "title" | "example" | "examples"
            | "contentEncoding" | "contentMediaType" | "deprecated" => true,
            other => panic!("{place}: the keyword {other} is not checked; add it here"),
        };
        if !holds {
            found.push(format!("{place}: {instance} is not of {keyword} {argument}"));
        }
    }
}

fn combine(
    keyword: &str,
    argument: &Value,
    schema: &Value,
    instance: &Value,
    place: &str,
    found: &mut Vec<String>,
) {
    if keyword == "$ref" {
        return check(Description::get().follow(schema), instance, place, found);
    }
    let parts = argument.as_array().unwrap();
    if keyword == "allOf" {
        parts.iter().for_each(|part| check(part, instance, place, found));
        return;
    }
    let fitting = parts.iter().filter(|part| violations(part, instance).is_empty()).count();
    if fitting == 0 || (keyword == "oneOf" && fitting > 1) {
        found.push(format!("{place}: {fitting} parts of {keyword} fit {instance}"));
    }
}

fn properties(
    keyword: &str,
    argument: &Value,
    siblings: &Map<String, Value>,
    instance: &Value,
    place: &str,
    found: &mut Vec<String>,
) {
    let declared = siblings.get("properties");
    for (key, value) in instance.as_object().into_iter().flatten() {
        let property = declared.and_then(|declared| declared.get(key));
        let rule = match keyword {
            "properties" => property,
            _ => Some(argument).filter(|_| property.is_none()),
        };
        if let Some(rule) = rule {
            check(rule, value, &format!("{place}/{key}"), found);
        }
    }
}

fn items(
    keyword: &str,
    argument: &Value,
    siblings: &Map<String, Value>,
    instance: &Value,
    place: &str,
    found: &mut Vec<String>,
) {
    let prefix = siblings.get("prefixItems").and_then(Value::as_array).map_or(0, Vec::len);
    for (index, item) in instance.as_array().into_iter().flatten().enumerate() {
        let rule = match keyword {
            "prefixItems" => argument.get(index),
            _ => Some(argument).filter(|_| index >= prefix),
        };
        if let Some(rule) = rule {
            check(rule, item, &format!("{place}/{index}"), found);
        }
    }
}

/// The properties that a schema and the parts of its `allOf`, `oneOf` and `anyOf` declare.
fn declared(schema: &Value) -> HashSet<String> {
    let schema = Description::get().follow(schema);
    let own = schema.get("properties").and_then(Value::as_object);
    let own = own.into_iter().flat_map(|properties| properties.keys().cloned());
    let parts = ["allOf", "oneOf", "anyOf"].into_iter().filter_map(|keyword| schema.get(keyword));
    own.chain(parts.filter_map(Value::as_array).flatten().flat_map(declared)).collect()
}

fn is_of(name: &Value, instance: &Value) -> bool {
    match name.as_str().unwrap() {
        "object" => instance.is_object(),
        "array" => instance.is_array(),
        "string" => instance.is_string(),
        "number" => instance.is_number(),
        "integer" => instance.as_f64().is_some_and(|number| number.fract() == 0.0),
        "boolean" => instance.is_boolean(),
        "null" => instance.is_null(),
        other => panic!("unknown type {other}"),
    }
}

fn required(names: &Value, instance: &Value) -> bool {
    let has = |name: &Value| instance.get(name.as_str().unwrap()).is_some();
    !instance.is_object() || names.as_array().unwrap().iter().all(has)
}

fn count(argument: &Value) -> u64 {
    argument.as_u64().unwrap()
}
