//! What the commands print, and what they need to know of the shell.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

use super::lifecycle::folder;
use super::program::{Program, convscope};
use crate::http::pictures;

fn run(folder: &Path, arguments: &[&str]) -> Output {
    let output = convscope().current_dir(folder).args(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    output
}

fn printed(folder: &Path, arguments: &[&str]) -> String {
    String::from_utf8(run(folder, arguments).stdout).unwrap()
}

const COMMANDS: [&str; 7] =
    ["activations", "explain", "gradcam", "gradient", "methods", "predict", "serve"];

#[test]
fn completions_and_manual_pages_have_every_command() {
    let folder = folder("generated");
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = printed(&folder, &["completions", shell]);
        for word in COMMANDS.into_iter().chain(["max-unread-bytes", "colormap"]) {
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
    let page = printed(&folder, &["man"]);
    assert!(page.contains(".TH convscope 1"), "{page}");
    run(&folder, &["man", "pages"]);
    for command in COMMANDS {
        let page = fs::read_to_string(folder.join(format!("pages/convscope-{command}.1")));
        assert!(page.unwrap().contains(".SH OPTIONS") || command == "methods", "{command}");
    }
}

/// bash itself completes the first letters of a command.
#[test]
fn bash_completes_a_command() {
    let folder = folder("bash");
    fs::write(folder.join("script"), printed(&folder, &["completions", "bash"])).unwrap();
    let script = "source ./script; COMP_WORDS=(convscope gradc); COMP_CWORD=1; \
                  _convscope convscope gradc convscope; echo \"${COMPREPLY[*]}\"";
    let output = Command::new("bash").current_dir(&folder).args(["-c", script]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "gradcam\n", "{output:?}");
}

#[test]
fn a_command_that_writes_a_file_says_so_in_one_line() {
    let folder = folder("one_line");
    fs::write(folder.join("cat.png"), pictures::png()).unwrap();
    let line = printed(&folder, &["gradcam", "a", "cat.png", "-o", "map.png"]);
    assert!(line.starts_with("cat.png -> map.png: ") && line.contains(" %"), "{line}");
    assert_eq!(line.lines().count(), 1, "{line}");
    let line = printed(&folder, &["gradient", "a", "--layer", "conv2d_4", "-o", "g.onnx"]);
    assert_eq!(line, "a -> g.onnx: gradient at conv2d_4\n");
    // What is written to standard output stands alone.
    let npy = run(&folder, &["gradcam", "a", "cat.png", "--format", "npy", "-o", "-"]).stdout;
    assert!(npy.starts_with(b"\x93NUMPY"));
    assert!(!npy.ends_with(b"\n"));
    let answer = printed(&folder, &["predict", "a", "cat.png"]);
    assert!(answer.ends_with("}\n"), "{answer}");
    assert!(serde_json::from_str::<Value>(&answer).unwrap()["predictions"].is_array());
}

#[test]
fn one_model_is_served_alone() {
    let folder = folder("alone");
    let file = folder.join("a/model.onnx");
    let copy = folder.join("other.onnx");
    fs::copy(&file, &copy).unwrap();
    for (path, name) in [(&file, "a"), (&folder.join("a"), "a"), (&copy, "other")] {
        let mut program = Program::start(&folder, &[path.to_str().unwrap()]);
        let url = program.before_ready("listening")["url"].clone();
        assert_eq!(url, format!("http://{}", program.address));
        let models: Value =
            serde_json::from_str(&program.ask("GET /models HTTP/1.1", b"").1).unwrap();
        let names: Vec<&Value> =
            models["models"].as_array().unwrap().iter().map(|model| &model["name"]).collect();
        assert_eq!(names, [name], "{models}");
        assert_eq!(program.ask("POST /predict HTTP/1.1", &pictures::png()).0, 200);
        program.signal("TERM");
        assert!(program.end().0.success());
    }
    let output = convscope().args(["serve", "--listen", "127.0.0.1:0", "none.onnx"]).output();
    let error = String::from_utf8(output.unwrap().stderr).unwrap();
    assert!(error.contains("none.onnx: there is no such file"), "{error}");
}
