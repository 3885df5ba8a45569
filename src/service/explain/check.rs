//! Everything but the methods is checked here, before the picture is decoded.

use super::request::{ChosenMethod, Explain};
use crate::attribution::{Fuse, Method, Options, Range, Sign, find_method};
use crate::config::{ParameterError, Parameters, excerpt};
use crate::onnx::Layer;
use crate::render::{HeatmapOptions, View};
use crate::service::{Classifier, Context, ServiceError};

/// The method of requests that name none.
const DEFAULT_METHOD: &str = "gradcam";

/// The methods that a request names, each once.
pub(in crate::service) fn methods(
    given: &Parameters,
) -> Result<Vec<&'static Method>, ServiceError> {
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
    Ok(methods)
}

/// The most classes in one answer.
pub(super) const MAX_CLASSES: usize = 16;

/// The most layers in one answer. Each has a gradient graph of its own.
const MAX_LAYERS: usize = 16;

impl Explain {
    /// Checks everything but the methods.
    pub(in crate::service) fn checked(
        given: &Parameters,
        methods: Vec<&'static Method>,
        context: &Context,
    ) -> Result<Self, ServiceError> {
        let classifier = context.classifier(given)?;
        let reads_layer = methods.iter().any(|method| method.reads_layer());
        let layers = if reads_layer { layers(given, &classifier)? } else { Vec::new() };
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
        let fuse = fuse(given, &layers, sign)?;
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
            layers,
            fuse,
            methods: chosen,
            classes,
            colorbar: given.switch("colorbar")?.unwrap_or(false) && drawing.view != View::Mask,
            drawing,
            max_bytes: context.limits.output_bytes,
        };
        let (passes, limit) = (request.passes(request.most_classes()), context.limits.passes);
        if passes > limit {
            return Err(ServiceError::TooManyPasses { passes, limit });
        }
        Ok(request)
    }
}

/// The layers that are named, without repetition, else the default one.
fn layers(given: &Parameters, classifier: &Classifier) -> Result<Vec<Layer>, ServiceError> {
    let names = given.distinct("layer");
    if names.is_empty() {
        return Ok(vec![classifier.explained_layer(None)?]);
    }
    if names.len() > MAX_LAYERS {
        return Err(ServiceError::TooManyLayers { layers: names.len(), limit: MAX_LAYERS });
    }
    let mut layers: Vec<Layer> = Vec::new();
    for name in names {
        let layer = classifier.explained_layer(Some(name))?;
        if !layers.iter().any(|known| known.value == layer.value) {
            layers.push(layer);
        }
    }
    Ok(layers)
}

/// How the maps of several layers become one, where that is asked for.
fn fuse(
    given: &Parameters,
    layers: &[Layer],
    sign: Option<Sign>,
) -> Result<Option<Fuse>, ServiceError> {
    let asked = given.word_unless("fuse", "none");
    let expected = match sign {
        _ if layers.len() < 2 => "several layers to fuse; give layer again",
        Some(Sign::Both) => "sign=positive or sign=negative with it",
        _ => return Ok(asked?),
    };
    match given.text("fuse") {
        None | Some("none") => Ok(None),
        Some(value) => Err(ServiceError::Parameter(ParameterError::Invalid {
            name: "fuse",
            value: excerpt(value),
            expected: expected.to_owned(),
        })),
    }
}

/// The sign that is shown: the one asked for, else the method's own.
pub(super) fn sign_of(method: &Method, asked: Option<Sign>) -> Sign {
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
