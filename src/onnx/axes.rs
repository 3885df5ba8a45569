//! What lies along each axis of a value: channels, rows or columns, through reshapes and
//! transposes.

use super::Grid;
use crate::config::Layout;

/// What a part of an axis is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Channels,
    Rows,
    Columns,
    /// Tokens: prefix tokens, then the positions row by row.
    Tokens(Positions),
    /// Anything else, such as a part of the prefix tokens.
    Other,
}

/// The positions along one axis of tokens. They stand row by row behind the prefix tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Positions {
    /// Class, distillation and register tokens, which have no place in the picture.
    pub(super) prefix: usize,
    pub(super) height: usize,
    pub(super) width: usize,
}

impl Positions {
    /// The number of tokens.
    pub(super) fn tokens(self) -> usize {
        self.prefix + self.height * self.width
    }
}

/// A part of the rows, the columns or the channels. A reshape from H rows to a × b divides them
/// into a blocks of b rows: a part of extent a and stride b, and one of extent b and stride 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Part {
    role: Role,
    extent: usize,
    /// How many rows lie between two elements of this part.
    stride: usize,
    /// How many rows there are.
    whole: usize,
}

/// The parts along one axis, the slowest first. An axis of one element has none. In particular the
/// batch has none, because it is one picture.
type Axis = Vec<Part>;

/// The axes of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Axes(Vec<Axis>);

impl Axes {
    /// The axes of a picture or a feature map of this layout and shape.
    pub(super) fn of(layout: Layout, shape: &[usize]) -> Self {
        use Role::{Channels, Columns, Other, Rows};
        let roles = match layout {
            Layout::Nchw => [Other, Channels, Rows, Columns],
            Layout::Nhwc => [Other, Rows, Columns, Channels],
        };
        Self(roles.into_iter().zip(shape).map(|(role, &extent)| whole(role, extent)).collect())
    }

    /// The grid, if rows and columns are whole and in order. The order of channels is not known.
    pub(super) fn grid(&self) -> Option<Grid> {
        self.layout().map(Grid::from).or_else(|| {
            let mut axes = self.0.iter().filter(|axis| !axis.is_empty());
            let (tokens, channels) = (axes.next()?, axes.next()?);
            let are_last = axes.next().is_none() && is(channels, Role::Channels);
            let Positions { prefix, height, width } = positions(tokens).filter(|_| are_last)?;
            Some(Grid::Tokens { prefix, height, width })
        })
    }

    /// The positions along the axis at `index`, if it is one of tokens.
    pub(super) fn positions(&self, index: usize) -> Option<Positions> {
        positions(self.0.get(index)?)
    }

