use std::collections::{BTreeMap, BTreeSet};

use axum::http::StatusCode;
use axum::response::IntoResponse;
use convscope::http::HttpError;
use convscope::preprocess::{Format, PictureError};
use convscope::service::ServiceError;
use serde_json::Value;

use super::Description;

/// The problem answers in `components/responses` of `openapi.yaml`.
fn problems() -> impl Iterator<Item = &'static Value> {
    let responses = Description::get().root()["components"]["responses"].as_object().unwrap();
    responses.values().filter_map(|response| response["content"].get("application/problem+json"))
}

/// Every code with its status, from the problem answers.
fn described() -> BTreeMap<String, u16> {
    let mut codes = BTreeMap::new();
    for problem in problems() {
        let problem = Description::get().merged(&problem["schema"]);
        let status = problem["properties"]["status"]["enum"][0].as_u64().unwrap();
        for code in problem["properties"]["code"]["enum"].as_array().unwrap() {
            codes.insert(code.as_str().unwrap().to_owned(), u16::try_from(status).unwrap());
        }
    }
    codes
}

/// Every code with its status, from the source: the pairs `(S::NAME, "code")` in the text of
/// `http/error.rs`, and the codes of picture errors.
fn declared() -> BTreeMap<String, u16> {
    let source = include_str!("../../src/http/error.rs").replace("StatusCode::", "S::");
    let mut codes = BTreeMap::new();
    for tail in source.split("S::").skip(1) {
        let name_end = tail.find(|symbol: char| symbol != '_' && !symbol.is_ascii_uppercase());
        let (name, rest) = tail.split_at(name_end.unwrap());
        let Some(code) = rest.trim_start_matches([',', ' ', '\n']).strip_prefix('"') else {
            continue;
        };
        let code = code.split('"').next().unwrap();
        codes.insert(code.to_owned(), status(name));
    }
    for error in picture_errors() {
        let code = error.kind().to_owned();
        let status = HttpError::from(ServiceError::from(error)).into_response().status();
        codes.insert(code, status.as_u16());
    }
    codes
}

/// The number of a constant of `StatusCode`.
fn status(name: &str) -> u16 {
    let named = |status: &StatusCode| {
        let reason = status.canonical_reason().unwrap_or_default();
        reason.to_uppercase().replace([' ', '-'], "_") == name
    };
    let mut all = (100..600).filter_map(|number| StatusCode::from_u16(number).ok());
    all.find(named).unwrap_or_else(|| panic!("no status {name}")).as_u16()
}

/// One error of each variant. The test below fails when one is missing.
fn picture_errors() -> Vec<PictureError> {
    let (format, width, height) = (Format::Png, 1, 1);
    vec![
        PictureError::Empty,
        PictureError::UnknownFormat { hint: None },
        PictureError::UnsupportedFeature { format, feature: String::new() },
        PictureError::TooManyPixels { width, height, limit: 0 },
        PictureError::TooLargeSide { width, height, limit: 0 },
        PictureError::TooMuchMemory { format, limit: 0 },
        PictureError::Broken { format, reason: String::new() },
    ]
}

#[test]
fn the_list_of_picture_errors_is_complete() {
    let source = include_str!("../../src/preprocess/error.rs");
    let body = source.split("fn kind").nth(1).unwrap().split("\n    }\n").next().unwrap();
    let arms = body.matches("=>").count();
    assert_eq!(picture_errors().len(), arms);
}

#[test]
fn every_code_is_described_with_its_status() {
    assert_eq!(described(), declared());
}

#[test]
fn the_schema_of_a_problem_lists_every_code() {
    let schema = &Description::get().root()["components"]["schemas"]["ProblemCode"]["enum"];
    let listed: Vec<&str> =
        schema.as_array().unwrap().iter().map(|it| it.as_str().unwrap()).collect();
    let expected: BTreeSet<String> = described().into_keys().collect();
    assert_eq!(listed, expected.iter().map(String::as_str).collect::<Vec<_>>(), "sorted");
}

#[test]
fn every_code_has_an_example() {
    let mut shown = BTreeSet::new();
    for problem in problems() {
        for (name, example) in problem["examples"].as_object().unwrap() {
            assert_eq!(example["value"]["code"], name.as_str());
            shown.insert(name.clone());
        }
    }
    assert_eq!(shown, described().into_keys().collect());
}
