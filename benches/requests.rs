//! What answers cost: the bare forward pass, then whole requests without the network, from the file's bytes to the answer's.
//! `cargo bench --bench requests`
//!
//! Convnet and VGG16 of `models/`, on a photograph of `docs/`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a benchmark ends where its premises fail"
)]

use std::path::Path;

use convscope::config::{EngineConfig, Limits};
use convscope::preprocess::decode;
use convscope::runtime::{Engine, Stop};
use convscope::service::{
    Activations, Desk, Extent, Form, GradCam, Library, Memory, Parameters, Predict, UseCase,
};
use divan::Bencher;

fn main() {
    divan::main();
}

const MODELS: [&str; 2] = ["cats_and_dogs_small_1", "vgg16_cats_dogs"];

const PHOTO: &[u8] = include_bytes!("../docs/photos/cat_and_dog.png");

/// A desk with one model that remembers no picture, or every one.
fn desk(model: &str, remembers: bool) -> Desk {
    let engine = Engine::start(&EngineConfig::default(), 2).unwrap();
    let library = Library::named(Path::new("models"), model, &engine).unwrap();
    let memory = Memory::holding(if remembers { 1 << 30 } else { 0 });
    Desk { library: library.into(), memory, limits: Limits::default() }
}

#[divan::bench(args = MODELS)]
fn forward(bencher: Bencher<'_, '_>, model: &str) {
    let desk = desk(model, false);
    let classifier = desk.library.get(None).unwrap();
    let picture = decode(PHOTO, &desk.limits.image).unwrap();
    let extent = Extent::Layers;
    bencher.bench(|| classifier.forward(&picture, extent, &Stop::never()).unwrap());
}

#[divan::bench(args = [Form::Png, Form::Json, Form::Zip, Form::Npz])]
fn activations_of_the_convnet(bencher: Bencher<'_, '_>, form: &Form) {
    let desk = desk(MODELS[0], false);
    bencher.bench(answers::<Activations>(&desk, &[], *form));
}

#[divan::bench(args = MODELS)]
fn predict(bencher: Bencher<'_, '_>, model: &str) {
    let desk = desk(model, false);
    bencher.bench(answers::<Predict>(&desk, &[], Form::Json));
}

#[divan::bench(args = MODELS)]
fn gradcam_of_a_new_picture(bencher: Bencher<'_, '_>, model: &str) {
    let desk = desk(model, false);
    bencher.bench(answers::<GradCam>(&desk, &[], Form::Png));
}

#[divan::bench(args = MODELS)]
fn gradcam_of_a_remembered_picture(bencher: Bencher<'_, '_>, model: &str) {
    let desk = desk(model, true);
    bencher.bench(answers::<GradCam>(&desk, &[("class", "1")], Form::Png));
}

/// One warm request over and over.
fn answers<'a, U: UseCase>(
    desk: &'a Desk,
    parameters: &[(&str, &str)],
    form: Form,
) -> impl Fn() -> usize + 'a {
    let mut asked = Parameters::default();
    parameters.iter().for_each(|&(name, value)| asked.push(name, value));
    let request = U::check(&asked, desk).unwrap();
    let answer = move || request.answer(PHOTO, form, desk, &Stop::never()).unwrap().body.len();
    answer();
    answer
}
