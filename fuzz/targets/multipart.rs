//! The body of a form, and the header that announces it: the boundary, a line end, the body.

#![no_main]

mod panics;
mod server;

use libfuzzer_sys::fuzz_target;

fuzz_target!(init: panics::told(), |input: &[u8]| {
    let (boundary, body) = server::line(input);
    let content_type = [b"multipart/form-data; boundary=", boundary].concat();
    server::ask(b"POST", b"/predict", &[(b"content-type", &content_type)], body);
});
