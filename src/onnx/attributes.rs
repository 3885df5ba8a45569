use super::pb::{GraphProto, NodeProto, TensorProto, attribute_proto::AttributeType};

/// Reads a node's attributes. The caller gives the default of the ONNX specification.
pub trait Attributes {
    /// Whether the node carries the attribute at all.
    fn has(&self, name: &str) -> bool;
    /// An integer, or `default` where the attribute is absent.
    fn int(&self, name: &str, default: i64) -> i64;
    /// A float, or `default` where the attribute is absent.
    fn float(&self, name: &str, default: f32) -> f32;
    /// A string, where present and UTF-8.
    fn string(&self, name: &str) -> Option<&str>;
    /// A list of integers, where present.
    fn ints(&self, name: &str) -> Option<&[i64]>;
    /// A list of floats, where present.
    fn floats(&self, name: &str) -> Option<&[f32]>;
    /// A tensor, where present.
    fn tensor(&self, name: &str) -> Option<&TensorProto>;
    /// The graphs that control-flow operators (`If`, `Loop`) carry.
    fn graphs(&self) -> impl Iterator<Item = &GraphProto>;
}

impl Attributes for NodeProto {
    fn has(&self, name: &str) -> bool {
        self.attribute.iter().any(|a| a.name == name)
    }

    fn int(&self, name: &str, default: i64) -> i64 {
        self.attribute.iter().find(|a| a.name == name).map_or(default, |a| a.i)
    }

    fn float(&self, name: &str, default: f32) -> f32 {
        self.attribute.iter().find(|a| a.name == name).map_or(default, |a| a.f)
    }

    fn string(&self, name: &str) -> Option<&str> {
        let attribute = self.attribute.iter().find(|a| a.name == name)?;
        std::str::from_utf8(&attribute.s).ok()
    }

    fn ints(&self, name: &str) -> Option<&[i64]> {
        self.attribute.iter().find(|a| a.name == name).map(|a| a.ints.as_slice())
    }

    fn floats(&self, name: &str) -> Option<&[f32]> {
        self.attribute.iter().find(|a| a.name == name).map(|a| a.floats.as_slice())
    }

    fn tensor(&self, name: &str) -> Option<&TensorProto> {
        self.attribute.iter().find(|a| a.name == name)?.t.as_ref()
    }

    fn graphs(&self) -> impl Iterator<Item = &GraphProto> {
        self.attribute
            .iter()
            .filter(|a| a.r#type == AttributeType::Graph as i32)
            .filter_map(|a| a.g.as_ref())
    }
}
