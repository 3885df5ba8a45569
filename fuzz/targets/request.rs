//! Sends a whole request: method and target, headers, an empty line, and the body. Lines end
//! without a carriage return. The answer must not be a server error, and every 4xx must be a
//! problem answer.

#![no_main]

mod panics;
mod server;

use libfuzzer_sys::fuzz_target;

fuzz_target!(init: panics::print_panics(), |input: &[u8]| {
    let (first, mut rest) = server::split_line(input);
    let (method, target) = server::split_at(first, b' ');
    let mut headers = Vec::new();
    loop {
        let (header, left) = server::split_line(rest);
        rest = left;
        if header.is_empty() {
            break;
        }
        headers.push(server::split_at(header, b':'));
    }
    server::send(method, target, &headers, rest);
});
