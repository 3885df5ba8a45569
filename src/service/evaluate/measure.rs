use ndarray::Array2;

use super::evaluated::{
    ClassEvaluation, EvaluatedControl, EvaluatedMap, Evaluation, Measured, evidence,
};
use super::repeat::Further;
use super::request::Evaluate;
use crate::attribution::{Need, NetworkEvaluator, Passes, Session};
use crate::config::ParameterError;
use crate::evaluation::{Control, PixelBox, Subject};
use crate::runtime::Values;
use crate::service::explain::{ClassMap, Prepared};
use crate::service::{CachedForward, Context, Job, PictureFile, ServiceError};

impl Evaluate {
    pub(super) fn evaluation(
        &self,
        picture: &PictureFile,
        context: &Context,
        job: &mut Job,
    ) -> Result<Evaluation, ServiceError> {
        let explain = &self.explain;
        let prepared = explain.prepare(&[Need::Scores], &job.token)?;
        job.stages.end("derive");
        let network = explain.classifier.network();
        let outputs = network.output_set(&prepared.needed);
        let forward = context.forward(&explain.classifier, &picture.0, outputs, job)?;
        let bounds = self.bounds.map(|bounds| self.pixel_box(bounds, &forward)).transpose()?;
        let values = network.complete(&forward.values, &prepared.needed, &job.token)?;
        let logits = explain.classifier.logits(&values)?;
        let classes = explain.chosen_classes(&logits);
        let passes = self.passes(classes.len());
        job.token.announce(passes - 1);
        let maps = explain.maps(&classes, &values, &prepared.plans, job)?;
        let mut further = Further::default();
        for chosen in &self.figures {
            let found = self.further(chosen, &forward, &prepared, (&classes, maps.len()), job)?;
            extend(&mut further.altered, found.altered);
            extend(&mut further.randomized, found.randomized);
        }
        let mut evaluated: Vec<ClassEvaluation> = Vec::new();
        for (index, map) in maps.into_iter().enumerate() {
            let class = &map.class;
            if evaluated.last().is_none_or(|last| last.score.class != class.class) {
                let (maps, controls) = (Vec::new(), Vec::new());
                evaluated.push(ClassEvaluation { score: class.clone(), maps, controls });
            }
            let measures = self.of_map(&map, index, &further, bounds, &values, &prepared, job)?;
            if let Some(last) = evaluated.last_mut() {
                last.maps.push(measures);
            }
        }
        for class in &mut evaluated {
            class.controls = self.controls_of(class, &further, bounds, &values, &prepared, job)?;
        }
        job.stages.end("evaluate");
        Ok(Evaluation { forward, classes: evaluated, bounds, passes })
    }

    /// The box at the input's pixels.
    fn pixel_box(
        &self,
        [left, top, width, height]: [f64; 4],
        forward: &CachedForward,
    ) -> Result<PixelBox, ServiceError> {
        let preprocessing = &self.explain.classifier.info().settings().preprocessing;
        let window = preprocessing.window(&forward.picture);
        let [rows, columns] = preprocessing.size;
        let picture = [forward.picture.width(), forward.picture.height()].map(f64::from);
        // The first pixel and the number of pixels of the input along one axis.
        let axis = |start: f64, length: f64, axis: usize, pixels: usize| {
            let place = |at: f64| {
                let part = (at / picture[axis] - window[axis]) / window[axis + 2];
                ((part * pixels as f64).round().max(0.0) as usize).min(pixels)
            };
            (place(start), place(start + length).saturating_sub(place(start)))
        };
        let ((left, width), (top, height)) =
            (axis(left, width, 0, columns), axis(top, height, 1, rows));
        if width == 0 || height == 0 {
            return Err(ServiceError::Parameter(ParameterError::Invalid {
                name: "box",
                value: self
                    .bounds
                    .map(|it| it.map(|it| it.to_string()).join(","))
                    .unwrap_or_default(),
                expected: format!(
                    "it must cover a part of the picture of {} × {} pixels that the network sees",
                    forward.picture.width(),
                    forward.picture.height()
                ),
            }));
        }
        Ok(PixelBox { top, left, height, width })
    }

