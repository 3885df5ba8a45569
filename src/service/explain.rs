use super::answer_size::{AnswerSize, Encoding};
use super::{ClassScore, Context, Job, OutputFormat, PictureFile, ServiceError, UseCase};
use crate::attribution::{
    Extents, Method, MethodPlans, NetworkEvaluator, Options, Passes, Range, Session, Sign,
    find_method,
};
use crate::config::{Parameter, ParameterError, Parameters};
use crate::explain::Target;
use crate::onnx::Layer;
use crate::render::{HeatmapOptions, View};
use crate::runtime::Values;

mod draw;
mod encode;
mod explanation;
mod gradcam;
mod parameters;
mod request;
mod size;

use encode::ExplanationJson;
use explanation::ClassMap;
pub use explanation::Explanation;
pub use gradcam::GradCam;
use request::ChosenMethod;
pub use request::Explain;

/// The most classes in one answer.
const MAX_CLASSES: usize = 16;

/// The method of requests that name none.
const DEFAULT_METHOD: &str = "gradcam";

impl UseCase for Explain {
    type Input = PictureFile;
    type Output = Explanation;
    type Json<'o> = ExplanationJson<'o>;
    const FORMATS: &'static [OutputFormat] =
        &[OutputFormat::Png, OutputFormat::Json, OutputFormat::Npy, OutputFormat::Npz];

    fn parameters() -> &'static [Parameter] {
        parameters::all()
    }

    fn check(given: &Parameters, context: &Context) -> Result<Self, ServiceError> {
        let mut methods: Vec<&'static Method> = Vec::new();
        for name in given.distinct("method") {
            let method = find_method(name)?;
            if !methods.iter().any(|known| known.name == method.name) {
                methods.push(method);
            }
        }
        if methods.is_empty() {
            methods.push(find_method(DEFAULT_METHOD)?);
        }
        given.check(&parameters::table(&methods, true))?;
        Self::checked(given, methods, context)
    }

    fn check_format(&self, format: OutputFormat) -> Result<(), ServiceError> {
        if format != OutputFormat::Npy || self.methods.len() == 1 {
            return self.size_without_picture(format).map(|_| ());
        }
        let names: Vec<&str> = self.methods.iter().map(|chosen| chosen.method.name).collect();
        Err(ServiceError::Parameter(ParameterError::Invalid {
            name: "method",
            value: names.join(", "),
            expected: "one method for application/x-npy; application/x-npz takes several"
                .to_owned(),
        }))
    }

    fn run(
        &self,
        picture: &PictureFile,
        context: &Context,
        job: &mut Job,
    ) -> Result<Explanation, ServiceError> {
        let plans = self.plans(job)?;
        job.stages.end("derive");
        let mut needed: Vec<String> = plans.residuals().cloned().collect();
        needed.extend(self.layer.iter().map(|layer| layer.value.clone()));
        let network = self.classifier.network();
        let outputs = network.output_set(&needed);
        let forward = context.forward(&self.classifier, &picture.0, outputs, job)?;
        let values = network.complete(&forward.values, &needed, &job.token)?;
        let logits = self.classifier.logits(&values)?;
        let classes = self.chosen_classes(&logits);
        job.token.announce(self.passes(classes.len()) - 1);
        let mut maps = Vec::new();
        for class in &classes {
            for chosen in &self.methods {
                maps.push(self.explain(chosen, class, &logits, &values, &plans, job)?);
            }
        }
        let passes = 1 + maps.iter().map(|one| one.passes).sum::<u64>();
        job.stages.end("backward");
        Ok(Explanation { forward, maps, passes })
    }

    fn json<'o>(&'o self, output: &'o Explanation) -> Result<ExplanationJson<'o>, ServiceError> {
        self.explanation_json(output)
    }

    fn encode(
        &self,
        output: &Explanation,
        format: OutputFormat,
        job: &mut Job,
    ) -> Result<Vec<u8>, ServiceError> {
        match format {
            OutputFormat::Npy => encode::npy(&output.maps),
            OutputFormat::Npz => encode::npz(&output.maps),
            _ => {
                let mut size = AnswerSize::with_limit(self.max_bytes);
                let draw = |max_pixels| self.draw(output, max_pixels);
                let drawing = size.add_picture(Encoding::Png, self.drawing.max_pixels, draw)?;
                job.stages.end_with("render", "encode", drawing.encoding);
                Ok(drawing.png)
            }
        }
    }

    /// The diagnosis of every map, in the order of the maps.
    fn notes(&self, output: &Explanation) -> Vec<(&'static str, String)> {
        let list = |of: &dyn Fn(&ClassMap) -> String| {
            output.maps.iter().map(of).collect::<Vec<_>>().join(",")
        };
        let probability =
            |one: &ClassMap| one.class.probability.map_or("none".to_owned(), |p| p.to_string());
        let layer = self.layer.as_ref().map(|layer| ("layer", layer.name().to_owned()));
        let mut notes = vec![
            ("model", self.classifier.name().to_owned()),
            ("method", list(&|one| one.method.name.to_owned())),
            ("class", list(&|one| one.class.class.to_string())),
            ("probability", list(&probability)),
            ("empty", list(&|one| one.is_empty().to_string())),
            ("saturated", list(&|one| one.seed.saturated.to_string())),
        ];
        notes.extend(layer);
        notes.extend(self.classifier.info().assumed_note());
        notes
    }
}

