//! Finer-CAM (Zhang et al. 2025, <https://arxiv.org/abs/2501.11309>).

use crate::attribution::aug_smooth::AUG_SMOOTH;
use crate::attribution::cam::{EIGEN_SMOOTH, WeightedSum, Weights};
use crate::attribution::{
    AttributionError, Class, Family, Integer, Map, Method, MethodParameter, Need, Number, Options,
    Range, Resolution, Session,
};
use crate::config::ParameterError;
use crate::explain::{Score, Target, probabilities};

const AGAINST: Class = Class {
    name: "against",
    help: "the class from which the explained one is told apart, in place of the references",
};

const REFERENCES: Integer = Integer {
    name: "references",
    range: [1, 100],
    default: Some(3),
    help: "how many classes with the nearest logits the explained one is told apart from",
};

const GAMMA: Number =
    Number { name: "gamma", range: [0.0, 1.0], default: 0.6, help: "weight of the other classes" };

pub(super) const METHOD: Method = Method {
    name: "finercam",
    title: "Finer-CAM",
    family: Family::Cam,
    summary: "Shows what tells the class apart from similar ones.",
    paper: "https://arxiv.org/abs/2501.11309",
    formula: "sum over k of mean_ij(∂s/∂A_k)·A_k, s = z_c − γ·mean of z_d, z the logits",
    resolution: Resolution::Layer,
    range: Range::Positive,
    class_sensitive: true,
    parameters: &[
        MethodParameter::Class(AGAINST),
        MethodParameter::Integer(REFERENCES),
        MethodParameter::Number(GAMMA),
        MethodParameter::Switch(EIGEN_SMOOTH),
        MethodParameter::Switch(AUG_SMOOTH),
    ],
    needs: &[Need::ChannelSums],
    passes: |_, _| 1,
    same_as: |_| None,
    run: finercam,
};

/// Grad-CAM of the class's logit less γ times the mean logit of other classes: what tells the class
/// apart from them. It is always of the logits. The mean is plain, as in torchcam.
fn finercam(session: &Session, options: &Options) -> Result<Map, AttributionError> {
    let target = session.target();
    let others = match options.class(&AGAINST) {
        Some(class) if class == target.class => return Err(against_itself(class).into()),
        Some(class) => vec![class],
        None => nearest_classes(session, options.integer(&REFERENCES))?,
    };
    let logits = session.logits();
    let seed = |class| Target { class, score: Score::Logit, ..target }.seed(logits);
    let mut cotangent = seed(target.class)?.cotangent;
    let weight = options.number(&GAMMA) / others.len().max(1) as f64;
    for class in others {
        for (sum, other) in cotangent.iter_mut().zip(seed(class)?.cotangent) {
            *sum -= weight as f32 * other;
        }
    }
    let weights = Weights::Channels(session.with_cotangent(cotangent).channel_sums()?);
    let (_, height, width) = session.activations()?.dim();
    let mean = 1.0 / (height * width) as f64;
    let map = WeightedSum::of(session, &weights, options)?.in_seed_units(mean);
    Ok(Map { ln_scale: Some(0.0), score: Some(Score::Logit), ..map })
}

/// The `count` other classes whose logits are nearest to that of the session's class.
fn nearest_classes(session: &Session, count: usize) -> Result<Vec<usize>, AttributionError> {
    let target = session.target();
    let classes = probabilities(session.logits(), target.activation).len();
    let logit = |class| Target { class, score: Score::Logit, ..target }.score(session.logits());
    let own = logit(target.class)?;
    let mut distances = Vec::with_capacity(classes);
    for class in (0..classes).filter(|&class| class != target.class) {
        distances.push(((logit(class)? - own).abs(), class));
    }
    distances.sort_by(|a, b| a.0.total_cmp(&b.0));
    Ok(distances.into_iter().take(count).map(|(_, class)| class).collect())
}

fn against_itself(class: usize) -> ParameterError {
    ParameterError::Invalid {
        name: AGAINST.name,
        value: class.to_string(),
        expected: "a class other than the one that is explained".to_owned(),
    }
}
