//! A whole request: any route, query, headers and body. Whatever it is, the answer is not our fault, and a problem says so
//! in the form that the contract has.

#![no_main]

mod server;

use libfuzzer_sys::fuzz_target;

const ROUTES: [&str; 14] = [
    "/activations",
    "/gradcam",
    "/predict",
    "/models",
    "/models/cats_and_dogs_small_1",
    "/models/cats_and_dogs_small_1/gradient",
    "/v1/models/cats_and_dogs_small_1:predict",
    "/v1/models/cats_and_dogs_small_1:explain",
    "/v2/models/cats_and_dogs_small_1/infer",
    "/info",
    "/metrics",
    "/",
    "/docs",
    "/openapi.yaml",
];

const TYPES: [&str; 5] = [
    "image/png",
    "application/json",
    "multipart/form-data; boundary=b",
    "application/octet-stream",
    "text/plain",
];

fuzz_target!(|input: (u8, u8, u8, &str, &str, &[u8])| {
    let (method, route, content_type, query, accept, body) = input;
    let method = ["GET", "POST", "PUT", "HEAD", "OPTIONS"][usize::from(method) % 5];
    let path = format!("{}?{query}", ROUTES[usize::from(route) % ROUTES.len()]);
    let content_type = TYPES[usize::from(content_type) % TYPES.len()];
    server::ask(method, &path, &[("content-type", content_type), ("accept", accept)], body);
});
