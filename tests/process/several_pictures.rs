//! The commands that take several pictures.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::Value;

use super::lifecycle::folder;
use super::program::convscope;
use crate::http::pictures;

/// A folder with the model `a` and a folder `photos`: two pictures, a broken one, and what is no
/// picture.
fn photos(test: &str) -> PathBuf {
    let folder = folder(test);
    let photos = folder.join("photos");
    fs::create_dir_all(photos.join("folder.png")).unwrap();
    fs::write(photos.join("b.png"), pictures::png()).unwrap();
    fs::write(photos.join("a.PNG"), pictures::other_png()).unwrap();
    fs::write(photos.join("broken.jpg"), "not a picture").unwrap();
    fs::write(photos.join(".hidden.png"), pictures::png()).unwrap();
    fs::write(photos.join("notes.txt"), "notes").unwrap();
    folder
}

/// Runs a command in `folder` with the model `a`.
fn run(folder: &Path, command: &str, arguments: &[&str]) -> Output {
    let mut convscope = convscope();
    convscope.current_dir(folder).args([command, "a"]).args(arguments);
    convscope.output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_folder_gets_one_answer_a_picture_and_the_failures_are_listed() {
    let folder = photos("pictures_folder");
    fs::create_dir(folder.join("more")).unwrap();
    fs::write(folder.join("more/b.png"), pictures::other_png()).unwrap();
    let inputs = ["photos", "more/b.png", "none.png", "photos/b.png", "-o", "out"];
    let output = run(&folder, "explain", &inputs);
    assert_eq!(output.status.code(), Some(1));
    let (lines, errors) = (text(&output.stdout), text(&output.stderr));
    let lines: Vec<&str> = lines.lines().collect();
    assert_eq!(lines.len(), 3, "{lines:?}");
    for (line, start) in lines.iter().zip([
        "photos/a.PNG -> out/a.png: ",
        "photos/b.png -> out/b.png: ",
        "more/b.png -> out/b-2.png: ",
    ]) {
        assert!(line.starts_with(start) && line.contains(" %"), "{line}");
    }
    let errors: Vec<&str> = errors.lines().collect();
    assert!(errors[0].starts_with("convscope: photos/broken.jpg: "), "{errors:?}");
    assert!(errors[1].starts_with("convscope: none.png: No such file"), "{errors:?}");
    assert_eq!(errors[2], "convscope: 2 of 5 pictures failed: photos/broken.jpg, none.png");
    assert_eq!(errors.len(), 3, "{errors:?}");
    assert_eq!(names(&folder.join("out")), ["a.png", "b-2.png", "b.png"]);
    // Each file is the answer for the one picture alone.
    for (picture, file) in [("photos/b.png", "b.png"), ("more/b.png", "b-2.png")] {
        assert!(run(&folder, "explain", &[picture, "-o", "one.png"]).status.success());
        let one = fs::read(folder.join("one.png")).unwrap();
        assert_eq!(one, fs::read(folder.join("out").join(file)).unwrap(), "{picture}");
    }
}

#[test]
fn predict_prints_a_line_a_picture_and_json_lines_hold_the_answers() {
    let folder = photos("pictures_lines");
    let output = run(&folder, "predict", &["photos"]);
    assert_eq!(output.status.code(), Some(1));
    let lines = text(&output.stdout);
    let lines: Vec<&str> = lines.lines().collect();
    let output = run(&folder, "predict", &["photos", "--json-lines"]);
    let json: Vec<Value> =
        text(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((lines.len(), json.len()), (2, 3));
    for (line, json) in lines.iter().zip(&json) {
        let (image, best) = (json["image"].as_str().unwrap(), &json["answer"]["predictions"][0]);
        let (label, share) = (best["label"].as_str().unwrap(), best["probability"].as_f64());
        let start = format!("{image}: {label} {:.1} %, ", share.unwrap() * 100.0);
        assert!(line.starts_with(&start), "{line} {start}");
    }
    assert_eq!(json[2]["image"], "photos/broken.jpg");
    assert!(json[2]["error"].as_str().is_some_and(|error| error.contains("picture")), "{json:?}");
    let output = run(&folder, "gradcam", &["photos/a.PNG", "--json-lines"]);
    let line: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(line["answer"]["maps"][0]["method"], "gradcam");
    let output = run(&folder, "activations", &["photos/a.PNG", "--json-lines", "-o", "out/"]);
    let line: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&line["output"], &line["notes"]["model"]), (&"out/a.png".into(), &"a".into()));
    assert!(folder.join("out/a.png").exists() && line.get("answer").is_none());
}

