use convscope::config::HttpLimits;

use super::client::{BOUNDARY, Client, FORM, Part, base64, form};
use super::pictures;

/// A request that must be refused, and the expected answer.
struct Case {
    name: &'static str,
    route: &'static str,
    query: &'static str,
    headers: Vec<(&'static str, &'static str)>,
    body: Vec<u8>,
    status: u16,
    code: &'static str,
    /// Texts that the detail must contain: the wrong value, or the remedy.
    says: &'static [&'static str],
}

/// A valid picture with a wrong query string.
fn query(
    name: &'static str,
    query: &'static str,
    status: u16,
    code: &'static str,
    says: &'static [&'static str],
) -> Case {
    let headers = vec![("content-type", "image/png")];
    Case { name, route: "/activations", query, headers, body: pictures::png(), status, code, says }
}

/// A wrong body.
fn body(
    name: &'static str,
    content_type: &'static str,
    body: impl Into<Vec<u8>>,
    status: u16,
    code: &'static str,
    says: &'static [&'static str],
) -> Case {
    let headers = vec![("content-type", content_type)];
    Case { name, route: "/activations", query: "", headers, body: body.into(), status, code, says }
}

/// A valid request with one wrong header.
fn header(
    name: &'static str,
    header: (&'static str, &'static str),
    status: u16,
    code: &'static str,
    says: &'static [&'static str],
) -> Case {
    let headers = vec![("content-type", "image/png"), header];
    Case {
        name,
        route: "/activations",
        query: "",
        headers,
        body: pictures::png(),
        status,
        code,
        says,
    }
}

fn parameters() -> Vec<Case> {
    vec![
        query("unknown model", "model=vgg61", 404, "unknown-model", &["vgg61", "cats_and_dogs"]),
        query(
            "a model that must be exported first",
            "model=vgg16",
            404,
            "unknown-model",
            &["python models/export/export_keras.py vgg16:imagenet models/vgg16"],
        ),
        query("empty model", "model=", 404, "unknown-model", &["cats_and_dogs"]),
        query("unknown layer", "layer=conv2d_9", 422, "unknown-layer", &["conv2d_9", "conv2d_4"]),
        query("no similar layer", "layer=q", 422, "unknown-layer", &["/models/cats_and_dogs"]),
        query("one good layer, one not", "layer=conv2d_1&layer=x1", 422, "unknown-layer", &["x1"]),
        query("channel too high", "layer=conv2d_1&channel=32", 422, "unknown-channel", &["31"]),
        query("channel of some layers", "channel=127", 422, "unknown-channel", &["conv2d_1"]),
        query("channel a word", "channel=red", 400, "invalid-parameter", &["red", "whole"]),
        query("channel negative", "channel=-1", 400, "invalid-parameter", &["-1", "whole"]),
        query("channel list broken", "channel=1,,2", 400, "invalid-parameter", &["1,,2", "whole"]),
        query("unknown parameter", "colunms=8", 400, "unknown-parameter", &["colunms", "columns"]),
        query("case matters", "Columns=8", 400, "unknown-parameter", &["Columns", "columns"]),
        query("image as parameter", "image=x", 400, "unknown-parameter", &["image", "there are"]),
        query("columns 0", "columns=0", 400, "invalid-parameter", &["columns", "1 to 256"]),
        query("columns 257", "columns=257", 400, "invalid-parameter", &["257", "1 to 256"]),
        query("columns a word", "columns=four", 400, "invalid-parameter", &["four", "1 to 256"]),
        query("columns fraction", "columns=1.5", 400, "invalid-parameter", &["1.5", "1 to 256"]),
        query("columns empty", "columns=", 400, "invalid-parameter", &["1 to 256"]),
        query("columns huge", "columns=99999999999999999999", 400, "invalid-parameter", &["256"]),
        query("limit 0", "limit=0", 400, "invalid-parameter", &["limit", "1 to 65536"]),
        query("zoom 65", "zoom=65", 400, "invalid-parameter", &["zoom", "1 to 64"]),
        query("normalize", "normalize=std", 400, "invalid-parameter", &["std", "minmax"]),
        query("order", "order=size", 400, "invalid-parameter", &["size", "index"]),
        query("colormap", "colormap=parula", 400, "invalid-parameter", &["parula", "viridis"]),
        query("titles", "titles=perhaps", 400, "invalid-parameter", &["perhaps", "true or false"]),
        query("axes", "axes=left", 400, "invalid-parameter", &["left", "true or false"]),
        query("title twice", "title=a&title=b", 400, "repeated-parameter", &["title", "2 times"]),
        query("repeated", "columns=4&columns=4", 400, "repeated-parameter", &["columns", "once"]),
        query(
            "repeated model",
            "model=a&model=b",
            400,
            "repeated-parameter",
            &["model", "2 times"],
        ),
        query(
            "larger than an answer may be",
            "zoom=64&columns=1",
            422,
            "answer-too-large",
            &["64000000"],
        ),
    ]
}