    #[expect(clippy::too_many_arguments, reason = "each is a part of what is measured")]
    fn of_map(
        &self,
        map: &ClassMap,
        index: usize,
        further: &Further,
        bounds: Option<PixelBox>,
        values: &Values,
        prepared: &Prepared,
        job: &Job,
    ) -> Result<EvaluatedMap, ServiceError> {
        let evidence = evidence(&map.map);
        let asked = Asked {
            evidence: &evidence,
            altered: further.altered.get(index).map_or(&[], Vec::as_slice),
            randomized: further.randomized.get(index).map_or(&[], Vec::as_slice),
            bounds,
            class: map.class.class,
        };
        let (pixels, measures) = self.measured(&asked, values, prepared, job)?;
        Ok(EvaluatedMap { map: map.clone(), pixels, measures })
    }

    /// A random map for each size of a map, and a Gaussian.
    fn controls_of(
        &self,
        class: &ClassEvaluation,
        further: &Further,
        bounds: Option<PixelBox>,
        values: &Values,
        prepared: &Prepared,
        job: &Job,
    ) -> Result<Vec<EvaluatedControl>, ServiceError> {
        let mut sizes: Vec<_> = class.maps.iter().map(|one| one.map.map.values.dim()).collect();
        sizes.sort_unstable();
        sizes.dedup();
        let [height, width] = self.explain.classifier.info().settings().preprocessing.size;
        let controls = sizes.into_iter().map(|size| (Control::Random, size));
        let controls = controls.chain([(Control::Gaussian, (height, width))]);
        // Neither the picture nor the weights change a control.
        let (inputs, depths) = (further.altered.first(), further.randomized.first());
        let evaluated = controls.map(|(control, size)| {
            let evidence = control.map(size, self.seed);
            let altered = vec![evidence.clone(); inputs.map_or(0, Vec::len)];
            let depths = depths.into_iter().flatten();
            let randomized: Vec<_> = depths.map(|(depth, _)| (*depth, evidence.clone())).collect();
            let asked = Asked {
                evidence: &evidence,
                altered: &altered,
                randomized: &randomized,
                bounds,
                class: class.score.class,
            };
            let (_, measures) = self.measured(&asked, values, prepared, job)?;
            Ok(EvaluatedControl { control, size, measures })
        });
        evaluated.collect()
    }

    /// The map at the input's pixels, and every figure of it.
    fn measured(
        &self,
        asked: &Asked<'_>,
        values: &Values,
        prepared: &Prepared,
        job: &Job,
    ) -> Result<(Array2<f32>, Vec<Measured>), ServiceError> {
        let classifier = &self.explain.classifier;
        let logits = classifier.logits(values)?;
        let passes = Passes::new(classifier.network().engine(), &job.token);
        let preprocessing = &classifier.info().settings().preprocessing;
        let evaluator = NetworkEvaluator {
            layer: None,
            input: classifier.explainer().input(),
            preprocessing,
            logits: &classifier.info().head().logits,
            values,
            network: classifier.network(),
            plans: &prepared.plans,
            passes: &passes,
            shared: None,
            previews: None,
        };
        let measure = || {
            let target = self.explain.target(asked.class);
            let session = Session::new(&evaluator, &logits, target)?;
            let subject = Subject {
                altered: asked.altered,
                randomized: asked.randomized,
                bounds: asked.bounds,
                ..Subject::new(&session, asked.evidence.view(), preprocessing.size, self.seed)
            };
            let mut measures = Vec::new();
            for chosen in &self.figures {
                let done = passes.done();
                measures.push((chosen.figure, (chosen.figure.run)(&subject, &chosen.options)?));
                // A figure that is not defined for a map takes no passes.
                let most = (chosen.figure.passes)(&chosen.options);
                job.token.advance(most.saturating_sub(passes.done() - done))?;
            }
            Ok((subject.pixels, measures))
        };
        measure().map_err(|error| classifier.attribution_error(error))
    }
}

/// What is measured of one map.
struct Asked<'a> {
    evidence: &'a Array2<f32>,
    altered: &'a [Array2<f32>],
    randomized: &'a [(f64, Array2<f32>)],
    bounds: Option<PixelBox>,
    class: usize,
}

/// Adds the lists in `found` to those of `all`.
fn extend<T>(all: &mut Vec<Vec<T>>, found: Vec<Vec<T>>) {
    all.resize_with(found.len(), Vec::new);
    all.iter_mut().zip(found).for_each(|(all, found)| all.extend(found));
}
