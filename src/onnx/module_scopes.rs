//! The module of the original network that computed each value, as exporters write it.

use std::collections::HashMap;

use super::pb::NodeProto;
use super::{Model, Topology};

/// The module of every value whose module the file tells.
pub(super) struct ModuleScopes<'m> {
    /// What stands between a module and the module inside it.
    pub(super) separator: char,
    by_value: HashMap<&'m str, String>,
}

/// The most modules around a value that are known. Without a limit, a path of a million parts would
/// take hours.
const MAX_DEPTH: usize = 32;

impl<'m> ModuleScopes<'m> {
    /// Reads the modules that one of these exporters has written:
    ///
    /// - `torch.onnx.export(dynamo=True)`: the metadata `pkg.torch.onnx.name_scopes`;
    /// - `torch.onnx.export(dynamo=False)`: values such as
    ///   `/features/features.7/features.7.0/block/block.3/Conv_output_0`;
    /// - Keras and tf2onnx: values such as `StatefulPartitionedCall/model/conv1/Relu:0`.
    pub(super) fn of(model: &'m Model, topology: &Topology<'m>) -> Self {
        let nodes: Vec<&NodeProto> = model.graph().node.iter().collect();
        let scoped = |scope: &dyn Fn(&NodeProto) -> Option<String>| -> HashMap<&'m str, String> {
            let computed =
                nodes.iter().filter_map(|node| Some((*node, node.output.first()?.as_str())));
            let computed = computed.filter(|(_, value)| !topology.is_constant(value));
            computed.filter_map(|(node, value)| Some((value, scope(node)?))).collect()
        };
        let by_value = scoped(&|node| name_scope(model.name_scopes().get(node.output.first()?)?));
        if !by_value.is_empty() {
            return Self { separator: '.', by_value };
        }
        // Outputs of the graph have names of their own, so the node's name is read for them. The
        // nodes of a file whose values have other names do not count.
        let is_written = |path: fn(&str) -> Option<String>| {
            nodes.iter().flat_map(|node| &node.output).any(|value| path(value).is_some())
        };
        let paths = |path: fn(&str) -> Option<String>| {
            scoped(&|node| path(node.output.first()?).or_else(|| path(&node.name)))
        };
        if is_written(torch_path) {
            Self { separator: '.', by_value: with_merged_calls(model, paths(torch_path)) }
        } else if is_written(|value| keras_path(value.strip_suffix(":0")?)) {
            Self { separator: '/', by_value: without_network(paths(keras_path)) }
        } else {
            Self { separator: '/', by_value: HashMap::new() }
        }
    }

    /// The path of the module that computed `value`. It is empty for the whole network.
    pub(super) fn module(&self, value: &str) -> Option<&str> {
        self.by_value.get(value).map(String::as_str)
    }

    /// `module` and every module around it, the innermost first.
    pub(super) fn enclosing<'p>(&self, module: &'p str) -> impl Iterator<Item = &'p str> {
        let separator = self.separator;
        let outer = move |inner: &&'p str| inner.rsplit_once(separator).map(|(outer, _)| outer);
        let modules = std::iter::successors(Some(module).filter(|it| !it.is_empty()), outer);
        modules.take(MAX_DEPTH)
    }
}

/// Whether `inner` is `outer` or a module in it.
pub(super) fn is_within(inner: &str, outer: &str, separator: char) -> bool {
    inner
        .strip_prefix(outer)
        .is_some_and(|rest| rest.is_empty() || outer.is_empty() || rest.starts_with(separator))
}

/// The module in a list such as `['', 'layer4', 'layer4.1', 'layer4.1.relu', 'relu_16']`. The last
/// entry is the operation.
fn name_scope(list: &str) -> Option<String> {
    let quote = |symbol: char| matches!(symbol, '\'' | '"');
    let entries: Vec<&str> =
        list.trim_matches(['[', ']']).split(", ").map(|entry| entry.trim_matches(quote)).collect();
    let (_, modules) = entries.split_last()?;
    modules.last().map(|&module| module.to_owned())
}

/// The module in a path such as `/features/features.7/features.7.0/block/block.3/Conv_output_0`. A
/// component that begins with the one before it takes its place, as children of a `Sequential` do.
fn torch_path(name: &str) -> Option<String> {
    let (modules, _) = name.strip_prefix('/')?.rsplit_once('/').unwrap_or_default();
    let mut path: Vec<&str> = Vec::new();
    for component in modules.split('/').filter(|component| !component.is_empty()) {
        let is_child = |parent: &&str| {
            component.strip_prefix(parent).is_some_and(|rest| rest.starts_with('.'))
        };
        if path.last().is_some_and(is_child) {
            path.pop();
        }
        path.push(component);
    }
    Some(path.join("."))
}