/// The parameters of Grad-CAM and of predictions.
fn explanations() -> Vec<Case> {
    let gradcam = |case: Case| Case { route: "/gradcam", ..case };
    let predict = |case: Case| Case { route: "/predict", ..case };
    let png_only = ("accept", "image/png");
    vec![
        gradcam(query("class", "class=tabby", 422, "unknown-class", &["tabby", "0 to 1"])),
        gradcam(query("class near", "class=dogs", 422, "unknown-class", &["dogs", "mean dog"])),
        gradcam(query("class index", "class=2", 422, "unknown-class", &["2", "0 to 1"])),
        gradcam(query("class empty", "class=", 422, "unknown-class", &["0 to 1"])),
        gradcam(query(
            "vector",
            "layer=flatten_1",
            422,
            "not-explainable",
            &["flatten_1", "conv2d_4"],
        )),
        gradcam(query(
            "downstream",
            "layer=dense_2",
            422,
            "not-explainable",
            &["dense_2", "conv2d_4"],
        )),
        gradcam(query("layer", "layer=conv2d_5", 422, "unknown-layer", &["conv2d_5", "conv2d_4"])),
        gradcam(query("fuse", "fuse=mean", 400, "invalid-parameter", &["fuse", "several layers"])),
        gradcam(query("tops", "top=1&top=2", 400, "repeated-parameter", &["top", "once"])),
        gradcam(query("top 0", "top=0", 400, "invalid-parameter", &["top", "1 to 16"])),
        gradcam(query("score", "score=loss", 400, "invalid-parameter", &["loss", "logit"])),
        gradcam(query("sign", "sign=neither", 400, "invalid-parameter", &["neither", "negative"])),
        gradcam(query("view", "view=grid", 400, "invalid-parameter", &["grid", "overlay"])),
        gradcam(query("alpha", "alpha=1.5", 400, "invalid-parameter", &["1.5", "0 to 1"])),
        gradcam(query("alpha NaN", "alpha=NaN", 400, "invalid-parameter", &["NaN", "0 to 1"])),
        gradcam(query("colormap", "colormap=hot", 400, "invalid-parameter", &["hot", "jet"])),
        gradcam(query("columns", "columns=4", 400, "unknown-parameter", &["columns", "colormap"])),
        gradcam(query("model", "model=vgg61", 404, "unknown-model", &["vgg61"])),
        predict(query("top 1001", "top=1001", 400, "invalid-parameter", &["top", "1 to 1000"])),
        predict(query("class", "class=1", 400, "unknown-parameter", &["class", "top"])),
        predict(header("accept", png_only, 406, "not-acceptable", &["application/json"])),
    ]
}

fn raw_bodies() -> Vec<Case> {
    let unsupported = |name, content_type, says| {
        body(name, content_type, pictures::png(), 415, "unsupported-content-type", says)
    };
    let too_large = vec![0; HttpLimits::default().body_bytes + 1];
    let says: &[&str] = &["10485760", "smaller"];
    vec![
        body("empty", "image/png", "", 400, "no-image", &["the body is empty"]),
        body("empty, no type", "", "", 400, "no-image", &["the body is empty"]),
        body("too large", "image/png", too_large, 413, "body-too-large", says),
        unsupported("text", "text/plain", &["text/plain", "curl"]),
        unsupported("url-encoded", "application/x-www-form-urlencoded", &["multipart/form-data"]),
        unsupported("no boundary", "multipart/form-data", &["multipart/form-data"]),
    ]
}

