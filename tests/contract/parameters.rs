use convscope::config::Parameter;
use convscope::service::{
    Activations, Evaluate, Explain, Filters, GradCam, GradientFile, MethodsOfModel, Predict,
    UseCase,
};
use serde_json::{Value, json};

use super::Description;

/// Every route that takes parameters.
fn tables() -> [(&'static str, &'static str, &'static [Parameter]); 8] {
    [
        ("post", "/activations", Activations::parameters()),
        ("post", "/evaluate", Evaluate::parameters()),
        ("post", "/explain", Explain::parameters()),
        ("post", "/gradcam", GradCam::parameters()),
        ("post", "/predict", Predict::parameters()),
        ("get", "/methods", MethodsOfModel::parameters()),
        ("get", "/models/{model}/filters", Filters::parameters()),
        ("get", "/models/{model}/gradient", GradientFile::parameters()),
    ]
}

/// The parameters in a route's path and query: name and schema.
fn path_and_query(method: &str, path: &str) -> Vec<(String, Value)> {
    let description = Description::get();
    let operation = description.operation(method, path).unwrap();
    let parameters = operation.content["parameters"].as_array().into_iter().flatten();
    let parameters = parameters.map(|parameter| description.follow(parameter));
    let parameters = parameters.filter(|parameter| parameter["in"] != "header");
    parameters.map(|it| (it["name"].as_str().unwrap().to_owned(), it["schema"].clone())).collect()
}

/// The properties of a body, without the picture.
fn body(method: &str, path: &str, media_type: &str) -> Vec<(String, Value)> {
    let description = Description::get();
    let operation = description.operation(method, path).unwrap();
    let schema = &operation.content["requestBody"]["content"][media_type]["schema"];
    let Value::Object(properties) = &description.merged(schema)["properties"] else { panic!() };
    let properties = properties.iter().filter(|(name, _)| *name != "image");
    properties.map(|(name, schema)| (name.clone(), schema.clone())).collect()
}

#[test]
fn query_form_and_json_have_the_parameters_of_the_use_case() {
    for (method, path, table) in tables() {
        let sorted = |mut names: Vec<String>| {
            names.sort();
            names
        };
        let names = |list: Vec<(String, Value)>| -> Vec<String> {
            sorted(list.into_iter().map(|(name, _)| name).collect())
        };
        let expected = sorted(table.iter().map(|parameter| parameter.name.to_owned()).collect());
        assert_eq!(names(path_and_query(method, path)), expected, "{path}: query");
        if method == "post" {
            assert_eq!(names(body(method, path, "multipart/form-data")), expected, "{path}: form");
            assert_eq!(names(body(method, path, "application/json")), expected, "{path}: JSON");
        }
    }
}

#[test]
fn the_schemas_of_parameters_agree_with_the_use_case() {
    let mut wrong = Vec::new();
    for (method, path, table) in tables() {
        let described = path_and_query(method, path).into_iter();
        let described = described.chain(match method {
            "post" => body(method, path, "application/json"),
            _ => Vec::new(),
        });
        for (name, schema) in described {
            let parameter = table.iter().find(|parameter| parameter.name == name).unwrap();
            let found = constraints(&schema);
            let expected = expected(parameter);
            if found != expected {
                wrong.push(format!("{path} {name}: described {found}, in the code {expected}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Type, range, words and default of a schema. For a list, they are those of its items.
fn constraints(schema: &Value) -> Value {
    let description = Description::get();
    let mut schema = description.merged(schema);
    let is_list = schema["type"] == "array";
    // A default that is a list of one item is compared as that item.
    let default =
        schema.get("default").map(|default| match default.as_array().map(Vec::as_slice) {
            Some([one]) => one.clone(),
            _ => default.clone(),
        });
    if is_list {
        schema = description.merged(&schema["items"]);
    }
    let keyword = |key: &str| schema.get(key).cloned().unwrap_or_default();
    json!({
        "list": is_list,
        "type": keyword("type"),
        "minimum": keyword("minimum"),
        "maximum": keyword("maximum"),
        "enum": keyword("enum"),
        "default": default,
    })
}

/// The same, read from the texts of a parameter in the code.
fn expected(parameter: &Parameter) -> Value {
    let (mut kind, mut minimum, mut maximum) = ("string", Value::Null, Value::Null);
    let mut words = Value::Null;
    let is_word =
        |word: &str| word.chars().all(|it| it.is_lowercase() || "-_+0123456789".contains(it));
    if parameter.value == "true|false" {
        kind = "boolean";
    } else if let Some((low, high)) = parameter.value.split_once("..=") {
        kind = if low.contains('.') { "number" } else { "integer" };
        [minimum, maximum] = [low, high].map(|bound| (bound.parse::<f64>().unwrap() as u64).into());
    } else if parameter.value == "N[,N…]" {
        kind = "integer";
        minimum = 0.into();
    } else if parameter.value.contains('|') && parameter.value.split('|').all(is_word) {
        words = parameter.value.split('|').collect();
    }
    let default = parameter.help.split_once("(default: ").and_then(|(_, rest)| {
        let text = rest.split(')').next()?;
        let is_one = words.as_array().is_some_and(|words| words.contains(&text.into()));
        if is_one {
            Some(Value::from(text))
        } else {
            text.parse::<serde_json::Number>().ok().map(Value::from)
        }
    });
    json!({
        "list": parameter.repeatable,
        "type": kind,
        "minimum": minimum,
        "maximum": maximum,
        "enum": words,
        "default": default,
    })
}
