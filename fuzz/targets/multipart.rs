//! The body of a form, and the header that announces it.

#![no_main]

mod server;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (&str, &[u8])| {
    let (boundary, body) = input;
    let content_type = format!("multipart/form-data; boundary={boundary}");
    server::ask("POST", "/predict", &[("content-type", &content_type)], body);
});
