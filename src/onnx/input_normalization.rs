//! What a graph itself does to the picture before its first layer.

use super::pb::{NodeProto, TensorProto};
use super::{Model, Topology, read_floats, read_ints};

/// The normalization at the start of a graph: `scale · value + offset` for each of three channels,
/// in the order in which the picture is given.
#[derive(Debug, Clone, PartialEq)]
pub struct InputNormalization {
    /// The factor of each channel.
    pub scale: [f32; 3],
    /// What is added to each channel.
    pub offset: [f32; 3],
    /// Whether the graph reverses the order of the channels.
    pub reverses_channels: bool,
    /// Whether the graph scales or shifts the values.
    pub normalizes: bool,
}

/// The most nodes that are read.
const MAX_NODES: usize = 16;

impl InputNormalization {
    /// Reads the additions, products and reversals by constants that follow the input `input`.
    #[must_use]
    pub fn of(model: &Model, topology: &Topology, input: &str) -> Self {
        let mut found =
            Self { scale: [1.0; 3], offset: [0.0; 3], reverses_channels: false, normalizes: false };
        let mut value = input;
        for _ in 0..MAX_NODES {
            let mut consumers = topology.consumers(value);
            let (Some(node), None) = (consumers.next(), consumers.next()) else { break };
            let Some(output) = node.output.first() else { break };
            if found.add(node, value, model).is_none() {
                break;
            }
            value = output;
        }
        if found.reverses_channels {
            found.scale.reverse();
            found.offset.reverse();
        }
        found
    }

    /// Adds what `node` does to `value`. None where the node does something else.
    fn add(&mut self, node: &NodeProto, value: &str, model: &Model) -> Option<()> {
        let is_first = node.input.first().is_some_and(|first| first == value);
        match (node.op_type.as_str(), is_first) {
            ("Cast" | "Identity" | "Transpose", _) => return Some(()),
            ("Gather", true) => return self.reverse(ints(model, node.input.get(1)?)? == [2, 1, 0]),
            ("Slice", true) => return self.reverse(ints(model, node.input.get(4)?)? == [-1]),
            _ => {}
        }
        let other = node.input.iter().find(|name| *name != value)?;
        let constant = floats(model, other)?;
        for (channel, &number) in constant.iter().enumerate() {
            let (scale, offset) = (&mut self.scale[channel], &mut self.offset[channel]);
            (*scale, *offset) = match (node.op_type.as_str(), is_first) {
                ("Mul", _) => (*scale * number, *offset * number),
                ("Div", true) => (*scale / number, *offset / number),
                ("Add", _) => (*scale, *offset + number),
                ("Sub", true) => (*scale, *offset - number),
                ("Sub", false) => (-*scale, number - *offset),
                _ => return None,
            };
        }
        self.normalizes = true;
        Some(())
    }

    fn reverse(&mut self, is_reversal: bool) -> Option<()> {
        is_reversal.then(|| {
            self.reverses_channels = !self.reverses_channels;
            self.scale.reverse();
            self.offset.reverse();
        })
    }

    /// Whether the graph takes values from 0 to 255; otherwise from 0 to 1. Networks compute with
    /// values of a few units, or with 0 to 255 around a mean that is subtracted. None where the
    /// graph does not normalize.
    #[must_use]
    pub fn takes_pixels(&self) -> Option<bool> {
        let scale = self.scale[1].abs();
        let subtracts_pixels = self.offset.iter().any(|offset| offset.abs() > 16.0);
        self.normalizes.then_some(scale * 255.0 <= 16.0 || subtracts_pixels)
    }

    /// Whether the graph takes blue first. Over photographs red has the largest mean and blue the
    /// least. A graph that reverses the channels without different means takes blue first, because
    /// most networks compute with RGB. None where nothing tells.
    #[must_use]
    pub fn takes_bgr(&self) -> Option<bool> {
        let mean = |channel: usize| -self.offset[channel] / self.scale[channel];
        let means = [mean(0), mean(1), mean(2)];
        if means[0] < means[1] && means[1] < means[2] {
            Some(true)
        } else if means[0] > means[1] && means[1] > means[2] {
            Some(false)
        } else {
            self.reverses_channels.then_some(true)
        }
    }
}

fn stored<'m>(model: &'m Model, name: &str) -> Option<&'m TensorProto> {
    model.stored_tensors().find(|(stored, _)| *stored == name).map(|(_, tensor)| tensor)
}

fn ints(model: &Model, name: &str) -> Option<Vec<i64>> {
    let tensor = stored(model, name)?;
    read_ints(tensor).ok().filter(|_| tensor.dims.iter().product::<i64>() <= 3)
}

/// A stored constant of one number, or one for each of three channels.
fn floats(model: &Model, name: &str) -> Option<[f32; 3]> {
    let tensor = stored(model, name)?;
    if !matches!(tensor.dims.iter().product::<i64>(), 1 | 3) {
        return None;
    }
    match *read_floats(tensor).ok()?.as_slice() {
        [one] => Some([one; 3]),
        [a, b, c] => Some([a, b, c]),
        _ => None,
    }
}