    /// Every axis of tokens, with its index.
    pub(super) fn token_axes(&self) -> impl Iterator<Item = (usize, Positions)> + '_ {
        let axes = self.0.iter().enumerate();
        axes.filter_map(|(index, axis)| Some((index, positions(axis)?)))
    }

    /// Whether no element along the axis at `index` is known to have a place in the picture.
    pub(super) fn lacks_positions(&self, index: usize) -> bool {
        self.0.get(index).is_some_and(|axis| {
            axis.iter().all(|part| matches!(part.role, Role::Channels | Role::Other))
        })
    }

    /// These axes with other tokens along the axis at `index`. None in `tokens` if they are not
    /// known; `extent` is their number.
    pub(super) fn with_tokens(
        &self,
        index: usize,
        extent: usize,
        tokens: Option<Positions>,
    ) -> Self {
        let mut axes = self.0.clone();
        if let Some(axis) = axes.get_mut(index) {
            *axis = match tokens {
                Some(tokens) if tokens.prefix == 0 => {
                    let rows = whole(Role::Rows, tokens.height);
                    [rows, whole(Role::Columns, tokens.width)].concat()
                }
                Some(tokens) => whole(Role::Tokens(tokens), extent),
                None => whole(Role::Other, extent),
            };
        }
        Self(axes)
    }

    /// The layout, if rows and columns are whole and in order.
    fn layout(&self) -> Option<Layout> {
        use Role::{Channels, Columns, Rows};
        let [batch, a, b, c] = self.0.as_slice() else { return None };
        let has = |roles: [Role; 3]| {
            batch.is_empty() && [a, b, c].into_iter().zip(roles).all(|(axis, role)| is(axis, role))
        };
        if has([Channels, Rows, Columns]) {
            return Some(Layout::Nchw);
        }
        has([Rows, Columns, Channels]).then_some(Layout::Nhwc)
    }

    /// The axes in the order of `perm`.
    pub(super) fn permuted(&self, perm: &[i64]) -> Option<Self> {
        let axis = |&from: &i64| self.0.get(usize::try_from(from).ok()?).cloned();
        perm.iter().map(axis).collect::<Option<_>>().map(Self)
    }

    /// The axes after a reshape to `shape`. None if it divides an axis into unequal parts.
    pub(super) fn reshaped(&self, shape: &[usize]) -> Option<Self> {
        let mut parts: Vec<Part> = self.0.iter().flatten().rev().copied().collect();
        let mut axis = |&extent: &usize| {
            let (mut axis, mut missing) = (Axis::new(), extent);
            while missing > 1 {
                let part = parts.pop()?;
                let taken = part.extent.min(missing);
                let is_divided = taken < part.extent && matches!(part.role, Role::Tokens(_));
                if is_divided || part.extent % taken != 0 || missing % taken != 0 {
                    return None;
                }
                let rest = part.extent / taken;
                axis.push(Part { extent: taken, stride: part.stride * rest, ..part });
                if rest > 1 {
                    parts.push(Part { extent: rest, ..part });
                }
                missing /= taken;
            }
            Some(axis)
        };
        shape.iter().map(&mut axis).collect::<Option<_>>().map(Self)
    }

    /// The axes of a value of shape `to` that is computed along these axes, of shape `from`. An
    /// axis whose extent changes has other elements of the same role.
    pub(super) fn resized(&self, from: &[usize], to: &[usize]) -> Self {
        let resized = |((axis, from), &to): ((&Axis, &usize), &usize)| match *from == to {
            true => axis.clone(),
            false => whole(common_role(axis), to),
        };
        Self(self.0.iter().zip(from).zip(to).map(resized).collect())
    }

    /// The axes of a concatenation of shape `to` along `axis`. The order of rows and columns is not
    /// known afterwards: a cyclic shift is such a concatenation.
    pub(super) fn concatenated(&self, from: &[usize], to: &[usize], axis: usize) -> Self {
        let mut result = self.resized(from, to);
        if let Some(joined) = result.0.get_mut(axis)
            && common_role(joined) != Role::Channels
        {
            *joined = whole(Role::Other, to[axis]);
        }
        result
    }

    /// These axes without axis `index`.
    pub(super) fn without(&self, index: usize) -> Option<Self> {
        let mut axes = self.0.clone();
        (index < axes.len()).then(|| axes.remove(index))?;
        Some(Self(axes))
    }

    /// The axes of this value times stored weights, which mix the elements of the last axis to
    /// `extent` others.
    pub(super) fn mixed_last(&self, extent: usize) -> Self {
        let mut axes = self.0.clone();
        if let Some(last) = axes.pop() {
            let merged = merged(&last, &mut axes);
            axes.push(if merged { whole(Role::Channels, extent) } else { mixed(&last, extent) });
        }
        Self(axes)
    }

    /// The axes of stored weights times this value: they mix the elements of the last axis but one.
    pub(super) fn mixed_rows(&self, extent: usize) -> Self {
        let mut axes = self.0.clone();
        if let Some(index) = axes.len().checked_sub(2) {
            axes[index] = mixed(&axes[index], extent);
        }
        Self(axes)
    }

    /// The axes of the matrix product of this and `other`.
    pub(super) fn times(&self, other: &Self) -> Self {
        let mut axes = self.0.clone();
        if let (Some(last), Some(columns)) = (axes.last_mut(), other.0.last()) {
            columns.clone_into(last);
        }
        Self(axes)
    }
}

/// An undivided axis.
fn whole(role: Role, extent: usize) -> Axis {
    let part = Part { role, extent, stride: 1, whole: extent };
    if extent == 1 { Axis::new() } else { vec![part] }
}

