//! The cost of a bare forward pass, and of whole requests without HTTP, from the picture's bytes to
//! the answer's. `cargo bench --bench requests`
//!
//! The models are the convnet and VGG16 of `models/`. The picture is a photograph of `docs/`.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a benchmark stops if its setup fails")]

use std::path::Path;

use convscope::config::{EngineConfig, Limits, Parameters};
use convscope::preprocess::decode;
use convscope::runtime::{CancellationToken, Engine, OutputSet};
use convscope::service::{
    Activations, Context, ForwardCache, GradCam, LoadedModels, OutputFormat, PictureFile, Predict,
    UseCase,
};
use divan::Bencher;

fn main() {
    divan::main();
}

const MODELS: [&str; 2] = ["cats_and_dogs_small_1", "vgg16_cats_dogs"];

const PHOTO: &[u8] = include_bytes!("../docs/photos/cat_and_dog.png");

/// A context with one model. Its forward cache keeps every picture, or none.
fn context(model: &str, caches: bool) -> Context {
    let engine = Engine::start(&EngineConfig::default(), 2).unwrap();
    let models = LoadedModels::named(Path::new("models"), model, &engine).unwrap();
    let forwards = ForwardCache::with_capacity(if caches { 1 << 30 } else { 0 });
    Context { models: models.into(), forwards, limits: Limits::default() }
}

#[divan::bench(args = MODELS)]
fn forward(bencher: Bencher<'_, '_>, model: &str) {
    let context = context(model, false);
    let classifier = context.models.get(None).unwrap();
    let picture = decode(PHOTO, &context.limits.image).unwrap();
    let outputs = OutputSet::Layers;
    bencher.bench(|| classifier.forward(&picture, outputs, &CancellationToken::never()).unwrap());
}

#[divan::bench(args = [
    OutputFormat::Png,
    OutputFormat::Json,
    OutputFormat::Zip,
    OutputFormat::Npz,
])]
fn activations_of_the_convnet(bencher: Bencher<'_, '_>, form: &OutputFormat) {
    let context = context(MODELS[0], false);
    bencher.bench(answers::<Activations>(&context, &[], *form));
}

#[divan::bench(args = MODELS)]
fn predict(bencher: Bencher<'_, '_>, model: &str) {
    let context = context(model, false);
    bencher.bench(answers::<Predict>(&context, &[], OutputFormat::Json));
}

#[divan::bench(args = MODELS)]
fn gradcam_of_a_new_picture(bencher: Bencher<'_, '_>, model: &str) {
    let context = context(model, false);
    bencher.bench(answers::<GradCam>(&context, &[], OutputFormat::Png));
}

#[divan::bench(args = MODELS)]
fn gradcam_of_a_cached_picture(bencher: Bencher<'_, '_>, model: &str) {
    let context = context(model, true);
    bencher.bench(answers::<GradCam>(&context, &[("class", "1")], OutputFormat::Png));
}

/// Repeats one request, after a first one as warm-up. Returns the length of the answer.
fn answers<'a, U: UseCase<Input = PictureFile>>(
    context: &'a Context,
    parameters: &[(&str, &str)],
    form: OutputFormat,
) -> impl Fn() -> usize + 'a {
    let mut query = Parameters::default();
    parameters.iter().for_each(|&(name, value)| query.push(name, value).unwrap());
    let request = U::check(&query, context).unwrap();
    let picture = PictureFile::from(PHOTO.to_vec());
    let answer = move || {
        request.answer(&picture, form, context, &CancellationToken::never()).unwrap().body.len()
    };
    answer();
    answer
}
