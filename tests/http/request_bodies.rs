//! The three kinds of request body: a multipart form, the picture itself, and JSON.

use super::client::{Client, FORM, Part, Reply, base64, form};
use super::pictures;

const ACCEPT_JSON: (&str, &str) = ("accept", "application/json");

async fn multipart(client: &Client, fields: &[(&str, &str)]) -> Reply {
    let png = pictures::png();
    let mut parts: Vec<Part<'_>> = vec![("image", Some("cat.png"), &png)];
    parts.extend(fields.iter().map(|(name, value)| (*name, None, value.as_bytes())));
    client.send("POST", "/activations", &[("content-type", FORM)], form(&parts)).await
}

async fn raw(client: &Client, query: &str, content_type: &str) -> Reply {
    let path = format!("/activations?{query}");
    client.send("POST", &path, &[("content-type", content_type)], pictures::png()).await
}

async fn json(client: &Client, rest: &str) -> Reply {
    let body = format!(r#"{{"image": "{}"{rest}}}"#, base64(&pictures::png()));
    let headers = [("content-type", "application/json")];
    client.send("POST", "/activations", &headers, body.into_bytes()).await
}

#[tokio::test]
async fn the_three_kinds_of_body_give_the_same_answer() {
    let client = Client::new();
    let fields = [("layer", "conv2d_4"), ("columns", "8"), ("titles", "true")];
    let expected = multipart(&client, &fields).await.file();
    let query = "layer=conv2d_4&columns=8&titles=true";
    assert_eq!(raw(&client, query, "image/png").await.file(), expected, "raw");
    assert_eq!(raw(&client, query, "application/octet-stream").await.file(), expected, "octets");
    assert_eq!(raw(&client, query, "").await.file(), expected, "no type");
    let rest = r#", "layer": "conv2d_4", "columns": 8, "titles": true"#;
    assert_eq!(json(&client, rest).await.file(), expected, "JSON");
    let rest = r#", "layer": ["conv2d_4"], "columns": "8", "titles": "true", "zoom": null"#;
    assert_eq!(json(&client, rest).await.file(), expected, "JSON with strings and null");
}

#[tokio::test]
async fn a_list_is_a_repeated_parameter_or_a_json_list() {
    let client = Client::new();
    let fields = [("layer", "conv2d_1"), ("layer", "conv2d_2"), ("channel", "3"), ("channel", "5")];
    let expected = multipart(&client, &fields).await.file();
    let query = "layer=conv2d_1&layer=conv2d_2&channel=3&channel=5";
    assert_eq!(raw(&client, query, "image/png").await.file(), expected, "repeated");
    let query = "layer=conv2d_1&layer=conv2d_2&channel=3,5";
    assert_eq!(raw(&client, query, "image/png").await.file(), expected, "commas");
    let rest = r#", "layer": ["conv2d_1", "conv2d_2"], "channel": [3, 5]"#;
    assert_eq!(json(&client, rest).await.file(), expected, "JSON");
}

#[tokio::test]
async fn parameters_of_query_string_and_form_are_merged() {
    let client = Client::new();
    let png = pictures::png();
    let body = form(&[("image", Some("cat.png"), &png), ("layer", None, b"conv2d_4")]);
    let headers = [("content-type", FORM), ACCEPT_JSON];
    let reply = client.send("POST", "/activations?normalize=layer", &headers, body).await.json();
    assert_eq!(reply["normalize"], "layer");
    assert_eq!(reply["layers"][0]["name"], "conv2d_4");
}

#[tokio::test]
async fn the_picture_may_be_a_data_url() {
    let client = Client::new();
    let expected = json(&client, "").await.file();
    let body = format!(r#"{{"image": "data:image/png;base64,{}"}}"#, base64(&pictures::png()));
    let headers = [("content-type", "application/json")];
    let reply = client.send("POST", "/activations", &headers, body.into_bytes()).await;
    assert_eq!(reply.file(), expected);
}
