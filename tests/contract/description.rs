use std::sync::OnceLock;

use serde_json::{Map, Value};

/// The parsed `openapi.yaml`.
pub(crate) struct Description {
    root: Value,
}

/// One method of one path.
#[derive(Clone, Copy)]
pub(crate) struct Operation<'a> {
    pub(crate) path: &'a str,
    pub(crate) method: &'a str,
    pub(crate) content: &'a Value,
}

impl Description {
    pub(crate) fn get() -> &'static Self {
        static DESCRIPTION: OnceLock<Description> = OnceLock::new();
        DESCRIPTION.get_or_init(|| {
            let root = serde_norway::from_str(include_str!("../../openapi.yaml")).unwrap();
            Self { root }
        })
    }

    pub(crate) fn root(&self) -> &Value {
        &self.root
    }

    pub(crate) fn operations(&self) -> impl Iterator<Item = Operation<'_>> {
        let paths = self.root["paths"].as_object().unwrap();
        paths.iter().flat_map(|(path, item)| {
            let methods = item.as_object().unwrap().iter();
            methods.map(move |(method, content)| Operation { path, method, content })
        })
    }

    /// The operation that answers `method` at the concrete path `path`.
    pub(crate) fn operation(&self, method: &str, path: &str) -> Option<Operation<'_>> {
        let matches = |template: &str| {
            let (template, path) = (template.split('/'), path.split('/'));
            template.clone().count() == path.clone().count()
                && template.zip(path).all(|(a, b)| match a.split_once('}') {
                    Some((_, verb)) => b.ends_with(verb),
                    None => a == b,
                })
        };
        self.operations().find(|it| it.method.eq_ignore_ascii_case(method) && matches(it.path))
    }

    /// `value`, or the target of its `$ref`.
    pub(crate) fn follow<'a>(&'a self, value: &'a Value) -> &'a Value {
        match value.get("$ref").and_then(Value::as_str) {
            Some(reference) => {
                let target = self.root.pointer(reference.trim_start_matches('#'));
                self.follow(target.unwrap_or_else(|| panic!("{reference} has no target")))
            }
            None => value,
        }
    }

    /// The keywords of a schema, merged with those of its references and of `allOf`.
    pub(crate) fn merged(&self, schema: &Value) -> Map<String, Value> {
        let mut merged = Map::new();
        for (key, value) in self.follow(schema).as_object().unwrap() {
            match (key.as_str(), value) {
                ("allOf", Value::Array(parts)) => {
                    for (key, value) in parts.iter().flat_map(|part| self.merged(part)) {
                        merge(&mut merged, key, value);
                    }
                }
                _ => merge(&mut merged, key.clone(), value.clone()),
            }
        }
        merged
    }

    /// The violations of `schema` in `instance`.
    pub(crate) fn violations(&self, schema: &Value, instance: &Value) -> Vec<String> {
        super::schema::violations(schema, instance)
    }
}

/// Merges objects such as `properties`. Any other value replaces the earlier one.
fn merge(into: &mut Map<String, Value>, key: String, value: Value) {
    match (into.get_mut(&key), value) {
        (Some(Value::Object(there)), Value::Object(more)) => there.extend(more),
        (_, value) => {
            into.insert(key, value);
        }
    }
}