/// Weighted sums of channels are channels. Weighted sums of positions are not positions.
fn mixed(axis: &Axis, extent: usize) -> Axis {
    let is_channels = is(axis, Role::Channels);
    whole(if is_channels { Role::Channels } else { Role::Other }, extent)
}

/// Whether `last` has channels and the inner parts of rows and columns, as when 2 × 2 positions are
/// merged into one. The rows and columns of `others` are then those of the coarser grid.
fn merged(last: &Axis, others: &mut [Axis]) -> bool {
    let inner = |role: Role| {
        let mut parts: Vec<Part> = last.iter().filter(|it| it.role == role).copied().collect();
        parts.sort_by_key(|part| std::cmp::Reverse(part.stride));
        let extent: usize = parts.iter().map(|part| part.extent).product();
        let whole = parts.iter().map(|part| Part { whole: extent, ..*part });
        is(&whole.collect::<Vec<_>>(), role).then_some(extent)
    };
    let (Some(rows), Some(columns)) = (inner(Role::Rows), inner(Role::Columns)) else {
        return false;
    };
    let is_known = |part: &Part| matches!(part.role, Role::Channels | Role::Rows | Role::Columns);
    let has_channels = last.iter().any(|part| part.role == Role::Channels);
    if rows * columns == 1 || !has_channels || !last.iter().all(is_known) {
        return false;
    }
    for part in others.iter_mut().flatten() {
        let merged = match part.role {
            Role::Rows => rows,
            Role::Columns => columns,
            _ => 1,
        };
        part.stride /= merged;
        part.whole /= merged;
    }
    true
}

/// The role that all parts have.
fn common_role(axis: &Axis) -> Role {
    match axis.split_first() {
        Some((Part { role: Role::Tokens(_), .. }, _)) => Role::Other,
        Some((first, rest)) if rest.iter().all(|part| part.role == first.role) => first.role,
        _ => Role::Other,
    }
}

/// The positions along an axis, if it is one of tokens.
fn positions(axis: &[Part]) -> Option<Positions> {
    if let &[Part { role: Role::Tokens(tokens), extent, .. }] = axis {
        return Some(tokens).filter(|tokens| tokens.tokens() == extent);
    }
    let (rows, columns) = axis.split_at(axis.iter().take_while(|it| it.role == Role::Rows).count());
    let (height, width) = (rows.first()?.whole, columns.first()?.whole);
    let are_whole = is(rows, Role::Rows) && is(columns, Role::Columns);
    are_whole.then_some(Positions { prefix: 0, height, width })
}

