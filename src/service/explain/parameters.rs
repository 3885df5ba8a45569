//! The parameters of `POST /explain` and of `POST /gradcam`.

use std::sync::LazyLock;

use crate::attribution::{METHODS, Method, MethodParameter};
use crate::config::Parameter;
use crate::render::Colormap;
use crate::service::{MODEL, PRESET};

/// The names of all methods, as usage lines show them.
static METHOD_NAMES: LazyLock<String> =
    LazyLock::new(|| METHODS.iter().map(|method| method.name).collect::<Vec<_>>().join("|"));

/// The parameter that names methods.
pub(in crate::service) fn method() -> Parameter {
    Parameter {
        name: "method",
        value: &METHOD_NAMES,
        help: "method of explanation; repeatable: one panel for each method and class \
               (default: gradcam)",
        repeatable: true,
    }
}

/// The parameter that names the layer. Only methods that read a layer have it.
pub(in crate::service) const LAYER: &str = "layer";

/// The parameter that makes one map of several layers.
const FUSE: &str = "fuse";

/// The parameters that all methods share.
const COMMON: &[Parameter] = &[
    Parameter {
        name: LAYER,
        value: "NAME",
        help: "layer, alias or ONNX value to explain; give it again for one map a layer \
               (default: the card's, else the last with height and width)",
        repeatable: true,
    },
    Parameter {
        name: FUSE,
        value: "none|mean|max|product",
        help: "make one map of those of several layers, each scaled to 0..1 (default: none)",
        repeatable: false,
    },
    Parameter {
        name: "class",
        value: "INDEX|LABEL|ID",
        help: "class to explain; give it again for one map a class (default: the likeliest class)",
        repeatable: true,
    },
    Parameter {
        name: "top",
        value: "1..=16",
        help: "explain this many of the likeliest classes, besides those named",
        repeatable: false,
    },
    Parameter {
        name: "score",
        value: "probability|logit",
        help: "what is differentiated (default: probability)",
        repeatable: false,
    },
    Parameter {
        name: "sign",
        value: "positive|negative|both",
        help: "evidence for the class, against it, or both in diverging colours (default: by the \
               method)",
        repeatable: false,
    },
    Parameter {
        name: "view",
        value: "overlay|heatmap|mask|cells",
        help: "the heat over the picture, the heat alone, the picture where there is heat, or the \
               map's values as blocks (default: overlay)",
        repeatable: false,
    },
    Parameter {
        name: "colormap",
        value: Colormap::NAMES,
        help: "colours of the heat (default: jet over the picture, viridis alone; rdbu for both \
               signs)",
        repeatable: false,
    },
    Parameter {
        name: "alpha",
        value: "0.0..=1.0",
        help: "strength of the colours with view=overlay; other views ignore it (default: 0.4; \
               0.8 with sign=both)",
        repeatable: false,
    },
    Parameter {
        name: "percentile",
        value: "0.0..=100.0",
        help: "values beyond this percentile of the map are clipped before it is drawn \
               (default: by the method)",
        repeatable: false,
    },
    Parameter {
        name: "axes",
        value: "true|false",
        help: "with view=cells, label the sides with the map's coordinates; other views ignore it \
               (default: false)",
        repeatable: false,
    },
    Parameter {
        name: "colorbar",
        value: "true|false",
        help: "beside each map, a bar of its colours with their values; view=mask ignores it \
               (default: false)",
        repeatable: false,
    },
    Parameter {
        name: "title",
        value: "TEXT",
        help: "text above the whole picture (default: none)",
        repeatable: false,
    },
    Parameter {
        name: "scale",
        value: "own|shared",
        help: "each map is scaled by its own maximum, or all by one, so that classes can be \
               compared (default: own)",
        repeatable: false,
    },
];

/// The texts of a method's parameter.
struct Texts {
    value: String,
    help: String,
}

/// The parameters of all methods, each name once. Where the defaults of several methods differ, the
/// help does not name one.
static OF_METHODS: LazyLock<Vec<(&'static str, Texts)>> = LazyLock::new(|| {
    let rows = || METHODS.iter().flat_map(|method| method.parameters);
    let mut texts: Vec<(&'static str, Texts)> = Vec::new();
    for row in rows() {
        let name = row.name();
        if texts.iter().any(|(known, _)| *known == name) {
            continue;
        }
        let default_differs =
            |other: &MethodParameter| other.name() == name && other.default() != row.default();
        let default = match row.default() {
            _ if rows().any(default_differs) => " (default: by the method)".to_owned(),
            Some(default) => format!(" (default: {default})"),
            None => String::new(),
        };
        let help = format!("{}{default}", row.help());
        texts.push((name, Texts { value: row.values(), help }));
    }
    texts
});

/// The parameters of a request for these methods. `method` is among them if `has_method`.
pub(super) fn table(methods: &[&'static Method], has_method: bool) -> Vec<Parameter> {
    let mut table = vec![MODEL, PRESET];
    table.extend(has_method.then(method));
    let reads_layer = methods.iter().any(|method| method.reads_layer());
    table.extend(COMMON.iter().filter(|row| ![LAYER, FUSE].contains(&row.name) || reads_layer));
    table.extend(of_methods(methods));
    table
}

/// The own parameters of these methods.
pub(in crate::service) fn of_methods(methods: &[&'static Method]) -> Vec<Parameter> {
    let own = methods.iter().flat_map(|method| method.parameters).map(MethodParameter::name);
    let own: Vec<&str> = own.collect();
    let rows = OF_METHODS.iter().filter(|(name, _)| own.contains(name));
    let parameter = |(name, texts): &'static (&'static str, Texts)| Parameter {
        name,
        value: &texts.value,
        help: &texts.help,
        repeatable: false,
    };
    rows.map(parameter).collect()
}

/// The shared parameters called `names`.
pub(in crate::service) fn common(names: &[&str]) -> impl Iterator<Item = Parameter> {
    COMMON.iter().filter(|row| names.contains(&row.name)).copied()
}

/// Every parameter of every method.
pub(super) fn all() -> &'static [Parameter] {
    static TABLE: LazyLock<Vec<Parameter>> =
        LazyLock::new(|| table(&METHODS.iter().collect::<Vec<_>>(), true));
    &TABLE
}

/// The parameters of a route that has one fixed method.
pub(super) fn of_method(method: &'static Method) -> Vec<Parameter> {
    table(&[method], false)
}
