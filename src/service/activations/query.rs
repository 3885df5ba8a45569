//! Which token's attention is shown.

use std::fmt;
use std::str::FromStr;

use ndarray::{Array3, ArrayViewD, Axis, Slice};

use crate::config::{ParameterError, Parameters, excerpt};
use crate::onnx::{Attention, Attentions, Layer};
use crate::service::{ServiceError, picture_shape};

/// Which rows of an attention are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Query {
    /// The class token's.
    Class,
    /// The mean of all rows.
    Mean,
    /// Every row: each head is a matrix of queries × keys.
    All,
    /// That of the patch at this row and column.
    Position(usize, usize),
}

const FORMS: &str = "class, mean, all, or the row and the column of a patch, such as 3,5";

impl FromStr for Query {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "class" => Ok(Self::Class),
            "mean" => Ok(Self::Mean),
            "all" => Ok(Self::All),
            position => {
                let (row, column) = position.split_once(',').ok_or(FORMS)?;
                let index = |text: &str| text.trim().parse().map_err(|_| FORMS);
                Ok(Self::Position(index(row)?, index(column)?))
            }
        }
    }
}

impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Class => f.write_str("class"),
            Self::Mean => f.write_str("mean"),
            Self::All => f.write_str("all"),
            Self::Position(row, column) => write!(f, "{row},{column}"),
        }
    }
}

/// What is shown of an attention: for each head, how much the query reads each patch.
#[derive(Debug, Clone)]
pub(super) struct AttentionQuery {
    attention: Attention,
    query: Query,
}

impl AttentionQuery {
    /// What is shown of each of `layers`. None for a layer that is no attention. Such a layer is
    /// shown as without `query`.
    ///
    /// # Errors
    /// [`ParameterError::Invalid`] where `query` does not fit an attention.
    pub(super) fn of_layers(
        given: &Parameters,
        layers: &[Layer],
        attentions: &Attentions,
    ) -> Result<Vec<Option<Self>>, ServiceError> {
        let asked: Option<Query> = given.parsed("query")?;
        let invalid = |expected: String| {
            let value = excerpt(given.text("query").unwrap_or_default());
            Err(ServiceError::Parameter(ParameterError::Invalid { name: "query", value, expected }))
        };
        let of_layer = |layer: &Layer| {
            attentions.known.iter().find(|attention| attention.value == layer.value)
        };
        let queries: Vec<Option<Self>> = layers
            .iter()
            .map(|layer| {
                let attention = of_layer(layer)?.clone();
                let has_class = attention.queries.prefix > 0;
                let query = asked.unwrap_or(if has_class { Query::Class } else { Query::Mean });
                Some(Self { attention, query })
            })
            .collect();
        match queries.iter().flatten().find_map(Self::refusal) {
            Some(expected) => invalid(expected),
            None => Ok(queries),
        }
    }

    /// What would be a query of this attention.
    fn refusal(&self) -> Option<String> {
        let tokens = self.attention.queries;
        let positions = match tokens.height * tokens.width {
            0 => String::new(),
            _ => format!(
                ", or a row from 0 to {} and a column from 0 to {}",
                tokens.height - 1,
                tokens.width - 1
            ),
        };
        match self.query {
            Query::Class if tokens.prefix == 0 => {
                Some(format!("mean or all, because there is no class token{positions}"))
            }
            Query::Position(row, column) if row >= tokens.height || column >= tokens.width => {
                Some(format!("class, mean or all{positions}"))
            }
            _ => None,
        }
    }

    /// The name of the query.
    pub(super) fn name(&self) -> String {
        self.query.to_string()
    }

    /// The number of tokens that are read but have no place in the picture.
    pub(super) fn prefix_tokens(&self) -> usize {
        self.attention.keys.prefix
    }

    /// The shape of what is shown of `layer`, whose query is `query`: channels, height, width.
    ///
    /// # Errors
    /// [`ServiceError::NotAPicture`].
    pub(super) fn shape(query: Option<&Self>, layer: &Layer) -> Result<[usize; 3], ServiceError> {
        match query {
            Some(Self { attention, query }) if *query != Query::All => {
                Ok([attention.heads, attention.keys.height, attention.keys.width])
            }
            _ => picture_shape(layer),
        }
    }

    /// Heads × height × width: how much the query reads each patch. None where every row is shown.
    pub(super) fn rows(&self, value: ArrayViewD<'_, f32>) -> Option<Array3<f32>> {
        let Attention { heads, queries, keys, .. } = &self.attention;
        let shape = (*heads, queries.count(), keys.count());
        let weights = value.into_shape_with_order(shape).ok()?;
        let mut row = match self.query {
            Query::All => return None,
            Query::Mean => weights.mean_axis(Axis(1))?,
            Query::Class => weights.index_axis(Axis(1), 0).to_owned(),
            Query::Position(row, column) => {
                let index = queries.prefix + row * queries.width + column;
                weights.index_axis(Axis(1), index).to_owned()
            }
        };
        row.slice_axis_inplace(Axis(1), Slice::from(keys.prefix..));
        let values = row.iter().copied().collect();
        Array3::from_shape_vec((*heads, keys.height, keys.width), values).ok()
    }
}