/// Whether the axis has one element, or all elements of the role, rows and columns in order.
fn is(axis: &[Part], role: Role) -> bool {
    let Some(first) = axis.first() else { return true };
    let is_role = axis.iter().all(|part| part.role == role);
    let follows = |(slow, fast): (&Part, &Part)| {
        slow.stride == fast.stride * fast.extent && slow.whole == fast.whole
    };
    let is_whole = first.stride * first.extent == first.whole
        && axis.last().is_some_and(|last| last.stride == 1)
        && axis.iter().zip(&axis[1..]).all(follows);
    is_role && (is_whole || role == Role::Channels)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NCHW: [usize; 4] = [1, 6, 4, 10];

    fn axes() -> Axes {
        Axes::of(Layout::Nchw, &NCHW)
    }

    #[test]
    fn a_channel_shuffle_keeps_the_layout() {
        let groups = axes().reshaped(&[1, 2, 3, 4, 10]).unwrap().permuted(&[0, 2, 1, 3, 4]);
        let shuffled = groups.unwrap().reshaped(&NCHW).unwrap();
        assert_eq!(shuffled.layout(), Some(Layout::Nchw));
        assert_ne!(shuffled, axes());
    }

    #[test]
    fn windows_that_are_put_back_give_the_layout_again() {
        let last = axes().permuted(&[0, 2, 3, 1]).unwrap();
        let blocks = last.reshaped(&[1, 2, 2, 2, 5, 6]).unwrap();
        let windows = blocks.permuted(&[0, 1, 3, 2, 4, 5]).unwrap().reshaped(&[4, 10, 6]).unwrap();
        assert_eq!(windows.reshaped(&[1, 4, 10, 6]).unwrap().layout(), None);
        let blocks = windows.mixed_last(8).reshaped(&[1, 2, 2, 2, 5, 8]).unwrap();
        let back = blocks.permuted(&[0, 1, 3, 2, 4, 5]).unwrap().reshaped(&[1, 4, 10, 8]);
        assert_eq!(back.unwrap().layout(), Some(Layout::Nhwc));
    }

    #[test]
    fn tokens_become_a_feature_map_again() {
        let tokens = axes().reshaped(&[1, 6, 40]).unwrap().permuted(&[0, 2, 1]).unwrap();
        let scores = tokens.times(&tokens.permuted(&[0, 2, 1]).unwrap());
        let map = scores.times(&tokens).permuted(&[0, 2, 1]).unwrap().reshaped(&NCHW).unwrap();
        assert_eq!(map, axes());
        // Rows taken as columns, and positions that were mixed, are no feature map.
        assert_eq!(tokens.reshaped(&[1, 10, 4, 6]), None);
        let mixed = tokens.mixed_rows(40).permuted(&[0, 2, 1]).unwrap().reshaped(&NCHW);
        assert_eq!(mixed.unwrap().layout(), None);
    }

    #[test]
    fn positions_that_are_merged_give_a_coarser_grid() {
        let last = axes().permuted(&[0, 2, 3, 1]).unwrap();
        let blocks = last.reshaped(&[1, 2, 2, 5, 2, 6]).unwrap();
        let merged = blocks.permuted(&[0, 1, 3, 4, 2, 5]).unwrap().reshaped(&[1, 2, 5, 24]);
        let merged = merged.unwrap();
        assert_eq!(merged.grid(), None);
        let reduced = merged.mixed_last(12);
        assert_eq!(reduced.grid(), Some(Grid::Nhwc));
        let tokens = reduced.reshaped(&[1, 10, 12]).unwrap().grid();
        assert_eq!(tokens, Some(Grid::Tokens { prefix: 0, height: 2, width: 5 }));
    }

    #[test]
    fn tokens_behind_a_class_token_keep_their_places() {
        let tokens = axes().reshaped(&[1, 6, 40]).unwrap().permuted(&[0, 2, 1]).unwrap();
        assert_eq!(tokens.grid(), Some(Grid::Tokens { prefix: 0, height: 4, width: 10 }));
        let positions = tokens.positions(1).unwrap();
        let joined = tokens.with_tokens(1, 41, Some(Positions { prefix: 1, ..positions }));
        assert_eq!(joined.grid(), Some(Grid::Tokens { prefix: 1, height: 4, width: 10 }));
        let heads = joined.reshaped(&[1, 41, 2, 3]).unwrap().permuted(&[0, 2, 1, 3]).unwrap();
        let scores = heads.times(&heads.permuted(&[0, 1, 3, 2]).unwrap());
        let found: Vec<usize> = scores.token_axes().map(|(index, _)| index).collect();
        assert_eq!(found, [2, 3]);
        // The tokens are indivisible, because the prefix stands among them.
        assert_eq!(joined.with_tokens(1, 42, None).grid(), None);
        let even = Positions { prefix: 2, ..positions };
        assert_eq!(tokens.with_tokens(1, 42, Some(even)).reshaped(&[2, 21, 6]), None);
        assert_eq!(joined.with_tokens(1, 40, Some(positions)), tokens);
    }

    #[test]
    fn rows_that_were_shifted_are_in_no_known_order() {
        let kept = axes().resized(&NCHW, &[1, 6, 3, 10]);
        assert_eq!(kept.layout(), Some(Layout::Nchw));
        let shifted = kept.concatenated(&[1, 6, 3, 10], &NCHW, 2);
        assert_eq!(shifted.layout(), None);
        let channels = axes().concatenated(&NCHW, &[1, 12, 4, 10], 1);
        assert_eq!(channels.layout(), Some(Layout::Nchw));
    }
}
