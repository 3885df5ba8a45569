//! The further maps that figures compare: those of altered inputs, and those of the network with
//! random weights.

use std::sync::Arc;

use ndarray::{Array2, ArrayD};

use super::check::ChosenFigure;
use super::evaluated::evidence;
use super::request::Evaluate;
use crate::evaluation::Repetition;
use crate::service::explain::Prepared;
use crate::service::{CachedForward, ClassScore, Explain, Job, ServiceError};

/// The further maps of each map, in the order of the maps.
#[derive(Debug, Default)]
pub(super) struct Further {
    /// By the inputs.
    pub(super) altered: Vec<Vec<Array2<f32>>>,
    /// By the depths, each with the part of all layers with weights.
    pub(super) randomized: Vec<Vec<(f64, Array2<f32>)>>,
}

impl Evaluate {
    /// The further maps that `chosen` compares. `classes` are those of the maps, of which there are
    /// `maps`.
    pub(super) fn further(
        &self,
        chosen: &ChosenFigure,
        forward: &CachedForward,
        prepared: &Prepared,
        (classes, maps): (&[ClassScore], usize),
        job: &Job,
    ) -> Result<Further, ServiceError> {
        let mut further =
            Further { altered: vec![Vec::new(); maps], randomized: vec![Vec::new(); maps] };
        let count = chosen.figure.repetition.maps(&chosen.options);
        match chosen.figure.repetition {
            Repetition::Once => {}
            Repetition::AlteredInputs { alter, .. } => {
                for index in 0..count {
                    let input = self.explain.classifier.explainer().input();
                    let mut tensor = forward.values.view(&input.value)?.to_owned();
                    if let Some(channels) = input.channels(tensor.view_mut()) {
                        let info = self.explain.classifier.info();
                        let preprocessing = &info.settings().preprocessing;
                        alter(&chosen.options, preprocessing, self.seed, index, channels);
                    }
                    let found = maps_at(&self.explain, tensor, prepared, classes, job)?;
                    further.altered.iter_mut().zip(found).for_each(|(all, map)| all.push(map));
                }
            }
            Repetition::RandomWeights(_) => {
                let nodes = self.explain.classifier.weighted_nodes()?;
                for step in 1..=count {
                    job.token.check()?;
                    let depth = (step * nodes).div_ceil(count);
                    let found = self.random_maps(depth, forward, classes, job)?;
                    let share = depth as f64 / nodes.max(1) as f64;
                    let all = further.randomized.iter_mut().zip(found);
                    all.for_each(|(all, map)| all.push((share, map)));
                }
            }
        }
        Ok(further)
    }

    /// The maps of the network with random weights to `depth`. It is dropped afterwards.
    fn random_maps(
        &self,
        depth: usize,
        forward: &CachedForward,
        classes: &[ClassScore],
        job: &Job,
    ) -> Result<Vec<Array2<f32>>, ServiceError> {
        let classifier = self.explain.classifier.with_random_weights(depth, self.seed)?;
        let explain = self.explain.with_classifier(Arc::new(classifier));
        job.token.check()?;
        let prepared = explain.prepare(&[], &job.token)?;
        let input = &explain.classifier.explainer().input().value;
        let tensor = forward.values.view(input)?.to_owned();
        maps_at(&explain, tensor, &prepared, classes, job)
    }
}

/// The evidence that maps of another input show.
fn maps_at(
    explain: &Explain,
    tensor: ArrayD<f32>,
    prepared: &Prepared,
    classes: &[ClassScore],
    job: &Job,
) -> Result<Vec<Array2<f32>>, ServiceError> {
    let network = explain.classifier.network();
    let outputs = network.output_set(&prepared.needed);
    let values = network.forward(tensor, outputs, &job.token)?;
    let values = network.complete(&values, &prepared.needed, &job.token)?;
    job.token.tick()?;
    let maps = explain.maps(classes, &values, &prepared.plans, job)?;
    Ok(maps.iter().map(|one| evidence(&one.map)).collect())
}
