//! A whole request, as a client writes it, line ends without carriage return: method and target,
//! headers, an empty line, the body. Whatever it is, the answer is not our fault, and a problem
//! says so in the form that the contract has.

#![no_main]

mod panics;
mod server;

use libfuzzer_sys::fuzz_target;

fuzz_target!(init: panics::told(), |input: &[u8]| {
    let (first, mut rest) = server::line(input);
    let (method, target) = server::halves(first, b' ');
    let mut headers = Vec::new();
    loop {
        let (header, left) = server::line(rest);
        rest = left;
        if header.is_empty() {
            break;
        }
        headers.push(server::halves(header, b':'));
    }
    server::ask(method, target, &headers, rest);
});
