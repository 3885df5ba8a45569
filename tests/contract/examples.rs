use serde_json::Value;

use super::Description;

/// Checks the examples of every media type object in `value` against its schema.
fn check(place: &str, value: &Value, checked: &mut usize, wrong: &mut Vec<String>) {
    let Some(object) = value.as_object() else {
        for (index, item) in value.as_array().into_iter().flatten().enumerate() {
            check(&format!("{place}/{index}"), item, checked, wrong);
        }
        return;
    };
    if let Some(schema) = object.get("schema") {
        let named = object.get("examples").and_then(Value::as_object).into_iter().flatten();
        let examples = named.map(|(_, example)| &example["value"]).chain(object.get("example"));
        for example in examples {
            *checked += 1;
            let violations = Description::get().violations(schema, example);
            wrong.extend(violations.into_iter().map(|violation| format!("{place}: {violation}")));
        }
    }
    for (key, item) in object {
        check(&format!("{place}/{key}"), item, checked, wrong);
    }
}

#[test]
fn every_example_is_valid_by_its_schema() {
    let (mut checked, mut wrong) = (0, Vec::new());
    check("", Description::get().root(), &mut checked, &mut wrong);
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(checked > 30, "only {checked} examples were found");
}

#[test]
fn every_json_body_has_an_example() {
    let description = Description::get();
    let mut missing = Vec::new();
    for operation in description.operations() {
        let request = operation.content.get("requestBody").into_iter();
        let responses = operation.content["responses"].as_object().unwrap().values();
        for body in request.chain(responses) {
            let json = &description.follow(body)["content"]["application/json"];
            if json.is_object() && json.get("example").is_none() {
                missing.push(format!("{} {}", operation.method, operation.path));
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn every_reference_has_a_target() {
    fn walk(value: &Value) {
        Description::get().follow(value);
        match value {
            Value::Object(object) => object.values().for_each(walk),
            Value::Array(items) => items.iter().for_each(walk),
            _ => {}
        }
    }
    walk(Description::get().root());
}
