//! The parameters of `POST /activations`.

use crate::config::Parameter;
use crate::render::Colormap;
use crate::service::{MODEL, PRESET};

pub(super) const PARAMETERS: &[Parameter] = &[
    MODEL,
    PRESET,
    Parameter {
        name: "layer",
        value: "NAME",
        help: "layer, alias or ONNX value to show; input shows the picture that the network gets; \
               give it again for more (default: the card's list)",
        repeatable: true,
    },
    Parameter {
        name: "query",
        value: "class|mean|all|ROW,COLUMN",
        help: "of an attention: the token whose attention to the patches is shown, head by head: \
               the class token, the mean of all tokens, or the patch in this row and column, from \
               0; all shows the matrices of queries and keys (default: class, or mean without a \
               class token)",
        repeatable: false,
    },
    Parameter {
        name: "channel",
        value: "N[,N…]",
        help: "show these channels alone, each scaled from its minimum to its maximum",
        repeatable: true,
    },
    Parameter {
        name: "columns",
        value: "1..=256",
        help: "tiles in a row (default: 16)",
        repeatable: false,
    },
    Parameter {
        name: "normalize",
        value: "standard|minmax|layer",
        help: "how values become colours: by the channel's mean and deviation, then stretched over \
               the grid as plt.imshow does; by the channel's range; or by the layer's range \
               (default: standard)",
        repeatable: false,
    },
    Parameter {
        name: "order",
        value: "index|mean|max|std",
        help: "how channels are sorted, largest first (default: index)",
        repeatable: false,
    },
    Parameter {
        name: "limit",
        value: "1..=65536",
        help: "show the first N channels of each layer (default: all)",
        repeatable: false,
    },
    Parameter {
        name: "colormap",
        value: Colormap::NAMES,
        help: "colours of the values (default: viridis)",
        repeatable: false,
    },
    Parameter {
        name: "zoom",
        value: "1..=64",
        help: "side of one value in pixels; with zoom=1 and titles=false one layer is exactly the \
               array (default: a convenient size)",
        repeatable: false,
    },
    Parameter {
        name: "titles",
        value: "true|false",
        help: "write each layer's name and shape above it (default: true, except for one channel)",
        repeatable: false,
    },
    Parameter {
        name: "axes",
        value: "true|false",
        help: "label the sides of each layer with pixel coordinates (default: false)",
        repeatable: false,
    },
    Parameter {
        name: "title",
        value: "TEXT",
        help: "text above the whole picture (default: none)",
        repeatable: false,
    },
];
