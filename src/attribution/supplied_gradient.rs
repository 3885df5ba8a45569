//! `gradient.onnx`: a gradient graph in the model's folder that is used instead of a derived one.

use crate::gradient::rules::RULES;
use crate::gradient::{GradientModel, Rules, SEED, cotangent_name, value_name};
use crate::onnx::{Facts, Model};
use crate::runtime::{Graph, Source};

/// Reads the gradient graph beside the model, where there is one, and checks it against the model.
///
/// # Errors
/// What cannot be read or does not fit, in words.
pub(super) fn read(
    source: &Source,
    facts: &Facts,
    logits: &str,
) -> Result<Option<GradientModel>, String> {
    let name = |cause| format!("gradient.onnx: {cause}");
    let Some(model) = source.read_gradient().map_err(|error| name(error.cause()))? else {
        return Ok(None);
    };
    checked(model, facts, logits).map(Some).map_err(name)
}

fn checked(model: Model, facts: &Facts, logits: &str) -> Result<GradientModel, String> {
    let name = &model.graph().name;
    let is_gradient = |rules: &Rules| rules.name == Rules::GRADIENT.name;
    let others = RULES.iter().filter(|rules| !is_gradient(rules));
    if let Some(rules) = others.into_iter().find(|rules| name.starts_with(&rules.graph_name(""))) {
        return Err(format!(
            "it has the backward rules {:?}, not those of the gradient; remove it, or derive it \
             without --rules",
            rules.name
        ));
    }
    let inputs: Vec<String> = model.inputs().iter().map(|input| input.name.clone()).collect();
    let Some((seed, residuals)) = inputs.split_first().filter(|(seed, _)| *seed == SEED) else {
        return Err(format!("its first input is not {SEED:?}"));
    };
    let shape = |value: &str| facts.shape(value).map(<[usize]>::to_vec);
    let mut shapes = vec![
        shape(logits)
            .ok_or_else(|| format!("{seed:?} is for {logits:?}, whose shape is not known"))?,
    ];
    for residual in residuals {
        let unknown = || format!("it reads {residual:?}, which the model does not compute");
        shapes.push(shape(residual).ok_or_else(unknown)?);
    }
    let graph = Graph::read(&model, &shapes).map_err(|error| error.to_string())?;
    let computed = graph.facts();
    for output in model.outputs() {
        let stray = || format!("its output {:?} is not grad/ and a layer's name", output.name);
        let layer = value_name(&output.name).and_then(shape).ok_or_else(stray)?;
        let found = computed.shape(&output.name).unwrap_or_default();
        if found != layer {
            let name = &output.name;
            return Err(format!("its output {name:?} has shape {found:?}, the layer {layer:?}"));
        }
    }
    let residuals = residuals.to_vec();
    let (references, shared, engine_nodes) = Default::default();
    Ok(GradientModel { model, residuals, references, shared, engine_nodes })
}

/// Whether the gradient graph gives the cotangents of all `values`.
pub(super) fn gives(gradient: &GradientModel, values: &[&str]) -> bool {
    let outputs = gradient.model.outputs();
    let is_output = |name: String| outputs.iter().any(|output| output.name == name);
    values.iter().all(|value| is_output(cotangent_name(value)))
}