#[test]
fn several_pictures_without_a_folder_of_their_own_are_refused_before_any_work() {
    let folder = photos("pictures_refused");
    let refused = |arguments: &[&str], expected: &str| {
        let output = run(&folder, "explain", arguments);
        let error = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{arguments:?} {error}");
        assert_eq!(error.lines().count(), 1, "{error}");
        assert!(error.contains(expected) && output.stdout.is_empty(), "{arguments:?}: {error}");
    };
    let folder_needed = "several pictures need a folder";
    refused(&["photos"], folder_needed);
    refused(&["photos", "-o", "-"], folder_needed);
    refused(&["photos/a.PNG", "photos/b.png", "-o", "both.png"], folder_needed);
    refused(&["photos", "-o", "photos"], "photos: the pictures are in this folder");
    refused(&["photos/b.png", "-o", "photos/../photos/"], "the pictures are in this folder");
    refused(&["photos/folder.png", "-o", "out"], "the folder has no pictures");
    refused(&["photos", "--json-lines", "--format", "npz"], "--format npz: lines hold JSON");
    let npy = ["photos", "-o", "out", "--format", "npy", "--method", "gradcam", "--method", "cam"];
    refused(&npy, "one method");
    assert!(!folder.join("out").exists() && !folder.join("both.png").exists());
    assert_eq!(fs::read(folder.join("photos/b.png")).unwrap(), pictures::png());
}

#[cfg(unix)]
#[test]
fn nothing_is_written_through_a_link_in_the_folder() {
    let folder = photos("pictures_link");
    fs::create_dir(folder.join("out")).unwrap();
    std::os::unix::fs::symlink("../photos/b.png", folder.join("out/b.png")).unwrap();
    let output = run(&folder, "gradcam", &["photos/b.png", "-o", "out"]);
    assert!(!output.status.success(), "{output:?}");
    let error = text(&output.stderr);
    assert!(error.contains("b.png: this is a symbolic link; remove it"), "{error}");
    assert_eq!(fs::read(folder.join("photos/b.png")).unwrap(), pictures::png());
}

#[test]
fn one_picture_and_the_format_of_choice() {
    let folder = photos("pictures_format");
    let output = run(&folder, "explain", &["photos/b.png", "-o", "map", "--format", "npy"]);
    assert!(output.status.success(), "{output:?}");
    assert!(text(&output.stdout).starts_with("photos/b.png -> map: cat "), "{output:?}");
    assert!(fs::read(folder.join("map")).unwrap().starts_with(b"\x93NUMPY"));
    let output = run(&folder, "gradcam", &["photos/b.png", "-o", "-", "--format", "json"]);
    assert!(serde_json::from_slice::<Value>(&output.stdout).is_ok());
    let output = run(&folder, "gradcam", &["photos/broken.jpg"]);
    let error = text(&output.stderr);
    assert!(error.starts_with("convscope: ") && error.lines().count() == 1, "{error}");
}

#[test]
fn flags_are_written_with_a_hyphen_or_an_underscore() {
    let folder = photos("pictures_flags");
    for flag in ["--max-steps", "--max_steps"] {
        let flags = ["photos/b.png", "--method", "integrated_gradients", flag, "many"];
        let error = text(&run(&folder, "explain", &flags).stderr);
        assert!(error.contains("max_steps = \"many\""), "{flag}: {error}");
    }
    let help = convscope().args(["explain", "--help"]).output().unwrap();
    let help = text(&help.stdout);
    assert!(help.contains("--max-steps") && !help.contains("--max_steps"), "{help}");
}
