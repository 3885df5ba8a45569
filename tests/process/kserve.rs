use std::fs;
use std::path::Path;

use super::program::Program;

#[test]
fn the_flags_that_kserve_passes_are_accepted() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("no_models");
    fs::create_dir_all(&folder).unwrap();
    let flags = ["--model_name", "pets", "--predictor_host", "pets-predictor.default"];
    let more = ["--http_port", "0", "--workers", "0", "--predictor_protocol", "v2"];
    let flags = [&flags[..], &more, &["--grpc_port", "9000"]].concat();
    let program = Program::start(&folder, &flags);
    assert!(program.address.starts_with("127.0.0.1:"), "{}", program.address);
    for path in ["/v1/models/pets", "/v2/models/pets/ready", "/v2/models/pets"] {
        let (status, body) = program.ask(&format!("GET {path} HTTP/1.1"), b"");
        assert!(status == 200 && body.contains("\"name\":\"pets\""), "{path}: {status} {body}");
    }
}
