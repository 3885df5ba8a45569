use std::ops::Range;

use ndarray::{ArrayView2, ArrayViewMut2, Axis};

/// A rectangle of the picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) rows: Range<usize>,
    pub(super) columns: Range<usize>,
}

impl Window {
    /// The number of pixels.
    pub(super) fn area(&self) -> usize {
        self.rows.len() * self.columns.len()
    }

    /// This part of a channel.
    pub(super) fn of<'a, T>(&self, mut channel: ArrayView2<'a, T>) -> ArrayView2<'a, T> {
        channel.slice_axis_inplace(Axis(0), self.rows.clone().into());
        channel.slice_axis_inplace(Axis(1), self.columns.clone().into());
        channel
    }

    /// This part of a channel, to be changed.
    pub(super) fn of_mut<'a, T>(&self, mut channel: ArrayViewMut2<'a, T>) -> ArrayViewMut2<'a, T> {
        channel.slice_axis_inplace(Axis(0), self.rows.clone().into());
        channel.slice_axis_inplace(Axis(1), self.columns.clone().into());
        channel
    }
}