impl Explain {
    /// Checks everything but the methods.
    fn checked(
        given: &Parameters,
        methods: Vec<&'static Method>,
        context: &Context,
    ) -> Result<Self, ServiceError> {
        let classifier = context.classifier(given)?;
        let reads_layer = methods.iter().any(|method| method.reads_layer());
        let layer = reads_layer.then(|| classifier.explained_layer(given.text("layer")));
        let mut classes = Vec::new();
        for name in given.distinct("class") {
            let class = classifier.info().class(name)?;
            if !classes.contains(&class) {
                classes.push(class);
            }
        }
        if classes.len() > MAX_CLASSES {
            return Err(ServiceError::TooManyClasses {
                classes: classes.len(),
                limit: MAX_CLASSES,
            });
        }
        let with_options = |method: &'static Method| {
            let class = |name: &str| classifier.info().class(name);
            let options = Options::read(given, method.parameters, class)?;
            Ok(ChosenMethod { method, options })
        };
        let sign = given.word("sign")?;
        let drawing = drawing(given, context, methods.iter().any(|it| is_signed(it, sign)))?;
        let top = given.number("top", 1..=MAX_CLASSES)?;
        let chosen = methods.into_iter().map(with_options);
        let chosen = chosen.collect::<Result<Vec<_>, ServiceError>>()?;
        let request = Self {
            top: top.unwrap_or(usize::from(classes.is_empty())),
            score: given.word("score")?.unwrap_or_default(),
            sign,
            percentile: given.decimal("percentile", 0.0..=100.0)?,
            scale: given.word("scale")?.unwrap_or_default(),
            classifier,
            layer: layer.transpose()?,
            methods: chosen,
            classes,
            drawing,
            max_bytes: context.limits.output_bytes,
        };
        let (passes, limit) = (request.passes(request.most_classes()), context.limits.passes);
        if passes > limit {
            return Err(ServiceError::TooManyPasses { passes, limit });
        }
        Ok(request)
    }

    /// How many classes there will be at most.
    fn most_classes(&self) -> usize {
        let all = self.classifier.info().settings().classes;
        (self.classes.len() + self.top).min(MAX_CLASSES).min(all)
    }

    /// Passes through the network: one forward, then each method's for each class.
    fn passes(&self, classes: usize) -> u64 {
        let passes = self.methods.iter().map(|chosen| self.passes_of(chosen));
        1 + classes as u64 * passes.sum::<u64>()
    }

    /// The most passes that one method takes for one class.
    fn passes_of(&self, chosen: &ChosenMethod) -> u64 {
        (chosen.method.passes)(&chosen.options, &self.extents())
    }

    /// The extents of the layer and of the network's input.
    fn extents(&self) -> Extents {
        let preprocessing = &self.classifier.info().settings().preprocessing;
        let [height, width] = preprocessing.size;
        let layer = self.layer.as_ref().and_then(Layer::extents).unwrap_or_default();
        Extents { layer, input: [preprocessing.channels(), height, width] }
    }

    /// The compiled graphs that the methods need.
    fn plans(&self, job: &Job) -> Result<MethodPlans, ServiceError> {
        let needs = self.methods.iter().flat_map(|chosen| chosen.method.needs);
        let plans = self.classifier.explainer().prepare(self.layer.as_ref(), needs, &job.token);
        plans.map_err(|error| self.classifier.attribution_error(error))
    }

    /// The classes named, then the likeliest others.
    fn chosen_classes(&self, logits: &[f32]) -> Vec<ClassScore> {
        let ranked = self.classifier.info().ranked(logits);
        let score = |class: &usize| ranked.iter().find(|score| score.class == *class).cloned();
        let named = self.classes.iter().filter_map(score);
        let rest = ranked.iter().filter(|score| !self.classes.contains(&score.class));
        named.chain(rest.take(self.top).cloned()).take(MAX_CLASSES).collect()
    }

    fn explain(
        &self,
        chosen: &ChosenMethod,
        class: &ClassScore,
        logits: &[f32],
        values: &Values,
        plans: &MethodPlans,
        job: &Job,
    ) -> Result<ClassMap, ServiceError> {
        let ChosenMethod { method, ref options } = *chosen;
        let (network, settings) = (self.classifier.network(), self.classifier.info().settings());
        let activation = settings.activation;
        let target = Target { class: class.class, score: self.score, activation };
        let evaluator = NetworkEvaluator {
            layer: self.layer.as_ref(),
            input: self.classifier.explainer().input(),
            preprocessing: &settings.preprocessing,
            logits: &self.classifier.info().head().logits,
            values,
            plans,
            passes: Passes::new(network.engine(), &job.token),
        };
        let explained = Session::new(&evaluator, logits, target)
            .and_then(|session| Ok(((method.run)(&session, options)?, session.seed().clone())));
        let (map, seed) = explained.map_err(|error| self.classifier.attribution_error(error))?;
        // A method may have ended before it took all the passes that were announced.
        let passes = evaluator.passes.done();
        job.token.advance(self.passes_of(chosen).saturating_sub(passes))?;
        let sign = sign_of(method, self.sign);
        let map = if sign == Sign::Negative { map.negated() } else { map };
        Ok(ClassMap { method, class: class.clone(), seed, sign, map, passes })
    }
}

/// The sign that is shown: the one asked for, else the method's own.
fn sign_of(method: &Method, asked: Option<Sign>) -> Sign {
    asked.unwrap_or(match method.range {
        Range::Positive => Sign::Positive,
        Range::Signed => Sign::Both,
    })
}

fn is_signed(method: &Method, asked: Option<Sign>) -> bool {
    sign_of(method, asked) == Sign::Both
}

/// How the maps are drawn. A picture with a signed map has diverging colours for all its maps.
fn drawing(
    given: &Parameters,
    context: &Context,
    signed: bool,
) -> Result<HeatmapOptions, ServiceError> {
    let view = given.word("view")?.unwrap_or(View::Overlay);
    let defaults = if signed { HeatmapOptions::of_signed(view) } else { HeatmapOptions::of(view) };
    Ok(HeatmapOptions {
        colormap: given.parsed("colormap")?.unwrap_or(defaults.colormap),
        alpha: given.fraction("alpha")?.unwrap_or(defaults.alpha),
        axes: given.switch("axes")?.unwrap_or(defaults.axes),
        title: given.text("title").map(str::to_owned),
        max_pixels: context.limits.output_pixels,
        ..defaults
    })
}
