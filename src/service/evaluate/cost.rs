use super::request::Evaluate;
use crate::service::answer_size::AnswerSize;
use crate::service::{ClassScore, OutputFormat, ServiceError};

/// The most bytes of one figure of one map in JSON, without its curves.
const FIGURE_BYTES: u64 = 300;

/// What to ask for if the answer is too large.
const SMALLER: &str = "ask for fewer methods, classes or points";

impl Evaluate {
    /// Passes through the network: those of the maps, those of every figure for every map and
    /// control, and those of the further maps that figures compare.
    pub(super) fn passes(&self, classes: usize) -> u64 {
        let of_maps = self.explain.passes(classes);
        let compared = (classes * (self.maps() + self.controls())) as u64;
        let of_figures: u64 =
            self.figures.iter().map(|chosen| (chosen.figure.passes)(&chosen.options)).sum();
        let again =
            self.figures.iter().map(|chosen| chosen.figure.repetition.maps(&chosen.options));
        of_maps + compared * of_figures + again.sum::<usize>() as u64 * of_maps
    }

    /// The maps of one class.
    pub(super) fn maps(&self) -> usize {
        if self.explain.fuse.is_some() {
            return self.explain.methods.len();
        }
        let methods = self.explain.methods.iter();
        methods.map(|chosen| self.explain.layers_of(chosen.method).count()).sum()
    }

    /// The most controls of one class: a random map for each size of a map, and a Gaussian.
    pub(super) fn controls(&self) -> usize {
        let mut sizes: Vec<[usize; 2]> = Vec::new();
        for chosen in &self.explain.methods {
            for layer in self.explain.layers_of(chosen.method) {
                let [_, height, width] = self.explain.extents(layer).at(chosen.method.resolution);
                sizes.push([height, width]);
            }
        }
        sizes.sort_unstable();
        sizes.dedup();
        sizes.len() + 1
    }

    /// Refuses an answer that would be too large.
    pub(super) fn check_size(&self, format: OutputFormat) -> Result<(), ServiceError> {
        let mut size = AnswerSize::with_limit(self.explain.max_bytes);
        if format == OutputFormat::Png {
            return Ok(());
        }
        let classes = self.explain.most_classes() as u64;
        let class = ClassScore::most_json_bytes(self.explain.classifier.info().labels());
        let rows = classes * (self.maps() + self.controls()) as u64;
        size.add(classes * class + rows * FIGURE_BYTES * self.figures.len() as u64, SMALLER)?;
        let points = |options| (options + 3) * 2;
        for chosen in &self.figures {
            let passes = (chosen.figure.passes)(&chosen.options);
            let maps = chosen.figure.repetition.maps(&chosen.options) as u64;
            size.add_numbers(rows * points(passes + maps), SMALLER)?;
        }
        size.add_numbers(classes * (self.maps() * self.maps()) as u64, SMALLER)
    }
}