/// The layer in a path such as `StatefulPartitionedCall/model/conv1/Relu:0`.
fn keras_path(name: &str) -> Option<String> {
    let path = name.trim_start_matches("StatefulPartitionedCall/");
    let (layers, _) = path.rsplit_once('/').filter(|(layers, _)| !layers.is_empty())?;
    // A scope inside the layer `BatchNormalization`.
    Some(layers.trim_end_matches("/batchnorm").to_owned())
}

/// Without the name of the network, where it begins every path. Keras numbers what it traces again:
/// `conv1` becomes `conv1_1`. A number that the network and all its layers have is left out.
fn without_network(by_value: HashMap<&str, String>) -> HashMap<&str, String> {
    let first = |path: &String| path.split('/').next().unwrap_or_default().to_owned();
    let Some(network) = by_value.values().next().map(first) else { return by_value };
    if !by_value.values().all(|path| first(path) == network) {
        return by_value;
    }
    let number = network.rsplit_once('_').map(|(_, number)| format!("_{number}"));
    let number = number.filter(|number| {
        let is_numbered =
            |path: &String| path.split('/').nth(1).is_none_or(|it| it.ends_with(number));
        number[1..].parse::<usize>().is_ok() && by_value.values().all(is_numbered)
    });
    let inner = |path: String| {
        let mut layers = path.split('/').skip(1).map(str::to_owned).collect::<Vec<_>>();
        if let (Some(layer), Some(number)) = (layers.first_mut(), &number) {
            layer.truncate(layer.len() - number.len());
        }
        layers.join("/")
    };
    by_value.into_iter().map(|(value, path)| (value, inner(path))).collect()
}

/// The exporter calls the second call of the module `relu` `relu_1`. Such a path becomes `relu` if
/// both have the same operators and the same weights.
fn with_merged_calls<'m>(
    model: &'m Model,
    mut by_value: HashMap<&'m str, String>,
) -> HashMap<&'m str, String> {
    let mut operators: HashMap<String, Vec<(&str, Vec<&str>)>> = HashMap::new();
    let stored: std::collections::HashSet<&str> =
        model.graph().initializer.iter().map(|tensor| tensor.name.as_str()).collect();
    for node in &model.graph().node {
        let Some(path) = node.output.first().and_then(|value| by_value.get(value.as_str())) else {
            continue;
        };
        let weights = node.input.iter().map(String::as_str).filter(|name| stored.contains(name));
        operators.entry(path.clone()).or_default().push((&node.op_type, weights.collect()));
    }
    for path in by_value.values_mut() {
        let Some((module, number)) = path.rsplit_once('_') else { continue };
        let is_call = number.bytes().all(|byte| byte.is_ascii_digit())
            && operators.get(module).is_some_and(|first| operators.get(path) == Some(first));
        if is_call {
            *path = module.to_owned();
        }
    }
    by_value
}

#[cfg(test)]
mod tests {
    use super::{keras_path, name_scope, torch_path};

    #[test]
    fn modules_are_read_from_what_exporters_write() {
        let scopes = "['', 'layer4', 'layer4.1', 'layer4.1.relu', 'relu_16']";
        assert_eq!(name_scope(scopes).as_deref(), Some("layer4.1.relu"));
        assert_eq!(name_scope("['', 'flatten']").as_deref(), Some(""));
        let cases = [
            (
                "/features/features.7/features.7.0/block/block.3/block.3.0/Conv_output_0",
                Some("features.7.0.block.3.0"),
            ),
            ("/layer4/layer4.1/Add_output_0", Some("layer4.1")),
            ("/vit/encoder/layer.0/attention/MatMul", Some("vit.encoder.layer.0.attention")),
            ("/Flatten_output_0", Some("")),
            ("relu_16", None),
        ];
        for (name, expected) in cases {
            assert_eq!(torch_path(name).as_deref(), expected, "{name}");
        }
        let keras = "StatefulPartitionedCall/model/conv1/Relu:0";
        assert_eq!(keras_path(keras).as_deref(), Some("model/conv1"));
        assert_eq!(keras_path("relu_16"), None);
    }
}
