use std::collections::{HashMap, HashSet};

use super::module_scopes::{ModuleScopes, is_within};
use super::{Elements, Model, Topology};

/// The names of values by the modules of the original network.
///
/// A module's name is that of its last value that is read outside of the module, which is the
/// module's output. Other values of the module have the module's name and their operator:
/// `layer4.1.add`. A name that is the ONNX name of another value is not given.
#[derive(Debug, Clone)]
pub struct LayerNames {
    name_of: HashMap<String, String>,
    module_of: HashMap<String, String>,
    /// What stands between a module and the module inside it.
    separator: char,
    value_of: HashMap<String, String>,
}

impl LayerNames {
    /// Reads the names from what exporters write into a file.
    #[must_use]
    pub fn of(model: &Model, topology: &Topology) -> Self {
        let scopes = ModuleScopes::of(model, topology);
        let outputs = module_outputs(model, topology, &scopes);
        let graph = model.graph();
        let computed = graph.node.iter().flat_map(|node| &node.output);
        let given = graph.input.iter().map(|input| &input.name);
        let values: HashSet<&str> = computed.chain(given).map(String::as_str).collect();
        let mut names = Self {
            name_of: HashMap::new(),
            module_of: HashMap::new(),
            separator: scopes.separator,
            value_of: HashMap::new(),
        };
        let mut counts: HashMap<String, usize> = HashMap::new();
        for &index in topology.order() {
            let node = topology.node(index);
            let Some(value) = node.output.first().map(String::as_str) else { continue };
            let Some(module) = scopes.module(value) else { continue };
            names.module_of.insert(value.to_owned(), module.to_owned());
            let is_free = |name: &str| name == value || !values.contains(name);
            let is_unused = |name: &str| is_free(name) && !outputs.contains_key(name);
            let qualified = match (module, node.op_type.to_lowercase()) {
                ("", operator) => operator,
                (module, operator) => format!("{module}{}{operator}", scopes.separator),
            };
            let count = counts.entry(qualified.clone()).or_default();
            let qualified = if *count == 0 { qualified } else { format!("{qualified}_{count}") };
            *count += 1;
            if outputs.get(module) == Some(&value) && is_free(module) {
                names.name_of.insert(value.to_owned(), module.to_owned());
            } else if is_unused(&qualified) {
                names.name_of.insert(value.to_owned(), qualified.clone());
            }
            if is_unused(&qualified) {
                names.value_of.insert(qualified, value.to_owned());
            }
        }
        let modules = outputs.iter().filter(|(module, _)| !values.contains(*module));
        for (module, value) in modules {
            names.value_of.insert((*module).to_owned(), (*value).to_owned());
        }
        names.add_weights(model, &values);
        names
    }

    /// The name of `value` by its module. None where the file tells no module.
    #[must_use]
    pub fn module(&self, value: &str) -> Option<String> {
        self.name_of.get(value).cloned()
    }

    /// The name by which `value` is shown.
    #[must_use]
    pub fn name<'n>(&'n self, value: &'n str) -> &'n str {
        self.name_of.get(value).map_or(value, String::as_str)
    }

    /// Whether `value` was computed outside of the module of PyTorch that computed `source`. Layers
    /// of Keras do not contain each other, so nothing follows from theirs.
    #[must_use]
    pub fn is_outside(&self, value: &str, source: &str) -> bool {
        if self.separator != '.' {
            return false;
        }
        let (inner, outer) = (self.module_of.get(value), self.module_of.get(source));
        inner.zip(outer).is_some_and(|(inner, outer)| !is_within(inner, outer, self.separator))
    }

    /// The value that a module's name means.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&str> {
        self.value_of.get(name).map(String::as_str)
    }

    /// Every name that [`value`](Self::value) knows.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.value_of.keys().map(String::as_str)
    }

    /// A module of PyTorch that the exporter has fused with the next one is known by its weights:
    /// `conv1.weight` belongs to `conv1`.
    fn add_weights(&mut self, model: &Model, values: &HashSet<&str>) {
        if self.value_of.is_empty() {
            return;
        }
        let stored: HashSet<&str> =
            model.graph().initializer.iter().map(|tensor| tensor.name.as_str()).collect();
        for node in &model.graph().node {
            let Some(value) = node.output.first() else { continue };
            let weights = node.input.iter().filter(|name| stored.contains(name.as_str()));
            for module in weights.filter_map(|name| name.strip_suffix(".weight")) {
                if !values.contains(module) {
                    self.value_of.entry(module.to_owned()).or_insert_with(|| value.clone());
                }
            }
        }
    }
}

/// The output of every module: the last of its values that is read outside of the module.
fn module_outputs<'s>(
    model: &'s Model,
    topology: &Topology<'s>,
    scopes: &'s ModuleScopes<'s>,
) -> HashMap<&'s str, &'s str> {
    let ends: HashSet<&str> = model.outputs().iter().map(|output| output.name.as_str()).collect();
    let mut outputs = HashMap::new();
    for &index in topology.order() {
        let Some(value) = topology.node(index).output.first().map(String::as_str) else { continue };
        let Some(module) = scopes.module(value) else { continue };
        let readers: Vec<Option<&str>> = topology
            .consumers(value)
            .map(|node| node.output.first().and_then(|output| scopes.module(output)))
            .collect();
        for enclosing in scopes.enclosing(module) {
            let is_outside = |reader: &Option<&str>| {
                reader.is_none_or(|reader| !is_within(reader, enclosing, scopes.separator))
            };
            if ends.contains(value) || readers.is_empty() || readers.iter().any(is_outside) {
                outputs.insert(enclosing, unreshaped(value, enclosing, topology, scopes));
            }
        }
    }
    outputs
}

/// The value of the module `outer` that has the elements of `value` before `Squeeze` and `Reshape`.
fn unreshaped<'s>(
    value: &'s str,
    outer: &str,
    topology: &Topology<'s>,
    scopes: &ModuleScopes<'s>,
) -> &'s str {
    let mut value = value;
    while let Some(node) =
        topology.producer(value).filter(|it| Elements::after(it) == Elements::Kept)
        && let Some(source) = node.input.first()
        && scopes.module(source).is_some_and(|module| is_within(module, outer, scopes.separator))
    {
        value = source;
    }
    value
}
