use std::sync::Arc;

use super::{Classifier, ServiceError};
use crate::attribution::{Explainability, Explainer};
use crate::evaluation::{random_weights, weighted_nodes};
use crate::runtime::{ForwardOutputs, Graph, Network};

impl Classifier {
    /// The number of nodes with weights that can be drawn anew.
    ///
    /// # Errors
    /// [`ServiceError::Internal`].
    pub(super) fn weighted_nodes(&self) -> Result<usize, ServiceError> {
        let nodes = weighted_nodes(self.network().graph()).map_err(ServiceError::internal)?;
        Ok(nodes.len())
    }

    /// The same model with the weights of its last `depth` weighted nodes drawn anew. It is
    /// compiled, and holds its own copy of all weights. A `gradient.onnx` beside the model has the
    /// weights of the model, so it is not used.
    ///
    /// # Errors
    /// [`ServiceError::Runtime`] and [`ServiceError::Internal`].
    pub(super) fn with_random_weights(
        &self,
        depth: usize,
        seed: u64,
    ) -> Result<Self, ServiceError> {
        let (network, info) = (self.network(), self.info());
        let elsewhere = network.graph().without_data();
        let model = network.graph().clone().with_weights(network.tensors(&elsewhere)?);
        let model = random_weights(model, depth, seed).map_err(ServiceError::internal)?;
        let graph = Graph::read(&model, &[info.settings().input_shape().to_vec()])?;
        let (facts, weights) = (Arc::new(graph.facts()), graph.weights(&model));
        let model = model.without_weights(|name| weights.contains(name));
        let head = info.head();
        let outputs = ForwardOutputs {
            scores: vec![head.logits.clone(), head.output.clone()],
            layers: info.layers().iter().map(|layer| layer.value.clone()).collect(),
        };
        let (name, input, engine) = (network.name(), network.input_name(), network.engine());
        let network =
            Network::compile(name, model, graph, weights, facts, input, &outputs, engine)?;
        let (network, input) = (Arc::new(network), self.explainer().input().clone());
        let explainability = Explainability::default();
        let explainer = Explainer::new(
            Arc::clone(&network),
            input,
            &head.logits,
            explainability,
            info.attentions().clone(),
        );
        Ok(Self::of_parts(info.clone(), network, explainer))
    }
}
