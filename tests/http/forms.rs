use super::client::{Client, FORM, Reply, base64, form};
use super::pictures;

const ACCEPT_JSON: (&str, &str) = ("accept", "application/json");

async fn multipart(client: &Client, fields: &[(&str, &str)]) -> Reply {
    let png = pictures::png();
    let mut parts: Vec<(&str, Option<&str>, &[u8])> = vec![("image", Some("cat.png"), &png)];
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
async fn form_body_and_json_bring_the_same_picture() {
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
async fn lists_are_repeated_or_json_lists() {
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
async fn query_string_and_form_are_read_together() {
    let client = Client::new();
    let png = pictures::png();
    let body = form(&[("image", Some("cat.png"), &png), ("layer", None, b"conv2d_4")]);
    let headers = [("content-type", FORM), ACCEPT_JSON];
    let reply = client.send("POST", "/activations?normalize=layer", &headers, body).await.json();
    assert_eq!(reply["normalize"], "layer");
    assert_eq!(reply["layers"][0]["name"], "conv2d_4");
}

#[tokio::test]
async fn a_data_url_is_base64_too() {
    let client = Client::new();
    let expected = json(&client, "").await.file();
    let body = format!(r#"{{"image": "data:image/png;base64,{}"}}"#, base64(&pictures::png()));
    let headers = [("content-type", "application/json")];
    let reply = client.send("POST", "/activations", &headers, body.into_bytes()).await;
    assert_eq!(reply.file(), expected);
}

#[tokio::test]
async fn a_plain_request_id_is_kept_and_an_odd_one_replaced() {
    let client = Client::new();
    for (given, kept) in [("trace-7.a_B", true), ("two words", false), ("", false)] {
        let reply = client.send("GET", "/healthz", &[("x-request-id", given)], Vec::new()).await;
        let id = reply.header("x-request-id").unwrap();
        assert_eq!(id == given, kept, "{given:?} became {id:?}");
        assert!(!id.is_empty());
    }
    let long = "x".repeat(129);
    let reply = client.send("GET", "/healthz", &[("x-request-id", &long)], Vec::new()).await;
    assert_ne!(reply.header("x-request-id"), Some(long.as_str()));
}