fn form_bodies() -> Vec<Case> {
    let png = pictures::png();
    let image = ("image", Some("a.png"), &png[..]);
    let field = |name: &'static str, value: &'static [u8]| -> Part<'static> { (name, None, value) };
    let bad = |name, parts: &[Part<'_>], code, says| body(name, FORM, form(parts), 400, code, says);
    let unreadable =
        |name, bytes: &[u8], says| body(name, FORM, bytes, 400, "unreadable-body", says);
    let one = form(&[image]);
    let too_large = vec![0; HttpLimits::default().body_bytes];
    let too_large = form(&[("image", Some("a.png"), &too_large)]);
    let other = "multipart/form-data; boundary=other";
    let broken: &[&str] = &["could not be read"];
    vec![
        bad("no part", &[], "no-image", &["part named image"]),
        bad("only fields", &[field("columns", b"4")], "no-image", &["part named image", "curl"]),
        bad("empty part", &[("image", Some("a.png"), b"")], "no-image", &["image is empty"]),
        bad("two images", &[image, image], "several-images", &["one picture"]),
        bad(
            "repeated field",
            &[image, field("columns", b"4"), field("columns", b"5")],
            "repeated-parameter",
            &["columns"],
        ),
        bad("other name", &[("picture", Some("a"), &png)], "unreadable-body", &["picture", "curl"]),
        bad("long", &[field("layer", &[b'x'; 5000]), image], "unreadable-body", &["layer", "4096"]),
        bad("not UTF-8", &[field("layer", b"\xff"), image], "unreadable-body", &["layer", "UTF-8"]),
        unreadable("cut short", &one[..200], broken),
        unreadable("not a form", b"hello", broken),
        body("other boundary", other, one, 400, "unreadable-body", broken),
        body("too large", FORM, too_large, 413, "body-too-large", &["10485760"]),
    ]
}

fn json_bodies() -> Vec<Case> {
    let png = base64(&pictures::png());
    let bad = |name, text: &str, code, says| {
        body(name, "application/json", text.replace("PNG", &png), 400, code, says)
    };
    vec![
        bad("cut short", r#"{"image": "#, "invalid-json", &["not JSON", "image"]),
        bad("empty", "", "invalid-json", &["image"]),
        bad("list", "[]", "invalid-json", &["not an object"]),
        bad("no image", "{}", "no-image", &["no key image"]),
        bad("image null", r#"{"image": null}"#, "invalid-json", &["base64"]),
        bad("image empty", r#"{"image": ""}"#, "no-image", &["image is empty"]),
        bad("image number", r#"{"image": 1}"#, "invalid-json", &["base64"]),
        bad("twice", r#"{"image": "PNG", "image": "PNG"}"#, "invalid-json", &["given twice"]),
        bad("bad base64", r####"{"image": "###"}"####, "invalid-json", &["base64"]),
        bad("object", r#"{"image": "PNG", "layer": {}}"#, "invalid-json", &["layer"]),
        bad("list of lists", r#"{"image": "PNG", "layer": [[]]}"#, "invalid-json", &["layer"]),
        bad("unknown", r#"{"image": "PNG", "colums": 1}"#, "unknown-parameter", &["columns"]),
        bad("unknown list", r#"{"image": "PNG", "layers": []}"#, "unknown-parameter", &["layers"]),
        bad("unknown null", r#"{"image": "PNG", "x": null}"#, "unknown-parameter", &["layer"]),
    ]
}

fn pictures() -> Vec<Case> {
    let wide = pictures::png_head(40_000, 40_000);
    let many = pictures::png_head(10_000, 10_000);
    let svg = "<svg xmlns=\"http://www.w3.org/2000/svg\"/>";
    vec![
        body(
            "text as picture",
            "image/png",
            "hello",
            415,
            "unknown-picture-format",
            &["PNG, JPEG"],
        ),
        body("SVG", "image/svg+xml", svg, 415, "unknown-picture-format", &["PNG, JPEG"]),
        body(
            "cut short",
            "image/png",
            pictures::cut_png(),
            422,
            "broken-picture",
            &["PNG", "again"],
        ),
        body("40000 × 40000", "image/png", wide, 413, "too-large-side", &["40000", "smaller"]),
        body("10000 × 10000", "image/png", many, 413, "too-many-pixels", &["10000", "smaller"]),
    ]
}

fn headers() -> Vec<Case> {
    let offered: &[&str] = &["image/png", "application/x-npz"];
    vec![
        header("accept", ("accept", "text/html"), 406, "not-acceptable", offered),
        header("accept nothing", ("accept", "*/*;q=0"), 406, "not-acceptable", offered),
        header(
            "compressed",
            ("content-encoding", "gzip"),
            415,
            "unsupported-content-encoding",
            &["gzip", "uncompressed"],
        ),
        header(
            "content-length too large",
            ("content-length", "10485761"),
            413,
            "body-too-large",
            &["10485760"],
        ),
    ]
}

/// The differences between the answer to a case and its expectation.
async fn problems(client: &Client, case: Case) -> Vec<String> {
    let path = format!("{}?{}", case.route, case.query);
    let reply = client.send("POST", &path, &case.headers, case.body).await;
    let mut wrong = Vec::new();
    if reply.status != case.status
        || reply.header("content-type") != Some("application/problem+json")
    {
        wrong.push(format!("expected {} {}, got {reply}", case.status, case.code));
        return wrong;
    }
    let problem = reply.json();
    if problem["code"] != case.code {
        wrong.push(format!("expected {}, got {reply}", case.code));
    }
    if problem["request_id"].as_str() != reply.header("x-request-id") {
        wrong.push("the request id is not the header's".to_owned());
    }
    let detail = problem["detail"].as_str().unwrap();
    let missing = case.says.iter().filter(|text| !detail.contains(**text));
    wrong.extend(missing.map(|text| format!("{text:?} is not in {detail:?}")));
    wrong
}

async fn run(cases: Vec<Case>) {
    let client = Client::new();
    let mut wrong = Vec::new();
    for case in cases {
        let name = case.name;
        let found = problems(&client, case).await.into_iter();
        wrong.extend(found.map(|problem| format!("{name}: {problem}")));
    }
    assert!(wrong.is_empty(), "{} are wrong: {wrong:#?}", wrong.len());
}

#[tokio::test]
async fn wrong_parameters() {
    run(parameters()).await;
}

#[tokio::test]
async fn wrong_explanations() {
    run(explanations()).await;
}

#[tokio::test]
async fn wrong_bodies() {
    run(raw_bodies()).await;
}

#[tokio::test]
async fn wrong_forms() {
    run(form_bodies()).await;
}

#[tokio::test]
async fn wrong_json() {
    run(json_bodies()).await;
}

#[tokio::test]
async fn wrong_pictures() {
    run(pictures()).await;
}

#[tokio::test]
async fn wrong_headers() {
    run(headers()).await;
}

#[tokio::test]
async fn a_long_value_is_shortened_in_the_detail() {
    let path = format!("/activations?layer={}", "x".repeat(5000));
    let reply = Client::new().post(&path, "*/*", &pictures::png()).await;
    assert!(reply.body.len() < 1000, "{reply}");
}

#[tokio::test]
async fn wrong_paths_methods_and_names() {
    let client = Client::new();
    let cases = [
        ("GET", "/activation", 404, "no-such-route"),
        ("GET", "/models/", 404, "no-such-route"),
        ("GET", "/activations", 405, "method-not-allowed"),
        ("GET", "/models/vgg61", 404, "unknown-model"),
        ("GET", "/models?model=x", 400, "unknown-parameter"),
        ("GET", "/models/cats_and_dogs_small_1?layer=x", 400, "unknown-parameter"),
        ("GET", "/models/vgg61/gradient", 404, "unknown-model"),
        ("GET", "/models/cats_and_dogs_small_1/gradient?layer=x1", 422, "unknown-layer"),
        ("GET", "/models/cats_and_dogs_small_1/gradient?class=1", 400, "unknown-parameter"),
        ("GET", "/models/cats_and_dogs_small_1/gradient?rules=guided", 400, "invalid-parameter"),
    ];
    for (method, path, status, code) in cases {
        let reply = client.send_unchecked(method, path, &[], Vec::new()).await;
        assert_eq!((reply.status, reply.json()["code"].as_str()), (status, Some(code)), "{path}");
    }
}

#[test]
fn the_content_type_has_the_boundary() {
    assert!(FORM.ends_with(BOUNDARY));
}
