//! `POST /evaluate` and `GET /models/{model}/filters`. The client checks every answer against
//! `openapi.yaml`.

use serde_json::Value;

use super::client::Client;
use super::pictures;

async fn evaluate(query: &str, accept: &str) -> super::client::Reply {
    Client::new().post(&format!("/evaluate?{query}"), accept, &pictures::png()).await
}

#[tokio::test]
async fn figures_of_maps_and_controls_come_as_json_and_as_a_plot() {
    let query = "method=gradcam&method=saliency&figure=deletion&figure=sparseness&points=2";
    let reply = evaluate(query, "*/*").await;
    assert_eq!(reply.status, 200, "{reply}");
    let json = reply.json();
    let class = &json["classes"][0];
    let names = |list: &Value, key: &str| -> Vec<String> {
        let list = list.as_array().unwrap().iter();
        list.map(|it| it[key].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&class["maps"], "method"), ["gradcam", "saliency"]);
    assert_eq!(names(&class["controls"], "control"), ["random", "random", "gaussian"]);
    assert_eq!(names(&class["maps"][0]["figures"], "figure"), ["deletion", "sparseness"]);
    assert_eq!(class["agreement"][0][0].as_f64(), Some(1.0));
    // One forward pass, one backward pass for each method, and two for each map and control.
    assert_eq!(json["passes"], 1 + 2 + 2 * (2 + 3));
    let plot = evaluate(query, "image/png").await;
    assert!(plot.file().starts_with(b"\x89PNG"));
}

#[tokio::test]
async fn mistakes_in_figures_are_refused() {
    for (query, status, says) in [
        ("figure=delation", 400, "deletion"),
        ("figure=energy", 400, "give box="),
        ("box=1,2,3", 400, "four whole numbers"),
        ("figure=energy&box=9000,9000,2,2", 400, "must cover"),
        ("figure=sparseness&points=5", 400, "points"),
        ("points=1000&method=saliency&top=2", 422, "passes"),
    ] {
        let reply = evaluate(query, "*/*").await;
        assert_eq!(reply.status, status, "{query}: {reply}");
        assert!(reply.to_string().contains(says), "{query}: {reply}");
    }
    let reply = evaluate("figure=sparseness", "image/png").await;
    assert_eq!((reply.status, reply.json()["code"].as_str()), (422, Some("nothing-to-draw")));
}

#[tokio::test]
async fn filters_come_as_a_picture_and_as_json() {
    let path = "/models/cats_and_dogs_small_1/filters?layer=conv2d_1&channel=0,3&steps=2&size=16";
    let picture = Client::new().get(path).await.file();
    let picture = image::load_from_memory(&picture).unwrap();
    assert_eq!((picture.width(), picture.height()), (16 + 5 + 16, 16));
    let headers = [("accept", "application/json")];
    let reply = Client::new().send("GET", path, &headers, Vec::new()).await;
    let json = reply.json();
    assert_eq!((&json["filters"][1]["channel"], &json["passes"]), (&3.into(), &8.into()));
    let reply = Client::new().get("/models/cats_and_dogs_small_1/filters?channel=999").await;
    assert_eq!((reply.status, reply.json()["code"].as_str()), (422, Some("unknown-channel")));
}
