//! Sends a multipart form. The input is the boundary, a line end, and the body.

#![no_main]

mod panics;
mod server;

use libfuzzer_sys::fuzz_target;

fuzz_target!(init: panics::print_panics(), |input: &[u8]| {
    let (boundary, body) = server::split_line(input);
    let content_type = [b"multipart/form-data; boundary=", boundary].concat();
    server::send(b"POST", b"/predict", &[(b"content-type", &content_type)], body);
});
